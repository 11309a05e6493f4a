//! Ways to look into a program: its text, its drawing, a value in the middle, and the range of every value.
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, Interpreter, Output, Result, Tape};
use downhill_tensor::Key;

fn main() -> Result<()> {
    // Logistic regression with its loss, written carelessly: the logarithm of a probability that can be 0.
    let tape = Tape::new();
    let theta = tape.vector("theta");
    let (x, target) = (tape.input("x", [3, 2]), tape.input("target", [3]));
    let probability = tape.at_path("classifier", || {
        let weight = tape.part(theta, "classifier.weight", [2]);
        let bias = tape.part(theta, "classifier.bias", ());
        // `watch` delivers a value in the middle among the outputs.
        (x.matmul(weight) + bias).watch("logits").sigmoid()
    });
    let loss = tape.at_path("loss", || {
        -(target * probability.log() + (1.0 - target) * (1.0 - probability).log()).mean()
    });
    let program = tape.finish(&[Output::new("loss", &loss)])?;

    println!("The program, one value a line:\n\n{program}");

    let drawing = program.graphviz();
    println!("As a drawing it has {} lines; `dot -Tsvg` draws them. The first:", drawing.lines().count());
    drawing.lines().take(6).for_each(|line| println!("    {line}"));

    // A sample far out saturates the sigmoid, whose logarithm is then that of 0.
    let theta = [1.0, -2.0, 0.5];
    let x = [0.5, 1.0, -1.0, 0.3, 40.0, -20.0];
    let inputs = [Data::Float(&theta), Data::Float(&x), Data::Float(&[0.0, 1.0, 0.0])];
    let results = Interpreter.outputs(&program, &inputs, Key::new(0))?;
    println!("\nloss = {:?}, logits = {:?}", results[0].to_vec(), results[1].to_vec());

    println!("\nWhere does that come from? Every value with its range:\n");
    let mut first = None;
    Interpreter.trace(&program, &inputs, Key::new(0), |trace| {
        let mark = if trace.not_finite > 0 { "  <- not finite" } else { "" };
        let node = trace.node.to_string();
        println!("  {node:<5} {:<9} {:>12.5} to {:>12.5}{mark}", trace.operation, trace.min, trace.max);
        if trace.not_finite > 0 {
            first.get_or_insert(trace);
        }
    })?;
    if let Some(trace) = first {
        let place = program.place(trace.node);
        println!("\nThe first is `{}`, {place}.", trace.operation);
        println!("Cross-entropy on the logits themselves, with `softplus`, has no such point.");
    }
    Ok(())
}
