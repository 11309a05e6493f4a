//! Layer normalization.

use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use downhill_tensor::Shape;
use serde::{Deserialize, Serialize};

/// Each sample shifted and scaled to mean 0 and variance 1 over its last axes, then by learned numbers:
/// `y = (x - mean) / √(variance + epsilon) · weight + bias`; the variance is divided by the count.
///
/// # Shape
/// Any with at least `axes` axes; the result has the same. `weight` and `bias` have the shape of the last
/// `axes` axes.
///
/// # Start
/// weight 1, bias 0.
///
/// # Source
/// Ba, Kiros, Hinton, "Layer normalization", 2016 (arXiv:1607.06450). Defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Over how many axes, counted from the last.
    pub axes: usize,
    /// What is added to the variance.
    pub epsilon: f64,
    /// Whether there are a weight and a bias.
    pub affine: bool,
}

impl Default for LayerNorm {
    /// Over the last axis, epsilon 1e-5, with weight and bias.
    fn default() -> Self {
        LayerNorm { axes: 1, epsilon: 1e-5, affine: true }
    }
}

impl Layer for LayerNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let rank = x.rank();
        if self.axes == 0 || self.axes > rank {
            return x.refuse(
                "layer_norm",
                format!("it normalizes over the last {} axes, from 1 to all", self.axes),
            );
        }
        if self.epsilon.is_nan() || self.epsilon < 0.0 {
            return x.refuse("layer_norm", format!("epsilon must not be negative; it is {}", self.epsilon));
        }
        let leading: Vec<usize> = (0..rank - self.axes).collect();
        let shape: Shape = x.shape().reduced(&leading, false);
        // As rows, which are normalized in one pass.
        let normal = x.flatten_from(rank - self.axes).normalize(self.epsilon).reshape(x.shape());
        if !self.affine {
            return normal;
        }
        normal * scope.param("weight", shape, Init::Ones) + scope.param("bias", shape, Init::Zeros)
    }
}
