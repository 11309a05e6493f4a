//! One rise and one long fall.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How a one-cycle schedule goes from one rate to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anneal {
    /// Along half a cosine.
    #[default]
    Cosine,
    /// In a straight line.
    Linear,
}

impl Anneal {
    fn between(self, start: f64, end: f64, share: f64) -> f64 {
        match self {
            Anneal::Cosine => end + (start - end) / 2.0 * ((PI * share).cos() + 1.0),
            Anneal::Linear => (end - start) * share + start,
        }
    }
}

/// The one-cycle policy for T steps: the rate rises from a low one to the full one in the first part, and
/// falls to almost nothing in the rest, while the momentum falls and rises.
///
/// ```text
/// low = 1 / divisor,  end = low / final_divisor
/// factor:   low -> 1 until step rise T - 1,  then -> end until T - 1                                  (two phases)
/// factor:   low -> 1 until step rise T - 1,  then -> low until 2 rise T - 2,  then -> end until T - 1 (three phases)
/// momentum: high -> low -> high,  then high
/// ```
///
/// After T steps it stays where it is, where PyTorch refuses to go on. The momentum is not applied: give what
/// [`momentum`](Self::momentum) says to [`Optimizer::replace_rule`](crate::Optimizer::replace_rule).
///
/// # Source
/// L. Smith, N. Topin, *Super-convergence: very fast training of neural networks using large learning rates*
/// (2018), which has three phases; PyTorch's `OneCycleLR`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// T; at least 1.
    pub steps: u64,
    /// The part of the steps in which the rate rises; from 0 to 1 (to 1/2 with three phases), default 0.3.
    #[serde(default = "default_rise")]
    pub rise: f64,
    /// How the rate goes; default [`Anneal::Cosine`].
    #[serde(default)]
    pub anneal: Anneal,
    /// The full rate over the first; at least 1, default 25.
    #[serde(default = "default_divisor")]
    pub divisor: f64,
    /// The first rate over the last; at least 1, default 10,000.
    #[serde(default = "default_final_divisor")]
    pub final_divisor: f64,
    /// Whether to fall as fast as it rose, and then on; default `false`.
    #[serde(default)]
    pub three_phases: bool,
    /// The momentum at the full rate; default 0.85.
    #[serde(default = "default_low_momentum")]
    pub low_momentum: f64,
    /// The momentum at the first and last rate; default 0.95.
    #[serde(default = "default_high_momentum")]
    pub high_momentum: f64,
}

fn default_rise() -> f64 {
    0.3
}

fn default_divisor() -> f64 {
    25.0
}

fn default_final_divisor() -> f64 {
    1e4
}

fn default_low_momentum() -> f64 {
    0.85
}

fn default_high_momentum() -> f64 {
    0.95
}

impl OneCycle {
    /// One cycle of this many steps.
    pub fn over(steps: u64) -> Self {
        OneCycle {
            steps,
            rise: default_rise(),
            anneal: Anneal::default(),
            divisor: default_divisor(),
            final_divisor: default_final_divisor(),
            three_phases: false,
            low_momentum: default_low_momentum(),
            high_momentum: default_high_momentum(),
        }
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let low = 1.0 / self.divisor;
        let end = low / self.final_divisor;
        match self.three_phases {
            true => self.at(step, [low, 1.0, low, end]),
            false => self.at(step, [low, 1.0, end, end]),
        }
    }

    /// The momentum (β1 for optimizers like Adam) that goes with the rate after `step` steps.
    pub fn momentum(&self, step: u64) -> f64 {
        self.at(step, [self.high_momentum, self.low_momentum, self.high_momentum, self.high_momentum])
    }

    /// The value on the way through these corners.
    fn at(&self, step: u64, corners: [f64; 4]) -> f64 {
        let total = self.steps.max(1);
        let (step, last) = (step.min(total - 1) as f64, (total - 1) as f64);
        let top = self.rise * total as f64 - 1.0;
        let ends = if self.three_phases { [top, 2.0 * top, last] } else { [top, last, last] };
        let mut start = 0.0;
        for (phase, &end) in ends.iter().enumerate() {
            if step <= end || phase == 2 {
                let share = if end == start { 1.0 } else { (step - start) / (end - start) };
                return self.anneal.between(corners[phase], corners[phase + 1], share);
            }
            start = end;
        }
        corners[3]
    }

    pub(super) fn validate(&self) -> Result<()> {
        let owner = "one_cycle";
        Error::check(self.steps > 0, owner, "steps", "at least 1", self.steps as f64)?;
        let (rise, most) = (self.rise, if self.three_phases { 0.5 } else { 1.0 });
        Error::check(
            (0.0..=most).contains(&rise),
            owner,
            "rise",
            "from 0 to 1 (1/2 with three phases)",
            rise,
        )?;
        for (field, divisor) in [("divisor", self.divisor), ("final_divisor", self.final_divisor)] {
            Error::check(
                divisor >= 1.0 && divisor.is_finite(),
                owner,
                field,
                "finite and at least 1",
                divisor,
            )?;
        }
        Error::check_fraction(owner, "low_momentum", self.low_momentum)?;
        Error::check_fraction(owner, "high_momentum", self.high_momentum)
    }
}
