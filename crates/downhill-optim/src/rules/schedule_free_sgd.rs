//! Schedule-free stochastic gradient descent.

use crate::{Error, MAX_SLOTS, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Schedule-free stochastic gradient descent: gradient descent on z, its weighted average x, and the gradient
/// taken between the two. It does what a falling rate would do without knowing when the training ends.
///
/// ```text
/// g <- g + λ y
/// w = (largest η so far)^r,  c = w / (sum of all w so far)
/// z <- z - η g
/// x <- (1 - c) x + c z
/// y <- (1 - β) z + β x
/// ```
///
/// The parameters are y, where the gradient is wanted; x is what should be judged, and
/// [`Optimizer::evaluation_parameters`](crate::Optimizer::evaluation_parameters) makes it of y and z. z
/// starts at the parameters. A warm-up by a schedule is good, and a rate ten times that of plain descent.
///
/// # Source
/// A. Defazio et al., *The road less scheduled* (2024), equations 1 to 3; the weights are those of the
/// authors' program and of optax's `schedule_free`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleFreeSgd {
    /// η; default 1.
    pub learning_rate: f64,
    /// β, the part of x in the parameters; above 0 and below 1, default 0.9.
    pub momentum: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// r, how much more steps of a higher rate count; default 2.
    pub weight_power: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for ScheduleFreeSgd {
    fn default() -> Self {
        ScheduleFreeSgd {
            learning_rate: 1.0,
            momentum: 0.9,
            weight_decay: 0.0,
            weight_power: 2.0,
            maximize: false,
        }
    }
}

impl Rule for ScheduleFreeSgd {
    fn name(&self) -> &str {
        "schedule_free_sgd"
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
        check_momentum(self.name(), "momentum", self.momentum)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        Error::check_at_least_zero(self.name(), "weight_power", self.weight_power)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("descent")]
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
        let momentum = T::from_f64(self.momentum);
        (parameter - (T::ONE - momentum) * state[0]) / momentum
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let Averaging { share, pull } = Averaging::new(step, self.momentum, self.weight_power);
        let [rate, decay, share, pull] =
            [step.learning_rate, step.weight_decay, share, pull].map(T::from_f64);
        let first = step.number == 1;
        piece.for_each(|y, g, [z]| {
            let z = if first { y } else { z };
            let g = g + decay * y;
            (y + share * (z - y) - pull * g, [z - rate * g])
        });
    }
}

/// How y moves, x taken out of the formulas:
///
/// ```text
/// y <- (1 - c) y + c z - η (1 - β (1 - c)) g          (with z as it was)
/// ```
pub(super) struct Averaging {
    /// c.
    pub share: f64,
    /// η (1 - β (1 - c)).
    pub pull: f64,
}

impl Averaging {
    /// For a step whose scalars are the largest rate and the sum of weights.
    pub fn new(step: &Step, momentum: f64, weight_power: f64) -> Self {
        let [largest, sum] = step.scalars;
        // A warm-up from 0 has no weight yet.
        let share = if sum > 0.0 { largest.powf(weight_power) / sum } else { 0.0 };
        Averaging { share, pull: step.learning_rate * (1.0 - momentum * (1.0 - share)) }
    }
}

/// Refuses a momentum from which x cannot be told.
pub(super) fn check_momentum(owner: &str, field: &'static str, momentum: f64) -> Result<()> {
    Error::check(momentum > 0.0 && momentum < 1.0, owner, field, "above 0 and below 1", momentum)
}
