//! The fully connected layer.

use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// The affine map `y = x W + b` of the last axis.
///
/// # Shape
/// `[.., in]` gives `[.., out_features]`; `weight` is `[in, out_features]`, `bias` is `[out_features]`.
///
/// # Start
/// Both uniform in ±1/√in, as PyTorch's (its "Kaiming uniform with a = √5" is the same distribution).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// The number of outputs.
    pub out_features: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Linear {
    /// With a bias.
    pub fn new(out_features: usize) -> Self {
        Linear { out_features, bias: true }
    }
}

impl Layer for Linear {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if x.rank() == 0 {
            return x.refuse("linear", "the input must have a last axis of features");
        }
        let in_features = x.dim(-1);
        let init = Init::fan_in_uniform(in_features);
        let weight = scope.param("weight", [in_features, self.out_features], init);
        let y = x.matmul(weight);
        if self.bias { y + scope.param("bias", [self.out_features], init) } else { y }
    }
}
