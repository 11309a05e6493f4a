//! NAdam.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// NAdam: [`Adam`](crate::Adam) with Nesterov's look-ahead along the first moment, whose share grows with time.
///
/// ```text
/// g <- g + λ p                                      (or p <- (1 - η λ) p, decoupled)
/// μ(t) = β1 (1 - 0.96^(t ψ) / 2),   π(t) = μ(1) μ(2) ... μ(t)
/// m <- m + (1 - β1) (g - m)
/// v <- β2 v + (1 - β2) g²
/// n = (1 - μ(t)) / (1 - π(t)) * g + μ(t + 1) / (1 - π(t + 1)) * m
/// p <- p - η n / (sqrt(v / (1 - β2^t)) + ε)
/// ```
///
/// ψ is `momentum_decay`; Keras has it at 1. optax has μ(t) = β1 for all t.
///
/// # Source
/// T. Dozat, *Incorporating Nesterov momentum into Adam* (2016); PyTorch's `NAdam`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NAdam {
    /// η; default 0.002.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// ψ, how fast the look-ahead grows to its full share; default 0.004.
    pub momentum_decay: f64,
    /// Whether to shrink the parameters instead of adding the decay to the gradient; default `false`.
    pub decoupled_weight_decay: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for NAdam {
    fn default() -> Self {
        NAdam {
            learning_rate: 2e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            momentum_decay: 4e-3,
            decoupled_weight_decay: false,
            maximize: false,
        }
    }
}

impl Rule for NAdam {
    fn name(&self) -> &str {
        "nadam"
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
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_at_least_zero(self.name(), "momentum_decay", self.momentum_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("first_moment"), Slot::zeros("second_moment")]
    }

    fn scalars(&self) -> Vec<Slot> {
        vec![Slot { name: "momentum_product", initial: 1.0 }]
    }

    fn advance(&self, step: &mut Step) {
        step.scalars[0] *= self.momentum(step.number as f64);
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let (now, next) = (self.momentum(step.number as f64), self.momentum(step.number as f64 + 1.0));
        let product = step.scalars[0];
        let ahead = step.learning_rate * (1.0 - now) / (1.0 - product);
        let along = step.learning_rate * next / (1.0 - product * next);
        let unbias = 1.0 / step.bias_correction(self.beta2).sqrt();
        let (penalty, shrink) = step.decay(self.decoupled_weight_decay);
        let [ahead, along, unbias, penalty, shrink] =
            [ahead, along, unbias, penalty, shrink].map(T::from_f64);
        let [rest1, beta2, rest2, epsilon] =
            [1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        piece.for_each(|p, g, [m, v]| {
            let g = g + penalty * p;
            let (m, v) = (m + rest1 * (g - m), beta2 * v + rest2 * g * g);
            (p * shrink - (ahead * g + along * m) / (v.sqrt() * unbias + epsilon), [m, v])
        });
    }
}

impl NAdam {
    /// μ at a step.
    fn momentum(&self, number: f64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96_f64.powf(number * self.momentum_decay))
    }
}
