//! Any number of threads gives the same bits.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Data, DataMut, Output, Program, Run, Tape};
use downhill_engine::Engine;
use downhill_tensor::Key;

/// A network whose loops are long enough to be shared, with products cut along rows and along columns.
fn network(batch: usize) -> Program {
    let tape = Tape::new();
    let x = tape.input("x", [batch, 300]);
    let w1 = tape.input("w1", [300, 200]);
    let w2 = tape.input("w2", [200, 50]);
    let hidden = x.matmul(w1).tanh();
    let y = (hidden.matmul(w2).softmax() * hidden.square().sum_keep(&[-1])).sum();
    let gradient = tape.grad(y, &[x, w1, w2]);
    tape.finish(&[Output::new("y", &y), Output::flat("gradient", &gradient)]).unwrap()
}

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0.0; n];
    Key::new(seed).fill_uniform(0, &mut values);
    values.iter_mut().for_each(|x| *x -= 0.5);
    values
}

fn result(threads: usize, batch: usize) -> Vec<u32> {
    let program = network(batch);
    let mut plan = Engine::with_threads(threads).compile::<f32>(&program).unwrap();
    let inputs = [random(batch * 300, 1), random(60_000, 2), random(10_000, 3)];
    let inputs = [0, 1, 2].map(|i| Data::Float(inputs[i].as_slice()));
    let (mut y, mut gradient) = ([0.0f32], vec![0.0f32; batch * 300 + 70_000]);
    for _ in 0..3 {
        let mut outputs = [DataMut::Float(&mut y), DataMut::Float(&mut gradient)];
        plan.run(&inputs, &mut outputs, Key::new(9)).unwrap();
    }
    y.iter().chain(&gradient).map(|x| x.to_bits()).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for batch in [1, 7, 64, 333] {
        let alone = result(1, batch);
        for threads in [2, 3, 4, 8] {
            assert!(alone == result(threads, batch), "{threads} threads, batch {batch}");
        }
    }
}
