//! Stochastic gradient descent with momentum.

use crate::{Error, Piece, Result, RowSteps, Rule, Slot, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Stochastic gradient descent with momentum μ, dampening τ, Nesterov's look-ahead and weight decay.
///
/// ```text
/// g <- g + λ p
/// b <- μ b + (1 - τ) g          (b <- g in the first step)
/// p <- p - η b                  (plain)
/// p <- p - η (g + μ b)          (nesterov)
/// ```
///
/// The rate stays outside the buffer b: a schedule that lowers it acts at once on all of the velocity. Keras
/// has it inside, which is the same only at a constant rate. burn's default dampening is 0.1, PyTorch's 0.
/// Without momentum there is no buffer.
///
/// # Source
/// B. Polyak, *Some methods of speeding up the convergence of iteration methods* (1964); Y. Nesterov, *A
/// method of solving a convex programming problem with convergence rate O(1/k²)* (1983), in the form of
/// Sutskever et al., *On the importance of initialization and momentum in deep learning* (2013); PyTorch's
/// `SGD`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// η; default 0.001.
    pub learning_rate: f64,
    /// μ, the part of the velocity that is kept; at least 0, default 0.
    pub momentum: f64,
    /// τ, the part of the gradient that is held back; from 0 to 1, default 0.
    pub dampening: f64,
    /// λ; default 0.
    pub weight_decay: f64,
    /// Whether to look ahead along the velocity; needs momentum and no dampening. Default `false`.
    pub nesterov: bool,
    /// Whether to go up the gradient, g <- -g first of all; default `false`.
    pub maximize: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Sgd {
            learning_rate: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            maximize: false,
        }
    }
}

impl Rule for Sgd {
    fn name(&self) -> &str {
        "sgd"
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
        let dampening = self.dampening;
        Error::check((0.0..=1.0).contains(&dampening), self.name(), "dampening", "from 0 to 1", dampening)?;
        Error::check_at_least_zero(self.name(), "weight_decay", self.weight_decay)?;
        if self.nesterov && (self.momentum == 0.0 || dampening != 0.0) {
            let reason = "nesterov needs a momentum above 0 and a dampening of 0";
            return Err(Error::Conflict { owner: self.name().into(), reason });
        }
        Ok(())
    }

    fn slots(&self) -> Vec<Slot> {
        if self.momentum == 0.0 { Vec::new() } else { vec![Slot::zeros("momentum_buffer")] }
    }

    fn row_steps(&self) -> RowSteps {
        if self.momentum == 0.0 { RowSteps::Exactly } else { RowSteps::Never }
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let [rate, decay, momentum] = [step.learning_rate, step.weight_decay, self.momentum].map(T::from_f64);
        // The buffer starts as the whole first gradient, whatever the dampening.
        let admitted = T::from_f64(if step.number == 1 { 1.0 } else { 1.0 - self.dampening });
        let velocity = |b: T, g: T| momentum * b + admitted * g;
        if self.momentum == 0.0 {
            piece.for_each(|p, g, []| (p - rate * (g + decay * p), []));
        } else if self.nesterov {
            piece.for_each(|p, g, [b]| {
                let g = g + decay * p;
                let b = velocity(b, g);
                (p - rate * (g + momentum * b), [b])
            });
        } else {
            piece.for_each(|p, g, [b]| {
                let b = velocity(b, g + decay * p);
                (p - rate * b, [b])
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesterov_without_momentum_is_refused() {
        let error = Sgd { nesterov: true, ..Sgd::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "sgd: nesterov needs a momentum above 0 and a dampening of 0");
        let dampened = Sgd { nesterov: true, momentum: 0.9, dampening: 0.1, ..Sgd::default() };
        assert!(dampened.validate().is_err());
        assert!(Sgd { dampening: 0.0, ..dampened }.validate().is_ok());
    }

    #[test]
    fn momentum_alone_has_state() {
        assert!(Sgd::default().slots().is_empty());
        assert_eq!(Sgd { momentum: 0.5, ..Sgd::default() }.slots().len(), 1);
    }
}
