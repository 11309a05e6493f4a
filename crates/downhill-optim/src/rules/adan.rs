//! Adan.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Adan: Adam with Nesterov's momentum, estimated from the differences of successive gradients.
///
/// ```text
/// d = g - h,  h <- g                                (h: the derivative of the step before; d = 0 at first)
/// m <- β1 m + (1 - β1) g
/// v <- β2 v + (1 - β2) d
/// n <- β3 n + (1 - β3) (g + β2 d)²
/// u = (m / (1 - β1^t) + β2 v / (1 - β2^t)) / (sqrt(n / (1 - β3^t)) + ε)
/// p <- (p - η u) / (1 + η λ)
/// ```
///
/// The paper writes 1 - β for what is β here and in the authors' program. optax has 1 - β2 where β2 multiplies
/// d and v, and takes η λ p off.
///
/// # Source
/// X. Xie et al., *Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models* (2022),
/// algorithm 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adan {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.98.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.92.
    pub beta2: f64,
    /// β3, the part of n that is kept; at least 0 and below 1, default 0.99.
    pub beta3: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Adan {
    fn default() -> Self {
        Adan {
            learning_rate: 1e-3,
            beta1: 0.98,
            beta2: 0.92,
            beta3: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            maximize: false,
        }
    }
}

impl Rule for Adan {
    fn name(&self) -> &str {
        "adan"
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
        Error::check_fraction(self.name(), "beta3", self.beta3)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        ["first_moment", "difference_moment", "second_moment", "previous_derivative"]
            .map(Slot::zeros)
            .to_vec()
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let along = step.learning_rate / step.bias_correction(self.beta1);
        let ahead = step.learning_rate * self.beta2 / step.bias_correction(self.beta2);
        let unbias = 1.0 / step.bias_correction(self.beta3).sqrt();
        let shrink = 1.0 / (1.0 + step.learning_rate * step.weight_decay);
        let [along, ahead, unbias, shrink, epsilon] =
            [along, ahead, unbias, shrink, self.epsilon].map(T::from_f64);
        let [beta1, beta2, beta3] = [self.beta1, self.beta2, self.beta3].map(T::from_f64);
        let [rest1, rest2, rest3] = [1.0 - self.beta1, 1.0 - self.beta2, 1.0 - self.beta3].map(T::from_f64);
        let first = step.number == 1;
        piece.for_each(|p, g, [m, v, n, h]| {
            let d = if first { T::ZERO } else { g - h };
            let (m, v) = (beta1 * m + rest1 * g, beta2 * v + rest2 * d);
            let mixed = g + beta2 * d;
            let n = beta3 * n + rest3 * mixed * mixed;
            ((p - (along * m + ahead * v) / (n.sqrt() * unbias + epsilon)) * shrink, [m, v, n, g])
        });
    }
}
