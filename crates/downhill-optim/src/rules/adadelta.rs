//! Adadelta.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Adadelta: Adagrad with a fading memory, and steps in the units of the parameter: the gradient times the
/// ratio of the root mean squares of past moves and of past gradients.
///
/// ```text
/// g <- g + λ p
/// v <- ρ v + (1 - ρ) g²
/// d = sqrt(u + ε) / sqrt(v + ε) * g
/// u <- ρ u + (1 - ρ) d²
/// p <- p - η d
/// ```
///
/// The paper has no η. Keras has ρ = 0.95, ε = 1e-7 and η = 0.001.
///
/// # Source
/// M. Zeiler, *ADADELTA: an adaptive learning rate method* (2012), algorithm 1; PyTorch's `Adadelta`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adadelta {
    /// η; default 1.
    pub learning_rate: f64,
    /// ρ, the part of the moving averages that is kept; at least 0 and below 1, default 0.9.
    pub rho: f64,
    /// ε, which gives the first steps their size; default 1e-6.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Adadelta {
    fn default() -> Self {
        Adadelta { learning_rate: 1.0, rho: 0.9, epsilon: 1e-6, weight_decay: 0.0, maximize: false }
    }
}

impl Rule for Adadelta {
    fn name(&self) -> &str {
        "adadelta"
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
        Error::check_fraction(self.name(), "rho", self.rho)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("square_average"), Slot::zeros("squared_move_average")]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let [rate, decay, rho, rest, epsilon] =
            [step.learning_rate, step.weight_decay, self.rho, 1.0 - self.rho, self.epsilon].map(T::from_f64);
        piece.for_each(|p, g, [v, u]| {
            let g = g + decay * p;
            let v = rho * v + rest * g * g;
            let d = (u + epsilon).sqrt() / (v + epsilon).sqrt() * g;
            (p - rate * d, [v, rho * u + rest * d * d])
        });
    }
}
