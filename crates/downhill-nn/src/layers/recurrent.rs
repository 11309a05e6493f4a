//! Recurrent layers one above the other, and in both directions.

use super::{AnyLayer, Dropout, Gru, Lstm, Rnn};
use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// More layers are a mistake, and recording them would take all memory.
const MOST_LAYERS: usize = 1000;

/// The kind of a recurrent layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    /// [`Lstm`].
    #[default]
    Lstm,
    /// [`Gru`].
    Gru,
    /// [`Rnn`] with tanh.
    Rnn,
    /// [`Rnn`] with ReLU.
    RnnRelu,
}

/// Recurrent layers one above the other, each over the states of the one below at all steps, if asked for in both
/// directions: then the states of a layer that reads from the first step to the last, and of one that reads from the
/// last to the first, stand side by side.
///
/// # Shape
/// `[n, length, features]` gives the last states of the uppermost layer, `[n, directions · hidden]`, that of the
/// backward direction being the one at the first step; or with `all_steps` those at each step,
/// `[n, length, directions · hidden]`. Layer i has the names of its kind under `l{i}`, and `l{i}_reverse` for the
/// backward direction: `l0_reverse.weight_ih` is PyTorch's `weight_ih_l0_reverse`.
///
/// Steps that do not count ([`Scope::padded`]) have zeros in the result; the backward direction begins at the last
/// step that counts.
///
/// # Start
/// That of the kind.
///
/// # Errors
/// No layers, and those of the kind.
///
/// # Source
/// Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997; PyTorch, `torch.nn.LSTM` with
/// `batch_first`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// The kind.
    pub cell: Cell,
    /// The length of each state.
    pub hidden: usize,
    /// How many, one above the other.
    pub layers: usize,
    /// Whether each reads in both directions.
    pub bidirectional: bool,
    /// The dropout rate between two layers, in training.
    pub dropout: f64,
    /// Whether the result is the states at each step, and not only the last.
    pub all_steps: bool,
}

impl Recurrent {
    /// One layer in one direction, with the last state as its result.
    pub fn new(cell: Cell, hidden: usize) -> Self {
        Recurrent { cell, hidden, layers: 1, bidirectional: false, dropout: 0.0, all_steps: false }
    }

    fn layer(&self, all_steps: bool) -> AnyLayer {
        let hidden = self.hidden;
        match self.cell {
            Cell::Lstm => Lstm { hidden, all_steps }.into(),
            Cell::Gru => Gru { hidden, all_steps }.into(),
            Cell::Rnn => Rnn { hidden, relu: false, all_steps }.into(),
            Cell::RnnRelu => Rnn { hidden, relu: true, all_steps }.into(),
        }
    }
}

impl Layer for Recurrent {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if self.layers == 0 || self.layers > MOST_LAYERS || x.rank() != 3 {
            let reason = format!(
                "the input must be sequences [n, length, features], and there must be 1 to {MOST_LAYERS} layers, not {}",
                self.layers
            );
            return x.refuse("recurrent", reason);
        }
        let dropout = Dropout::new(self.dropout);
        (0..self.layers).fold(x, |x, number| {
            let is_last = number + 1 == self.layers;
            let all_steps = self.all_steps || !is_last;
            let layer = self.layer(all_steps);
            let name = format!("l{number}");
            let forward = scope.layer(&name, &layer, x);
            let both = if self.bidirectional {
                let backward = scope.backwards().layer(&format!("{name}_reverse"), &layer, x.flip(1));
                let backward = if all_steps { backward.flip(1) } else { backward };
                scope.tape().concat(&[forward, backward], -1)
            } else {
                forward
            };
            if is_last { both } else { dropout.forward(scope, both) }
        })
    }
}
