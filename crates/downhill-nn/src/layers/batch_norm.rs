//! Batch normalization.

use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// Each channel shifted and scaled to mean 0 and variance 1, then by learned numbers:
/// `y = (x - mean) / √(variance + epsilon) · weight + bias`.
///
/// In training, mean and variance are those of the batch (over all axes but the channel's; the variance
/// divided by the count m). The state `running_mean` and `running_variance` moves towards them:
/// `running = (1 - momentum) running + momentum · batch`, where the batch's variance is divided by m - 1. In
/// inference the running statistics are used, so each sample's result is its own.
///
/// # Shape
/// `[n, channels]` or `[n, channels, ..]`; the result has the same. Parameters and state are `[channels]`.
///
/// # Start
/// weight 1, bias 0, running mean 0, running variance 1.
///
/// # Errors
/// In training, a batch with only one value for each channel, which has no variance.
///
/// # Source
/// Ioffe and Szegedy, "Batch normalization", 2015 (arXiv:1502.03167). Formulas and defaults are PyTorch's,
/// whose momentum is the weight of the new value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// The weight of the batch in the running statistics.
    pub momentum: f64,
    /// What is added to the variance.
    pub epsilon: f64,
    /// Whether there are a weight and a bias.
    pub affine: bool,
}

impl Default for BatchNorm {
    /// Momentum 0.1, epsilon 1e-5, with weight and bias.
    fn default() -> Self {
        BatchNorm { momentum: 0.1, epsilon: 1e-5, affine: true }
    }
}

impl Layer for BatchNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if x.rank() < 2 {
            return x.refuse("batch_norm", "the input must be [n, channels] or [n, channels, ..]");
        }
        if !(0.0..=1.0).contains(&self.momentum) || self.epsilon.is_nan() || self.epsilon < 0.0 {
            return x.refuse(
                "batch_norm",
                format!(
                    "momentum must be between 0 and 1 and epsilon not negative; they are {} and {}",
                    self.momentum, self.epsilon
                ),
            );
        }
        let channels = x.dim(1);
        // The channels' numbers in a shape that lines up with the second axis of the input.
        let mut aligned = x.shape().reduced(&(0..x.rank()).collect::<Vec<_>>(), true);
        aligned = aligned.with(1, channels).unwrap_or(aligned);
        let along = |v: Var<'t>| v.reshape(aligned);

        let running_mean = scope.state("running_mean", [channels], 0.0);
        let running_variance = scope.state("running_variance", [channels], 1.0);
        let (centered, variance) = if scope.is_training() {
            let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
            let count = x.shape().size() / channels.max(1);
            if count < 2 {
                return x.refuse(
                    "batch_norm",
                    "training needs more than one value for each channel, since one has no variance; use a \
                     larger batch, or drop the last one if it is smaller",
                );
            }
            let mean = x.mean_keep(&axes);
            let centered = x - mean;
            let variance = centered.square().mean_keep(&axes);
            let move_to = |running: Var<'t>, new: Var<'t>| {
                (1.0 - self.momentum) * running + self.momentum * new.reshape([channels])
            };
            let unbiased = variance * (count as f64 / (count - 1) as f64);
            scope.update_state("running_mean", move_to(running_mean, mean));
            scope.update_state("running_variance", move_to(running_variance, unbiased));
            (centered, variance)
        } else {
            (x - along(running_mean), along(running_variance))
        };
        let normal = centered / (variance + self.epsilon).sqrt();
        if !self.affine {
            return normal;
        }
        let weight = scope.param("weight", [channels], Init::Ones);
        let bias = scope.param("bias", [channels], Init::Zeros);
        normal * along(weight) + along(bias)
    }
}
