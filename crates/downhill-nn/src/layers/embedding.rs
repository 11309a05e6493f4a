//! Learned vectors: one for each whole number, or one for each position.

use crate::{Init, Layer, Scope};
use downhill_autograd::{Kind, Var};
use serde::{Deserialize, Serialize};

/// A learned vector for each of `count` whole numbers (tokens, categories).
///
/// The layout marks the table as sparse: a step touches only the rows that occur in the batch.
///
/// # Shape
/// Whole numbers `[..]` in 0..count give `[.., width]`; `weight` is `[count, width]`. Numbers out of range
/// are an error when the program runs.
///
/// # Start
/// Normal with mean 0 and standard deviation 1, as PyTorch's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// How many numbers there are.
    pub count: usize,
    /// The length of each vector.
    pub width: usize,
}

impl Embedding {
    /// A table of `count` vectors of length `width`.
    pub fn new(count: usize, width: usize) -> Self {
        Embedding { count, width }
    }
}

impl Layer for Embedding {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if x.ty().kind != Kind::Index {
            return x.refuse("embedding", "the input must be whole numbers (index)");
        }
        scope.sparse_param("weight", [self.count, self.width], Init::normal(1.0)).gather(x)
    }
}

/// A learned vector for each position in a sequence, added to what stands there.
///
/// # Shape
/// `[.., length, width]` with a length of at most `max_length`; the result has the same. `weight` is
/// `[max_length, width]`.
///
/// # Start
/// Normal with mean 0 and standard deviation 0.02, as in GPT-2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionEmbedding {
    /// The length of the longest sequence.
    pub max_length: usize,
}

impl PositionEmbedding {
    /// For sequences of at most this length.
    pub fn new(max_length: usize) -> Self {
        PositionEmbedding { max_length }
    }
}

impl Layer for PositionEmbedding {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[.., length, width] = x.shape().dims() else {
            return x.refuse("position_embedding", "the input must be sequences [.., length, width]");
        };
        if length > self.max_length {
            let reason = format!("the length ({length}) must be at most `max_length` ({})", self.max_length);
            return x.refuse("position_embedding", reason);
        }
        let table = scope.param("weight", [self.max_length, width], Init::normal(0.02));
        x + if length == self.max_length { table } else { table.slice(0, ..length) }
    }
}
