//! LARS.

use crate::clip::norm_of;
use crate::{Error, Piece, Result, Rule, Scope, Slot, Step, global_norm};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// LARS: momentum for large batches: each parameter (a weight, a bias) moves in proportion to its own length.
///
/// ```text
/// d = g + λ p
/// r = τ |p| / (|d| + ε)                             (norms of the whole parameter; 1 if either is 0)
/// b <- μ b + η r d
/// p <- p - b                                        (plain)
/// p <- p - (η r d + μ b)                            (nesterov)
/// ```
///
/// The rate stands inside the buffer b, as in the paper, which has |g| + λ |p| for |d|. With `adapt_vectors`
/// off, r is 1 for parameters of less than two dimensions. The result depends on how the model's numbers are
/// divided into parameters.
///
/// # Source
/// Y. You, I. Gitman, B. Ginsburg, *Large batch training of convolutional networks* (2017), algorithm 1;
/// optax's `lars`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lars {
    /// η; default 0.1.
    pub learning_rate: f64,
    /// μ, the part of the velocity that is kept; at least 0, default 0.9.
    pub momentum: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// τ, the length of a step against that of the parameter; default 0.001.
    pub trust_coefficient: f64,
    /// ε; default 0.
    pub epsilon: f64,
    /// Whether to look ahead along the velocity; needs momentum. Default `false`.
    pub nesterov: bool,
    /// Whether vectors and single numbers have a ratio of their own too; default `true`.
    pub adapt_vectors: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Lars {
    fn default() -> Self {
        Lars {
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 0.0,
            trust_coefficient: 1e-3,
            epsilon: 0.0,
            nesterov: false,
            adapt_vectors: true,
            maximize: false,
        }
    }
}

impl Rule for Lars {
    fn name(&self) -> &str {
        "lars"
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
        Error::check_at_least_zero(self.name(), "momentum", self.momentum)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_at_least_zero(self.name(), "trust_coefficient", self.trust_coefficient)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;

        if self.nesterov && self.momentum == 0.0 {
            return Err(Error::Conflict {
                owner: self.name().into(),
                reason: "nesterov needs a momentum above 0",
            });
        }
        Ok(())
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("momentum_buffer")]
    }

    fn scope(&self) -> Scope {
        Scope::Parameter
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let [decay, momentum, sign] =
            [step.weight_decay, self.momentum, piece.sign().to_f64()].map(T::from_f64);
        let ratio = if self.adapt_vectors || piece.shape().rank() > 1 {
            let (parameters, gradient) = (&*piece.parameters, piece.gradient);
            let length = norm_of(gradient.len(), |index| sign * gradient[index] + decay * parameters[index]);
            match (global_norm(parameters), length) {
                (parameter, step) if parameter == 0.0 || step == 0.0 => 1.0,
                (parameter, step) => self.trust_coefficient * parameter / (step + self.epsilon),
            }
        } else {
            1.0
        };
        let rate = T::from_f64(step.learning_rate * ratio);
        let nesterov = self.nesterov;
        piece.for_each(|p, g, [b]| {
            let d = rate * (g + decay * p);
            let b = momentum * b + d;
            (p - if nesterov { d + momentum * b } else { b }, [b])
        });
    }
}
