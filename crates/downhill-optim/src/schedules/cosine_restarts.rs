//! A rate that falls along half a wave again and again.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Half a cosine from the full rate to a minimum m, then from the full rate again; each cycle is `growth`
/// times as long as the one before.
///
/// ```text
/// factor(t) = m + (1 - m) (1 + cos(π c / C)) / 2          c steps into a cycle of C
/// ```
///
/// # Source
/// I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts* (2017), equation 5;
/// PyTorch's `CosineAnnealingWarmRestarts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineRestarts {
    /// The length of the first cycle; at least 1.
    pub period: u64,
    /// How many times longer each cycle is than the one before; at least 1, default 1.
    #[serde(default = "one")]
    pub growth: u64,
    /// m; from 0 to 1, default 0.
    #[serde(default)]
    pub minimum_factor: f64,
}

fn one() -> u64 {
    1
}

impl CosineRestarts {
    /// Down to 0 every `period` steps.
    pub fn every(period: u64) -> Self {
        CosineRestarts { period, growth: 1, minimum_factor: 0.0 }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let (mut elapsed, mut cycle) = (u128::from(step), u128::from(self.period.max(1)));
        if self.growth > 1 {
            // At most 64 times, because the cycles grow.
            while elapsed >= cycle {
                elapsed -= cycle;
                cycle *= u128::from(self.growth);
            }
        }
        let share = (elapsed % cycle) as f64 / cycle as f64;
        self.minimum_factor + (1.0 - self.minimum_factor) * (1.0 + (PI * share).cos()) / 2.0
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.period > 0, "cosine_restarts", "period", "at least 1", self.period as f64)?;
        Error::check(self.growth > 0, "cosine_restarts", "growth", "at least 1", self.growth as f64)?;
        let minimum = self.minimum_factor;
        Error::check(
            (0.0..=1.0).contains(&minimum),
            "cosine_restarts",
            "minimum_factor",
            "from 0 to 1",
            minimum,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_begin_at_the_full_rate_and_grow() {
        let schedule = CosineRestarts { growth: 3, ..CosineRestarts::every(4) };
        let starts: Vec<_> = (0..60).filter(|&step| schedule.factor(step) == 1.0).collect();
        assert_eq!(starts, [0, 4, 16, 52]);
        assert!((schedule.factor(2) - 0.5).abs() < 1e-15 && (schedule.factor(10) - 0.5).abs() < 1e-15);
        let longest = CosineRestarts { growth: u64::MAX, ..CosineRestarts::every(u64::MAX) };
        assert!(longest.factor(u64::MAX) == 1.0);
    }
}
