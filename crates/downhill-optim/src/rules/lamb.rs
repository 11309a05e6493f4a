//! LAMB.

use crate::clip::norm_of;
use crate::{Error, Piece, Result, Rule, Scope, Slot, Step, global_norm};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// LAMB: Adam for large batches: each parameter (a weight, a bias) moves by a step as long as itself, times
/// the rate.
///
/// ```text
/// m <- m + (1 - β1) (g - m)
/// v <- β2 v + (1 - β2) g²
/// u = m / (1 - β1^t) / (sqrt(v / (1 - β2^t)) + ε) + λ p
/// r = |p| / |u|                                     (norms of the whole parameter; 1 if either is 0)
/// p <- p - η r u
/// ```
///
/// With `adapt_vectors` off, r is 1 for parameters of less than two dimensions. The paper leaves open how |p|
/// is bounded; here it is not. The result depends on how the model's numbers are divided into parameters.
///
/// # Source
/// Y. You et al., *Large batch optimization for deep learning: training BERT in 76 minutes* (2020), algorithm
/// 2; optax's `lamb`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lamb {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// β1, the part of m that is kept; at least 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-6.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether vectors and single numbers have a ratio of their own too; default `true`.
    pub adapt_vectors: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Lamb {
    fn default() -> Self {
        Lamb {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-6,
            weight_decay: 0.0,
            adapt_vectors: true,
            maximize: false,
        }
    }
}

impl Rule for Lamb {
    fn name(&self) -> &str {
        "lamb"
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

    fn scope(&self) -> Scope {
        Scope::Parameter
    }

    fn update<T: Float>(&self, step: &Step, mut piece: Piece<'_, T>) {
        let unbias1 = 1.0 / step.bias_correction(self.beta1);
        let unbias2 = 1.0 / step.bias_correction(self.beta2).sqrt();
        let [unbias1, unbias2, decay, epsilon] =
            [unbias1, unbias2, step.weight_decay, self.epsilon].map(T::from_f64);
        let [rest1, beta2, rest2] = [1.0 - self.beta1, self.beta2, 1.0 - self.beta2].map(T::from_f64);
        piece.reborrow().for_each(|p, g, [m, v]| (p, [m + rest1 * (g - m), beta2 * v + rest2 * g * g]));
        let direction = |p: T, m: T, v: T| m * unbias1 / (v.sqrt() * unbias2 + epsilon) + decay * p;
        let ratio = if self.adapt_vectors || piece.shape().rank() > 1 {
            let [m, v, ..] = &piece.state;
            let length = norm_of(m.len(), |index| direction(piece.parameters[index], m[index], v[index]));
            trust_ratio(global_norm(piece.parameters), length)
        } else {
            1.0
        };
        let rate = T::from_f64(step.learning_rate * ratio);
        piece.for_each(|p, _, [m, v]| (p - rate * direction(p, m, v), [m, v]));
    }
}

/// How long a parameter is, against its step; 1 where one of the two is 0.
fn trust_ratio(parameter: f64, step: f64) -> f64 {
    if parameter == 0.0 || step == 0.0 { 1.0 } else { parameter / step }
}
