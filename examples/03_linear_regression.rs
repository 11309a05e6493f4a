//! A line through points: the smallest thing that can be trained, with an answer that is known.
//!
//! A model is a function with numbers left open, its parameters. A loss says with one number how wrong the
//! model is on the data. Training is walking downhill on the loss, as a function of the parameters. Nothing
//! more comes in later: networks have more parameters, and other functions between them.
//!
//! `cargo run --release --example 03_linear_regression`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, Interpreter, Output, Tape};
use downhill::data::generators;
use downhill::optim::{GradientDescent, Optimizer};
use downhill::tensor::{Key, Tensor, linalg};
use std::error::Error;

const POINTS: usize = 200;

/// The gradient of the loss by pencil and paper. With the residual r = slope x + intercept - y of each point
/// the loss is the mean of r², so its derivatives are the means of 2 r x and of 2 r.
fn gradient_by_hand(parameters: &[f64], x: &[f64], y: &[f64]) -> [f64; 2] {
    let mut gradient = [0.0; 2];
    for (&x, &y) in x.iter().zip(y) {
        let residual = parameters[0] * x + parameters[1] - y;
        gradient[0] += 2.0 * residual * x / POINTS as f64;
        gradient[1] += 2.0 * residual / POINTS as f64;
    }
    gradient
}

fn main() -> Result<(), Box<dyn Error>> {
    // Points along a line that we know, each moved up or down by an error of standard deviation 0.3.
    let line = generators::line(POINTS, 0.3, 7)?;
    let x = line.data.inputs_tensor::<f64>()?.to_vec();
    let y = line.data.values().ok_or("a line has numbers as targets")?;
    println!("{POINTS} points along y = {:.4} x + {:.4}, with noise\n", line.slope, line.intercept);

    // The loss as a program. The parameters are one flat vector of which slope and intercept are parts: so it
    // is in this library for every model, however large.
    let tape = Tape::new();
    let parameters = tape.vector("parameters");
    let (slope, intercept) = (tape.part(parameters, "slope", ()), tape.part(parameters, "intercept", ()));
    let (inputs, targets) = (tape.input("x", [POINTS]), tape.input("y", [POINTS]));
    let loss = (slope * inputs + intercept - targets).square().mean();
    let gradient = tape.grad(loss, &[slope, intercept]);
    let program = tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)])?;

    // Full-batch descent: every step looks at all points. The table shows both gradients side by side.
    let mut parameters = vec![0.0, 0.0];
    let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.4 }, 2)?;
    let mut apart = 0.0_f64;
    println!("{:>40}  {:^23}  {:^23}", "", "gradient by the tape", "gradient by hand");
    println!(
        "{:>5} {:>10} {:>10} {:>12}  {:>11} {:>11}  {:>11} {:>11}",
        "step", "slope", "intercept", "loss", "slope", "intercept", "slope", "intercept"
    );
    for step in 0..=100 {
        let data = [Data::Float(&parameters), Data::Float(&x), Data::Float(&y)];
        let results = Interpreter.outputs(&program, &data, Key::new(0))?;
        let (loss, tape) = (results[0].item()?, results[1].to_vec());
        let hand = gradient_by_hand(&parameters, &x, &y);
        apart = apart.max((tape[0] - hand[0]).abs()).max((tape[1] - hand[1]).abs());
        if [0, 1, 2, 5, 10, 20, 50, 100].contains(&step) {
            println!(
                "{step:>5} {:>10.6} {:>10.6} {loss:>12.8}  {:>11.2e} {:>11.2e}  {:>11.2e} {:>11.2e}",
                parameters[0], parameters[1], tape[0], tape[1], hand[0], hand[1]
            );
        }
        optimizer.step(&mut parameters, &tape)?;
    }
    println!("\nThe two gradients were never farther apart than {apart:.1e}: that is rounding.");

    // This problem needs no descent: where the gradient is zero, the parameters solve a linear system. The
    // least-squares solution of [x 1] · parameters = y is it, and the walk must have ended there.
    let columns = Tensor::stack(&[Tensor::from(x), Tensor::ones([POINTS])], 1)?;
    let exact = linalg::least_squares(&columns, &Tensor::from(y))?.to_vec();
    let distance = (parameters[0] - exact[0]).abs().max((parameters[1] - exact[1]).abs());
    println!("\n{:<24} {:>16} {:>16}", "", "slope", "intercept");
    println!("{:<24} {:>16.12} {:>16.12}", "gradient descent", parameters[0], parameters[1]);
    println!("{:<24} {:>16.12} {:>16.12}", "closed form", exact[0], exact[1]);
    println!("{:<24} {:>16.12} {:>16.12}", "the line before noise", line.slope, line.intercept);
    println!(
        "\nDescent and closed form are {distance:.1e} apart. What separates both from the line is noise."
    );

    if apart > 1e-12 || distance > 1e-6 {
        return Err("descent, the gradient by hand and the closed form do not agree".into());
    }
    Ok(())
}
