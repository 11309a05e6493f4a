//! Who takes part in a race.

use crate::config::batch_size;
use crate::{Error, Result};
use downhill_data::BatchSize;
use downhill_optim::{OptimizerConfig, Rule, minimize};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an entrant moves the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the gradient of one batch after the other.
    Optimizer(OptimizerConfig),
    /// By searches along lines, on the loss of all examples. It has no learning rate, and needs several gradients for
    /// some of its steps. Networks with running statistics cannot take part so: nothing moves these.
    Minimizer(minimize::Method),
}

/// The methods that search along lines, by name. None of them needs second derivatives.
const MINIMIZERS: [&str; 3] = ["lbfgs", "conjugate_gradient", "steepest_descent"];

/// A method with a batch size. `Display` names it: `adam, batch of 64`, `sgd at 0.1, full batch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entrant {
    /// What its method is called, which may be the name of a setting: `momentum`.
    pub name: String,
    /// How it moves the parameters.
    pub method: Method,
    /// How many examples a gradient is of.
    #[serde(with = "batch_size")]
    pub batch_size: BatchSize,
    /// Whether a learning rate is searched for before the race; else it is the optimizer's own.
    pub tuned: bool,
}

impl Entrant {
    /// The optimizer of this name, as [`OptimizerConfig::from_name`] knows them, with a rate to be searched for;
    /// `adam@0.01` is Adam with that rate. Also `lbfgs`, `conjugate_gradient` and `steepest_descent`, which have no
    /// rate, with a full batch.
    ///
    /// # Errors
    /// A name that none of them has, a rate that is not one, or a batch for a method that needs all examples.
    ///
    /// ```
    /// use downhill_data::BatchSize;
    /// use downhill_train::race::Entrant;
    /// let entrant = Entrant::from_name("adam@0.01", BatchSize::Examples(64))?;
    /// assert_eq!(entrant.to_string(), "adam at 0.01, batch of 64");
    /// assert!(Entrant::from_name("momentum", BatchSize::Full)?.tuned);
    /// assert!(Entrant::from_name("lbfgs", BatchSize::Examples(64)).is_err());
    /// # Ok::<(), downhill_train::Error>(())
    /// ```
    pub fn from_name(name: &str, batch_size: BatchSize) -> Result<Self> {
        let (name, rate) = match name.split_once('@') {
            Some((name, rate)) => (name, Some(rate)),
            None => (name, None),
        };
        let normal = name.to_ascii_lowercase().replace('-', "_");
        if MINIMIZERS.contains(&normal.as_str()) {
            if let Some(rate) = rate {
                let (option, expected) = ("learning_rate", "left out for a method that searches along lines");
                return Err(Error::Option { option, expected, actual: format!("'{rate}'") });
            }
            let method = Method::Minimizer(minimize::Method::from_name(&normal)?);
            let entrant = Entrant { name: normal, method, batch_size, tuned: false };
            entrant.validate()?;
            return Ok(entrant);
        }
        let optimizer = OptimizerConfig::from_name(name)?;
        let Some(rate) = rate else {
            return Ok(Entrant {
                name: normal,
                method: Method::Optimizer(optimizer),
                batch_size,
                tuned: true,
            });
        };
        let rate =
            rate.parse().ok().filter(|rate: &f64| *rate >= 0.0 && rate.is_finite()).ok_or_else(|| {
                let expected = "a number of at least 0 behind the @ of an optimizer";
                Error::Option { option: "learning_rate", expected, actual: format!("'{rate}'") }
            })?;
        let method = Method::Optimizer(optimizer.with_learning_rate(rate));
        Ok(Entrant { name: normal, method, batch_size, tuned: false })
    }

    /// Each of these optimizers with each of these batch sizes; methods that need all examples once. Who is named twice
    /// takes part once.
    ///
    /// # Errors
    /// A name that none of them has, or a rate that is not one.
    pub fn all<S: AsRef<str>>(names: &[S], batch_sizes: &[BatchSize]) -> Result<Vec<Self>> {
        let mut entrants: Vec<Self> = Vec::new();
        let mut add = |entrant: Self| {
            if !entrants.contains(&entrant) {
                entrants.push(entrant);
            }
        };
        for name in names.iter().map(AsRef::as_ref) {
            let full = Entrant::from_name(name, BatchSize::Full)?;
            match full.method {
                Method::Minimizer(_) => add(full),
                Method::Optimizer(_) => {
                    let sized = |&batch_size: &BatchSize| Entrant { batch_size, ..full.clone() };
                    batch_sizes.iter().map(sized).for_each(&mut add);
                }
            }
        }
        Ok(entrants)
    }

    /// The names of the methods that have no learning rate and need all examples.
    pub fn minimizers() -> impl Iterator<Item = &'static str> {
        MINIMIZERS.into_iter()
    }

    /// The learning rate of its optimizer; none for a method that searches along lines.
    pub fn learning_rate(&self) -> Option<f64> {
        match &self.method {
            Method::Optimizer(optimizer) => Some(optimizer.learning_rate()),
            Method::Minimizer(_) => None,
        }
    }

    /// The same entrant with this learning rate, if it has one.
    pub(crate) fn at(&self, learning_rate: f64) -> Self {
        let method = match &self.method {
            Method::Optimizer(optimizer) => {
                Method::Optimizer(optimizer.clone().with_learning_rate(learning_rate))
            }
            other => other.clone(),
        };
        Entrant { method, ..self.clone() }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |expected, actual: String| Err(Error::Option { option: "batch_size", expected, actual });
        match (&self.method, self.batch_size) {
            (_, BatchSize::Examples(0)) => refuse("at least 1 or full", "0".into()),
            (Method::Minimizer(_), BatchSize::Examples(size)) => {
                refuse("full for a method that searches along lines", size.to_string())
            }
            (Method::Optimizer(optimizer), _) => {
                downhill_optim::Optimizer::<f32>::new(optimizer.clone(), 1)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.replace('_', "-"))?;
        if let Some(rate) = self.learning_rate().filter(|_| !self.tuned) {
            write!(f, " at {rate}")?;
        }
        match self.batch_size {
            BatchSize::Examples(size) => write!(f, ", batch of {size}"),
            BatchSize::Full => write!(f, ", full batch"),
        }
    }
}
