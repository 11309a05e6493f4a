//! The bilinear layer.

use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// A bilinear map of two vectors, `yₒ = Σᵢⱼ aᵢ Wₒᵢⱼ bⱼ + biasₒ`: see [`Bilinear::combine`]. As a layer, both vectors
/// are its input: a quadratic form for each output.
///
/// # Shape
/// `[.., in1]` and `[.., in2]` give `[.., out_features]`; `weight` is `[out_features, in1, in2]`, as in PyTorch,
/// `bias` is `[out_features]`.
///
/// # Start
/// Both uniform in ±1/√in1, as PyTorch's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilinear {
    /// The number of outputs.
    pub out_features: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Bilinear {
    /// With a bias.
    pub fn new(out_features: usize) -> Self {
        Bilinear { out_features, bias: true }
    }

    /// Records the bilinear map of two vectors, or of each pair of them.
    #[track_caller]
    pub fn combine<'t>(&self, scope: &Scope<'t>, a: Var<'t>, b: Var<'t>) -> Var<'t> {
        let (shape, other_shape) = (a.shape(), b.shape());
        let (&[ref lead @ .., width], &[ref other_lead @ .., other]) = (shape.dims(), other_shape.dims())
        else {
            return a.refuse("bilinear", "both inputs must have a last axis of features");
        };
        if lead != other_lead {
            let reason =
                format!("the other input must have the same shape but for its last axis; it is {}", b.ty());
            return a.refuse("bilinear", reason);
        }
        let outputs = self.out_features;
        let init = Init::fan_in_uniform(width);
        let weight = scope.param("weight", [outputs, width, other], init);
        let rows: usize = lead.iter().product();
        let forms = weight.permute(&[1, 0, 2]).reshape([width, outputs.saturating_mul(other)]);
        let half = a.reshape([rows, width]).matmul(forms).reshape([rows, outputs, other]);
        let y = (half * b.reshape([rows, 1, other])).sum_over(&[-1]);
        let y = match a.shape().with(lead.len(), outputs) {
            Ok(shape) => y.reshape(shape),
            Err(error) => y.refuse("bilinear", error.to_string()),
        };
        if self.bias { y + scope.param("bias", [outputs], init) } else { y }
    }
}

impl Layer for Bilinear {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        self.combine(scope, x, x)
    }
}
