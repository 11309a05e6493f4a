//! Attention, and the transformer block around it.

use super::padding::{self, Running};
use super::{Activation, Dropout, LayerNorm, Linear, RotaryPositions};
use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Multi-head attention: for each head, `softmax(Q Kᵀ / √d) V` with `d = width / heads`, where query, key and value
/// are linear in the input; the heads' results side by side go through another linear map. As a layer it is
/// self-attention; [`MultiHeadAttention::attend`] has query and memory apart.
///
/// Positions that do not count ([`Scope::padded`]) are seen by none, and what stands there is of no matter.
///
/// # Shape
/// `[n, length, width]`; the result has the same. Parameters: `projection` (query, key and value side by
/// side, `[width, 3 width]`) and `output` (`[width, width]`), both with biases: the transposes of PyTorch's
/// `in_proj_weight` and `out_proj.weight`.
///
/// # Start
/// That of [`Linear`].
///
/// # Errors
/// A width that is not a multiple of the number of heads; with `rotary`, an odd width of a head.
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
    /// Whether the queries and keys of each head are turned by their positions:
    /// [`RotaryPositions`](super::RotaryPositions) with a base of 10,000.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotary: bool,
}

impl MultiHeadAttention {
    /// Each position sees all.
    pub fn new(heads: usize) -> Self {
        MultiHeadAttention { heads, causal: false, rotary: false }
    }

    /// Each position sees itself and those before it.
    pub fn causal(heads: usize) -> Self {
        MultiHeadAttention { causal: true, ..Self::new(heads) }
    }

    /// Records what `query` `[n, length, width]` makes of `memory` `[n, other length, width]`: queries are linear in
    /// the first, keys and values in the second. Of the memory only the first `lengths` positions count, if given.
    /// The parameters are those of self-attention, and the memory must be as wide as the query.
    #[track_caller]
    pub fn attend<'t>(
        &self,
        scope: &Scope<'t>,
        query: Var<'t>,
        memory: Var<'t>,
        lengths: Option<Var<'t>>,
    ) -> Var<'t> {
        let (&[n, _, width], &[memory_n, positions, memory_width]) =
            (query.shape().dims(), memory.shape().dims())
        else {
            return query.refuse("attention", "query and memory must be sequences [n, length, width]");
        };
        if n != memory_n || width != memory_width {
            let reason =
                format!("the memory must be of as many sequences and as wide; it is {}", memory.ty());
            return query.refuse("attention", reason);
        }
        if let Err(reason) = self.check(width) {
            return query.refuse("attention", reason);
        }
        let running = lengths.map(|lengths| padding::table(lengths, positions));
        let memory = match running {
            Some(running) => running.unsqueeze(-1).select(memory, memory.tape().scalar(0.0)),
            None => memory,
        };
        let joined = scope.within("projection", |scope| {
            let init = Init::fan_in_uniform(width);
            let weight = scope.param("weight", [width, 3 * width], init);
            let bias = scope.param("bias", [3 * width], init);
            let part = |x: Var<'t>, from: usize, to: usize| {
                x.matmul(weight.slice(1, from * width..to * width)) + bias.slice(0, from * width..to * width)
            };
            let keys_and_values = part(memory, 1, 3);
            let [keys, values] = [keys_and_values.slice(-1, ..width), keys_and_values.slice(-1, width..)];
            self.mix([part(query, 0, 1), keys, values], running)
        });
        scope.layer("output", &Linear::new(width), joined)
    }

    fn check(&self, width: usize) -> Result<(), String> {
        if self.heads == 0 || !width.is_multiple_of(self.heads) {
            return Err(format!(
                "the width ({width}) must be a multiple of the number of heads ({})",
                self.heads
            ));
        }
        Ok(())
    }

    /// The attention of queries, keys and values `[n, length, width]`, operation by operation; `running`
    /// `[n, length]` is 0 for keys that none sees.
    fn mix<'t>(&self, projected: [Var<'t>; 3], running: Option<Var<'t>>) -> Var<'t> {
        let heads = |x: Var<'t>| {
            let (n, length, width) = (x.dim(0), x.dim(1), x.dim(2));
            x.reshape([n, length, self.heads, width / self.heads]).permute(&[0, 2, 1, 3])
        };
        let [queries, keys, values] = projected.map(heads);
        let turned = |x: Var<'t>| if self.rotary { RotaryPositions::default().rotate(x) } else { x };
        let (n, length, positions, depth) = (queries.dim(0), queries.dim(2), keys.dim(2), queries.dim(3));
        let tape = queries.tape();
        let unseen = tape.scalar(f64::NEG_INFINITY);
        let scale = 1.0 / (depth as f64).sqrt();
        let mut scores = (turned(queries) * scale).matmul(turned(keys).transpose());
        if self.causal {
            let before = Tensor::from_fn([length, positions], |at| f64::from(u8::from(at[1] <= at[0])));
            scores = tape.constant(before).select(scores, unseen);
        }
        if let Some(running) = running {
            scores = running.reshape([n, 1, 1, positions]).select(scores, unseen);
        }
        let mixed = scores.softmax().matmul(values);
        mixed.permute(&[0, 2, 1, 3]).reshape([n, length, self.heads * depth])
    }
}

