//! Gradient descent.

use crate::{Piece, RowSteps, Rule, Step};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Gradient descent: a step against the gradient, in proportion to it.
///
/// ```text
/// p <- p - η g
/// ```
///
/// It keeps no state. On a quadratic with largest curvature L it converges exactly when η < 2/L.
///
/// # Source
/// A. Cauchy, *Méthode générale pour la résolution des systèmes d'équations simultanées*, Comptes rendus 25
/// (1847). The default is that of PyTorch's `SGD`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientDescent {
    /// η; default 0.001.
    pub learning_rate: f64,
}

impl Default for GradientDescent {
    fn default() -> Self {
        GradientDescent { learning_rate: 1e-3 }
    }
}

impl Rule for GradientDescent {
    fn name(&self) -> &str {
        "gradient_descent"
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn row_steps(&self) -> RowSteps {
        RowSteps::Exactly
    }

    fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
        let rate = T::from_f64(step.learning_rate);
        piece.for_each(|p, g, []| (p - rate * g, []));
    }
}
