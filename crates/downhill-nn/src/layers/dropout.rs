//! Dropout: training against noise.

use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// In training each element is 0 with probability `rate` and otherwise divided by `1 - rate`, so that its
/// expectation stays; in inference the identity. Every run of a program draws anew from the key it is given.
///
/// # Shape
/// Any; the result has the same.
///
/// # Errors
/// A rate outside of 0 to 1, or 1 itself.
///
/// # Source
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The probability that an element is dropped, in 0..1.
    pub rate: f64,
}

impl Dropout {
    /// Dropping elements with this probability.
    pub fn new(rate: f64) -> Self {
        Dropout { rate }
    }
}

impl Layer for Dropout {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if !(0.0..1.0).contains(&self.rate) {
            return x
                .refuse("dropout", format!("the rate must be at least 0 and below 1, not {}", self.rate));
        }
        if !scope.is_training() || self.rate == 0.0 {
            return x;
        }
        let keep = scope.uniform(x.shape()).ge(scope.tape().scalar(self.rate));
        x * (keep * (1.0 / (1.0 - self.rate)))
    }
}
