//! How well a fitted regression explains examples.

use super::examples::Examples;
use super::loss::Loss;
use downhill_tensor::kernels::gamma::lgamma;
use serde::{Deserialize, Serialize};

/// How well a fitted regression explains examples; what does not apply to a model is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// How many examples there are.
    pub examples: usize,
    /// For numbers: `sqrt(Σ wᵢ (yᵢ - ŷᵢ)² / Σ wᵢ)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_mean_squared_error: Option<f64>,
    /// For numbers: `1 - Σ wᵢ (yᵢ - ŷᵢ)² / Σ wᵢ (yᵢ - ȳ)²`, with the mean of these examples; not for targets that are
    /// all equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_squared: Option<f64>,
    /// For classes: the share of examples whose most probable class is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The logarithm of the probability of the targets: for squares with the variance that makes it largest, for
    /// classes and counts as the model says. Not for Huber's loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// For classes and counts: twice the distance of the log-likelihood from that of a model that knows every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviance: Option<f64>,
    /// The deviance of the model that predicts the mean, or the shares of the classes, of these examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_deviance: Option<f64>,
}

impl Quality {
    /// The share of the null deviance that the model explains: `1 - deviance / null deviance`.
    pub fn explained(&self) -> Option<f64> {
        Some(1.0 - self.deviance? / self.null_deviance.filter(|&null| null > 0.0)?)
    }
}

/// Measures linear predictors `eta` (`outputs` for each example) against the targets.
pub(crate) fn measure(loss: Loss, eta: &[f64], examples: &Examples<'_>) -> Quality {
    let outputs = loss.outputs();
    let rows = || eta.chunks_exact(outputs).zip(examples.targets).enumerate();
    let total = examples.total_weight();
    let sum = |of: &dyn Fn(&[f64], f64) -> f64| -> f64 {
        rows()
            .map(|(row, (eta, &y))| match examples.weight(row) {
                0.0 => 0.0,
                weight => weight * of(eta, y),
            })
            .sum()
    };
    let quality = Quality { examples: examples.len(), ..Quality::default() };
    let mean = examples.mean(|y| y);
    match loss {
        Loss::Squares | Loss::Huber { .. } | Loss::FixedHuber { .. } => {
            let rest = sum(&|eta, y| (y - eta[0]).powi(2));
            let spread = sum(&|_, y| (y - mean).powi(2));
            let likelihood = -0.5 * total * ((std::f64::consts::TAU * rest / total).ln() + 1.0);
            Quality {
                root_mean_squared_error: Some((rest / total).sqrt()),
                r_squared: (spread > 0.0).then(|| 1.0 - rest / spread),
                log_likelihood: (loss == Loss::Squares && likelihood.is_finite()).then_some(likelihood),
                ..quality
            }
        }
        Loss::Poisson => {
            let log = |y: f64, rate: f64| if y > 0.0 { y * (y / rate).ln() } else { 0.0 };
            Quality {
                log_likelihood: Some(sum(&|eta, y| y * eta[0] - eta[0].exp() - lgamma(y + 1.0))),
                deviance: Some(
                    2.0 * sum(&|eta, y| {
                        let rate = eta[0].exp();
                        log(y, rate) - (y - rate)
                    }),
                ),
                null_deviance: Some(2.0 * sum(&|_, y| log(y, mean) - (y - mean))),
                ..quality
            }
        }
        Loss::Logistic => {
            let likelihood = -sum(&|eta, y| {
                let margin = if y > 0.5 { eta[0] } else { -eta[0] };
                (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
            });
            let right = sum(&|eta, y| f64::from(u8::from((eta[0] > 0.0) == (y > 0.5))));
            with_classes(quality, likelihood, right / total, shares(examples, 2), total)
        }
        Loss::Softmax { classes } => {
            let likelihood = -sum(&|eta, y| {
                let top = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                eta.iter().map(|e| (e - top).exp()).sum::<f64>().ln() + top - eta[y as usize]
            });
            let right = sum(&|eta, y| f64::from(u8::from(most_probable(eta) == y as usize)));
            with_classes(quality, likelihood, right / total, shares(examples, classes), total)
        }
    }
}

fn with_classes(quality: Quality, likelihood: f64, accuracy: f64, shares: Vec<f64>, total: f64) -> Quality {
    let entropy: f64 = shares.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum();
    Quality {
        accuracy: Some(accuracy),
        log_likelihood: Some(likelihood),
        deviance: Some(-2.0 * likelihood),
        null_deviance: Some(2.0 * total * entropy),
        ..quality
    }
}

/// The share of each class in the total weight.
pub(crate) fn shares(examples: &Examples<'_>, classes: usize) -> Vec<f64> {
    let mut shares = vec![0.0; classes];
    let total = examples.total_weight();
    for (row, &y) in examples.targets.iter().enumerate() {
        if let Some(share) = shares.get_mut(y as usize) {
            *share += examples.weight(row) / total;
        }
    }
    shares
}

/// The first of the largest.
pub(crate) fn most_probable(eta: &[f64]) -> usize {
    (1..eta.len()).fold(0, |best, k| if eta[k] > eta[best] { k } else { best })
}
