//! Agreement with what PyTorch computed; the scripts in `oracles` wrote the files.
#![allow(clippy::unwrap_used)]

mod common;

use common::assert_close;
use downhill_autograd::{Data, Interpreter, Output, Tape};
use downhill_nn::{Lstm, Mode, Scope};
use downhill_tensor::Key;
use serde::Deserialize;

#[derive(Deserialize)]
struct File<Case> {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Recurrence {
    all_steps: bool,
    output: Vec<f64>,
    gradient: Vec<f64>,
    input_gradient: Vec<f64>,
}

/// The numbers that the scripts take as well.
fn wave(count: usize, frequency: f64) -> Vec<f64> {
    (1..=count).map(|index| 0.8 * (frequency * index as f64).sin()).collect()
}

#[test]
fn the_lstm_has_the_states_and_gradients_of_pytorch() {
    let (batch, length, features, hidden) = (2, 5, 3, 4);
    let file: File<Recurrence> = serde_json::from_str(include_str!("oracles/lstm.json")).unwrap();
    for case in &file.cases {
        let tape = Tape::new();
        let scope = Scope::new(&tape, Mode::Training);
        let x = tape.input("x", [batch, length, features]);
        let output = scope.layer("lstm", &Lstm { hidden, all_steps: case.all_steps }, x);
        let cotangent = tape.input("cotangent", output.shape());
        let wrt = [&scope.parameters()[..], &[x]].concat();
        let gradient = tape.vjp(&[(output, cotangent)], &wrt);
        let (x_gradient, gradient) = gradient.split_last().unwrap();
        let program = tape
            .finish(&[
                Output::new("output", &output),
                Output::flat("gradient", gradient),
                Output::new("input_gradient", x_gradient),
            ])
            .unwrap();
        let theta = wave(scope.layout().len(), 1.3);
        let (x, cotangent) = (wave(x.shape().size(), 0.7), wave(output.shape().size(), 2.1));
        let data = [&theta[..], &[], &x, &cotangent].map(Data::Float);
        let results = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
        for (ours, theirs) in results.iter().zip([&case.output, &case.gradient, &case.input_gradient]) {
            assert_close(&ours.to_vec(), theirs);
        }
    }
}
