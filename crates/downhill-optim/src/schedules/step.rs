//! A rate that falls in stairs.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Multiplies the rate by γ after every `period` steps.
///
/// ```text
/// factor(t) = γ^floor(t / period)
/// ```
///
/// # Source
/// PyTorch's `StepLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    /// The number of steps between two drops; at least 1.
    pub period: u64,
    /// γ; above 0 and at most 1, default 0.1.
    #[serde(default = "default_gamma")]
    pub gamma: f64,
}

fn default_gamma() -> f64 {
    0.1
}

impl StepDecay {
    /// A drop to a tenth every `period` steps.
    pub fn every(period: u64) -> Self {
        StepDecay { period, gamma: default_gamma() }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        self.gamma.powf((step / self.period.max(1)) as f64)
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.period > 0, "step", "period", "at least 1", self.period as f64)?;
        let gamma = self.gamma;
        Error::check(gamma > 0.0 && gamma <= 1.0, "step", "gamma", "above 0 and at most 1", gamma)
    }
}
