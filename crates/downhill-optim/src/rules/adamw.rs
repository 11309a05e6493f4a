//! AdamW: Adam with decoupled weight decay.

use super::Adam;
use crate::{Piece, Result, RowSteps, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// AdamW: [`Adam`], with the weight decay taken off the parameters instead of added to the gradient.
///
/// ```text
/// p <- (1 - η λ) p
/// m <- m + (1 - β1) (g - m)
/// v <- β2 v + (1 - β2) g²
/// w = v                                        (plain)
/// w = maximum of all v so far                  (amsgrad)
/// p <- p - η / (1 - β1^t) * m / (sqrt(w / (1 - β2^t)) + ε)
/// ```
///
/// All parameters shrink by the same factor, however large their gradients are. The decay follows the
/// schedule with η. optax's default decay is 1e-4, PyTorch's 1e-2.
///
/// # Source
/// I. Loshchilov, F. Hutter, *Decoupled weight decay regularization* (2019), algorithm 2, with η for both
/// factors; PyTorch's `AdamW`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.01.
    pub weight_decay: f64,
    /// Whether to divide by the largest v so far; default `false`.
    pub amsgrad: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for AdamW {
    fn default() -> Self {
        AdamW {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 1e-2,
            amsgrad: false,
            maximize: false,
        }
    }
}

impl AdamW {
    /// The same moments and the same state: only the decay differs.
    fn adam(&self) -> Adam {
        let &AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, amsgrad, maximize } = self;
        Adam { learning_rate, beta1, beta2, epsilon, weight_decay, amsgrad, maximize }
    }
}

impl Rule for AdamW {
    fn name(&self) -> &str {
        "adamw"
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
        self.adam().validate_as(self.name())
    }

    fn slots(&self) -> Vec<Slot> {
        self.adam().slots()
    }

    fn row_steps(&self) -> RowSteps {
        self.adam().row_steps()
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        self.adam().update_with(step, 0.0, 1.0 - step.learning_rate * step.weight_decay, piece);
    }
}
