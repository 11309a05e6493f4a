//! Yogi.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Yogi: Adam whose second moment moves by steps of g² up or down, however far away it is, so that the
/// effective rate cannot jump up.
///
/// ```text
/// g <- g + λ p
/// m <- m + (1 - β1) (g - m)
/// v <- v - (1 - β2) sign(v - g²) g²
/// p <- p - η / (1 - β1^t) * m / (sqrt(v / (1 - β2^t)) + ε)
/// ```
///
/// m and v start at `initial_accumulator`.
///
/// # Source
/// M. Zaheer et al., *Adaptive methods for nonconvex optimization* (2018), algorithm 2; optax's `yogi`, which
/// has no decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Yogi {
    /// η; default 0.01.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 0.001.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// m and v before the first step; default 1e-6.
    pub initial_accumulator: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Yogi {
    fn default() -> Self {
        Yogi {
            learning_rate: 1e-2,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-3,
            weight_decay: 0.0,
            initial_accumulator: 1e-6,
            maximize: false,
        }
    }
}

impl Rule for Yogi {
    fn name(&self) -> &str {
        "yogi"
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
        Error::check_at_least_zero(self.name(), "initial_accumulator", self.initial_accumulator)
    }

    fn slots(&self) -> Vec<Slot> {
        let initial = self.initial_accumulator;
        vec![Slot { name: "first_moment", initial }, Slot { name: "second_moment", initial }]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let rate = step.learning_rate / step.bias_correction(self.beta1);
        let unbias = 1.0 / step.bias_correction(self.beta2).sqrt();
        let [rate, unbias, decay] = [rate, unbias, step.weight_decay].map(T::from_f64);
        let [rest1, rest2, epsilon] = [1.0 - self.beta1, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        piece.for_each(|p, g, [m, v]| {
            let g = g + decay * p;
            let m = m + rest1 * (g - m);
            let square = g * g;
            let v = v - rest2 * (v - square).sign() * square;
            (p - rate * m / (v.sqrt() * unbias + epsilon), [m, v])
        });
    }
}
