//! How much the gradients of batches differ: the noise scale, and the batch size that it suggests.

use super::sharpness::short;
use super::{Severity, Verdict};
use crate::objective::LossOverData;
use crate::{Error, Result};
use downhill_nn::Layer;
use downhill_tensor::ParameterLayout;

/// How many times smaller or larger than the noise scale a batch is before a verdict speaks up.
const FAR: f64 = 10.0;

/// The gradients of batches of one size, as they come in: their mean and spread, element by element.
///
/// ```
/// use downhill_train::diagnosis::BatchGradients;
/// let mut gradients = BatchGradients::new(2, 4)?;
/// for gradient in [[1.0, 0.0], [3.0, 0.5], [2.0, -0.5]] {
///     gradients.add(&gradient)?;
/// }
/// let noise = gradients.noise()?;
/// assert!(noise.scale() > Some(1.0));
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BatchGradients {
    batch_size: usize,
    count: usize,
    /// Welford's mean and sum of squared deviations.
    mean: Vec<f64>,
    squares: Vec<f64>,
}

/// What the gradients of batches say about noise.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientNoise {
    /// B, the examples of a batch.
    pub batch_size: usize,
    /// The number of batches.
    pub batches: usize,
    /// `|G|²`: the squared norm of the true gradient, without bias; it can come out negative where there is more noise
    /// than gradient.
    pub squared_gradient: f64,
    /// `S = tr Σ`: the sum over all parameters of the variance of the gradient of a single example, without bias.
    pub variance: f64,
}

/// The signal to noise of a part of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalToNoise {
    /// The name of the parameter.
    pub parameter: String,
    /// The median over its elements of `|mean| / standard deviation` of the gradients of batches.
    pub median: f64,
    /// The share of its elements at which the mean exceeds the standard deviation.
    pub above_one: f64,
}

