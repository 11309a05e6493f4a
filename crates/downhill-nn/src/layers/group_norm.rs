//! Normalization of channels in groups, or each by itself.

use super::conv2d::along_channels;
use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// Each sample's groups of channels shifted and scaled to mean 0 and variance 1, over the channels of the group and
/// all that is behind them; then each channel by learned numbers: `y = x̂ · weight + bias`. The variance is divided
/// by the count.
///
/// # Shape
/// `[n, channels, ..]`; the result has the same. `weight` and `bias` are `[channels]`.
///
/// # Start
/// weight 1, bias 0.
///
/// # Errors
/// Channels that the groups do not divide.
///
/// # Source
/// Wu and He, "Group normalization", 2018 (arXiv:1803.08494). Defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// The number of groups.
    pub groups: usize,
    /// What is added to the variance.
    pub epsilon: f64,
    /// Whether there are a weight and a bias.
    pub affine: bool,
}

impl GroupNorm {
    /// This many groups; epsilon 1e-5, with weight and bias.
    pub fn new(groups: usize) -> Self {
        GroupNorm { groups, epsilon: 1e-5, affine: true }
    }
}

impl Layer for GroupNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let shape = x.shape();
        let &[n, channels, ref rest @ ..] = shape.dims() else {
            return x.refuse("group_norm", "the input must be [n, channels, ..]");
        };
        if self.groups == 0 || !channels.is_multiple_of(self.groups) {
            let reason = format!(
                "the channels ({channels}) must be a multiple of the number of groups ({})",
                self.groups
            );
            return x.refuse("group_norm", reason);
        }
        if self.epsilon.is_nan() || self.epsilon < 0.0 {
            return x.refuse("group_norm", format!("epsilon must not be negative; it is {}", self.epsilon));
        }
        let in_group = channels / self.groups * rest.iter().product::<usize>();
        let rows = x.reshape([n, self.groups, in_group]);
        affine(scope, rows.normalize(self.epsilon).reshape(x.shape()), self.affine)
    }
}

/// Each channel of each sample shifted and scaled to mean 0 and variance 1 over what is behind it: a [`GroupNorm`]
/// with as many groups as channels, by default without learned numbers.
///
/// # Shape
/// `[n, channels, ..]` with at least one more axis and more than one element behind each channel; the result has
/// the same. `weight` and `bias`, if asked for, are `[channels]`.
///
/// # Start
/// weight 1, bias 0.
///
/// # Source
/// Ulyanov, Vedaldi, Lempitsky, "Instance normalization", 2016 (arXiv:1607.08022). Defaults are PyTorch's, whose
/// option of running statistics there is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceNorm {
    /// What is added to the variance.
    pub epsilon: f64,
    /// Whether there are a weight and a bias.
    pub affine: bool,
}

impl Default for InstanceNorm {
    /// Epsilon 1e-5, without weight and bias.
    fn default() -> Self {
        InstanceNorm { epsilon: 1e-5, affine: false }
    }
}

impl Layer for InstanceNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if x.rank() < 3 || x.shape()[2..].iter().product::<usize>() < 2 {
            let expected = "the input must be [n, channels, ..] with more than one element for each channel";
            return x.refuse("instance_norm", expected);
        }
        if self.epsilon.is_nan() || self.epsilon < 0.0 {
            return x
                .refuse("instance_norm", format!("epsilon must not be negative; it is {}", self.epsilon));
        }
        let normal = x.flatten_from(2).normalize(self.epsilon).reshape(x.shape());
        affine(scope, normal, self.affine)
    }
}

/// Channels scaled and shifted by learned numbers.
fn affine<'t>(scope: &Scope<'t>, normal: Var<'t>, affine: bool) -> Var<'t> {
    if !affine {
        return normal;
    }
    let channels = normal.dim(1);
    let weight = scope.param("weight", [channels], Init::Ones);
    let bias = scope.param("bias", [channels], Init::Zeros);
    normal * along_channels(normal, weight) + along_channels(normal, bias)
}