impl Layer for MultiHeadAttention {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, length, width] = x.shape().dims() else {
            return x.refuse("attention", "the input must be sequences [n, length, width]");
        };
        if let Err(reason) = self.check(width) {
            return x.refuse("attention", reason);
        }
        let running = scope.running(length);
        let x = Running::of(scope, length).cleared(x);
        let packed = scope.layer("projection", &Linear::new(3 * width), x);
        let joined = if running.is_some() || self.rotary {
            self.mix([0, 1, 2].map(|part| packed.slice(-1, part * width..(part + 1) * width)), running)
        } else {
            packed.attention(self.heads, self.causal)
        };
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
        let &[_, length, width] = x.shape().dims() else {
            return x.refuse("transformer_block", "the input must be sequences [n, length, width]");
        };
        let x = Running::of(scope, length).cleared(x);
        let dropout = Dropout::new(self.dropout);
        let attention = MultiHeadAttention { causal: self.causal, ..MultiHeadAttention::new(self.heads) };
        let seen = scope.layer("attention_norm", &LayerNorm::default(), x);
        let x = x + dropout.forward(scope, scope.layer("attention", &attention, seen));

        x + mlp(scope, x, width, self.expansion, &dropout)
    }
}

/// The second half of a block: linear, GELU, linear.
fn mlp<'t>(scope: &Scope<'t>, x: Var<'t>, width: usize, expansion: usize, dropout: &Dropout) -> Var<'t> {
    let hidden = scope.layer("mlp_norm", &LayerNorm::default(), x);
    let hidden = scope.layer("mlp_in", &Linear::new(expansion.saturating_mul(width)), hidden);
    let hidden = scope.layer("mlp_out", &Linear::new(width), Activation::Gelu.apply(hidden));
    dropout.forward(scope, hidden)
}

/// A pre-norm block of a transformer's decoder: `x + attention(norm(x))`, in which a position sees itself and those
/// before it; then `x + cross_attention(norm(x), memory)`; then `x + mlp(norm(x))` as in [`TransformerBlock`]. The
/// memory is an encoder's result, which the scope tells: [`Scope::with_memory`].
///
/// # Shape
/// `[n, length, width]` and a memory `[n, other length, width]`; the result has the first.
///
/// # Errors
/// A scope without memory, and those of [`MultiHeadAttention`].
///
/// # Source
/// Vaswani et al., 2017 (arXiv:1706.03762), section 3.1, with the norms of Xiong et al., 2020 (arXiv:2002.04745).
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_nn::{DecoderBlock, Layer, Network, TransformerBlock, layer_fn};
/// let translate = layer_fn(|scope, x| {
///     let source = scope.input("source", Type::float([2, 7, 8]));
///     let memory = scope.layer("encoder", &TransformerBlock::new(2), source);
///     scope.with_memory(memory, None).layer("decoder", &DecoderBlock::new(2), x)
/// });
/// let network = Network::new(translate, Type::float([2, 5, 8]))?;
/// assert_eq!(network.output(), Type::float([2, 5, 8]));
/// # Ok::<(), downhill_nn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderBlock {
    /// The number of heads of both attentions.
    pub heads: usize,
    /// The hidden width of the MLP in widths of the input.
    pub expansion: usize,
    /// The dropout rate.
    pub dropout: f64,
}

impl DecoderBlock {
    /// Expansion 4, no dropout.
    pub fn new(heads: usize) -> Self {
        DecoderBlock { heads, expansion: 4, dropout: 0.0 }
    }
}

impl Layer for DecoderBlock {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, length, width] = x.shape().dims() else {
            return x.refuse("decoder_block", "the input must be sequences [n, length, width]");
        };
        let Some((memory, lengths)) = scope.memory() else {
            let reason = "there must be a memory to look at: give the scope one with `scope.with_memory(..)`";
            return x.refuse("decoder_block", reason);
        };
        let x = Running::of(scope, length).cleared(x);
        let dropout = Dropout::new(self.dropout);
        let seen = scope.layer("attention_norm", &LayerNorm::default(), x);
        let seen = scope.layer("attention", &MultiHeadAttention::causal(self.heads), seen);
        let x = x + dropout.forward(scope, seen);

        let seen = scope.layer("cross_norm", &LayerNorm::default(), x);
        let seen = scope.within("cross_attention", |scope| {
            MultiHeadAttention::new(self.heads).attend(scope, seen, memory, lengths)
        });
        let x = x + dropout.forward(scope, seen);
        x + mlp(scope, x, width, self.expansion, &dropout)
    }
}
