//! Solvers that walk by gradients, or by products of the Hessian: the methods of `downhill_optim::minimize`, each
//! evaluation on all rows.

use super::newton::Ended;
use super::problem::{Problem, Want};
use super::{FitStop, RegressionError, separation};
use crate::{Error, Result};
use downhill_optim::minimize::{
    HessianVectorProduct, Method, MinimizeError, MinimizeOptions, Objective, StopReason, minimize as walk,
    unobserved,
};

/// Walks in centred and scaled columns.
pub(crate) fn minimize(problem: &Problem<'_>, method: &Method, tolerance: f64, most: u64) -> Result<Ended> {
    let mut point = problem.start();
    let options = MinimizeOptions {
        gradient_tolerance: tolerance * problem.unit,
        iterations: most,
        floor: f64::MIN,
        ..MinimizeOptions::default()
    };
    let mut passes = Passes { problem, made: 0 };
    let end = walk(&mut passes, &mut point, method, &options, unobserved).map_err(|error| match error {
        MinimizeError::Method(error) => Error::from(error),
        MinimizeError::Objective(error) => error,
        _ => diverged(method, 0),
    })?;
    let stop = match end.reason {
        StopReason::GradientTolerance { gradient_norm, tolerance, .. } => {
            FitStop::Gradient { largest: gradient_norm, tolerance }
        }
        StopReason::NotFinite { iteration, .. } => return Err(diverged(method, iteration)),
        StopReason::Iterations { .. } => FitStop::Iterations { most },
        _ => FitStop::NoProgress { largest: end.gradient_norm },
    };
    Ok(Ended { point, iterations: end.iterations, stop, passes: passes.made, last: None })
}

fn diverged(method: &Method, iterations: u64) -> Error {
    let advice = "lower its learning rate, or take `newton` or `lbfgs`, which need none";
    let solver = method.name().replace('_', "-");
    RegressionError::Diverged { solver, iterations, advice }.into()
}

/// The objective of a problem, with how often the rows were read.
struct Passes<'p> {
    problem: &'p Problem<'p>,
    made: u64,
}

impl Objective<f64> for Passes<'_> {
    type Error = Error;

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let here = self.problem.evaluate(x, Want::Gradient);
        separation::check(self.problem, &here, self.made)?;
        self.made += 1;
        gradient.copy_from_slice(&here.gradient);
        Ok(here.value)
    }

    fn curvature(&mut self) -> Option<&mut dyn HessianVectorProduct<f64, Error = Error>> {
        Some(self)
    }
}

impl HessianVectorProduct<f64> for Passes<'_> {
    type Error = Error;

    fn hessian_vector_product(&mut self, x: &[f64], direction: &[f64], product: &mut [f64]) -> Result<()> {
        self.made += 1;
        product.copy_from_slice(&self.problem.hessian_product(x, direction));
        Ok(())
    }
}
