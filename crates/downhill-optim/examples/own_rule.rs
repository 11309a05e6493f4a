//! An update rule of one's own, used as the built-in ones are.
//!
//! The rule is the heavy ball with a velocity that is dropped wherever it points uphill: each parameter that
//! has overshot starts again from rest, which damps the swinging of plain momentum.
#![allow(clippy::print_stdout)]

use downhill_optim::{
    Error, MinimizeOptions, Optimize, Optimizer, Piece, Result, Rule, Schedule, Sgd, Slot, Step, descend,
    unobserved,
};
use downhill_tensor::Float;

/// ```text
/// b <- g + μ b     if g b > 0
/// b <- g           otherwise
/// p <- p - η b
/// ```
struct RestartedMomentum {
    learning_rate: f64,
    momentum: f64,
}

impl Rule for RestartedMomentum {
    fn name(&self) -> &str {
        "restarted_momentum"
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn validate(&self) -> Result<()> {
        Error::check_fraction(self.name(), "momentum", self.momentum)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("velocity")]
    }

    // Written once, for f32 and f64; the pass over the slices is the library's.
    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let (rate, momentum) = (T::from_f64(step.learning_rate), T::from_f64(self.momentum));
        piece.for_each(|p, g, [b]| {
            let kept = if g * b > T::ZERO { momentum * b } else { T::ZERO };
            let b = g + kept;
            (p - rate * b, [b])
        });
    }
}

/// A long bowl with curvatures 1 and 100.
fn bowl(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient[0] = x[0];
    gradient[1] = 100.0 * x[1];
    0.5 * (x[0] * x[0] + 100.0 * x[1] * x[1])
}

fn main() -> Result<()> {
    let (learning_rate, momentum) = (0.01, 0.95);
    let plain = Sgd { learning_rate, momentum, ..Sgd::default() };
    let contestants: [(&str, Box<dyn Optimize<f64>>); 2] = [
        ("momentum", Box::new(Optimizer::new(plain, 2)?)),
        ("restarted momentum", Box::new(Optimizer::new(RestartedMomentum { learning_rate, momentum }, 2)?)),
    ];
    let options = MinimizeOptions { gradient_tolerance: 1e-8, ..MinimizeOptions::default() };
    for (name, mut optimizer) in contestants {
        let mut x = [10.0, 1.0];
        let end = descend(&mut *optimizer, &Schedule::Constant, &mut bowl, &mut x, &options, unobserved)?;
        println!("{name:<20} {:>4} steps to a gradient norm of {:.1e}", end.iterations, end.gradient_norm);
    }
    Ok(())
}
