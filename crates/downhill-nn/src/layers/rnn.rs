//! Recurrent layers without a memory cell: Elman's and the gated recurrent unit.

use super::padding::Running;
use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// The simple recurrent layer, over sequences: `hₜ = tanh(xₜ Wih + bih + hₜ₋₁ Whh + bhh)` from h₀ = 0, or ReLU
/// instead of tanh. Steps that do not count ([`Scope::padded`]) leave the state as it is, and have zeros in the
/// result.
///
/// # Shape
/// `[n, length, features]` gives the last state, `[n, hidden]`, or with `all_steps` the state at each step,
/// `[n, length, hidden]`. `weight_ih` is `[features, hidden]`, `weight_hh` is `[hidden, hidden]` (the transposes of
/// PyTorch's), and `bias_ih` and `bias_hh` are `[hidden]`.
///
/// # Start
/// All uniform in ±1/√hidden, as PyTorch's.
///
/// # Errors
/// A sequence without steps, or a `hidden` of 0.
///
/// # Source
/// Elman, "Finding structure in time", Cognitive Science 14, 1990.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rnn {
    /// The length of the state.
    pub hidden: usize,
    /// Whether the nonlinearity is ReLU, and not tanh.
    pub relu: bool,
    /// Whether the result is the state at each step, and not only the last.
    pub all_steps: bool,
}

impl Rnn {
    /// With tanh, and the last state as its result.
    pub fn new(hidden: usize) -> Self {
        Rnn { hidden, relu: false, all_steps: false }
    }
}

impl Layer for Rnn {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let sizes = Sizes { name: "rnn", hidden: self.hidden, gates: 1, all_steps: self.all_steps };
        sizes.run(scope, x, |[input, bias_ih], [hidden, bias_hh], _| {
            let sum = input + bias_ih + hidden + bias_hh;
            if self.relu { sum.relu() } else { sum.tanh() }
        })
    }
}

/// The gated recurrent unit, over sequences:
///
/// ```text
/// [r z] = σ(xₜ Wih + bih + hₜ₋₁ Whh + bhh), of the first two thirds of the columns
/// n     = tanh(xₜ Wih + bih + r (hₜ₋₁ Whh + bhh)), of the last third
/// hₜ    = (1 - z) n + z hₜ₋₁
/// ```
///
/// from h₀ = 0. Steps that do not count ([`Scope::padded`]) leave the state as it is, and have zeros in the result.
///
/// # Shape
/// `[n, length, features]` gives the last state, `[n, hidden]`, or with `all_steps` the state at each step,
/// `[n, length, hidden]`. `weight_ih` is `[features, 3 hidden]`, `weight_hh` is `[hidden, 3 hidden]` (the transposes
/// of PyTorch's), and `bias_ih` and `bias_hh` are `[3 hidden]`; the order of the gates is PyTorch's.
///
/// # Start
/// All uniform in ±1/√hidden, as PyTorch's.
///
/// # Errors
/// A sequence without steps, or a `hidden` of 0.
///
/// # Source
/// Cho et al., 2014 (arXiv:1406.1078), with the reset after the product, as in PyTorch and cuDNN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gru {
    /// The length of the state.
    pub hidden: usize,
    /// Whether the result is the state at each step, and not only the last.
    pub all_steps: bool,
}

impl Gru {
    /// With the last state as its result.
    pub fn new(hidden: usize) -> Self {
        Gru { hidden, all_steps: false }
    }
}

impl Layer for Gru {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let sizes = Sizes { name: "gru", hidden: self.hidden, gates: 3, all_steps: self.all_steps };
        sizes.run(scope, x, |[input, bias_ih], [hidden, bias_hh], state| {
            let (input, hidden) = (input + bias_ih, hidden + bias_hh);
            let gates = self.hidden.saturating_mul(2);
            let gate = (input.slice(-1, ..gates) + hidden.slice(-1, ..gates)).sigmoid();
            let (reset, update) = (gate.slice(-1, ..self.hidden), gate.slice(-1, self.hidden..));
            let candidate = (input.slice(-1, gates..) + reset * hidden.slice(-1, gates..)).tanh();
            candidate + update * (state - candidate)
        })
    }
}

/// What the recurrences of this file have in common.
struct Sizes {
    name: &'static str,
    hidden: usize,
    /// How many vectors of the length of the state are computed at each step.
    gates: usize,
    all_steps: bool,
}

impl Sizes {
    /// Goes through the steps; `cell` makes the next state of the input's part with its bias, the state's part with
    /// its bias, and the state.
    fn run<'t>(
        &self,
        scope: &Scope<'t>,
        x: Var<'t>,
        cell: impl Fn([Var<'t>; 2], [Var<'t>; 2], Var<'t>) -> Var<'t>,
    ) -> Var<'t> {
        let &[n, length, features] = x.shape().dims() else {
            return x.refuse(self.name, "the input must be sequences [n, length, features]");
        };
        let hidden = self.hidden;
        if length == 0 || hidden == 0 {
            let reason = format!("there must be at least one step and one cell; `hidden` is {hidden}");
            return x.refuse(self.name, reason);
        }
        let init = Init::fan_in_uniform(hidden);
        let columns = hidden.saturating_mul(self.gates);
        let weight_ih = scope.param("weight_ih", [features, columns], init);
        let weight_hh = scope.param("weight_hh", [hidden, columns], init);
        let biases = ["bias_ih", "bias_hh"].map(|name| scope.param(name, [columns], init));
        let running = Running::of(scope, length);
        // One product for all steps, which then lie one after the other.
        let projected = running.cleared(x).permute(&[1, 0, 2]).matmul(weight_ih);
        let mut state = scope.tape().zeros([n, hidden]);
        let mut states = Vec::new();
        for step in 0..length {
            let input = [projected.at(step), biases[0]];
            let next = cell(input, [state.matmul(weight_hh), biases[1]], state);
            state = running.held(step, next, state);
            states.push(state);
        }
        if self.all_steps { running.cleared(scope.tape().stack(&states, 1)) } else { state }
    }
}
