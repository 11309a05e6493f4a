//! What a layer is: plain data with a forward pass that declares its parameters where it uses them.

use crate::Scope;
use downhill_autograd::Var;
use std::borrow::Cow;
use std::fmt;

/// A part of a network: plain data, without parameters in it.
///
/// The forward pass is recorded once for each program. It asks the [`Scope`] for its parameters, whose
/// shapes may depend on the shape of `x`, and returns the result. Rules of its own it reports with
/// [`Var::refuse`], so that they appear with the layer path like every other error.
///
/// ```
/// use downhill_autograd::{Type, Var};
/// use downhill_nn::{Init, Layer, Network, Scope};
///
/// /// `x` times a learned number for each feature.
/// struct Scale;
///
/// impl Layer for Scale {
///     fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
///         x * scope.param("scale", [x.dim(-1)], Init::Ones)
///     }
/// }
///
/// let network = Network::new(Scale, Type::float([8, 3]))?;
/// assert_eq!(network.parameter_count(), 3);
/// # Ok::<(), downhill_nn::Error>(())
/// ```
pub trait Layer {
    /// Records what this layer makes of `x`.
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t>;

    /// The name of this kind of layer, for tables; the name of the type unless said otherwise.
    fn kind(&self) -> Cow<'static, str> {
        let name = std::any::type_name::<Self>();
        let end = name.find('<').unwrap_or(name.len());
        name[..end].rsplit("::").next().unwrap_or(name).into()
    }
}

impl<L: Layer + ?Sized> Layer for &L {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        (**self).forward(scope, x)
    }

    fn kind(&self) -> Cow<'static, str> {
        (**self).kind()
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        (**self).forward(scope, x)
    }

    fn kind(&self) -> Cow<'static, str> {
        (**self).kind()
    }
}

/// A layer made of a function: see [`layer_fn`].
#[derive(Clone, Copy)]
pub struct Function<F>(F);

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

/// A layer that is a function. It cannot be written to a file; a struct that implements [`Layer`] can.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_nn::{Linear, Network, layer_fn};
/// let network = Network::new(
///     layer_fn(|scope, x| {
///         let hidden = scope.layer("hidden", &Linear::new(4), x).tanh();
///         scope.layer("output", &Linear::new(1), hidden)
///     }),
///     Type::float([1, 2]),
/// )?;
/// assert_eq!(network.parameter_count(), 2 * 4 + 4 + 4 + 1);
/// # Ok::<(), downhill_nn::Error>(())
/// ```
pub fn layer_fn<F>(forward: F) -> Function<F>
where
    F: for<'t> Fn(&Scope<'t>, Var<'t>) -> Var<'t>,
{
    Function(forward)
}

impl<F> Layer for Function<F>
where
    F: for<'t> Fn(&Scope<'t>, Var<'t>) -> Var<'t>,
{
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        (self.0)(scope, x)
    }
}
