//! Lion.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Lion: a step of the same size for every parameter, in the direction of a momentum that is mixed anew with
/// the gradient.
///
/// ```text
/// u = sign(β1 m + (1 - β1) g)
/// m <- β2 m + (1 - β2) g
/// p <- p - η (u + λ p)
/// ```
///
/// Its rate wants to be three to ten times smaller than Adam's, and its decay as many times larger. optax's
/// default decay is 1e-3.
///
/// # Source
/// X. Chen et al., *Symbolic discovery of optimization algorithms* (2023), algorithm 2; optax's `lion`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lion {
    /// η; default 0.0001.
    pub learning_rate: f64,
    /// β1, the part of m in the direction; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of m that is kept; at least 0 and below 1, default 0.99.
    pub beta2: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Lion {
    fn default() -> Self {
        Lion { learning_rate: 1e-4, beta1: 0.9, beta2: 0.99, weight_decay: 0.0, maximize: false }
    }
}

impl Rule for Lion {
    fn name(&self) -> &str {
        "lion"
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
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("first_moment")]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let [rate, decay] = [step.learning_rate, step.weight_decay].map(T::from_f64);
        let [beta1, rest1, beta2, rest2] =
            [self.beta1, 1.0 - self.beta1, self.beta2, 1.0 - self.beta2].map(T::from_f64);
        piece.for_each(|p, g, [m]| {
            let u = (beta1 * m + rest1 * g).sign();
            (p - rate * (u + decay * p), [beta2 * m + rest2 * g])
        });
    }
}