impl BatchGradients {
    /// No gradients yet, of this many parameters, each over `batch_size` examples.
    ///
    /// # Errors
    /// A batch size of 0.
    pub fn new(parameters: usize, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::Option { option: "batch_size", expected: "at least 1", actual: "0".into() });
        }
        let (mean, squares) = (vec![0.0; parameters], vec![0.0; parameters]);
        Ok(BatchGradients { batch_size, count: 0, mean, squares })
    }

    /// The gradients of all batches of a loss at θ, but for a last one that is smaller than the others.
    ///
    /// # Errors
    /// As [`LossOverData::batch_gradient`].
    pub fn over_data<L: Layer>(loss: &mut LossOverData<'_, f64, L>, theta: &[f64]) -> Result<Self> {
        let size = loss.batch_len(0);
        let mut gradients = BatchGradients::new(loss.dimension(), size)?;
        let mut gradient = vec![0.0; loss.dimension()];
        // Only the last one can be smaller.
        let whole = loss.examples() / size;
        for batch in 0..whole {
            loss.batch_gradient(batch, theta, &mut gradient)?;
            gradients.add(&gradient)?;
        }
        Ok(gradients)
    }

    /// Takes in the mean gradient of another batch.
    ///
    /// # Errors
    /// A gradient of another length; one that is not finite.
    pub fn add(&mut self, gradient: &[f64]) -> Result<()> {
        if gradient.len() != self.mean.len() {
            let reason = format!("{} numbers came for {} parameters", gradient.len(), self.mean.len());
            return Err(Error::Mismatch { what: "the gradient of a batch".into(), reason });
        }
        if !gradient.iter().all(|g| g.is_finite()) {
            return Err(Error::NotFinite { what: "the gradient of a batch" });
        }
        self.count += 1;
        let count = self.count as f64;
        for ((mean, squares), g) in self.mean.iter_mut().zip(&mut self.squares).zip(gradient) {
            let off = g - *mean;
            *mean += off / count;
            *squares += off * (g - *mean);
        }
        Ok(())
    }

    /// The number of batches so far.
    pub fn batches(&self) -> usize {
        self.count
    }

    /// The mean of the gradients.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The noise, by two batch sizes: that of one batch, `B_small = B`, and of all k together, `B_big = k B`:
    ///
    /// ```text
    /// |G|² = (B_big |G_big|² - B_small |G_small|²) / (B_big - B_small)
    /// S    = (|G_small|² - |G_big|²) / (1/B_small - 1/B_big)
    /// ```
    ///
    /// with `|G_small|²` the mean of the squared norms of the batches' gradients and `|G_big|²` the squared norm of their
    /// mean. Both are unbiased where examples are drawn independently.
    ///
    /// # Errors
    /// Fewer than two batches.
    ///
    /// # Source
    /// S. McCandlish et al., *An empirical model of large-batch training* (2018), appendix A.1.
    pub fn noise(&self) -> Result<GradientNoise> {
        if self.count < 2 {
            let reason = format!(
                "it takes at least two batches of {} examples to see how they differ, and there are {}: use a smaller \
                 batch size or more data",
                self.batch_size, self.count
            );
            return Err(Error::Mismatch { what: "the batch size".into(), reason });
        }
        let (k, size) = (self.count as f64, self.batch_size as f64);
        let big: f64 = self.mean.iter().map(|g| g * g).sum();
        // The mean of the squared norms is that of the mean, and the deviations from it.
        let deviations = self.squares.iter().sum::<f64>() / k;
        let (small_size, big_size) = (size, k * size);
        let small = big + deviations;
        Ok(GradientNoise {
            batch_size: self.batch_size,
            batches: self.count,
            squared_gradient: (big_size * big - small_size * small) / (big_size - small_size),
            variance: deviations / (1.0 / small_size - 1.0 / big_size),
        })
    }

    /// For each element `|mean| / standard deviation` of the batches' gradients: infinite where all are equal and not 0,
    /// 0 where the mean is. With normal noise, one batch moves a parameter the right way with the probability Φ(ratio):
    /// 50 % at 0, 84 % at 1.
    pub fn signal_to_noise(&self) -> Vec<f64> {
        let freedom = self.count.saturating_sub(1).max(1) as f64;
        let ratio = |(mean, squares): (&f64, &f64)| match (mean.abs(), (squares / freedom).sqrt()) {
            (0.0, _) => 0.0,
            (mean, deviation) => mean / deviation,
        };
        self.mean.iter().zip(&self.squares).map(ratio).collect()
    }

    /// [`signal_to_noise`](Self::signal_to_noise), parameter by parameter.
    ///
    /// # Errors
    /// A layout of another length.
    pub fn signal_to_noise_by_parameter(&self, layout: &ParameterLayout) -> Result<Vec<SignalToNoise>> {
        if layout.len() != self.mean.len() {
            let reason = format!("it has {} numbers for {} parameters", layout.len(), self.mean.len());
            return Err(Error::Mismatch { what: "the layout".into(), reason });
        }
        let ratios = self.signal_to_noise();
        let entries = layout.entries().iter().filter(|entry| entry.shape.size() > 0);
        Ok(entries
            .map(|entry| {
                let mut own = ratios[entry.range()].to_vec();
                own.sort_by(f64::total_cmp);
                let (middle, even) = (own.len() / 2, own.len().is_multiple_of(2));
                let median = if even { 0.5 * (own[middle - 1] + own[middle]) } else { own[middle] };
                let above = own.iter().filter(|ratio| **ratio > 1.0).count();
                let above_one = above as f64 / own.len() as f64;
                SignalToNoise { parameter: entry.name.clone(), median, above_one }
            })
            .collect())
    }
}

impl GradientNoise {
    /// The simple noise scale `S / |G|²`, in examples: the batch size at which the noise of the gradient is as large as the
    /// gradient. `None` where the gradient drowns in noise, so that the scale is larger than these batches can tell.
    pub fn scale(&self) -> Option<f64> {
        (self.squared_gradient > 0.0).then(|| self.variance.max(0.0) / self.squared_gradient)
    }

    /// How many times more steps than with full gradients training takes with batches of this size: `1 + scale / B`.
    pub fn steps_factor(&self, batch_size: usize) -> Option<f64> {
        self.scale().map(|scale| 1.0 + scale / batch_size as f64)
    }

    /// How many times more examples than with the smallest batches training takes with batches of this size:
    /// `1 + B / scale`.
    pub fn examples_factor(&self, batch_size: usize) -> Option<f64> {
        self.scale().map(|scale| 1.0 + batch_size as f64 / scale)
    }

