//! When a minimization stops.

use super::vectors::max_abs;
use super::{Evaluations, StopReason};
use crate::{Error, Result, global_norm};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, Instant};

/// A norm of the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradientNorm {
    /// The largest absolute number, as in SciPy.
    #[default]
    Infinity,
    /// The square root of the sum of squares.
    Euclidean,
}

impl GradientNorm {
    pub(crate) fn of<T: Float>(self, gradient: &[T]) -> f64 {
        match self {
            GradientNorm::Infinity => max_abs(gradient),
            GradientNorm::Euclidean => global_norm(gradient),
        }
    }
}

impl fmt::Display for GradientNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GradientNorm::Infinity => "infinity",
            GradientNorm::Euclidean => "Euclidean",
        })
    }
}

/// When to stop. A tolerance of 0 stops only at an exact zero of the gradient, and never for value and step.
///
/// ```
/// use downhill_optim::minimize::MinimizeOptions;
/// let options = MinimizeOptions { gradient_tolerance: 1e-8, iterations: 200, ..MinimizeOptions::default() };
/// let text = serde_json::to_string(&options)?;
/// assert_eq!(serde_json::from_str::<MinimizeOptions>(&text)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinimizeOptions {
    /// Stop when the norm of the gradient is at most this; default 1e-5, as in SciPy.
    pub gradient_tolerance: f64,
    /// The norm that is meant; default the infinity norm.
    pub gradient_norm: GradientNorm,
    /// Stop when a step lowers the value by at most this part of `max(|value|, |value before|, 1)`; default 0.
    pub value_tolerance: f64,
    /// Stop when a step changes each variable by at most this part of `max(|variable|, 1)`; default 0.
    pub step_tolerance: f64,
    /// The most iterations; default 1000.
    pub iterations: u64,
    /// The most calls of the objective, products of the Hessian included; default none.
    pub evaluations: Option<u64>,
    /// Stop when the value is at most this; default none.
    pub target: Option<f64>,
    /// A value below this means that there is no minimum; default -1e20.
    pub floor: f64,
    /// Stop when this time has passed; default none. Only where it is given is a clock read, and the result
    /// depends on the machine.
    pub time: Option<Duration>,
}

impl Default for MinimizeOptions {
    fn default() -> Self {
        MinimizeOptions {
            gradient_tolerance: 1e-5,
            gradient_norm: GradientNorm::Infinity,
            value_tolerance: 0.0,
            step_tolerance: 0.0,
            iterations: 1000,
            evaluations: None,
            target: None,
            floor: -1e20,
            time: None,
        }
    }
}

impl MinimizeOptions {
    /// Refuses tolerances that are negative or not numbers.
    ///
    /// # Errors
    /// [`Error::InvalidValue`], which names the field.
    pub fn validate(&self) -> Result<()> {
        let tolerances = [
            ("gradient_tolerance", self.gradient_tolerance),
            ("value_tolerance", self.value_tolerance),
            ("step_tolerance", self.step_tolerance),
        ];
        for (field, tolerance) in tolerances {
            Error::check(tolerance >= 0.0, "minimize", field, "at least 0", tolerance)?;
        }
        let target = self.target.unwrap_or(0.0);
        Error::check(!target.is_nan(), "minimize", "target", "a number", target)?;
        Error::check(!self.floor.is_nan(), "minimize", "floor", "a number", self.floor)
    }

    /// Why there may be no further evaluation, if there is a reason: the budget is spent, or the time is over.
    pub(crate) fn spent(&self, counts: &Evaluations, began: Option<Instant>) -> Option<StopReason> {
        let evaluations = counts.calls();
        if self.evaluations.is_some_and(|budget| evaluations >= budget) {
            return Some(StopReason::Evaluations { evaluations });
        }
        let (limit, elapsed) = (self.time?, began?.elapsed());
        (elapsed >= limit).then_some(StopReason::Time { elapsed, limit })
    }

    /// Why a value is low enough, if it is: below the floor, or at the target.
    pub(crate) fn reached(&self, value: f64) -> Option<StopReason> {
        if value <= self.floor {
            return Some(StopReason::UnboundedBelow { value, floor: self.floor });
        }
        let target = self.target.filter(|&target| value <= target)?;
        Some(StopReason::Target { value, target })
    }
}
