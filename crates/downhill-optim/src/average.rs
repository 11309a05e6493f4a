//! Averages of the parameters on their way, which are often better than the last of them.

use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// How the points of a way count in an average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AverageKind {
    /// Exponentially less the older they are, with the part of the average that each new one leaves: `a <- d
    /// a + (1 - d) p`. From 0 to 1; 0.999 is usual.
    Exponential(f64),
    /// All alike (stochastic weight averaging): `a <- a + (p - a) / (n + 1)`.
    Equal,
}

/// An average of parameters beside the training, to be judged and kept in their place: an exponential moving
/// average (EMA) or stochastic weight averaging (SWA). A plain value, to be saved with the optimizer's state.
///
/// The first parameters are taken over as they are. When to show it parameters is up to you: after each step
/// for the first kind, once an epoch near the end for the second. A model that normalizes by batches needs
/// the statistics of the averaged parameters.
///
/// ```
/// use downhill_optim::{AverageKind, ParameterAverage};
/// let mut average = ParameterAverage::new(AverageKind::Equal)?;
/// for parameters in [[1.0_f32, 0.0], [2.0, 0.0], [6.0, 3.0]] {
///     average.update(&parameters)?;
/// }
/// assert_eq!(average.values(), [3.0, 1.0]);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
///
/// # Source
/// B. Polyak, A. Juditsky, *Acceleration of stochastic approximation by averaging* (1992); P. Izmailov et al.,
/// *Averaging weights leads to wider optima and better generalization* (2018); PyTorch's `AveragedModel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct ParameterAverage<T> {
    kind: AverageKind,
    count: u64,
    values: Vec<T>,
}

impl<T: Float> ParameterAverage<T> {
    /// An average of nothing yet.
    ///
    /// # Errors
    /// A decay that is not from 0 to 1.
    pub fn new(kind: AverageKind) -> Result<Self> {
        if let AverageKind::Exponential(decay) = kind {
            Error::check((0.0..=1.0).contains(&decay), "average", "exponential", "from 0 to 1", decay)?;
        }
        Ok(ParameterAverage { kind, count: 0, values: Vec::new() })
    }

    /// Takes these parameters in.
    ///
    /// # Errors
    /// Another number of parameters than before; then nothing has changed.
    pub fn update(&mut self, parameters: &[T]) -> Result<()> {
        if self.count == 0 {
            self.values = parameters.to_vec();
        } else if self.values.len() != parameters.len() {
            let (expected, actual) = (self.values.len(), parameters.len());
            return Err(Error::LengthMismatch { what: "parameter", expected, actual });
        } else {
            let share = T::from_f64(match self.kind {
                AverageKind::Exponential(decay) => 1.0 - decay,
                AverageKind::Equal => 1.0 / (self.count as f64 + 1.0),
            });
            self.values.iter_mut().zip(parameters).for_each(|(a, &p)| *a += share * (p - *a));
        }
        self.count += 1;
        Ok(())
    }

    /// The average; empty as long as no parameters were shown.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// How many parameters it is made of.
    pub fn count(&self) -> u64 {
        self.count
    }
}
