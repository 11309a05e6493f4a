//! One step on the gradients of several batches, for batches that are too large to be computed at once.

use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// A sum of gradients, each with a weight, and their mean.
///
/// ```
/// use downhill_optim::GradientAccumulator;
/// let mut accumulator = GradientAccumulator::new(2);
/// // The mean gradients of 3 examples and of 1.
/// accumulator.add(&[1.0_f32, 2.0], 3.0)?;
/// accumulator.add(&[5.0, -2.0], 1.0)?;
/// let mut gradient = [0.0; 2];
/// accumulator.take_mean(&mut gradient)?;
/// assert_eq!(gradient, [2.0, 1.0], "the mean of 4 examples");
/// # Ok::<(), downhill_optim::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct GradientAccumulator<T> {
    sum: Vec<T>,
    weight: f64,
}

impl<T: Float> GradientAccumulator<T> {
    /// An empty sum of gradients of this length.
    pub fn new(len: usize) -> Self {
        GradientAccumulator { sum: vec![T::ZERO; len], weight: 0.0 }
    }

    /// Adds a gradient with a weight: the number of examples of which it is the mean.
    ///
    /// # Errors
    /// A gradient of another length, or a weight that is not above 0; then nothing has changed.
    pub fn add(&mut self, gradient: &[T], weight: f64) -> Result<()> {
        self.check_len(gradient.len())?;
        let valid = weight.is_finite() && weight > 0.0;
        Error::check(valid, "gradient accumulator", "weight", "finite and above 0", weight)?;
        let factor = T::from_f64(weight);
        self.sum.iter_mut().zip(gradient).for_each(|(sum, &g)| *sum += factor * g);
        self.weight += weight;
        Ok(())
    }

    /// The sum of the weights so far.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Writes the weighted mean of the gradients, and starts anew.
    ///
    /// # Errors
    /// A slice of another length, or no gradient to take the mean of; then nothing has changed.
    pub fn take_mean(&mut self, gradient: &mut [T]) -> Result<()> {
        self.check_len(gradient.len())?;
        let owner = "gradient accumulator";
        Error::check(self.weight > 0.0, owner, "the sum of weights", "above 0", self.weight)?;
        let weight = T::from_f64(self.weight);
        gradient.iter_mut().zip(&self.sum).for_each(|(g, &sum)| *g = sum / weight);
        self.sum.fill(T::ZERO);
        self.weight = 0.0;
        Ok(())
    }

    fn check_len(&self, actual: usize) -> Result<()> {
        let expected = self.sum.len();
        if actual == expected {
            Ok(())
        } else {
            Err(Error::LengthMismatch { what: "gradient", expected, actual })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_accumulated_changes_nothing() {
        let mut accumulator = GradientAccumulator::new(2);
        let mut gradient = [7.0_f64; 2];
        assert!(accumulator.take_mean(&mut gradient).is_err(), "there is nothing yet");
        assert!(accumulator.add(&[1.0], 1.0).is_err());
        assert!(accumulator.add(&[1.0; 2], 0.0).is_err());
        assert!(accumulator.add(&[1.0; 2], f64::NAN).is_err());
        assert_eq!((gradient, accumulator.weight()), ([7.0; 2], 0.0));
        accumulator.add(&[1.0, 2.0], 2.0).unwrap();
        assert!(accumulator.take_mean(&mut [0.0]).is_err());
        accumulator.take_mean(&mut gradient).unwrap();
        assert_eq!(gradient, [1.0, 2.0]);
        assert_eq!(accumulator, GradientAccumulator::new(2));
    }
}
