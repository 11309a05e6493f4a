//! A training step by hand: record it once, compile it once, run it a thousand times.
//!
//! A network of 784 inputs, 128 hidden units and 10 classes learns random images by heart. Prints the
//! schedule of the plan, the loss as it falls, and the time of a step at a few batch sizes.
//!
//! `cargo run --release -p downhill-engine --example training_step`
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, DataMut, Output, Program, Result, Run, Tape};
use downhill_engine::Engine;
use downhill_tensor::Key;
use std::time::Instant;

const INPUTS: usize = 784;
const HIDDEN: usize = 128;
const CLASSES: usize = 10;

/// The program of one step: parameters and a batch in, loss and gradient out.
fn record(batch: usize) -> Result<Program> {
    let tape = Tape::new();
    let parameters = tape.vector("parameters");
    let w1 = tape.part(parameters, "w1", [INPUTS, HIDDEN]);
    let b1 = tape.part(parameters, "b1", [HIDDEN]);
    let w2 = tape.part(parameters, "w2", [HIDDEN, CLASSES]);
    let b2 = tape.part(parameters, "b2", [CLASSES]);
    let x = tape.input("x", [batch, INPUTS]);
    let labels = tape.index_input("labels", [batch]);

    let hidden = (x.matmul(w1) + b1).relu();
    let logits = hidden.matmul(w2) + b2;
    let likelihood = (logits.log_softmax() * labels.one_hot(CLASSES)).sum();
    let loss = -likelihood * (1.0 / batch as f64);

    let gradient = tape.grad(loss, &[w1, b1, w2, b2]);
    tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)])
}

fn main() -> Result<()> {
    let key = Key::new(1);
    let len = INPUTS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES;
    for (threads, batch) in [(1, 1), (1, 32), (2, 32), (1, 128), (2, 128), (2, 1024)] {
        let engine = Engine::with_threads(threads);
        let mut plan = engine.compile::<f32>(&record(batch)?)?;
        if batch == 32 && threads == 1 {
            println!("{plan}");
        }
        let mut parameters = vec![0.0f32; len];
        key.named("parameters").fill_uniform(0, &mut parameters);
        parameters.iter_mut().for_each(|p| *p = (*p - 0.5) * 0.1);
        let mut images = vec![0.0f32; batch * INPUTS];
        key.named("images").fill_uniform(0, &mut images);
        let labels: Vec<i64> = (0..batch as i64).map(|i| i * 7 % CLASSES as i64).collect();

        let (mut loss, mut gradient) = ([0.0f32], vec![0.0f32; len]);
        let mut first = None;
        let steps = if batch > 500 { 200 } else { 1000 };
        let start = Instant::now();
        for step in 0..steps {
            let inputs = [Data::Float(&parameters), Data::Float(&images), Data::Index(&labels)];
            let mut outputs = [DataMut::Float(&mut loss), DataMut::Float(&mut gradient)];
            plan.run(&inputs, &mut outputs, key.fold(step))?;
            first.get_or_insert(loss[0]);
            for (p, g) in parameters.iter_mut().zip(&gradient) {
                *p -= 0.01 * g;
            }
        }
        let each = start.elapsed().as_secs_f64() / steps as f64;
        println!(
            "{threads} threads, batch {batch:>4}: loss {:.4} -> {:.4}, {:>7.1} microseconds a step",
            first.unwrap_or(f32::NAN),
            loss[0],
            each * 1e6
        );
    }
    Ok(())
}
