//! A layer whose intermediate values are computed again.

use super::AnyLayer;
use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// Another layer, as it is, but for memory: in training, the values inside are not kept until the gradient needs them,
/// but computed again then. One more forward pass of the layer, for the memory of its inside; results and gradients
/// are the same to the bit. For the blocks of a deep network.
///
/// # Errors
/// Those of the inner layer.
///
/// # Source
/// [`Tape::checkpoint`](downhill_autograd::Tape::checkpoint).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The layer, under the name `inner`.
    pub inner: Box<AnyLayer>,
}

impl Checkpoint {
    /// This layer, computed again.
    pub fn new(inner: impl Into<AnyLayer>) -> Self {
        Checkpoint { inner: Box::new(inner.into()) }
    }
}

impl Layer for Checkpoint {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        scope.tape().checkpoint(|| scope.layer("inner", &*self.inner, x))
    }
}
