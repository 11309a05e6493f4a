//! One walk of one method: the way, the end, and what the point is where it ended.

use super::methods::Entrant;
use super::problem::{Problem, evaluation};
use crate::exit::{Error, Result};
use crate::report::number;
use downhill::optim::minimize::{Ending, MinimizeError, MinimizeOptions, StopReason, minimize};
use downhill::tensor::{Tensor, linalg};
use serde::Serialize;
use std::ops::ControlFlow;

/// So many places of a way are kept; of a longer one every second, fourth, and so on.
const KEPT: usize = 4000;

/// A place on a way.
#[derive(Clone, Debug)]
pub struct Place {
    pub iteration: u64,
    pub evaluations: u64,
    pub value: f64,
    pub gradient_norm: f64,
    pub x: Vec<f64>,
}

/// A walk that has ended.
pub struct Walk {
    pub entrant: Entrant,
    pub places: Vec<Place>,
    pub x: Vec<f64>,
    /// The value at the last point, which need not be the best.
    pub last_value: f64,
    pub end: Ending<f64>,
    pub nature: Nature,
}

/// Walks from the start of the problem.
pub fn walk(
    problem: &mut Problem,
    entrant: Entrant,
    options: &MinimizeOptions,
    bounded: bool,
) -> Result<Walk> {
    let mut x = problem.start.clone();
    let mut places: Vec<Place> = Vec::new();
    let mut every = 1;
    let mut last_value = f64::NAN;
    let end = minimize(problem, &mut x, &entrant.method, options, |progress| {
        last_value = progress.value;
        if progress.iteration.is_multiple_of(every) {
            if places.len() >= KEPT {
                every *= 2;
                places.retain(|place| place.iteration.is_multiple_of(every));
            }
            if progress.iteration.is_multiple_of(every) {
                places.push(Place {
                    iteration: progress.iteration,
                    evaluations: progress.evaluations.calls(),
                    value: progress.value,
                    gradient_norm: progress.gradient_norm,
                    x: progress.x.to_vec(),
                });
            }
        }
        ControlFlow::Continue(())
    });
    let end = end.map_err(|error| match error {
        MinimizeError::Method(error) => Error::Optimizer(error),
        MinimizeError::Objective(error) => evaluation(error),
        _ => Error::Configuration(error.to_string()),
    })?;
    if places.last().is_none_or(|last| last.x != x) {
        places.push(Place {
            iteration: end.iterations,
            evaluations: end.evaluations.calls(),
            value: end.value,
            gradient_norm: end.gradient_norm,
            x: x.clone(),
        });
    }
    let nature = Nature::of(problem, &x, &end, bounded);
    Ok(Walk { entrant, places, x, last_value, end, nature })
}

/// What a point is, by the eigenvalues of the Hessian there.
#[derive(Clone, Debug, Serialize)]
pub struct Nature {
    /// `minimum`, `maximum`, `saddle`, `flat`, `not stationary`, `at a bound` or `unknown`.
    pub kind: &'static str,
    /// The eigenvalues, the smallest first; none where a second derivative is not finite.
    pub curvatures: Vec<f64>,
}

impl Nature {
    fn of(problem: &mut Problem, x: &[f64], end: &Ending<f64>, bounded: bool) -> Self {
        // A Hessian of more variables is not looked at by all its eigenvalues.
        const MOST: usize = 200;
        let small = x.len() <= MOST;
        let curvatures = if small { curvatures(problem, x) } else { None }.unwrap_or_default();
        let mut gradient = vec![0.0; x.len()];
        let known =
            downhill::optim::minimize::Objective::value_and_gradient(problem, x, &mut gradient).is_ok();
        let steep = gradient.iter().fold(0.0_f64, |largest, g| largest.max(g.abs()));
        let kind = match (curvatures.first(), curvatures.last()) {
            _ if !known => "unknown",
            // The gradient of a point between bounds vanishes; at a bound only the projected one does.
            _ if bounded && end.gradient_norm < 0.5 * steep => "at a bound",
            _ if !stationary(end) => "not stationary",
            (Some(&least), Some(&most)) => by_signs(least, most),
            _ => "unknown",
        };
        Nature { kind, curvatures }
    }

    /// In words: what the point is, and by which numbers.
    pub fn sentence(&self) -> String {
        let (least, most) = match (self.curvatures.first(), self.curvatures.last()) {
            (Some(&least), Some(&most)) => (least, most),
            _ => return format!("the point is {}: its second derivatives are not known", self.words()),
        };
        let span = if self.curvatures.len() == 1 {
            format!("its curvature is {}", number(least))
        } else {
            format!("curvatures from {} to {}", number(least), number(most))
        };
        let below = self.curvatures.iter().filter(|curvature| **curvature < 0.0).count();
        match self.kind {
            "saddle" => format!(
                "the point is a saddle: the function falls along {below} of {} directions ({span})",
                self.curvatures.len()
            ),
            _ => format!("the point is {}: {span}", self.words()),
        }
    }

    fn words(&self) -> &'static str {
        match self.kind {
            "minimum" => "a minimum",
            "maximum" => "a maximum",
            "saddle" => "a saddle",
            "flat" => "stationary and flat, so that second derivatives cannot tell a minimum from a saddle",
            "at a bound" => "held by a bound",
            "not stationary" => "not stationary",
            _ => "of unknown nature",
        }
    }
}

/// Whether the gradient is as good as 0: small, whatever tolerance was asked for, or as small as rounding allows.
fn stationary(end: &Ending<f64>) -> bool {
    matches!(end.reason, StopReason::Precision { .. }) || end.gradient_norm <= 1e-4
}

/// By the signs of the smallest and the largest curvature, where these are not rounding of the larger one.
fn by_signs(least: f64, most: f64) -> &'static str {
    let zero = 1e-8 * least.abs().max(most.abs());
    if least > zero {
        "minimum"
    } else if most < -zero {
        "maximum"
    } else if least < -zero && most > zero {
        "saddle"
    } else {
        "flat"
    }
}

/// The eigenvalues of the Hessian, the smallest first.
pub fn curvatures(problem: &mut Problem, x: &[f64]) -> Option<Vec<f64>> {
    let hessian = problem.hessian(x)?;
    let matrix = Tensor::from_vec(hessian, [x.len(), x.len()]).ok()?;
    Some(linalg::symmetric_eigen(&matrix).ok()?.values.to_vec())
}

/// What a reason is called by programs.
pub fn reason(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::GradientTolerance { .. } => "gradient_tolerance",
        StopReason::ValueTolerance { .. } => "value_tolerance",
        StopReason::StepTolerance { .. } => "step_tolerance",
        StopReason::Target { .. } => "target",
        StopReason::Precision { .. } => "precision",
        StopReason::Iterations { .. } => "iterations",
        StopReason::Evaluations { .. } => "evaluations",
        StopReason::Time { .. } => "time",
        StopReason::UnboundedBelow { .. } => "unbounded_below",
        StopReason::LineSearch { .. } => "line_search",
        StopReason::NotFinite { .. } => "not_finite",
        StopReason::Observer { .. } => "observer",
        _ => "other",
    }
}
