//! Newton's method with backtracking.
//!
//! The step solves `H δ = -g`. Where the Hessian is singular to working precision, the smallest shift that makes it
//! positive definite is added (Levenberg and Marquardt); the step lies in the space of the rows then too. A step is
//! halved until the objective falls by a ten-thousandth of what its slope promises (Armijo).

use super::dense::{Factor, dot, largest};
use super::problem::{Evaluated, Problem, Want};
use super::{FitStop, RegressionError, separation};
use crate::Result;

/// Where a solver ended.
pub(crate) struct Ended {
    pub point: Vec<f64>,
    pub iterations: u64,
    pub stop: FitStop,
    /// The number of passes over the rows.
    pub passes: u64,
    /// The objective there, if it is known with all that was asked of it.
    pub last: Option<Evaluated>,
}

/// How often a step is halved before it counts as lost to rounding.
const HALVINGS: u32 = 50;
/// How often the direction is asked whether the likelihood grows along it without end.
const ASK_EVERY: u64 = 6;

pub(crate) fn minimize(problem: &Problem<'_>, tolerance: f64, most: u64) -> Result<Ended> {
    let dimension = problem.dimension();
    let tolerance = tolerance * problem.unit;
    let mut point = problem.start();
    let mut here = problem.evaluate(&point, Want::Hessian);
    let mut passes = 1;
    let mut iterations = 0;
    let mut factor: Option<Factor> = None;
    // The normal equations want a second step, which takes away what the first has lost to rounding.
    let least = if problem.loss.is_quadratic() { 2 } else { 0 };
    let stop = loop {
        separation::check(problem, &here, iterations)?;
        let gradient = largest(&here.gradient);
        if !here.value.is_finite() || !gradient.is_finite() {
            return Err(diverged(iterations));
        }
        if gradient <= tolerance && iterations >= least {
            break FitStop::Gradient { largest: gradient, tolerance };
        }
        if iterations >= most {
            break FitStop::Iterations { most };
        }
        if factor.is_none() || !problem.loss.is_quadratic() {
            factor = Some(Factor::shifted(&here.hessian, dimension).ok_or(diverged(iterations))?);
        }
        let Some(factor) = &factor else { return Err(diverged(iterations)) };
        let direction: Vec<f64> = factor.solve(&here.gradient).iter().map(|x| -x).collect();
        if iterations > 0 && iterations.is_multiple_of(ASK_EVERY) {
            separation::check_direction(problem, &direction, iterations)?;
        }
        match step(problem, &point, &here, &direction, &mut passes) {
            Some((to, there)) => {
                iterations += 1;
                let still = to == point;
                (point, here) = (to, there);
                if still {
                    break FitStop::NoProgress { largest: largest(&here.gradient) };
                }
            }
            None => break FitStop::NoProgress { largest: gradient },
        }
    };
    // The Hessian of squares was computed once, and is the same everywhere.
    let last = (!here.hessian.is_empty()).then_some(here);
    Ok(Ended { point, iterations, stop, passes, last })
}

/// The point that backtracking comes to, if any is lower.
fn step(
    problem: &Problem<'_>,
    point: &[f64],
    here: &Evaluated,
    direction: &[f64],
    passes: &mut u64,
) -> Option<(Vec<f64>, Evaluated)> {
    let slope = dot(&here.gradient, direction);
    let want = if problem.loss.is_quadratic() { Want::Gradient } else { Want::Hessian };
    // Values are only known up to rounding: near the minimum the gradient must decide.
    let rounding = 8.0 * f64::EPSILON * here.value.abs();
    let mut length = 1.0;
    for _ in 0..HALVINGS {
        let to: Vec<f64> = point.iter().zip(direction).map(|(x, d)| x + length * d).collect();
        let there = problem.evaluate(&to, want);
        *passes += 1;
        if there.value <= here.value + 1e-4 * length * slope {
            return Some((to, there));
        }
        let flat =
            (there.value - here.value).abs() <= rounding && -slope <= rounding.max(1e-12 * here.value.abs());
        if flat {
            let smaller = largest(&there.gradient) < largest(&here.gradient);
            return smaller.then_some((to, there));
        }
        length *= 0.5;
    }
    None
}

fn diverged(iterations: u64) -> crate::Error {
    let advice = "the data reaches numbers that cannot be represented; scale the columns or the target";
    RegressionError::Diverged { solver: "newton".into(), iterations, advice }.into()
}
