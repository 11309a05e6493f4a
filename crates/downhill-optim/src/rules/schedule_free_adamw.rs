//! Schedule-free AdamW.

use super::schedule_free_sgd::{Averaging, check_momentum};
use crate::{Error, MAX_SLOTS, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Schedule-free AdamW: [`ScheduleFreeSgd`](crate::ScheduleFreeSgd) with the gradient divided by its moving
/// root mean square.
///
/// ```text
/// v <- β2 v + (1 - β2) g²
/// u = g / (sqrt(v / (1 - β2^t)) + ε) + λ y
/// w = (largest η so far)^r,  c = w / (sum of all w so far)
/// z <- z - η u
/// x <- (1 - c) x + c z
/// y <- (1 - β1) z + β1 x
/// ```
///
/// The parameters are y; x is what should be judged:
/// [`Optimizer::evaluation_parameters`](crate::Optimizer::evaluation_parameters). z starts at the parameters.
/// A warm-up by a schedule is good.
///
/// # Source
/// A. Defazio et al., *The road less scheduled* (2024), algorithm 1; the authors' `AdamWScheduleFree`; optax's
/// `schedule_free_adamw`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleFreeAdamW {
    /// η; default 0.0025.
    pub learning_rate: f64,
    /// β1, the part of x in the parameters; above 0 and below 1, default 0.9.
    pub beta1: f64,
    /// β2, the part of v that is kept; at least 0 and below 1, default 0.999.
    pub beta2: f64,
    /// ε, which keeps the division finite; default 1e-8.
    pub epsilon: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// r, how much more steps of a higher rate count; default 2.
    pub weight_power: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for ScheduleFreeAdamW {
    fn default() -> Self {
        ScheduleFreeAdamW {
            learning_rate: 2.5e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            weight_power: 2.0,
            maximize: false,
        }
    }
}

impl Rule for ScheduleFreeAdamW {
    fn name(&self) -> &str {
        "schedule_free_adamw"
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
        check_momentum(self.name(), "beta1", self.beta1)?;
        Error::check_fraction(self.name(), "beta2", self.beta2)?;
        Error::check_at_least_zero(self.name(), "epsilon", self.epsilon)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_at_least_zero(self.name(), "weight_power", self.weight_power)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("second_moment"), Slot::zeros("descent")]
    }

    fn scalars(&self) -> Vec<Slot> {
        vec![Slot::zeros("largest_rate"), Slot::zeros("sum_of_weights")]
    }

    fn advance(&self, step: &mut Step) {
        let [largest, sum] = step.scalars;
        let largest = largest.max(step.learning_rate);
        step.scalars = [largest, sum + largest.powf(self.weight_power)];
    }

    fn evaluation_point<T: Float>(&self, parameter: T, state: [T; MAX_SLOTS]) -> T {
        let momentum = T::from_f64(self.beta1);
        (parameter - (T::ONE - momentum) * state[1]) / momentum
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let Averaging { share, pull } = Averaging::new(step, self.beta1, self.weight_power);
        let unbias = 1.0 / step.bias_correction(self.beta2).sqrt();
        let [rate, decay, share, pull, unbias] =
            [step.learning_rate, step.weight_decay, share, pull, unbias].map(T::from_f64);
        let [beta2, rest2, epsilon] = [self.beta2, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        let first = step.number == 1;
        piece.for_each(|y, g, [v, z]| {
            let z = if first { y } else { z };
            let v = beta2 * v + rest2 * g * g;
            let u = g / (v.sqrt() * unbias + epsilon) + decay * y;
            (y + share * (z - y) - pull * u, [v, z - rate * u])
        });
    }
}
