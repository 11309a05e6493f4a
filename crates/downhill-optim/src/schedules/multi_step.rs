//! A rate that falls at given steps.

use super::check_milestones;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Multiplies the rate by γ at each milestone.
///
/// ```text
/// factor(t) = γ^(number of milestones that are at most t)
/// ```
///
/// # Source
/// PyTorch's `MultiStepLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiStepDecay {
    /// The steps at which the rate falls, in ascending order; one that stands twice counts twice.
    pub milestones: Vec<u64>,
    /// γ; above 0 and at most 1, default 0.1.
    #[serde(default = "default_gamma")]
    pub gamma: f64,
}

fn default_gamma() -> f64 {
    0.1
}

impl MultiStepDecay {
    /// Drops to a tenth at these steps.
    pub fn at(milestones: impl Into<Vec<u64>>) -> Self {
        MultiStepDecay { milestones: milestones.into(), gamma: default_gamma() }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        self.gamma.powf(self.milestones.partition_point(|&milestone| milestone <= step) as f64)
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_milestones("multi_step", &self.milestones)?;
        let gamma = self.gamma;
        Error::check(gamma > 0.0 && gamma <= 1.0, "multi_step", "gamma", "above 0 and at most 1", gamma)
    }
}
