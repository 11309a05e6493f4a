//! A rate that falls by the same factor every step.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Multiplies the rate by γ after every step.
///
/// ```text
/// factor(t) = γ^t
/// ```
///
/// # Source
/// PyTorch's `ExponentialLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExponentialDecay {
    /// γ; above 0 and at most 1.
    pub gamma: f64,
}

impl ExponentialDecay {
    /// The decay that reaches `factor` after `steps` steps, and goes on falling.
    pub fn reaching(factor: f64, steps: u64) -> Self {
        ExponentialDecay { gamma: factor.powf(1.0 / steps as f64) }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        self.gamma.powf(step as f64)
    }

    pub(super) fn validate(&self) -> Result<()> {
        let gamma = self.gamma;
        Error::check(gamma > 0.0 && gamma <= 1.0, "exponential", "gamma", "above 0 and at most 1", gamma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_asked_for_is_reached() {
        assert!((ExponentialDecay::reaching(0.01, 250).factor(250) - 0.01).abs() < 1e-14);
    }
}
