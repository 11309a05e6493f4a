//! The time to compile grows about as a program does.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Output, Program, Tape};
use downhill_engine::Engine;
use std::time::Instant;

/// The training step of residual layers `x + tanh(x W + b)`, of about so many operations with their derivatives.
fn deep(operations: usize) -> Program {
    let tape = Tape::new();
    let mut x = tape.input("x", [16, 16]);
    let mut parameters = Vec::new();
    let port = tape.vector("parameters");
    for _ in 0..operations / 22 {
        let (weight, bias) = (tape.part(port, "weight", [16, 16]), tape.part(port, "bias", [16]));
        x = x + (x.matmul(weight) + bias).tanh();
        parameters.extend([weight, bias]);
    }
    let loss = x.square().mean();
    let gradient = tape.grad(loss, &parameters);
    let new: Vec<_> = parameters.iter().zip(&gradient).map(|(p, g)| *p - 0.1 * *g).collect();
    tape.finish(&[Output::new("loss", &loss), Output::update("parameters", &new)]).unwrap()
}

/// Seconds to compile.
fn seconds(program: &Program) -> f64 {
    let start = Instant::now();
    Engine::default().compile::<f32>(program).unwrap();
    start.elapsed().as_secs_f64()
}

#[test]
fn the_time_to_compile_stays_near_the_number_of_operations() {
    let [few, some, many] = [5_000, 10_000, 20_000].map(|operations| {
        let program = deep(operations);
        assert!(program.len().abs_diff(operations) < operations / 5, "{} operations", program.len());
        program
    });
    // The shortest times so far, until they are within the bounds: other work on the machine lengthens some.
    // Time that grows as the square would be 16 times as long.
    let mut shortest = [f64::INFINITY; 3];
    for round in 0..30 {
        for _ in 0..4 {
            shortest[0] = shortest[0].min(seconds(&few));
        }
        shortest[1] = shortest[1].min(seconds(&some));
        shortest[2] = shortest[2].min(seconds(&many));
        if round >= 2 && shortest[1] < 1.0 && shortest[2] < 10.0 * shortest[0] {
            return;
        }
    }
    panic!("seconds for 5,000, 10,000 and 20,000 operations: {shortest:?}");
}
