//! A layer beside the identity.

use super::AnyLayer;
use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// The sum of the input and of what a layer makes of it: `x + inner(x)`.
///
/// # Errors
/// An inner layer whose result has another shape than the input.
///
/// # Source
/// He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015 (arXiv:1512.03385).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// The layer, under the name `inner`.
    pub inner: Box<AnyLayer>,
}

impl Residual {
    /// The identity plus this layer.
    pub fn new(inner: impl Into<AnyLayer>) -> Self {
        Residual { inner: Box::new(inner.into()) }
    }
}

impl Layer for Residual {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let y = scope.layer("inner", &*self.inner, x);
        if x.ty() != y.ty() {
            let reason = format!("the inner layer must keep the shape of its input, {}", x.ty());
            return y.refuse("residual", reason);
        }
        x + y
    }
}
