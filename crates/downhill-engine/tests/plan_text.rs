//! The printed schedule of a plan says what is computed together, and for which layer.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Output, Tape};
use downhill_engine::Engine;

/// A training step of two layers on so many rows, printed.
fn schedule(rows: usize) -> String {
    let tape = Tape::new();
    let x = tape.input("x", [rows, 64]);
    let (w1, b1) = (tape.input("w1", [64, 96]), tape.input("b1", [96]));
    let w2 = tape.input("w2", [96, 10]);
    let hidden = tape.at_path("hidden", || (x.matmul(w1) + b1).tanh());
    let y = tape.at_path("head", || hidden.matmul(w2));
    let loss = tape.at_path("(loss)", || y.square().mean());
    let gradient = tape.grad(loss, &[w1, b1, w2]);
    let program = tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)]).unwrap();
    Engine::with_threads(2).compile::<f32>(&program).unwrap().to_string()
}

#[test]
fn it_names_strips_with_their_rows() {
    let text = schedule(4096);
    let strip = text.lines().find(|line| line.contains("strip of")).unwrap();
    assert!(strip.contains("4096"), "{text}");
}

#[test]
fn it_names_the_functions_that_were_fused_into_a_loop() {
    let text = schedule(4096);
    let fused = text.lines().find(|line| line.contains("add") && line.contains("tanh"));
    assert!(fused.is_some_and(|line| line.contains("loop:")), "{text}");
    assert!(text.contains("product"), "{text}");
}

#[test]
fn it_names_the_layer_of_each_loop() {
    let text = schedule(4096);
    let layer_of = |what: &str| text.lines().find(|line| line.contains(what)).unwrap_or_default();
    assert!(layer_of("tanh").trim_end().ends_with("hidden"), "{text}");
    for layer in ["hidden", "head", "(loss)"] {
        assert!(text.lines().any(|line| line.trim_end().ends_with(layer)), "no loop of {layer}:\n{text}");
    }
}
