//! RAdam: rectified Adam.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// RAdam: [`Adam`](crate::Adam) that does not divide by the second moment as long as that is made of too few
/// derivatives to be trusted, and afterwards less than fully at first. It warms up by itself.
///
/// ```text
/// g <- g + λ p                                      (or p <- (1 - η λ) p, decoupled)
/// m <- m + (1 - β1) (g - m)
/// v <- β2 v + (1 - β2) g²
/// ρ∞ = 2 / (1 - β2) - 1,   ρ = ρ∞ - 2 t β2^t / (1 - β2^t)
/// r = sqrt((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ)) * sqrt(1 - β2^t) / (sqrt(v) + ε)     (where ρ > 5)
/// r = 1                                                                                     (otherwise)
/// p <- p - η / (1 - β1^t) * m r
/// ```
///
/// ε is added before the bias is taken off, other than in Adam; optax adds it afterwards.
///
/// # Source
/// L. Liu et al., *On the variance of the adaptive learning rate and beyond* (2020), algorithm 2; PyTorch's
/// `RAdam`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RAdam {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to shrink the parameters instead of adding the decay to the gradient; default `false`.
    pub decoupled_weight_decay: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for RAdam {
    fn default() -> Self {
        RAdam {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled_weight_decay: false,
            maximize: false,
        }
    }
}

impl Rule for RAdam {
    fn name(&self) -> &str {
        "radam"
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
        vec![Slot::zeros("first_moment"), Slot::zeros("second_moment")]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let rate = step.learning_rate / step.bias_correction(self.beta1);
        let rectified = self.rectification(step).map(|factor| T::from_f64(rate * factor));
        let (penalty, shrink) = step.decay(self.decoupled_weight_decay);
        let [rate, penalty, shrink] = [rate, penalty, shrink].map(T::from_f64);
        let [rest1, beta2, rest2, epsilon] =
            [1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        let moments = |p: T, g: T, m: T, v: T| {
            let g = g + penalty * p;
            (m + rest1 * (g - m), beta2 * v + rest2 * g * g)
        };
        match rectified {
            Some(rate) => piece.for_each(|p, g, [m, v]| {
                let (m, v) = moments(p, g, m, v);
                (p * shrink - rate * m / (v.sqrt() + epsilon), [m, v])
            }),
            None => piece.for_each(|p, g, [m, v]| {
                let (m, v) = moments(p, g, m, v);
                (p * shrink - rate * m, [m, v])
            }),
        }
    }
}

impl RAdam {
    /// What m / (sqrt(v) + ε) is multiplied by, once v can be trusted.
    fn rectification(&self, step: &Step) -> Option<f64> {
        let correction = step.bias_correction(self.beta2);
        let longest = 2.0 / (1.0 - self.beta2) - 1.0;
        let length = longest - 2.0 * step.number as f64 * (1.0 - correction) / correction;
        let ratio = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
        (length > 5.0).then(|| (ratio * correction).sqrt())
    }
}
