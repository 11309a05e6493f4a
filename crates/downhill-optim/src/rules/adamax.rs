//! Adamax.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Adamax: Adam with the largest recent derivative u in place of the root mean square.
///
/// ```text
/// g <- g + λ p
/// m <- m + (1 - β1) (g - m)
/// u <- max(β2 u, |g| + ε)
/// p <- p - η / (1 - β1^t) * m / u
/// ```
///
/// The paper and optax divide by u without ε, optax adding it to u in the division.
///
/// # Source
/// D. Kingma, J. Ba, *Adam: a method for stochastic optimization* (2015), algorithm 2; PyTorch's `Adamax`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adamax {
    /// η; default 0.002.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of u that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Adamax {
    fn default() -> Self {
        Adamax {
            learning_rate: 2e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            maximize: false,
        }
    }
}

impl Rule for Adamax {
    fn name(&self) -> &str {
        "adamax"
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
        vec![Slot::zeros("first_moment"), Slot::zeros("largest_derivative")]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let rate = T::from_f64(step.learning_rate / step.bias_correction(self.beta1));
        let [decay, rest1, beta2, epsilon] =
            [step.weight_decay, 1.0 - self.beta1, self.beta2, self.epsilon].map(T::from_f64);
        piece.for_each(|p, g, [m, u]| {
            let g = g + decay * p;
            let m = m + rest1 * (g - m);
            let u = (beta2 * u).maximum(g.abs() + epsilon);
            (p - rate * m / u, [m, u])
        });
    }
}
