//! Newton's method on Rosenbrock's valley, with the exact gradient and Hessian.
//!
//! Gradient descent takes thousands of steps along this valley. Newton's method divides the gradient by the
//! curvature and takes a handful.
#![allow(clippy::print_stdout)]

use downhill_autograd::{Result, Var, hessian, value_and_grad};

/// f(a, b) = (1 - a)² + 100 (b - a²)², whose minimum is 0 at (1, 1).
fn rosenbrock(x: Var<'_>) -> Var<'_> {
    let (a, b) = (x.at(0), x.at(1));
    (1.0 - a).square() + 100.0 * (b - a.square()).square()
}

fn main() -> Result<()> {
    let mut x = [-1.2, 1.0];
    println!("{:>4} {:>12} {:>12} {:>14} {:>14}", "step", "a", "b", "value", "|gradient|");
    for step in 0..20 {
        let (value, gradient) = value_and_grad(rosenbrock, &x)?;
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        println!("{step:>4} {:>12.8} {:>12.8} {value:>14.6e} {norm:>14.6e}", x[0], x[1]);
        if norm < 1e-12 {
            break;
        }
        let direction = solve(&hessian(rosenbrock, &x)?.to_vec(), &gradient);
        x = [x[0] - direction[0], x[1] - direction[1]];
    }
    Ok(())
}

/// The solution of `H d = g` for a matrix of two rows, by Cramer's rule.
fn solve(h: &[f64], g: &[f64]) -> [f64; 2] {
    let determinant = h[0] * h[3] - h[1] * h[2];
    [(g[0] * h[3] - h[1] * g[1]) / determinant, (h[0] * g[1] - g[0] * h[2]) / determinant]
}
