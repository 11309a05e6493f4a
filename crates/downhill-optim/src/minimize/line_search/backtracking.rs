//! Backtracking by a constant factor.

use super::{Found, Line, SearchFailure, check_decrease, check_evaluations};
use crate::minimize::Objective;
use crate::minimize::evaluator::Halt;
use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Shortens the step until the value falls enough:
///
/// ```text
/// f(x + α d) <= f(x) + c α ∇f(x)·d,    α <- shrink α
/// ```
///
/// # Source
/// L. Armijo, *Minimization of functions having Lipschitz continuous first partial derivatives*, Pacific Journal of
/// Mathematics 16 (1966); J. Nocedal, S. Wright, *Numerical Optimization* (2006), algorithm 3.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backtracking {
    /// c, the part of the decrease that the slope promises; default 1e-4.
    pub decrease: f64,
    /// The factor between trials; default 0.5.
    pub shrink: f64,
    /// The most evaluations; default 60.
    pub evaluations: u32,
}

impl Default for Backtracking {
    fn default() -> Self {
        Backtracking { decrease: 1e-4, shrink: 0.5, evaluations: 60 }
    }
}

impl Backtracking {
    pub(super) fn validate(&self) -> Result<()> {
        check_decrease("backtracking", self.decrease)?;
        check_evaluations("backtracking", self.evaluations)?;
        let fits = self.shrink > 0.0 && self.shrink < 1.0;
        Error::check(fits, "backtracking", "shrink", "above 0 and below 1", self.shrink)
    }

    pub(super) fn search<T: Float, O: Objective<T> + ?Sized>(
        &self,
        line: &mut Line<'_, '_, T, O>,
        first: f64,
    ) -> Result<Result<Found, SearchFailure>, Halt<O::Error>> {
        let start = line.start;
        let mut step = first;
        while line.evaluations < self.evaluations {
            let value = line.value_at(step)?;
            // Where the promise is below the value's rounding, it must still fall.
            let promised = start.value + self.decrease * step * start.slope;
            if value <= promised && value < start.value && line.has_gradient(step)? {
                return Ok(Ok(Found { step, satisfied: true }));
            }
            step *= self.shrink;
        }
        Ok(Err(SearchFailure::Evaluations { evaluations: line.evaluations }))
    }
}
