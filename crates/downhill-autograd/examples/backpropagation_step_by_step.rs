//! Backpropagation on a board: a network of two inputs, two hidden units and one output, every number written out.
//!
//! `explain` carries out a recorded program, goes back from its loss, and gives for each value the local derivatives,
//! the gradient that arrives, their products and the sum over all paths. Two other ways to the same numbers stand
//! beside it: a finite difference, and the reverse mode with which training gets its gradient.
#![allow(clippy::print_stdout)]

use downhill_autograd::explain::{Detail, Explanation, Role, explain, reverse_mode};
use downhill_autograd::{Data, Output, Tape};
use downhill_tensor::Key;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The network, recorded: nothing is computed yet. Layer paths give the values their names.
    let tape = Tape::new();
    let x = tape.input("x", [1, 2]);
    let (w1, b1) = (tape.input("w1", [2, 2]), tape.input("b1", [2]));
    let (w2, b2) = (tape.input("w2", [2, 1]), tape.input("b2", [1]));
    let hidden = tape.at_path("hidden", || (x.matmul(w1) + b1).tanh());
    let y = tape.at_path("output", || hidden.matmul(w2) + b2);
    let target = tape.input("target", [1, 1]);
    let loss = (y - target).square().mean();
    let program = tape.finish(&[Output::new("loss", &loss)])?;

    // Numbers for the inputs, in the order of their declaration.
    let numbers: [&[f64]; 6] = [
        &[1.0, 0.5],            // x
        &[0.4, -0.6, 0.2, 0.8], // w1
        &[0.1, 0.0],            // b1
        &[0.7, -0.3],           // w2
        &[0.2],                 // b2
        &[1.0],                 // target
    ];
    let inputs = numbers.map(Data::Float);
    // Concise: without reshapes and sums of one element, and with x w + b as one step.
    let explanation = explain(&program, "loss", &inputs, Key::new(0), &Detail::default())?.concise();

    println!("forward");
    for value in &explanation.values {
        for (element, number) in value.numbers.iter().enumerate() {
            let short = |x: f64| format!("{x:.4}");
            let worked = value.worked(&explanation.values, element, &short);
            let worked = worked.map_or(String::new(), |worked| format!("  = {worked}"));
            println!("  {:<12} {number:>8.4}{worked}", value.element(element));
        }
    }

    println!("\nbackward: arriving gradient × local derivative, summed over all paths");
    for number in (0..explanation.values.len()).rev() {
        show(&explanation, number);
    }

    let (apart, value, element) = explanation.largest_disagreement();
    let worst = explanation.values[value].element(element);
    println!("\nfinite differences agree: the worst is {worst}, apart by {apart:.0e}");

    // What training does: the same rules, without Jacobians and without paths.
    let reverse = reverse_mode(&program, "loss", &inputs, Key::new(0))?;
    let pairs = explanation.values.iter().filter_map(|value| {
        let sum = &value.gradient.as_ref()?.sum;
        Some(sum.iter().zip(&reverse[value.node.index()]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
    });
    println!("the reverse mode agrees: apart by at most {:.0e}", pairs.fold(0.0, f64::max));

    println!("\none step of gradient descent at rate 0.1");
    for value in explanation.values.iter().filter(|value| ["w1", "b1", "w2", "b2"].contains(&&*value.name)) {
        let Some(gradient) = &value.gradient else { continue };
        for (element, (number, slope)) in value.numbers.iter().zip(&gradient.sum).enumerate() {
            let name = value.element(element);
            println!("  {name:<8} {number:>8.4} - 0.1 × {slope:>8.4} = {:>8.4}", number - 0.1 * slope);
        }
    }
    Ok(())
}

/// Prints the sums over paths for each element of a value.
fn show(explanation: &Explanation, number: usize) {
    let value = &explanation.values[number];
    let Some(gradient) = &value.gradient else { return };
    if value.role == Role::Loss {
        return println!("  d loss / d loss = 1");
    }
    for (element, sum) in gradient.sum.iter().enumerate() {
        println!("  d loss / d {} = {sum:.4}", value.element(element));
        for term in explanation.terms(number, element) {
            let through = explanation.values[term.consumer].element(term.element);
            let (arriving, local, product) = (term.arriving, term.local, term.product);
            println!("      through {through:<12} {arriving:>8.4} × {local:>8.4} = {product:>8.4}");
        }
    }
}
