//! Metrics of numbers: mean absolute error, root mean square error, R².

use crate::{Error, Result};
use downhill_tensor::Float;

/// What there is to say about predictions of numbers, gathered batch by batch in double precision.
///
/// ```
/// use downhill_nn::metrics::RegressionMetrics;
/// let mut metrics = RegressionMetrics::new();
/// metrics.add(&[2.5, 0.0], &[3.0, -0.5])?;
/// metrics.add(&[2.0, 8.0], &[2.0, 7.0])?;
/// assert_eq!(metrics.mean_absolute_error(), 0.5);
/// assert_eq!(metrics.root_mean_square_error(), 0.375f64.sqrt());
/// assert!((metrics.r_squared() - 0.9486081370449679).abs() < 1e-12);
/// # Ok::<(), downhill_nn::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegressionMetrics {
    count: u64,
    absolute: f64,
    squared: f64,
    target_mean: f64,
    // The sum of the squared distances of the targets from their mean.
    target_spread: f64,
}

impl RegressionMetrics {
    /// Nothing gathered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds predictions and what they should have been.
    ///
    /// # Errors
    /// Different numbers of both; nothing is added then.
    pub fn add<T: Float>(&mut self, predictions: &[T], targets: &[T]) -> Result<()> {
        if predictions.len() != targets.len() {
            return Err(Error::Metric {
                metric: "regression metrics",
                expected: "as many predictions as targets".into(),
                actual: format!("{} predictions for {} targets", predictions.len(), targets.len()),
            });
        }
        for (prediction, target) in predictions.iter().zip(targets) {
            let (prediction, target) = (prediction.to_f64(), target.to_f64());
            self.count += 1;
            self.absolute += (prediction - target).abs();
            self.squared += (prediction - target).powi(2);
            // Welford's update: the plain sum of squares loses its digits to a large mean.
            let before = target - self.target_mean;
            self.target_mean += before / self.count as f64;
            self.target_spread += before * (target - self.target_mean);
        }
        Ok(())
    }

    /// The number of predictions.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean of |y - t|; NaN for no predictions.
    pub fn mean_absolute_error(&self) -> f64 {
        self.absolute / self.count as f64
    }

    /// The mean of (y - t)²; NaN for no predictions.
    pub fn mean_squared_error(&self) -> f64 {
        self.squared / self.count as f64
    }

    /// The square root of the mean of (y - t)², in the unit of the target; NaN for no predictions.
    pub fn root_mean_square_error(&self) -> f64 {
        self.mean_squared_error().sqrt()
    }

    /// The share of the targets' variance that the predictions explain: 1 - Σ (y - t)² / Σ (t - mean t)². It
    /// is 1 for perfect predictions, 0 for those of a constant at the mean, and negative for worse ones.
    ///
    /// NaN where it means nothing: for fewer than two targets, or targets that are all equal.
    pub fn r_squared(&self) -> f64 {
        if self.count < 2 || self.target_spread == 0.0 {
            return f64::NAN;
        }
        1.0 - self.squared / self.target_spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicting_the_mean_explains_nothing() {
        let mut metrics = RegressionMetrics::new();
        metrics.add(&[2.0f32; 3], &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(metrics.r_squared(), 0.0);
        assert_eq!(metrics.count(), 3);
    }

    #[test]
    fn a_large_mean_does_not_cost_digits() {
        let mut metrics = RegressionMetrics::new();
        let targets = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0];
        metrics.add(&targets.map(|t| t + 0.5), &targets).unwrap();
        assert!((metrics.r_squared() - (1.0 - 0.75 / 2.0)).abs() < 1e-6, "{}", metrics.r_squared());
    }

    #[test]
    fn what_means_nothing_is_nan() {
        let mut metrics = RegressionMetrics::new();
        assert!(metrics.mean_absolute_error().is_nan() && metrics.r_squared().is_nan());
        metrics.add(&[1.0, 2.0], &[5.0, 5.0]).unwrap();
        assert!(metrics.r_squared().is_nan());
        assert!(metrics.add(&[1.0], &[]).is_err());
    }
}
