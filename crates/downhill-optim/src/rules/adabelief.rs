//! AdaBelief.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// AdaBelief: Adam that divides by how far the derivatives stray from their average, not by how large they are.
///
/// ```text
/// p <- (1 - η λ) p
/// m <- m + (1 - β1) (g - m)
/// s <- β2 s + (1 - β2) (g - m)² + ε
/// p <- p - η / (1 - β1^t) * m / (sqrt(s / (1 - β2^t)) + ε)
/// ```
///
/// The decay is decoupled, as in the authors' program.
///
/// # Source
/// J. Zhuang et al., *AdaBelief optimizer: adapting stepsizes by the belief in observed gradients* (2020),
/// algorithm 2; optax's `adabelief`, with its two ε equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaBelief {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of s that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-16.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for AdaBelief {
    fn default() -> Self {
        AdaBelief {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-16,
            weight_decay: 0.0,
            maximize: false,
        }
    }
}

impl Rule for AdaBelief {
    fn name(&self) -> &str {
        "adabelief"
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
        Error::check_fraction(self.name(), "beta1", self.beta1)?;
        Error::check_fraction(self.name(), "beta2", self.beta2)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("first_moment"), Slot::zeros("variance")]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let rate = step.learning_rate / step.bias_correction(self.beta1);
        let unbias = 1.0 / step.bias_correction(self.beta2).sqrt();
        let shrink = 1.0 - step.learning_rate * step.weight_decay;
        let [rate, unbias, shrink] = [rate, unbias, shrink].map(T::from_f64);
        let [rest1, beta2, rest2, epsilon] =
            [1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        piece.for_each(|p, g, [m, s]| {
            let m = m + rest1 * (g - m);
            let surprise = g - m;
            let s = beta2 * s + rest2 * surprise * surprise + epsilon;
            (p * shrink - rate * m / (s.sqrt() * unbias + epsilon), [m, s])
        });
    }
}
