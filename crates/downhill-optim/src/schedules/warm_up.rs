//! A rate that rises first.

use super::Schedule;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// From a fraction s of the rate in a straight line to the rate within W steps, followed by any other
/// schedule, which begins at its own step 0 when the warm-up ends.
///
/// ```text
/// factor(t) = s + (1 - s) t / W        while t < W
/// factor(t) = then(t - W)              afterwards
/// ```
///
/// optax counts the warm-up into the steps of what follows; here, as in PyTorch, it comes on top. With s = 0
/// the first step moves nothing.
///
/// # Source
/// P. Goyal et al., *Accurate, large minibatch SGD* (2017), section 2.2; PyTorch's `LinearLR` followed by
/// another in `SequentialLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// W; 0 means no warm-up.
    pub steps: u64,
    /// s; from 0 to 1, default 1/3 as PyTorch's.
    #[serde(default = "default_start_factor")]
    pub start_factor: f64,
    /// What follows; default constant.
    #[serde(default)]
    pub then: Box<Schedule>,
}

fn default_start_factor() -> f64 {
    1.0 / 3.0
}

impl WarmUp {
    /// A rise from a third in this many steps, and what follows.
    pub fn over(steps: u64, then: Schedule) -> Self {
        WarmUp { steps, start_factor: default_start_factor(), then: Box::new(then) }
    }

    /// See [`Schedule::factor`].
    pub fn factor(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(later) => self.then.factor(later),
            None => self.start_factor + (1.0 - self.start_factor) * (step as f64 / self.steps as f64),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let start = self.start_factor;
        Error::check((0.0..=1.0).contains(&start), "warm_up", "start_factor", "from 0 to 1", start)?;
        self.then.validate()
    }
}
