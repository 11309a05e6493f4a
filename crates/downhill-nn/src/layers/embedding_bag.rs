//! Bags of learned vectors: one vector for several whole numbers.

use crate::{Init, Layer, Scope};
use downhill_autograd::{Kind, Var};
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How the vectors of a bag become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pooling {
    /// Their sum.
    Sum,
    /// Their mean (PyTorch's default).
    #[default]
    Mean,
    /// The largest of each component.
    Max,
}

/// The sum, mean or maximum of the learned vectors of several whole numbers (the words of a text, the tags of an
/// item).
///
/// Numbers that do not count ([`Scope::padded`]) change nothing, and must be in range all the same. An empty bag
/// gives zeros.
///
/// The layout marks the table as sparse: a step touches only the rows that occur in the batch.
///
/// # Shape
/// Whole numbers `[n, length]` in 0..count give `[n, width]`; `weight` is `[count, width]`. Numbers out of range are
/// an error when the program runs.
///
/// # Start
/// Normal with mean 0 and standard deviation 1, as PyTorch's.
///
/// # Source
/// PyTorch, `torch.nn.EmbeddingBag`, of which the bags are rows here, with lengths instead of offsets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingBag {
    /// How many numbers there are.
    pub count: usize,
    /// The length of each vector.
    pub width: usize,
    /// How vectors become one.
    pub pooling: Pooling,
}

impl EmbeddingBag {
    /// The mean of vectors of length `width`, one for each of `count` numbers.
    pub fn new(count: usize, width: usize) -> Self {
        EmbeddingBag { count, width, pooling: Pooling::Mean }
    }
}

impl Layer for EmbeddingBag {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let (Kind::Index, &[n, length]) = (x.ty().kind, x.shape().dims()) else {
            return x.refuse("embedding_bag", "the input must be bags of whole numbers (index) [n, length]");
        };
        let vectors = scope.sparse_param("weight", [self.count, self.width], Init::normal(1.0)).gather(x);
        let tape = scope.tape();
        if length == 0 {
            // Empty bags, which yet depend on the table.
            return vectors.sum_over(&[1]);
        }
        let running = scope.running(length).map(|running| running.unsqueeze(-1));
        let zero = tape.scalar(0.0);
        let counted = |absent: f64| match running {
            Some(running) => running.select(vectors, tape.scalar(absent)),
            None => vectors,
        };
        match self.pooling {
            Pooling::Sum => counted(0.0).sum_over(&[1]),
            Pooling::Mean => match scope.lengths() {
                None => vectors.mean_over(&[1]),
                Some(lengths) => {
                    let share = Tensor::from_fn([length + 1], |at| 1.0 / at[0].max(1) as f64);
                    let share = tape.constant(share).gather(lengths).reshape([n, 1]);
                    counted(0.0).sum_over(&[1]) * share
                }
            },
            Pooling::Max => match running {
                None => vectors.max_over(&[1]),
                Some(running) => {
                    let largest = counted(f64::NEG_INFINITY).max_over(&[1]);
                    running.max_over(&[1]).select(largest, zero)
                }
            },
        }
    }
}
