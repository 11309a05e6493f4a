//! Attention, and the transformer block around it.

use super::{Activation, Dropout, LayerNorm, Linear};
use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// Multi-head self-attention: for each head, `softmax(Q Kᵀ / √d) V` with `d = width / heads`, where query,
/// key and value are linear in the input; the heads' results side by side go through another linear map.
///
/// # Shape
/// `[n, length, width]`; the result has the same. Parameters: `projection` (query, key and value side by
/// side, `[width, 3 width]`) and `output` (`[width, width]`), both with biases.
///
/// # Start
/// That of [`Linear`].
///
/// # Errors
/// A width that is not a multiple of the number of heads.
///
/// # Source
/// Vaswani et al., "Attention is all you need", 2017 (arXiv:1706.03762), section 3.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHeadAttention {
    /// The number of heads.
    pub heads: usize,
    /// Whether a position sees only itself and those before it.
    pub causal: bool,
}

impl MultiHeadAttention {
    /// Each position sees all.
    pub fn new(heads: usize) -> Self {
        MultiHeadAttention { heads, causal: false }
    }

    /// Each position sees itself and those before it.
    pub fn causal(heads: usize) -> Self {
        MultiHeadAttention { heads, causal: true }
    }
}

impl Layer for MultiHeadAttention {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, _, width] = x.shape().dims() else {
            return x.refuse("attention", "the input must be sequences [n, length, width]");
        };
        if self.heads == 0 || !width.is_multiple_of(self.heads) {
            let reason =
                format!("the width ({width}) must be a multiple of the number of heads ({})", self.heads);
            return x.refuse("attention", reason);
        }
        let packed = scope.layer("projection", &Linear::new(3 * width), x);
        let joined = packed.attention(self.heads, self.causal);
        scope.layer("output", &Linear::new(width), joined)
    }
}

/// A pre-norm transformer block: `x + attention(norm(x))`, then `x + mlp(norm(x))`, where the MLP is linear,
/// GELU, linear with a hidden width of `expansion` times the width. Dropout, if any, acts on both results
/// before they are added.
///
/// # Shape
/// `[n, length, width]`; the result has the same.
///
/// # Source
/// Xiong et al., "On layer normalization in the transformer architecture", 2020 (arXiv:2002.04745).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerBlock {
    /// The number of heads of the attention.
    pub heads: usize,
    /// Whether a position sees only itself and those before it.
    pub causal: bool,
    /// The hidden width of the MLP in widths of the input.
    pub expansion: usize,
    /// The dropout rate.
    pub dropout: f64,
}

impl TransformerBlock {
    /// Each position sees all; expansion 4, no dropout.
    pub fn new(heads: usize) -> Self {
        TransformerBlock { heads, causal: false, expansion: 4, dropout: 0.0 }
    }

    /// Each position sees itself and those before it; expansion 4, no dropout.
    pub fn causal(heads: usize) -> Self {
        TransformerBlock { causal: true, ..Self::new(heads) }
    }
}

impl Layer for TransformerBlock {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let Some(&width) = x.shape().last() else {
            return x.refuse("transformer_block", "the input must be sequences [n, length, width]");
        };
        let dropout = Dropout::new(self.dropout);
        let attention = MultiHeadAttention { heads: self.heads, causal: self.causal };
        let seen = scope.layer("attention_norm", &LayerNorm::default(), x);
        let x = x + dropout.forward(scope, scope.layer("attention", &attention, seen));

        let hidden = scope.layer("mlp_norm", &LayerNorm::default(), x);
        let hidden = scope.layer("mlp_in", &Linear::new(self.expansion.saturating_mul(width)), hidden);
        let hidden = scope.layer("mlp_out", &Linear::new(width), Activation::Gelu.apply(hidden));
        x + dropout.forward(scope, hidden)
    }
}
