//! A rate that rises and falls again and again.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the height of the cycles changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CyclicMode {
    /// It does not.
    #[default]
    Triangular,
    /// It is halved after each cycle.
    Triangular2,
    /// It is multiplied by this number, above 0 and at most 1, after each step.
    ExpRange(f64),
}

/// From a low rate in a straight line to the full one, and back, again and again.
///
/// ```text
/// factor(t) = low + (1 - low) height(t) scale(t)
/// momentum(t) = high_momentum - (high_momentum - low_momentum) height(t) scale(t)
/// ```
///
/// height rises from 0 to 1 in `rise` steps and falls to 0 in `fall`. PyTorch's `base_lr` and `max_lr` are
/// low times the learning rate, and the learning rate. The momentum is not applied: ask
/// [`momentum`](Self::momentum) for it.
///
/// # Source
/// L. Smith, *Cyclical learning rates for training neural networks* (2017); PyTorch's `CyclicLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cyclic {
    /// The number of steps up; at least 1.
    pub rise: u64,
    /// The number of steps down; default `None`, as many as up.
    #[serde(default)]
    pub fall: Option<u64>,
    /// The lowest factor; from 0 to 1, default 0.
    #[serde(default)]
    pub minimum_factor: f64,
    /// How the height changes; default [`CyclicMode::Triangular`].
    #[serde(default)]
    pub mode: CyclicMode,
    /// The momentum at the full rate; default 0.8.
    #[serde(default = "default_low_momentum")]
    pub low_momentum: f64,
    /// The momentum at the lowest rate; default 0.9.
    #[serde(default = "default_high_momentum")]
    pub high_momentum: f64,
}

fn default_low_momentum() -> f64 {
    0.8
}

fn default_high_momentum() -> f64 {
    0.9
}

impl Cyclic {
    /// From 0 up in this many steps, and down again.
    pub fn every(rise: u64) -> Self {
        Cyclic {
            rise,
            fall: None,
            minimum_factor: 0.0,
            mode: CyclicMode::default(),
            low_momentum: default_low_momentum(),
            high_momentum: default_high_momentum(),
        }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        self.minimum_factor + (1.0 - self.minimum_factor) * self.height(step)
    }

    /// The momentum (β1 for optimizers like Adam) that goes with the rate after `step` steps.
    pub fn momentum(&self, step: u64) -> f64 {
        self.high_momentum - (self.high_momentum - self.low_momentum) * self.height(step)
    }

    fn height(&self, step: u64) -> f64 {
        let rise = u128::from(self.rise.max(1));
        let fall = u128::from(self.fall.unwrap_or(self.rise).max(1));
        let (cycle, elapsed) = (u128::from(step) / (rise + fall), u128::from(step) % (rise + fall));
        let height = match elapsed.checked_sub(rise) {
            Some(down) => (fall - down) as f64 / fall as f64,
            None => elapsed as f64 / rise as f64,
        };
        height
            * match self.mode {
                CyclicMode::Triangular => 1.0,
                CyclicMode::Triangular2 => 0.5_f64.powf(cycle as f64),
                CyclicMode::ExpRange(gamma) => gamma.powf(step as f64),
            }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let owner = "cyclic";
        Error::check(self.rise > 0, owner, "rise", "at least 1", self.rise as f64)?;
        Error::check(self.fall != Some(0), owner, "fall", "at least 1", 0.0)?;
        let minimum = self.minimum_factor;
        Error::check((0.0..=1.0).contains(&minimum), owner, "minimum_factor", "from 0 to 1", minimum)?;
        if let CyclicMode::ExpRange(gamma) = self.mode {
            Error::check(gamma > 0.0 && gamma <= 1.0, owner, "exp_range", "above 0 and at most 1", gamma)?;
        }
        Error::check_fraction(owner, "low_momentum", self.low_momentum)?;
        Error::check_fraction(owner, "high_momentum", self.high_momentum)
    }
}
