//! How much the gradients of single examples differ: the simple gradient noise scale of a small regression.
//!
//! The noise scale `tr Σ / |g|²`, for the mean g of the gradients of all examples and their covariance Σ, says up to
//! which batch size a larger batch pays (McCandlish et al., "An empirical model of large-batch training", 2018).
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, Interpreter, Output, Tape};
use downhill_tensor::{Key, Tensor};

const EXAMPLES: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tape = Tape::new();
    let w = tape.input("w", [3]);
    // The loss of one example, and its gradient ...
    let (x, y) = (tape.placeholder([3]), tape.placeholder(()));
    let gradient = tape.grad((x.dot(w).tanh() - y).square(), &[w])[0];
    // ... for all of them.
    let (xs, ys) = (tape.input("xs", [EXAMPLES, 3]), tape.input("ys", [EXAMPLES]));
    let gradients = tape.vmap(&[gradient], &[(x, xs), (y, ys)])[0];
    let variance = gradients.var_over(&[0], 1).sum();
    let noise_scale = variance / gradients.mean_over(&[0]).square().sum();
    let program = tape.finish(&[Output::new("noise scale", &noise_scale)])?;
    println!("{program}");

    let xs = Tensor::<f64>::normal(Key::new(1), [EXAMPLES, 3], 0.0, 1.0)?.to_vec();
    let ys: Vec<f64> = xs.chunks(3).map(|x| (x[0] - 0.5 * x[1]).tanh()).collect();
    for w in [[0.0, 0.0, 0.0], [0.5, -0.25, 0.1], [0.9, -0.45, 0.0]] {
        let inputs = [Data::Float(&w), Data::Float(&xs), Data::Float(&ys)];
        let result = Interpreter.outputs(&program, &inputs, Key::new(0))?;
        println!("at {w:?} the noise scale is {:.2} examples", result[0].to_vec()[0]);
    }
    Ok(())
}
