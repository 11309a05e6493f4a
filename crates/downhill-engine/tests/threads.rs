//! Any number of threads gives the same bits.
#![allow(clippy::unwrap_used)]

use downhill_autograd::ops::{Conv2d, Pool2d};
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

/// Convolutions with their gradients, of which sums over images and places are part.
fn convolutions(batch: usize) -> Program {
    let tape = Tape::new();
    let x = tape.input("x", [batch, 1, 12, 12]);
    let (w1, b1) = (tape.input("w1", [8, 1, 3, 3]), tape.input("b1", [8, 1, 1]));
    let (w2, b2) = (tape.input("w2", [8, 8, 3, 3]), tape.input("b2", [8, 1, 1]));
    let options = Conv2d { padding: [1, 1], ..Conv2d::default() };
    let hidden = (x.conv2d(w1, options) + b1).relu().max_pool2d(Pool2d::square(2));
    let y = (hidden.conv2d(w2, options) + b2).relu().max_pool2d(Pool2d::square(2)).sum();
    let gradient = tape.grad(y, &[w1, b1, w2, b2]);
    tape.finish(&[Output::new("y", &y), Output::flat("gradient", &gradient)]).unwrap()
}

/// Steps in time, one after the other, whose results are put side by side: blocks of a value that do not lie by rows
/// of the batch.
fn recurrent(batch: usize) -> Program {
    let tape = Tape::new();
    let x = tape.input("x", [6, batch, 40]);
    let (w, b) = (tape.input("w", [40, 40]), tape.input("b", [40]));
    let mut state = tape.input("state", [batch, 40]);
    let mut states = Vec::new();
    for time in 0..6 {
        let now = x.slice(0, time..time + 1).reshape([batch, 40]);
        state = (now + state.matmul(w) + b).tanh();
        states.push(state);
    }
    let all = tape.stack(&states, 0);
    let y = (all.square().sum_keep(&[-1]) * all).softmax().log().sum();
    let gradient = tape.grad(y, &[x, w, b]);
    tape.finish(&[Output::new("all", &all), Output::flat("gradient", &gradient)]).unwrap()
}

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0.0; n];
    Key::new(seed).fill_uniform(0, &mut values);
    values.iter_mut().for_each(|x| *x -= 0.5);
    values
}

fn result(threads: usize, program: &Program) -> Vec<u32> {
    let mut plan = Engine::with_threads(threads).compile::<f32>(program).unwrap();
    let inputs: Vec<Vec<f32>> =
        program.inputs().iter().enumerate().map(|(seed, port)| random(port.len(), seed as u64)).collect();
    let inputs: Vec<Data<'_, f32>> = inputs.iter().map(|values| Data::Float(values)).collect();
    let mut outputs: Vec<Vec<f32>> = program.outputs().iter().map(|port| vec![0.0; port.len()]).collect();
    for _ in 0..3 {
        let mut outputs: Vec<DataMut<'_, f32>> = outputs.iter_mut().map(|o| DataMut::Float(o)).collect();
        plan.run(&inputs, &mut outputs, Key::new(9)).unwrap();
    }
    outputs.iter().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for batch in [1, 7, 64, 333] {
        for program in [network(batch), convolutions(batch), recurrent(batch)] {
            let alone = result(1, &program);
            for threads in [2, 3, 4, 8] {
                assert!(alone == result(threads, &program), "{threads} threads, batch {batch}");
            }
        }
    }
}
