//! Armijo's condition, with steps by interpolation.

use super::cubic::{cubic_through_values, parabola_through_value};
use super::{Found, Line, SearchFailure, check_decrease, check_evaluations};
use crate::Result;
use crate::minimize::Objective;
use crate::minimize::evaluator::Halt;
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Shortens the step until the value falls enough, as [`Backtracking`](super::Backtracking) does; the next trial is
/// the minimum of the parabola through what is known after one trial, and of the cubic after more, kept between a
/// tenth and a half of the last step.
///
/// # Source
/// J. Nocedal, S. Wright, *Numerical Optimization* (2006), section 3.5, "Interpolation".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Armijo {
    /// The part of the decrease that the slope promises; default 1e-4.
    pub decrease: f64,
    /// The most evaluations; default 60.
    pub evaluations: u32,
}

impl Default for Armijo {
    fn default() -> Self {
        Armijo { decrease: 1e-4, evaluations: 60 }
    }
}

impl Armijo {
    pub(super) fn validate(&self) -> Result<()> {
        check_decrease("armijo", self.decrease)?;
        check_evaluations("armijo", self.evaluations)
    }

    pub(super) fn search<T: Float, O: Objective<T> + ?Sized>(
        &self,
        line: &mut Line<'_, '_, T, O>,
        first: f64,
    ) -> Result<Result<Found, SearchFailure>, Halt<O::Error>> {
        let start = line.start;
        let mut step = first;
        // The step and value before the last.
        let mut before: Option<(f64, f64)> = None;
        while line.evaluations < self.evaluations {
            let value = line.value_at(step)?;
            // Where the promise is below the value's rounding, it must still fall.
            let promised = start.value + self.decrease * step * start.slope;
            if value <= promised && value < start.value && line.has_gradient(step)? {
                return Ok(Ok(Found { step, satisfied: true }));
            }
            let guess = match before {
                _ if !value.is_finite() => 0.0,
                None => parabola_through_value(&start, step, value),
                Some(before) => cubic_through_values(&start, before, (step, value)),
            };
            before = value.is_finite().then_some((step, value));
            // A guess that is not a number becomes the half.
            step = if guess <= 0.5 * step { guess.max(0.1 * step) } else { 0.5 * step };
        }
        Ok(Err(SearchFailure::Evaluations { evaluations: line.evaluations }))
    }
}
