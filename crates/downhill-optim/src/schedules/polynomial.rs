//! A rate that falls as a power of what is left.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// From the full rate to an end e after T steps, as a power of the part that is left; there it stays.
///
/// ```text
/// factor(t) = e + (1 - e) (1 - min(t, T) / T)^power
/// ```
///
/// # Source
/// PyTorch's `PolynomialLR`, whose end is 0; optax's `polynomial_schedule`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolynomialDecay {
    /// T; at least 1.
    pub steps: u64,
    /// The power; above 0, default 1, a straight line.
    #[serde(default = "default_power")]
    pub power: f64,
    /// e; from 0 to 1, default 0.
    #[serde(default)]
    pub end_factor: f64,
}

fn default_power() -> f64 {
    1.0
}

impl PolynomialDecay {
    /// Down to 0 in this many steps, in a straight line.
    pub fn over(steps: u64) -> Self {
        PolynomialDecay { steps, power: default_power(), end_factor: 0.0 }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let steps = self.steps.max(1);
        let left = steps.saturating_sub(step) as f64 / steps as f64;
        self.end_factor + (1.0 - self.end_factor) * left.powf(self.power)
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.steps > 0, "polynomial", "steps", "at least 1", self.steps as f64)?;
        let (power, end) = (self.power, self.end_factor);
        Error::check(power > 0.0 && power.is_finite(), "polynomial", "power", "finite and above 0", power)?;
        Error::check((0.0..=1.0).contains(&end), "polynomial", "end_factor", "from 0 to 1", end)
    }
}
