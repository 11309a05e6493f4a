//! A rate that falls when a metric no longer improves.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// By how much a metric must change to count as better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// By this part of the best: `best (1 - threshold)` for metrics to be minimized.
    Relative(f64),
    /// By this much: `best - threshold`.
    Absolute(f64),
}

/// Options of a rate that falls when a metric no longer improves.
///
/// # Source
/// PyTorch's `ReduceLROnPlateau`, whose defaults these are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReduceOnPlateau {
    /// Whether larger is better; default `false`.
    pub maximize: bool,
    /// By what the rate is multiplied; above 0 and below 1, default 0.1.
    pub gamma: f64,
    /// How many metrics in a row may be no better before the rate falls; default 10.
    pub patience: u64,
    /// What counts as better; default by a part of 1e-4.
    pub threshold: Threshold,
    /// How many metrics do not count after a fall; default 0.
    pub cooldown: u64,
    /// The lowest factor; from 0 to 1, default 0.
    pub minimum_factor: f64,
    /// The least fall worth making, as a part of the learning rate; default 1e-8. (PyTorch's is a rate.)
    pub smallest_fall: f64,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        ReduceOnPlateau {
            maximize: false,
            gamma: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            minimum_factor: 0.0,
            smallest_fall: 1e-8,
        }
    }
}

impl ReduceOnPlateau {
    /// Refuses options outside their domain.
    ///
    /// # Errors
    /// [`Error::InvalidValue`], which names field, domain and value.
    pub fn validate(&self) -> Result<()> {
        let owner = "reduce_on_plateau";
        let (gamma, minimum) = (self.gamma, self.minimum_factor);
        Error::check(gamma > 0.0 && gamma < 1.0, owner, "gamma", "above 0 and below 1", gamma)?;
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = self.threshold;
        Error::check_at_least_zero(owner, "threshold", threshold)?;
        Error::check((0.0..=1.0).contains(&minimum), owner, "minimum_factor", "from 0 to 1", minimum)?;
        Error::check_at_least_zero(owner, "smallest_fall", self.smallest_fall)
    }

    fn is_better(&self, metric: f64, best: f64) -> bool {
        match (self.maximize, self.threshold) {
            (false, Threshold::Relative(threshold)) => metric < best * (1.0 - threshold),
            (false, Threshold::Absolute(threshold)) => metric < best - threshold,
            (true, Threshold::Relative(threshold)) => metric > best * (1.0 + threshold),
            (true, Threshold::Absolute(threshold)) => metric > best + threshold,
        }
    }
}

/// A rate that falls when a metric, shown to it after each epoch, no longer improves: the one schedule that
/// is not a function of the step. A plain value, to be saved with the optimizer's state.
///
/// ```
/// use downhill_optim::{Plateau, ReduceOnPlateau};
/// let mut plateau = Plateau::new(ReduceOnPlateau { gamma: 0.5, patience: 1, ..ReduceOnPlateau::default() })?;
/// let factors = [3.0, 2.0, 2.5, 2.5, 2.5, 1.0].map(|loss| plateau.observe(loss));
/// assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    options: ReduceOnPlateau,
    best: Option<f64>,
    bad: u64,
    cooldown: u64,
    factor: f64,
}

impl Plateau {
    /// The full rate, and no metric seen.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for options outside their domain.
    pub fn new(options: ReduceOnPlateau) -> Result<Self> {
        options.validate()?;
        Ok(Plateau { options, best: None, bad: 0, cooldown: 0, factor: 1.0 })
    }

    /// Takes a metric and returns the factor of the learning rate from now on. A NaN is no better than
    /// anything.
    pub fn observe(&mut self, metric: f64) -> f64 {
        let options = &self.options;
        let better = match self.best {
            Some(best) => options.is_better(metric, best),
            None => {
                metric < f64::INFINITY && !options.maximize || metric > f64::NEG_INFINITY && options.maximize
            }
        };
        if better {
            self.best = Some(metric);
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.bad = 0;
        }
        if self.bad > options.patience {
            let lower = (self.factor * options.gamma).max(options.minimum_factor);
            if self.factor - lower > options.smallest_fall {
                self.factor = lower;
            }
            self.cooldown = options.cooldown;
            self.bad = 0;
        }
        self.factor
    }

    /// The factor of the learning rate.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// The best metric so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}
