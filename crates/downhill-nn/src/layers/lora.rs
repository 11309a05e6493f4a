//! Low-rank adaptation of a linear layer.

use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// A linear layer that does not learn, and beside it one of low rank that does:
/// `y = x weight + bias + alpha / rank · x lora_a lora_b`.
///
/// No gradient reaches `weight` and `bias`, which are parameters like all others, so that they can be loaded; weight
/// decay of an optimizer would reach them: put them in a group without.
///
/// # Shape
/// `[.., in]` gives `[.., out_features]`; `weight` is `[in, out_features]`, `bias` `[out_features]`, `lora_a`
/// `[in, rank]`, `lora_b` `[rank, out_features]`: the transposes of those of the paper's implementation.
///
/// # Start
/// `weight`, `bias` and `lora_a` uniform in ±1/√in, `lora_b` 0, so that it starts as the linear layer.
///
/// # Errors
/// A rank of 0.
///
/// # Source
/// Hu et al., "LoRA: low-rank adaptation of large language models", 2021 (arXiv:2106.09685), section 4.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    /// The number of outputs.
    pub out_features: usize,
    /// The rank of what is learned.
    pub rank: usize,
    /// `rank` times the factor on what is learned.
    pub alpha: f64,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Lora {
    /// Of this rank, with a factor of 1 and a bias.
    pub fn new(out_features: usize, rank: usize) -> Self {
        Lora { out_features, rank, alpha: rank as f64, bias: true }
    }
}

impl Layer for Lora {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if x.rank() == 0 || self.rank == 0 || !self.alpha.is_finite() {
            let reason = format!(
                "the input must have a last axis of features, the rank ({}) must be at least 1, and alpha ({}) finite",
                self.rank, self.alpha
            );
            return x.refuse("lora", reason);
        }
        let in_features = x.dim(-1);
        let init = Init::fan_in_uniform(in_features);
        let y = x.matmul(scope.param("weight", [in_features, self.out_features], init).stop_gradient());
        let y =
            if self.bias { y + scope.param("bias", [self.out_features], init).stop_gradient() } else { y };
        let down = scope.param("lora_a", [in_features, self.rank], init);
        let up = scope.param("lora_b", [self.rank, self.out_features], Init::Zeros);
        y + (self.alpha / self.rank as f64) * x.matmul(down).matmul(up)
    }
}
