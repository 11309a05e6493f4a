//! Normalization by the root of the mean square.

use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// Each row divided by the root of its mean square, then scaled by learned numbers:
/// `y = x / √(mean(x²) + epsilon) · weight`, over the last axis.
///
/// # Shape
/// Any with a last axis; the result has the same. `weight` has the length of the last axis.
///
/// # Start
/// weight 1.
///
/// # Source
/// Zhang and Sennrich, "Root mean square layer normalization", 2019 (arXiv:1910.07467).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsNorm {
    /// What is added to the mean square.
    pub epsilon: f64,
    /// Whether there is a weight.
    pub affine: bool,
}

impl Default for RmsNorm {
    /// Epsilon 2⁻²³, the distance of 1 to the next number in single precision, which is PyTorch's there (in double
    /// precision it has 2⁻⁵²); with a weight.
    fn default() -> Self {
        RmsNorm { epsilon: f64::from(f32::EPSILON), affine: true }
    }
}

impl Layer for RmsNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let Some(&width) = x.shape().last().filter(|&&width| width > 0) else {
            return x.refuse("rms_norm", "the input must have a last axis with elements");
        };
        if self.epsilon.is_nan() || self.epsilon < 0.0 {
            return x.refuse("rms_norm", format!("epsilon must not be negative; it is {}", self.epsilon));
        }
        let normal = x / (x.square().mean_keep(&[-1]) + self.epsilon).sqrt();
        if self.affine { normal * scope.param("weight", [width], Init::Ones) } else { normal }
    }
}
