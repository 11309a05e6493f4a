//! Adam, with AMSGrad.

use crate::{Error, Piece, Result, RowSteps, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Adam: a step along the moving average m of the gradient, divided by the moving root mean square of it.
///
/// ```text
/// g <- g + λ p
/// m <- m + (1 - β1) (g - m)
/// v <- β2 v + (1 - β2) g²
/// w = v                                        (plain)
/// w = maximum of all v so far                  (amsgrad)
/// p <- p - η / (1 - β1^t) * m / (sqrt(w / (1 - β2^t)) + ε)
/// ```
///
/// The decay enters the gradient, and so the averages; [`AdamW`](crate::AdamW) keeps it apart. AMSGrad's
/// maximum is over the raw v, as in PyTorch and Keras. Keras has ε = 1e-7, burn 1e-5; optax can add a second
/// one inside the root.
///
/// On rows ([`Optimizer::step_rows`](crate::Optimizer::step_rows)) it is lazy: this formula on the rows that a
/// batch saw, with t the number of all steps, while the averages of all others stay as they are. PyTorch's
/// `SparseAdam` is this, with an ε that it adds to sqrt(v) and not to sqrt(v / (1 - β2^t)).
///
/// # Source
/// D. Kingma, J. Ba, *Adam: a method for stochastic optimization* (2015), algorithm 1; S. Reddi, S. Kale,
/// S. Kumar, *On the convergence of Adam and beyond* (2018); PyTorch's `Adam`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
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
    /// Whether to divide by the largest v so far; default `false`.
    pub amsgrad: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Adam {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            amsgrad: false,
            maximize: false,
        }
    }
}

impl Rule for Adam {
    fn name(&self) -> &str {
        "adam"
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
        self.validate_as(self.name())
    }

    fn slots(&self) -> Vec<Slot> {
        let mut slots = vec![Slot::zeros("first_moment"), Slot::zeros("second_moment")];
        if self.amsgrad {
            slots.push(Slot::zeros("largest_second_moment"));
        }
        slots
    }

    fn row_steps(&self) -> RowSteps {
        RowSteps::Lazily
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        self.update_with(step, step.weight_decay, 1.0, piece);
    }
}

impl Adam {
    /// Checks everything but the learning rate, in the name of an optimizer that shares these fields.
    pub(super) fn validate_as(&self, owner: &str) -> Result<()> {
        Error::check_fraction(owner, "beta1", self.beta1)?;
        Error::check_fraction(owner, "beta2", self.beta2)?;
        Error::check_at_least_zero(owner, "epsilon", self.epsilon)?;
        Error::check_at_least_zero(owner, "weight_decay", self.weight_decay)
    }

    /// The step with both ways to decay: `penalty` times the parameter added to the gradient, and the
    /// parameter multiplied by `shrink` beforehand. A penalty of 0 and a shrink of 1 change no bit.
    #[inline(always)]
    pub(super) fn update_with<T: Float>(&self, step: &Step, penalty: f64, shrink: f64, piece: Piece<'_, T>) {
        let rate = step.learning_rate / step.bias_correction(self.beta1);
        let unbias = 1.0 / step.bias_correction(self.beta2).sqrt();
        let [rate, unbias, penalty, shrink] = [rate, unbias, penalty, shrink].map(T::from_f64);
        let [rest1, beta2, rest2, epsilon] =
            [1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        let moments = |p: T, g: T, m: T, v: T| {
            let g = g + penalty * p;
            (m + rest1 * (g - m), beta2 * v + rest2 * g * g)
        };
        let moved = |p: T, m: T, w: T| p * shrink - rate * m / (w.sqrt() * unbias + epsilon);
        if self.amsgrad {
            piece.for_each(|p, g, [m, v, w]| {
                let (m, v) = moments(p, g, m, v);
                let w = w.maximum(v);
                (moved(p, m, w), [m, v, w])
            });
        } else {
            piece.for_each(|p, g, [m, v]| {
                let (m, v) = moments(p, g, m, v);
                (moved(p, m, v), [m, v])
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_field_value_and_domain() {
        let error = Adam { beta2: 1.0, ..Adam::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "adam: beta2 must be at least 0 and below 1, but is 1");
        let error = Adam { epsilon: f64::NAN, ..Adam::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "adam: epsilon must be finite and at least 0, but is NaN");
    }
}
