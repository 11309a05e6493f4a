//! A derivative, and what it is good for.
//!
//! The derivative of a function at a point is its slope there: by how much the value changes for a small
//! change of `x`. Where the slope is positive, down is to the left; where it is negative, to the right. So a
//! slope is all that one needs to walk downhill, and all that this library does is this walk, with many
//! numbers instead of one.
//!
//! `cargo run --release --example 01_derivative`
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, Interpreter, Output, Program, Tape, Var};
use downhill::tensor::Key;
use std::error::Error;

/// f(x) = eˣ - 2x. Its slope is eˣ - 2, which is zero at x = ln 2: there is the bottom.
///
/// A `Var` stands for a number that is not known yet, and has the arithmetic of one.
fn f(x: Var<'_>) -> Var<'_> {
    x.exp() - 2.0 * x
}

/// Value, slope and curvature at `x`.
fn look(program: &Program, x: f64) -> Result<[f64; 3], Box<dyn Error>> {
    let outputs = Interpreter.outputs(program, &[Data::Float(&[x])], Key::new(0))?;
    Ok([outputs[0].item()?, outputs[1].item()?, outputs[2].item()?])
}

fn main() -> Result<(), Box<dyn Error>> {
    // Calling `f` on a tape computes nothing. It writes down which operations the function consists of.
    let tape = Tape::new();
    let x = tape.input("x", ());
    let value = f(x);
    // The slope is a function too, so it is written down in the same way, behind the value. The rules of
    // calculus say how, one operation at a time. And what is written down can be differentiated again: the
    // slope of the slope is the curvature.
    let slope = tape.grad(value, &[x])[0];
    let curvature = tape.grad(slope, &[x])[0];
    let program = tape.finish(&[
        Output::new("value", &value),
        Output::new("slope", &slope),
        Output::new("curvature", &curvature),
    ])?;
    // The steps of the calculation appear as they are, with products by 1 and all. Whoever executes the
    // program for speed removes those first.
    println!("What is on the tape, one operation a line:\n\n{program}");

    // Is it right? The definition of the slope, with a small but not infinitely small step, says so: the
    // difference of two values on both sides of `x`, divided by their distance.
    println!("The slope by the tape, and by the difference of two values {STEP} to the left and right:\n");
    println!("{:>6} {:>12} {:>16} {:>16} {:>10}", "x", "f(x)", "by the tape", "by difference", "apart");
    let mut apart = 0.0_f64;
    for x in [-2.0, -1.0, 0.0, 1.0, 2.0] {
        let [value, slope, _] = look(&program, x)?;
        let difference = (look(&program, x + STEP)?[0] - look(&program, x - STEP)?[0]) / (2.0 * STEP);
        apart = apart.max((slope - difference).abs());
        println!(
            "{x:>6.1} {value:>12.6} {slope:>16.10} {difference:>16.10} {:>10.1e}",
            (slope - difference).abs()
        );
    }

    // Now downhill: against the slope, by a part of it. The part is called the learning rate. The steps get
    // smaller by themselves, because the slope does.
    let rate = 0.3;
    println!("\nDownhill from x = 2: x -= {rate} * slope\n");
    println!("{:>6} {:>14} {:>14} {:>14}", "step", "x", "f(x)", "slope");
    let mut x = 2.0;
    for step in 0..=24 {
        let [value, slope, _] = look(&program, x)?;
        if step < 6 || step % 6 == 0 {
            println!("{step:>6} {x:>14.10} {value:>14.10} {slope:>14.10}");
        }
        x -= rate * slope;
    }
    let bottom = 2.0_f64.ln();
    println!("\nThe bottom is at ln 2 = {bottom:.10}; the walk is {:.1e} away from it.", (x - bottom).abs());

    // How large may the rate be? Near the bottom the slope is about curvature * distance, so each step
    // multiplies the distance by 1 - rate * curvature. Beyond a rate of 2 / curvature that factor is below
    // -1: every step lands farther away on the other side than it started.
    let [_, _, curvature] = look(&program, bottom)?;
    let limit = 2.0 / curvature;
    println!(
        "\nAt the bottom the curvature is {curvature:.4}, so no rate above 2 / curvature = {limit:.4} can"
    );
    println!("arrive. Where 12 steps lead from x = 1, with rates on both sides of that limit:\n");
    println!("{:>6} {:>12}   the last four points", "rate", "distance");
    let mut too_fast = 0.0;
    for rate in [0.1, 0.5, 0.9, 1.1, 1.5] {
        let mut points = vec![1.0];
        for step in 0..12 {
            points.push(points[step] - rate * look(&program, points[step])?[1]);
        }
        too_fast = (points[12] - bottom).abs();
        let last: Vec<String> = points[9..].iter().map(|x| format!("{x:>8.4}")).collect();
        println!("{rate:>6.1} {too_fast:>12.1e}  {}", last.join(" "));
    }

    if apart > 1e-8 || (x - bottom).abs() > 1e-9 || too_fast < 0.1 {
        return Err("the slope, the walk or its limit is not what it should be".into());
    }
    Ok(())
}

/// Small enough for a straight line, large enough that rounding does not eat the difference.
const STEP: f64 = 1e-5;
