//! Solvers that know gradients alone: the optimizers of `downhill-optim`, each step on all rows.

use super::newton::Ended;
use super::problem::{Problem, Want};
use super::{FitStop, RegressionError, Solver, separation};
use crate::{Error, Result};
use downhill_optim::{DescentOptions, Optimizer, OptimizerConfig, StopReason, try_descend, unobserved};

/// Walks with an optimizer, at its rate, in centred and scaled columns.
pub(crate) fn descend(
    problem: &Problem<'_>,
    config: &OptimizerConfig,
    tolerance: f64,
    most: u64,
) -> Result<Ended> {
    let mut point = problem.start();
    let mut optimizer = Optimizer::new(config.clone(), point.len())?;
    let tolerance = tolerance * problem.unit;
    let options = DescentOptions { steps: most, gradient_tolerance: tolerance, ..DescentOptions::default() };
    let mut passes = 0;
    let function = |x: &[f64], gradient: &mut [f64]| -> Result<f64> {
        let here = problem.evaluate(x, Want::Gradient);
        separation::check(problem, &here, passes)?;
        passes += 1;
        gradient.copy_from_slice(&here.gradient);
        Ok(here.value)
    };
    let end = try_descend(&mut optimizer, &mut point, function, &options, unobserved)?;
    let stop = match end.reason {
        StopReason::GradientTolerance { gradient_norm, tolerance } => {
            FitStop::Gradient { largest: gradient_norm, tolerance }
        }
        StopReason::NotFinite { step, .. } => {
            return Err(diverged(&Solver::Optimizer(config.clone()), step));
        }
        _ => FitStop::Iterations { most },
    };
    Ok(Ended { point, iterations: end.steps, stop, passes, last: None })
}

fn diverged(solver: &Solver, iterations: u64) -> Error {
    let advice = "lower its learning rate, or take `newton` or `lbfgs`, which need none";
    RegressionError::Diverged { solver: solver.name(), iterations, advice }.into()
}
