//! Who takes part in a race.

use crate::config::batch_size;
use crate::{Error, Result};
use downhill_data::BatchSize;
use downhill_optim::{OptimizerConfig, Rule};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An optimizer with a batch size. `Display` names it: `adam, batch of 64`, `sgd at 0.1, full batch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entrant {
    /// What its optimizer is called, which may be the name of a setting: `momentum`.
    pub name: String,
    /// How a gradient moves the parameters.
    pub optimizer: OptimizerConfig,
    /// How many examples a step looks at.
    #[serde(with = "batch_size")]
    pub batch_size: BatchSize,
    /// Whether its learning rate is searched for before the race; else it is the optimizer's own.
    pub tuned: bool,
}

impl Entrant {
    /// The optimizer of this name, as [`OptimizerConfig::from_name`] knows them, with a rate to be searched for;
    /// `adam@0.01` is Adam with that rate.
    ///
    /// # Errors
    /// A name that no optimizer has, or a rate that is not one.
    ///
    /// ```
    /// use downhill_data::BatchSize;
    /// use downhill_train::race::Entrant;
    /// let entrant = Entrant::from_name("adam@0.01", BatchSize::Examples(64))?;
    /// assert_eq!(entrant.to_string(), "adam at 0.01, batch of 64");
    /// assert!(Entrant::from_name("momentum", BatchSize::Full)?.tuned);
    /// # Ok::<(), downhill_train::Error>(())
    /// ```
    pub fn from_name(name: &str, batch_size: BatchSize) -> Result<Self> {
        let (name, rate) = match name.split_once('@') {
            Some((name, rate)) => (name, Some(rate)),
            None => (name, None),
        };
        let optimizer = OptimizerConfig::from_name(name)?;
        let name = name.to_ascii_lowercase().replace('-', "_");
        let Some(rate) = rate else {
            return Ok(Entrant { name, optimizer, batch_size, tuned: true });
        };
        let rate =
            rate.parse().ok().filter(|rate: &f64| *rate >= 0.0 && rate.is_finite()).ok_or_else(|| {
                let expected = "a number of at least 0 behind the @ of an optimizer";
                Error::Option { option: "learning_rate", expected, actual: format!("'{rate}'") }
            })?;
        Ok(Entrant { name, optimizer: optimizer.with_learning_rate(rate), batch_size, tuned: false })
    }

    /// Each of these optimizers with each of these batch sizes.
    ///
    /// # Errors
    /// A name that no optimizer has, or a rate that is not one.
    pub fn all<S: AsRef<str>>(names: &[S], batch_sizes: &[BatchSize]) -> Result<Vec<Self>> {
        let pairs = names.iter().flat_map(|name| batch_sizes.iter().map(move |&size| (name, size)));
        pairs.map(|(name, size)| Entrant::from_name(name.as_ref(), size)).collect()
    }

    /// The learning rate of its optimizer.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.replace('_', "-"))?;
        if !self.tuned {
            write!(f, " at {}", self.optimizer.learning_rate())?;
        }
        match self.batch_size {
            BatchSize::Examples(size) => write!(f, ", batch of {size}"),
            BatchSize::Full => write!(f, ", full batch"),
        }
    }
}
