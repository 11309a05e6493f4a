//! Newton's method, made to descend.
//!
//! The step solves `H δ = -g`. Where the Hessian is singular to working precision, the smallest shift of its diagonal
//! that makes it positive definite is added. A step must lower the objective by a ten-thousandth of what its slope
//! promises (Armijo); one that does not is halved. Huber's losses have regions without curvature, where halving would
//! take long: for them the shift is raised instead, tenfold each time (Levenberg, 1944; Marquardt, 1963), and lowered
//! again after steps that were good.

use super::dense::{Factor, largest};
use super::problem::{Evaluated, Problem, Want};
use super::{FitStop, RegressionError, separation};
use crate::Result;
use crate::vectors::dot;

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

/// How often a step is made smaller before it counts as lost to rounding.
const TRIALS: u32 = 50;
/// How often the direction is asked whether the likelihood grows along it without end.
const ASK_EVERY: u64 = 6;
/// The first shift, as a part of the largest curvature that the loss has.
const FIRST_SHIFT: f64 = 1e-3;

pub(crate) fn minimize(problem: &Problem<'_>, tolerance: f64, most: u64) -> Result<Ended> {
    let tolerance = tolerance * problem.unit;
    let mut walk = Walk {
        problem,
        point: problem.start(),
        here: problem.evaluate(&problem.start(), Want::Hessian),
        factor: None,
        shift: 0.0,
        passes: 1,
    };
    let mut iterations = 0;
    // The normal equations want a second step, which takes away what the first has lost to rounding.
    let least = if problem.loss.is_quadratic() { 2 } else { 0 };
    let stop = loop {
        let here = &walk.here;
        separation::check(problem, here, iterations)?;
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
        let direction = walk.direction().ok_or(diverged(iterations))?;
        if iterations > 0 && iterations.is_multiple_of(ASK_EVERY) {
            separation::check_direction(problem, &direction, iterations)?;
        }
        match if problem.loss.is_flat_far_out() { walk.damped(direction) } else { walk.halved(&direction) } {
            Some(true) => iterations += 1,
            Some(false) => {
                iterations += 1;
                break FitStop::NoProgress { largest: largest(&walk.here.gradient) };
            }
            None => break FitStop::NoProgress { largest: gradient },
        }
    };
    // The Hessian of squares was computed once, and is the same everywhere.
    let Walk { point, here, passes, .. } = walk;
    let last = (!here.hessian.is_empty()).then_some(here);
    Ok(Ended { point, iterations, stop, passes, last })
}

struct Walk<'p> {
    problem: &'p Problem<'p>,
    point: Vec<f64>,
    here: Evaluated,
    /// Of the Hessian of squares.
    factor: Option<Factor>,
    shift: f64,
    passes: u64,
}

impl Walk<'_> {
    /// `-H⁻¹ g`, with the shift that there is.
    fn direction(&mut self) -> Option<Vec<f64>> {
        let Walk { problem, here, factor, shift, .. } = self;
        let dimension = problem.dimension();
        if factor.is_none() || !problem.loss.is_quadratic() {
            *factor = if !problem.loss.is_flat_far_out() {
                Factor::shifted(&here.hessian, dimension)
            } else {
                // Where everything is far out, there is no curvature at all.
                let plain =
                    if *shift == 0.0 { Factor::of(&here.hessian, dimension, 0.0, 1e-13) } else { None };
                plain.or_else(|| {
                    *shift = shift.max(FIRST_SHIFT / problem.scale(&self.point));
                    Factor::of(&here.hessian, dimension, *shift, 0.0)
                })
            };
        }
        Some(factor.as_ref()?.solve(&here.gradient).iter().map(|x| -x).collect())
    }

    /// Goes along a direction as far as halving says. Whether the point moved; nothing if no point is lower.
    fn halved(&mut self, direction: &[f64]) -> Option<bool> {
        let mut length = 1.0;
        for _ in 0..TRIALS {
            match self.tried(direction, length) {
                Trial::Taken { moved } => return Some(moved),
                Trial::Lost => return None,
                Trial::TooFar => length *= 0.5,
            }
        }
        None
    }

    /// Makes the step, with a larger shift until it leads down.
    fn damped(&mut self, mut direction: Vec<f64>) -> Option<bool> {
        let scale = self.problem.scale(&self.point);
        for _ in 0..TRIALS {
            match self.tried(&direction, 1.0) {
                Trial::Taken { moved } => {
                    let lower = 0.1 * self.shift;
                    self.shift = if lower * scale < 0.5 * FIRST_SHIFT { 0.0 } else { lower };
                    return Some(moved);
                }
                Trial::Lost => return None,
                Trial::TooFar => self.shift = (10.0 * self.shift).max(FIRST_SHIFT / scale),
            }
            direction = self.direction()?;
        }
        None
    }

    /// Goes there if the objective falls enough.
    fn tried(&mut self, direction: &[f64], length: f64) -> Trial {
        let here = &self.here;
        let slope = dot(&here.gradient, direction);
        let want = if self.problem.loss.is_quadratic() { Want::Gradient } else { Want::Hessian };
        let to: Vec<f64> = self.point.iter().zip(direction).map(|(x, d)| x + length * d).collect();
        let there = self.problem.evaluate(&to, want);
        self.passes += 1;
        let change = there.value - here.value;
        if change > 1e-4 * length * slope || change.is_nan() {
            // Values are only known up to rounding: near the minimum the gradient must decide.
            let rounding = here.rounding;
            if !(change <= rounding && -slope <= 100.0 * rounding) {
                return Trial::TooFar;
            }
            if largest(&there.gradient) >= largest(&here.gradient) {
                return Trial::Lost;
            }
        }
        let moved = to != self.point;
        (self.point, self.here) = (to, there);
        Trial::Taken { moved }
    }
}

enum Trial {
    Taken {
        moved: bool,
    },
    TooFar,
    /// There is nothing left to gain that is more than rounding.
    Lost,
}

fn diverged(iterations: u64) -> crate::Error {
    let advice = "the data reaches numbers that cannot be represented; scale the columns or the target";
    RegressionError::Diverged { solver: "newton".into(), iterations, advice }.into()
}
