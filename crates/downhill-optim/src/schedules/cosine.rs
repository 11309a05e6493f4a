//! A rate that falls along half a wave.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// From the full rate along half a cosine to a minimum m after T steps.
///
/// ```text
/// factor(t) = m + (1 - m) (1 + cos(π t / T)) / 2
/// ```
///
/// After T the rate rises again, as PyTorch's does: at 2T it is back at 1. With `hold_minimum` it stays at m,
/// as optax's does. PyTorch's `eta_min` is a rate; m is its ratio to the learning rate, so groups with other
/// rates keep their proportions.
///
/// # Source
/// I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts* (2017), equation 5,
/// without restarts; PyTorch's `CosineAnnealingLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineAnnealing {
    /// T; at least 1.
    pub steps: u64,
    /// m; from 0 to 1, default 0.
    #[serde(default)]
    pub minimum_factor: f64,
    /// Whether to stay at the minimum after T; default `false`.
    #[serde(default)]
    pub hold_minimum: bool,
}

impl CosineAnnealing {
    /// Down to 0 in this many steps.
    pub fn over(steps: u64) -> Self {
        CosineAnnealing { steps, minimum_factor: 0.0, hold_minimum: false }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let steps = u128::from(self.steps.max(1));
        // One period, and its falling half by symmetry: exact for any number of steps.
        let in_period = u128::from(step) % (2 * steps);
        let elapsed = match u128::from(step) >= steps {
            true if self.hold_minimum => steps,
            _ => in_period.min(2 * steps - in_period),
        };
        let height = (1.0 + (PI * (elapsed as f64 / steps as f64)).cos()) / 2.0;
        self.minimum_factor + (1.0 - self.minimum_factor) * height
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.steps > 0, "cosine", "steps", "at least 1", self.steps as f64)?;
        let minimum = self.minimum_factor;
        Error::check((0.0..=1.0).contains(&minimum), "cosine", "minimum_factor", "from 0 to 1", minimum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_minimum_the_rate_rises_unless_held() {
        let rising = CosineAnnealing { minimum_factor: 0.25, ..CosineAnnealing::over(10) };
        let held = CosineAnnealing { hold_minimum: true, ..rising.clone() };
        assert_eq!([0, 10, 20, 30].map(|step| rising.factor(step)), [1.0, 0.25, 1.0, 0.25]);
        assert_eq!([0, 10, 20, u64::MAX].map(|step| held.factor(step)), [1.0, 0.25, 0.25, 0.25]);
        assert_eq!(rising.factor(13), rising.factor(7));
        assert_eq!(rising.factor(5), held.factor(5));
    }

    #[test]
    fn even_the_longest_period_is_computed() {
        assert_eq!(CosineAnnealing::over(u64::MAX).factor(u64::MAX), 0.0);
    }
}
