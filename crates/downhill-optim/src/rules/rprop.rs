//! Rprop: resilient backpropagation.

use crate::{Error, Piece, Result, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Rprop: each parameter has a step size s of its own, which grows while its derivative keeps its sign and
/// shrinks where that changes; the size of the derivative does not matter. For gradients of the whole data,
/// not of batches.
///
/// ```text
/// s <- clamp(η+ s)                if g h > 0        (h: the derivative of the step before)
/// s <- clamp(η- s),  g <- 0       if g h < 0
/// p <- p - s sign(g)
/// h <- g
/// ```
///
/// s is between `smallest_step` and `largest_step`; it starts at the learning rate of the first step, which
/// has no other meaning: a schedule does nothing. Where the sign changed, the parameter rests for one step.
///
/// # Source
/// M. Riedmiller, H. Braun, *A direct adaptive method for faster backpropagation learning: the RPROP
/// algorithm* (1993), without taking back the last step, which is iRprop- of C. Igel, M. Hüsken (2000);
/// PyTorch's `Rprop`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rprop {
    /// s before the first step; default 0.01.
    pub learning_rate: f64,
    /// η-; above 0 and below 1, default 0.5.
    pub shrink: f64,
    /// η+; above 1, default 1.2.
    pub grow: f64,
    /// The least s; default 1e-6.
    pub smallest_step: f64,
    /// The most s; default 50.
    pub largest_step: f64,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Rprop {
    fn default() -> Self {
        Rprop {
            learning_rate: 1e-2,
            shrink: 0.5,
            grow: 1.2,
            smallest_step: 1e-6,
            largest_step: 50.0,
            maximize: false,
        }
    }
}

impl Rule for Rprop {
    fn name(&self) -> &str {
        "rprop"
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn maximizes(&self) -> bool {
        self.maximize
    }

    fn validate(&self) -> Result<()> {
        Error::check(
            self.shrink > 0.0 && self.shrink < 1.0,
            self.name(),
            "shrink",
            "above 0 and below 1",
            self.shrink,
        )?;
        Error::check(self.grow > 1.0 && self.grow.is_finite(), self.name(), "grow", "above 1", self.grow)?;
        Error::check_at_least_zero(self.name(), "smallest_step", self.smallest_step)?;
        let largest = self.largest_step;
        Error::check(
            largest >= self.smallest_step,
            self.name(),
            "largest_step",
            "at least smallest_step",
            largest,
        )
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::zeros("previous_derivative"), Slot::zeros("step_size")]
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let [initial, shrink, grow, smallest, largest] =
            [step.learning_rate, self.shrink, self.grow, self.smallest_step, self.largest_step]
                .map(T::from_f64);
        let first = step.number == 1;
        piece.for_each(|p, g, [h, s]| {
            let agreement = g * h;
            let turned = agreement < T::ZERO;
            let factor = if turned {
                shrink
            } else if agreement > T::ZERO {
                grow
            } else {
                T::ONE
            };
            let s = if first { initial } else { s };
            let s = (s * factor).maximum(smallest).minimum(largest);
            let g = if turned { T::ZERO } else { g };
            (p - s * g.sign(), [g, s])
        });
    }
}
