//! ASGD: averaged stochastic gradient descent.

use crate::{Error, MAX_SLOTS, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// ASGD: stochastic gradient descent at a falling rate, with an average a of the points on its way beside it.
///
/// ```text
/// g <- g + λ p
/// η(t) = η                                          (t = 1)
/// η(t) = η / (1 + Λ η (t - 1))^α                    (t > 1, with the rate of the step before)
/// p <- (1 - Λ η(t)) p - η(t) g
/// a <- p                                            (t <= t0 + 2)
/// a <- a + (p - a) / (t - 1 - t0)                   (t > t0 + 2)
/// ```
///
/// Λ is `decay`, α `power` and t0 `start`. The average is what should be judged:
/// [`Optimizer::evaluation_parameters`](crate::Optimizer::evaluation_parameters). As in PyTorch, η(t) follows a
/// schedule one step late.
///
/// # Source
/// B. Polyak, A. Juditsky, *Acceleration of stochastic approximation by averaging* (1992); the form is that of
/// L. Bottou's `asgd`, by PyTorch's `ASGD`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asgd {
    /// η; default 0.01.
    pub learning_rate: f64,
    /// Λ, by which the parameters shrink and the rate falls; default 0.0001.
    pub decay: f64,
    /// α, how fast the rate falls; default 0.75.
    pub power: f64,
    /// t0, the number of steps before the average begins; default 1e6.
    pub start: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Asgd {
    fn default() -> Self {
        Asgd { learning_rate: 1e-2, decay: 1e-4, power: 0.75, start: 1e6, weight_decay: 0.0, maximize: false }
    }
}

impl Rule for Asgd {
    fn name(&self) -> &str {
        "asgd"
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
        Error::check_at_least_zero(self.name(), "decay", self.decay)?;
        Error::check_at_least_zero(self.name(), "power", self.power)?;
        Error::check_at_least_zero(self.name(), "start", self.start)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("average")]
    }

    fn scalars(&self) -> Vec<Slot> {
        vec![Slot::zeros("learning_rate"), Slot::zeros("previous_learning_rate")]
    }

    fn advance(&self, step: &mut Step) {
        let previous = if step.number == 1 { step.learning_rate } else { step.scalars[0] };
        step.scalars = [step.learning_rate, previous];
    }

    fn evaluation_point<T: Float>(&self, _: T, state: [T; MAX_SLOTS]) -> T {
        state[0]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let before = step.number.saturating_sub(1) as f64;
        // The rate of the step before, in this group.
        let previous = step.scalars[1] * step.group_factor;
        let rate = previous / (1.0 + self.decay * previous * before).powf(self.power);
        let share = 1.0 / (before - self.start).max(1.0);
        let [shrink, rate, decay, share] =
            [1.0 - self.decay * rate, rate, step.weight_decay, share].map(T::from_f64);
        piece.for_each(|p, g, [a]| {
            let g = g + decay * p;
            let p = p * shrink - rate * g;
            let a = if share == T::ONE { p } else { a + share * (p - a) };
            (p, [a])
        });
    }
}
