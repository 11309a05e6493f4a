//! Two numbers instead of one: the gradient, and three ways to follow it.
//!
//! The gradient of a function of several numbers is the list of its slopes, one for each. It points in the
//! direction in which the function rises fastest, so the plain walk goes against it. In a long curved valley
//! that direction points across the valley nearly all the time, and hardly ever along it. Momentum and Adam
//! are two answers to that.
//!
//! `cargo run --release --example 02_descent_in_two_dimensions`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Var, value_and_grad};
use downhill::optim::minimize::{Fallible, Method, MinimizeOptions, Progress, minimize};
use downhill::optim::{Adam, GradientDescent, OptimizerConfig, Sgd};
use std::error::Error;
use std::ops::ControlFlow;

/// Rosenbrock's valley: f(a, b) = (1 - a)² + 100 (b - a²)².
///
/// The second term, a hundred times as heavy, holds the walk near the parabola b = a². The first leads along
/// it to the bottom, 0 at (1, 1).
fn valley(x: Var<'_>) -> Var<'_> {
    let (a, b) = (x.at(0), x.at(1));
    (1.0 - a).square() + 100.0 * (b - a.square()).square()
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = [-1.2, 1.0];
    let (value, gradient) = value_and_grad(valley, &start)?;
    println!(
        "At (-1.2, 1) the value is {value:.1} and the gradient ({:.1}, {:.1}).\n",
        gradient[0], gradient[1]
    );

    // An optimizer knows nothing of the function, only the numbers and the gradient of each step.
    //   gradient descent   x -= rate * gradient
    //   momentum           velocity = 0.9 * velocity + gradient; x -= rate * velocity
    //                      What points across the valley changes its sign all the time and cancels out; what
    //                      points along it adds up.
    //   Adam               each number's step is divided by the size of its own recent slopes, so that steep
    //                      and flat directions advance alike.
    let optimizers: [(&str, OptimizerConfig); 3] = [
        ("gradient descent", GradientDescent { learning_rate: 0.001 }.into()),
        ("momentum", Sgd { learning_rate: 0.001, momentum: 0.9, ..Sgd::default() }.into()),
        ("Adam", Adam { learning_rate: 0.02, ..Adam::default() }.into()),
    ];
    let options =
        MinimizeOptions { iterations: 50_000, gradient_tolerance: 1e-6, ..MinimizeOptions::default() };

    for (name, config) in optimizers {
        println!("{name}\n{:>8} {:>10} {:>10} {:>12} {:>12}", "step", "a", "b", "value", "|gradient|");
        let row = |step: u64, x: &[f64], value: f64, norm: f64| {
            println!("{step:>8} {:>10.6} {:>10.6} {value:>12.3e} {norm:>12.3e}", x[0], x[1]);
        };
        // The objective returns its value and fills in the gradient. An error ends the walk.
        let mut objective = Fallible(|x: &[f64], gradient: &mut [f64]| -> Result<f64, Box<dyn Error>> {
            let (value, slopes) = value_and_grad(valley, x)?;
            gradient.copy_from_slice(&slopes);
            Ok(value)
        });
        // The observer sees every point before the step from it. Here it prints at powers of ten.
        let observer = |at: &Progress<'_, f64>| {
            if [0, 10, 100, 1_000, 10_000].contains(&at.iteration) {
                row(at.iteration, at.x, at.value, at.gradient_norm);
            }
            ControlFlow::Continue(())
        };
        let mut x = start;
        let end = minimize(&mut objective, &mut x, &Method::from(config), &options, observer)?;
        row(end.iterations, &x, end.value, end.gradient_norm);
        println!();
        if (x[0] - 1.0).abs() > 1e-5 || (x[1] - 1.0).abs() > 1e-5 {
            return Err(format!("{name} did not reach (1, 1): {:?}", end.reason).into());
        }
    }
    println!("All three arrive at (1, 1). What differs is how long the way is.");
    Ok(())
}
