//! A rate that rises and then falls as one over the root of the time.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// A straight rise for W steps, and then a fall with the root of the number of steps: what transformers were
/// first trained with.
///
/// ```text
/// factor(t) = min(s / W, sqrt(W / s)),  s = t + 1
/// ```
///
/// The W-th step has the full rate. The paper's rate is `(d W)^(-1/2)` times this, with d the width of the
/// model.
///
/// # Source
/// A. Vaswani et al., *Attention is all you need* (2017), equation 3, known as the Noam schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InverseSquareRoot {
    /// W; at least 1, default 4,000.
    #[serde(default = "default_warm_up")]
    pub warm_up: u64,
}

fn default_warm_up() -> u64 {
    4000
}

impl InverseSquareRoot {
    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        let (warm_up, step) = (self.warm_up.max(1) as f64, step as f64 + 1.0);
        (step / warm_up).min((warm_up / step).sqrt())
    }

    pub(super) fn validate(&self) -> Result<()> {
        Error::check(self.warm_up > 0, "inverse_square_root", "warm_up", "at least 1", self.warm_up as f64)
    }
}

impl Default for InverseSquareRoot {
    fn default() -> Self {
        InverseSquareRoot { warm_up: default_warm_up() }
    }
}
