//! A rate that falls as one over the time.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The rate divided by a number that grows with the steps.
///
/// ```text
/// factor(t) = 1 / (1 + k t / period)
/// factor(t) = 1 / (1 + k floor(t / period))          (staircase)
/// ```
///
/// The sum of the rates grows without bound, and that of their squares does not: so stochastic gradient descent
/// converges (H. Robbins, S. Monro, *A stochastic approximation method*, 1951).
///
/// # Source
/// Keras' `InverseTimeDecay`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InverseTimeDecay {
    /// The number of steps in which the divisor grows by k; at least 1.
    pub period: u64,
    /// k; at least 0, default 1.
    #[serde(default = "one")]
    pub rate: f64,
    /// Whether to fall in stairs; default `false`.
    #[serde(default)]
    pub staircase: bool,
}

fn one() -> f64 {
    1.0
}

impl InverseTimeDecay {
    /// Half of the rate after this many steps, a third after twice as many.
    pub fn halving(period: u64) -> Self {
        InverseTimeDecay { period, rate: 1.0, staircase: false }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let period = self.period.max(1);
        let periods = if self.staircase { (step / period) as f64 } else { step as f64 / period as f64 };
        1.0 / (1.0 + self.rate * periods)
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.period > 0, "inverse_time", "period", "at least 1", self.period as f64)?;
        Error::check_at_least_zero("inverse_time", "rate", self.rate)
    }
}
