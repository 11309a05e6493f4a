//! Solvers that know gradients alone: the methods of `downhill_optim::minimize`, each step on all rows.

use super::newton::Ended;
use super::problem::{Problem, Want};
use super::{FitStop, RegressionError, separation};
use crate::{Error, Result};
use downhill_optim::minimize::{
    Fallible, Method, MinimizeError, MinimizeOptions, StopReason, minimize as walk, unobserved,
};

/// Walks in centred and scaled columns.
pub(crate) fn minimize(problem: &Problem<'_>, method: &Method, tolerance: f64, most: u64) -> Result<Ended> {
    let mut point = problem.start();
    let options = MinimizeOptions {
        gradient_tolerance: tolerance * problem.unit,
        iterations: most,
        ..MinimizeOptions::default()
    };
    let mut passes = 0;
    let mut function = Fallible(|x: &[f64], gradient: &mut [f64]| -> Result<f64> {
        let here = problem.evaluate(x, Want::Gradient);
        separation::check(problem, &here, passes)?;
        passes += 1;
        gradient.copy_from_slice(&here.gradient);
        Ok(here.value)
    });
    let end = walk(&mut function, &mut point, method, &options, unobserved).map_err(|error| match error {
        MinimizeError::Method(error) => Error::from(error),
        MinimizeError::Objective(error) => error,
        other => Error::from(RegressionError::Diverged {
            solver: method.name().into(),
            iterations: 0,
            advice: if other.to_string().is_empty() { "" } else { "take `newton` or `lbfgs`" },
        }),
    })?;
    let stop = match end.reason {
        StopReason::GradientTolerance { gradient_norm, tolerance, .. } => {
            FitStop::Gradient { largest: gradient_norm, tolerance }
        }
        StopReason::NotFinite { iteration, .. } => return Err(diverged(method, iteration)),
        StopReason::Iterations { .. } => FitStop::Iterations { most },
        _ => FitStop::NoProgress { largest: end.gradient_norm },
    };
    Ok(Ended { point, iterations: end.iterations, stop, passes, last: None })
}

fn diverged(method: &Method, iterations: u64) -> Error {
    let advice = "lower its learning rate, or take `newton` or `lbfgs`, which need none";
    let solver = method.name().replace('_', "-");
    RegressionError::Diverged { solver, iterations, advice }.into()
}
