//! The derivative of a function of one variable, and the derivative of that.
//!
//! A function is written once, as a formula. Recording it computes nothing; `grad` appends the operations of
//! its derivative, and can be applied to its own result. One program then gives all three at any point.
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, Interpreter, Output, Result, Tape, Var};
use downhill_tensor::Key;

/// f(x) = x² sin x
fn f(x: Var<'_>) -> Var<'_> {
    x.square() * x.sin()
}

fn main() -> Result<()> {
    // The formula is applied to every point at once. The points do not see each other, so the gradient of
    // the sum holds the derivative at each of them.
    let points = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
    let tape = Tape::new();
    let x = tape.input("x", [points.len()]);
    let y = f(x);
    let first = tape.grad(y.sum(), &[x])[0];
    let second = tape.grad(first.sum(), &[x])[0];
    let program =
        tape.finish(&[Output::new("f", &y), Output::new("f'", &first), Output::new("f''", &second)])?;

    let results = Interpreter.outputs(&program, &[Data::Float(&points)], Key::new(0))?;
    let [y, first, second] = [0, 1, 2].map(|i| results[i].to_vec());

    println!("f(x) = x² sin x, its derivatives as recorded, and the closed form of the second\n");
    println!("{:>6} {:>10} {:>10} {:>10} {:>10}", "x", "f", "f'", "f''", "expected");
    for (i, &x) in points.iter().enumerate() {
        // (x² sin x)'' = 2 sin x + 4 x cos x - x² sin x
        let expected = 2.0 * f64::sin(x) + 4.0 * x * f64::cos(x) - x * x * f64::sin(x);
        println!("{x:>6.1} {:>10.6} {:>10.6} {:>10.6} {expected:>10.6}", y[i], first[i], second[i]);
    }
    Ok(())
}
