//! Activations: functions without parameters between layers.

use crate::{Error, Layer, Result, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A function applied to each element, or, for softmax, to each row along the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where x > 0, `negative_slope` x elsewhere (PyTorch's default: 0.01).
    LeakyRelu {
        /// The slope below 0.
        negative_slope: f64,
    },
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// x Φ(x), the exact form with the error function.
    Gelu,
    /// x σ(x), also called swish.
    Silu,
    /// eˣ over its sum along the last axis. For probabilities at the end of a network prefer logits and
    /// [`Loss::CrossEntropy`](crate::Loss::CrossEntropy), which is stable.
    Softmax,
}

impl Activation {
    /// All activations, with their default options, in the order of their names' first mention.
    pub const ALL: [Activation; 7] = [
        Activation::Relu,
        Activation::LeakyRelu { negative_slope: 0.01 },
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softmax,
    ];

    /// Its name: `relu`, `leaky_relu`, `sigmoid`, `tanh`, `gelu`, `silu` or `softmax`.
    pub fn name(&self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu { .. } => "leaky_relu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Softmax => "softmax",
        }
    }

    /// The activation of this name, with its default options.
    ///
    /// # Errors
    /// [`Error::UnknownName`], which lists the names there are.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|activation| activation.name() == name).ok_or_else(|| Error::UnknownName {
            what: "activation",
            name: name.into(),
            known: Self::ALL.map(|activation| activation.name()).to_vec(),
        })
    }

    /// The factor on the standard deviation of weights before this activation that keeps the size of the
    /// signal: √2 for ReLU, √(2 / (1 + slope²)) for leaky ReLU, 5/3 for tanh, 1 for the others.
    ///
    /// # Source
    /// PyTorch, `torch.nn.init.calculate_gain`; He et al., 2015 (arXiv:1502.01852) for the ReLU family.
    pub fn gain(&self) -> f64 {
        match self {
            Activation::Relu => std::f64::consts::SQRT_2,
            Activation::LeakyRelu { negative_slope } => (2.0 / (1.0 + negative_slope.powi(2))).sqrt(),
            Activation::Tanh => 5.0 / 3.0,
            _ => 1.0,
        }
    }

    /// Records this function of `x`.
    #[track_caller]
    pub fn apply<'t>(&self, x: Var<'t>) -> Var<'t> {
        match *self {
            Activation::Relu => x.relu(),
            Activation::LeakyRelu { negative_slope } => x.leaky_relu(negative_slope),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Gelu => x.gelu(),
            Activation::Silu => x.silu(),
            Activation::Softmax => x.softmax(),
        }
    }
}

impl Layer for Activation {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        self.apply(x)
    }

    fn kind(&self) -> Cow<'static, str> {
        self.name().into()
    }
}