    /// What the noise says about batches of this size.
    pub fn verdict(&self, batch_size: usize) -> Verdict {
        let (b, threshold) = (batch_size as f64, self.scale().unwrap_or(f64::INFINITY));
        let measured = format!("over {} batches of {}", self.batches, self.batch_size);
        let (name, severity, finding, advice) = match self.scale() {
            None => (
                "gradient-drowned-in-noise",
                Severity::Notice,
                format!(
                    "The gradient is smaller than its noise can be averaged away {measured}: its squared norm is \
                     estimated at {}, the variance of one example's at {}.",
                    short(self.squared_gradient),
                    short(self.variance)
                ),
                "Either training is at rest here, or larger batches or a lower rate are needed to go on."
                    .to_owned(),
            ),
            Some(scale) => {
                let (more_steps, more_examples) = (1.0 + scale / b, 1.0 + b / scale);
                let factors = format!(
                    "The noise scale is {} examples {measured}: with batches of {batch_size}, training takes about {} \
                     times the fewest steps, and {} times the fewest examples.",
                    short(scale),
                    short(more_steps),
                    short(more_examples)
                );
                let suggested = short(scale.round().max(1.0));
                if b * FAR < scale {
                    let advice = format!(
                        "Batches of about {suggested} take fewer steps for hardly more examples; a lower rate has the \
                         same effect on the noise."
                    );
                    ("batch-too-small", Severity::Warning, factors, advice)
                } else if b > FAR * scale {
                    let advice =
                        format!("Batches of about {suggested} go as far with each step, for much less work.");
                    ("batch-too-large", Severity::Notice, factors, advice)
                } else {
                    ("batch-size-suits-the-noise", Severity::Healthy, factors, String::new())
                }
            }
        };
        Verdict {
            name: name.into(),
            severity,
            place: None,
            finding,
            number: b,
            threshold,
            formula: "B against S / |G|²".into(),
            source: "McCandlish et al. 2018, \"An empirical model of large-batch training\"; its factors hold for a \
                     quadratic whose curvature is the same in all directions, at this point of the run"
                .into(),
            advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradients(size: usize, rows: &[Vec<f64>]) -> BatchGradients {
        let mut gradients = BatchGradients::new(rows[0].len(), size).unwrap();
        rows.iter().for_each(|row| gradients.add(row).unwrap());
        gradients
    }

    #[test]
    fn the_two_estimates_are_those_of_the_formulas() {
        let rows = vec![vec![1.0, 2.0], vec![3.0, -1.0], vec![2.0, 0.5], vec![0.0, 0.0]];
        let noise = gradients(8, &rows).noise().unwrap();
        let small = rows.iter().map(|g| g[0] * g[0] + g[1] * g[1]).sum::<f64>() / 4.0;
        let big = 1.5f64.powi(2) + 0.375f64.powi(2);
        assert!((noise.squared_gradient - (32.0 * big - 8.0 * small) / 24.0).abs() < 1e-12);
        assert!((noise.variance - (small - big) / (1.0 / 8.0 - 1.0 / 32.0)).abs() < 1e-12);
    }

    #[test]
    fn verdicts_compare_the_batch_with_the_scale() {
        let noise = GradientNoise { batch_size: 16, batches: 9, squared_gradient: 0.5, variance: 50.0 };
        assert_eq!(noise.scale(), Some(100.0));
        assert_eq!((noise.steps_factor(50), noise.examples_factor(50)), (Some(3.0), Some(1.5)));
        let named = |size| noise.verdict(size).name;
        assert_eq!(named(4), "batch-too-small");
        assert_eq!(named(64), "batch-size-suits-the-noise");
        assert_eq!(named(2000), "batch-too-large");
        let drowned = GradientNoise { squared_gradient: -0.1, ..noise };
        assert_eq!(drowned.scale(), None);
        assert_eq!(drowned.verdict(32).name, "gradient-drowned-in-noise");
    }

    #[test]
    fn signal_to_noise_is_the_mean_over_the_deviation() {
        let gradients =
            gradients(1, &[vec![1.0, 0.0, 2.0, 0.0], vec![3.0, 0.0, 2.0, 1.0], vec![5.0, 0.0, 2.0, -1.0]]);
        assert_eq!(gradients.signal_to_noise(), [1.5, 0.0, f64::INFINITY, 0.0]);
        let mut layout = ParameterLayout::default();
        layout.push("a", [3], false).unwrap();
        layout.push("b", [1], false).unwrap();
        let by_parameter = gradients.signal_to_noise_by_parameter(&layout).unwrap();
        assert_eq!((by_parameter[0].median, by_parameter[0].above_one), (1.5, 2.0 / 3.0));
        assert_eq!((by_parameter[1].parameter.as_str(), by_parameter[1].median), ("b", 0.0));
        assert!(gradients.signal_to_noise_by_parameter(&ParameterLayout::flat(3)).is_err());
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        assert!(BatchGradients::new(1, 0).is_err());
        let mut one = gradients(4, &[vec![1.0]]);
        assert!(one.noise().unwrap_err().to_string().contains("at least two batches of 4 examples"));
        assert!(one.add(&[1.0, 2.0]).is_err() && one.add(&[f64::NAN]).is_err());
        assert_eq!(one.batches(), 1);
    }
}
