//! RMSprop.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// RMSprop: the gradient divided by a moving root mean square v of its past.
///
/// ```text
/// g <- g + λ p
/// v <- α v + (1 - α) g²
/// a <- a + (1 - α) (g - a),  r = sqrt(max(v - a², 0)) + ε      (centered)
///                            r = sqrt(v) + ε                   (otherwise)
/// b <- μ b + g / r,          p <- p - η b                      (with momentum)
///                            p <- p - η g / r                  (without)
/// ```
///
/// v - a² is a variance, but rounding can make it negative when the derivatives hardly change; it is then
/// taken as 0, where PyTorch's is not a number. optax has α = 0.9, ε inside the root and η inside b.
///
/// # Source
/// T. Tieleman, G. Hinton, *Neural networks for machine learning*, lecture 6.5 (2012); centered: A. Graves,
/// *Generating sequences with recurrent neural networks* (2013), section 4.2; PyTorch's `RMSprop`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    /// η; default 0.01.
    pub learning_rate: f64,
    /// α, the part of the moving averages that is kept; at least 0 and below 1, default 0.99.
    pub alpha: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// μ; at least 0, default 0.
    pub momentum: f64,
    /// Whether to divide by the standard deviation instead of the root mean square; default `false`.
    pub centered: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        RmsProp {
            learning_rate: 1e-2,
            alpha: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
            maximize: false,
        }
    }
}

impl Rule for RmsProp {
    fn name(&self) -> &str {
        "rmsprop"
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
        Error::check_fraction(self.name(), "alpha", self.alpha)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_at_least_zero(self.name(), "momentum", self.momentum)
    }

    fn slots(&self) -> Vec<Slot> {
        let mut slots = vec![Slot::zeros("square_average")];
        if self.centered {
            slots.push(Slot::zeros("gradient_average"));
        }
        if self.momentum > 0.0 {
            slots.push(Slot::zeros("momentum_buffer"));
        }
        slots
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let [rate, decay, alpha, rest, epsilon, momentum] = [
            step.learning_rate,
            step.weight_decay,
            self.alpha,
            1.0 - self.alpha,
            self.epsilon,
            self.momentum,
        ]
        .map(T::from_f64);
        let square_average = |v: T, g: T| alpha * v + rest * g * g;
        let gradient_average = |a: T, g: T| a + rest * (g - a);
        let deviation = |v: T, a: T| (v - a * a).maximum(T::ZERO).sqrt() + epsilon;
        match (self.centered, self.momentum > 0.0) {
            (false, false) => piece.for_each(|p, g, [v]| {
                let g = g + decay * p;
                let v = square_average(v, g);
                (p - rate * g / (v.sqrt() + epsilon), [v])
            }),
            (false, true) => piece.for_each(|p, g, [v, b]| {
                let g = g + decay * p;
                let v = square_average(v, g);
                let b = momentum * b + g / (v.sqrt() + epsilon);
                (p - rate * b, [v, b])
            }),
            (true, false) => piece.for_each(|p, g, [v, a]| {
                let g = g + decay * p;
                let (v, a) = (square_average(v, g), gradient_average(a, g));
                (p - rate * g / deviation(v, a), [v, a])
            }),
            (true, true) => piece.for_each(|p, g, [v, a, b]| {
                let g = g + decay * p;
                let (v, a) = (square_average(v, g), gradient_average(a, g));
                let b = momentum * b + g / deviation(v, a);
                (p - rate * b, [v, a, b])
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Optimizer;

    #[test]
    fn centered_stays_finite_when_the_gradient_is_constant() {
        let rule = RmsProp { centered: true, learning_rate: 1e-6, alpha: 0.5, ..RmsProp::default() };
        let mut optimizer = Optimizer::new(rule, 64).unwrap();
        let mut parameters = [1.0_f32; 64];
        let gradient: [f32; 64] = std::array::from_fn(|index| 0.1 + 0.317 * index as f32);
        for _ in 0..200 {
            optimizer.step(&mut parameters, &gradient).unwrap();
        }
        assert!(parameters.iter().all(|p| p.is_finite()), "{parameters:?}");
    }
}
