//! Adagrad.

use crate::{Error, Piece, Result, RowSteps, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Adagrad: each parameter's rate falls with the sum s of its squared derivatives, so that rare features
/// keep large steps.
///
/// ```text
/// g <- g + λ p
/// s <- s + g²
/// p <- p - η / (1 + (t - 1) learning_rate_decay) * g / (sqrt(s) + ε)
/// ```
///
/// s starts at `initial_accumulator`. optax and Keras start it at 0.1 and have ε = 1e-7, optax's inside the
/// root.
///
/// # Source
/// J. Duchi, E. Hazan, Y. Singer, *Adaptive subgradient methods for online learning and stochastic
/// optimization*, JMLR 12 (2011); PyTorch's `Adagrad`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adagrad {
    /// η; default 0.01.
    pub learning_rate: f64,
    /// How fast the rate falls with the steps by itself; default 0.
    pub learning_rate_decay: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// The value of s before the first step; default 0.
    pub initial_accumulator: f64,
    /// ε, which keeps the division finite; default 1e-10.
    pub epsilon: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Adagrad {
    fn default() -> Self {
        Adagrad {
            learning_rate: 1e-2,
            learning_rate_decay: 0.0,
            weight_decay: 0.0,
            initial_accumulator: 0.0,
            epsilon: 1e-10,
            maximize: false,
        }
    }
}

impl Rule for Adagrad {
    fn name(&self) -> &str {
        "adagrad"
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn weight_decay(&self) -> Option<f64> {
        Some(self.weight_decay)
    }

    fn maximizes(&self) -> bool {
        self.maximize
    }

    fn validate(&self) -> Result<()> {
        Error::check_at_least_zero(self.name(), "learning_rate_decay", self.learning_rate_decay)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_at_least_zero(self.name(), "initial_accumulator", self.initial_accumulator)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot { name: "sum_of_squares", initial: self.initial_accumulator }]
    }

    fn row_steps(&self) -> RowSteps {
        RowSteps::Exactly
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let elapsed = step.number.saturating_sub(1) as f64;
        let rate = T::from_f64(step.learning_rate / (1.0 + elapsed * self.learning_rate_decay));
        let [decay, epsilon] = [step.weight_decay, self.epsilon].map(T::from_f64);
        piece.for_each(|p, g, [s]| {
            let g = g + decay * p;
            let s = s + g * g;
            (p - rate * g / (s.sqrt() + epsilon), [s])
        });
    }
}
