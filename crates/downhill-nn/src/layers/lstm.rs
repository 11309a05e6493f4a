//! The long short-term memory.

use super::padding::Running;
use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// A recurrent layer with a memory cell, over sequences:
///
/// ```text
/// [i f g o] = xₜ Wih + bih + hₜ₋₁ Whh + bhh
/// cₜ = σ(f) cₜ₋₁ + σ(i) tanh(g)
/// hₜ = σ(o) tanh(cₜ)
/// ```
///
/// from h₀ = c₀ = 0. Several of them one after the other, and in both directions, are a
/// [`Recurrent`](super::Recurrent). Steps that do not count ([`Scope::padded`]) leave the state as it is, and have
/// zeros in the result.
///
/// # Shape
/// `[n, length, features]` gives the last state, `[n, hidden]`, or with `all_steps` the state at each step,
/// `[n, length, hidden]`. `weight_ih` is `[features, 4 hidden]`, `weight_hh` is `[hidden, 4 hidden]`, and
/// `bias_ih` and `bias_hh` are `[4 hidden]`: names, gates and their order are PyTorch's, whose weights are the
/// transposes of these.
///
/// # Start
/// All uniform in ±1/√hidden, as PyTorch's.
///
/// # Errors
/// A sequence without steps, or a `hidden` of 0.
///
/// # Source
/// Hochreiter, Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers, Schmidhuber, Cummins,
/// "Learning to forget", 2000. The two biases are one too many, and are there so that files of weights fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lstm {
    /// The number of cells.
    pub hidden: usize,
    /// Whether the result is the state at each step, and not only the last.
    pub all_steps: bool,
}

impl Lstm {
    /// With the last state as its result.
    pub fn new(hidden: usize) -> Self {
        Lstm { hidden, all_steps: false }
    }

    /// With the state at each step as its result.
    pub fn all_steps(hidden: usize) -> Self {
        Lstm { hidden, all_steps: true }
    }
}

impl Layer for Lstm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[n, length, features] = x.shape().dims() else {
            return x.refuse("lstm", "the input must be sequences [n, length, features]");
        };
        let hidden = self.hidden;
        if length == 0 || hidden == 0 {
            let reason = format!("there must be at least one step and one cell; `hidden` is {hidden}");
            return x.refuse("lstm", reason);
        }
        let init = Init::fan_in_uniform(hidden);
        let gates = hidden.saturating_mul(4);
        let weight_ih = scope.param("weight_ih", [features, gates], init);
        let weight_hh = scope.param("weight_hh", [hidden, gates], init);
        let bias = scope.param("bias_ih", [gates], init) + scope.param("bias_hh", [gates], init);
        // What comes from the input does not wait for the state: one product for all steps, which then lie one
        // after the other.
        let running = Running::of(scope, length);
        let projected = running.cleared(x).permute(&[1, 0, 2]).matmul(weight_ih) + bias;
        let zeros = scope.tape().zeros([n, hidden]);
        let (mut state, mut cell) = (zeros, zeros);
        let mut states = Vec::new();
        for step in 0..length {
            let gates = projected.at(step) + state.matmul(weight_hh);
            let (next, next_cell) = gates.lstm_cell(cell);
            (state, cell) = (running.held(step, next, state), running.held(step, next_cell, cell));
            states.push(state);
        }
        if self.all_steps { running.cleared(scope.tape().stack(&states, 1)) } else { state }
    }
}
