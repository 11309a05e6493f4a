//! A rate that changes in a straight line.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// From a start s in a straight line to an end e within T steps; there it stays.
///
/// ```text
/// factor(t) = s + (e - s) min(t, T) / T
/// ```
///
/// # Source
/// PyTorch's `LinearLR`; optax's `linear_schedule`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearChange {
    /// T; at least 1.
    pub steps: u64,
    /// s; from 0 to 1, default 1.
    #[serde(default = "one")]
    pub start_factor: f64,
    /// e; from 0 to 1, default 0.
    #[serde(default)]
    pub end_factor: f64,
}

fn one() -> f64 {
    1.0
}

impl LinearChange {
    /// From 1 down to 0 in this many steps. (PyTorch's defaults rise from 1/3 to 1.)
    pub fn over(steps: u64) -> Self {
        LinearChange { steps, start_factor: 1.0, end_factor: 0.0 }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let steps = self.steps.max(1);
        let share = step.min(steps) as f64 / steps as f64;
        self.start_factor + (self.end_factor - self.start_factor) * share
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.steps > 0, "linear", "steps", "at least 1", self.steps as f64)?;
        let (start, end) = (self.start_factor, self.end_factor);
        Error::check((0.0..=1.0).contains(&start), "linear", "start_factor", "from 0 to 1", start)?;
        Error::check((0.0..=1.0).contains(&end), "linear", "end_factor", "from 0 to 1", end)
    }
}
