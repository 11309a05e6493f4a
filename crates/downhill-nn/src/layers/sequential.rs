//! Layers one after the other.

use super::AnyLayer;
use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// Layers one after the other. They are called `0`, `1`, ... by their position, or by their name if they are
/// [`Named`]; two of the same name share their parameters.
///
/// ```
/// use downhill_nn::{Activation, Linear, Sequential};
/// let network = Sequential::new()
///     .with(Linear::new(16))
///     .with(Activation::Tanh)
///     .with_named("head", Linear::new(1));
/// assert_eq!(network.layers.len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequential {
    /// The layers, first to last.
    pub layers: Vec<AnyLayer>,
}

impl Sequential {
    /// No layer: the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this layer behind the others.
    #[must_use]
    pub fn with(mut self, layer: impl Into<AnyLayer>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// With this layer behind the others, under a name of its own.
    #[must_use]
    pub fn with_named(self, name: &str, layer: impl Into<AnyLayer>) -> Self {
        self.with(Named { name: name.into(), layer: Box::new(layer.into()) })
    }
}

impl<L: Into<AnyLayer>> FromIterator<L> for Sequential {
    fn from_iter<I: IntoIterator<Item = L>>(layers: I) -> Self {
        Sequential { layers: layers.into_iter().map(Into::into).collect() }
    }
}

impl Layer for Sequential {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        self.layers.iter().enumerate().fold(x, |x, (position, layer)| match layer {
            AnyLayer::Named(named) => named.forward(scope, x),
            layer => scope.layer(&position.to_string(), layer, x),
        })
    }
}

/// A layer with a name of its own in the path, instead of its position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name, without dots.
    pub name: String,
    /// The layer.
    pub layer: Box<AnyLayer>,
}

impl Layer for Named {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        scope.layer(&self.name, &*self.layer, x)
    }
}
