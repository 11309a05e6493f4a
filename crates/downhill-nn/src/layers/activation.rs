//! Activations: functions without parameters between layers.

use crate::{Error, Layer, Result, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// A function applied to each element, or, for the last four, to each row along the last axis.
///
/// Where two pieces meet, the derivative is PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where x > 0, `negative_slope` x elsewhere (PyTorch's default: 0.01).
    LeakyRelu {
        /// The slope below 0.
        negative_slope: f64,
    },
    /// min(max(x, 0), 6). Source: Howard et al., 2017 (arXiv:1704.04861).
    Relu6,
    /// x where x > 0, `alpha` (eˣ - 1) elsewhere. Source: Clevert, Unterthiner, Hochreiter, 2015
    /// (arXiv:1511.07289).
    Elu {
        /// How far below 0 it goes (PyTorch's default: 1).
        alpha: f64,
    },
    /// 1.0507 times ELU with alpha 1.6733, at which signals keep mean 0 and variance 1 from layer to layer, if
    /// weights are drawn by LeCun's rule. Source: Klambauer et al., 2017 (arXiv:1706.02515).
    Selu,
    /// x where x > 0, `alpha` (exp(x / alpha) - 1) elsewhere: ELU whose slope is 1 at 0 for every alpha. Source:
    /// Barron, 2017 (arXiv:1704.07483).
    Celu {
        /// How far below 0 it goes, not 0 (PyTorch's default: 1).
        alpha: f64,
    },
    /// x Φ(x), the exact form with the error function.
    Gelu,
    /// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, the approximation of GELU of its paper.
    GeluTanh,
    /// x σ(x), also called swish.
    Silu,
    /// x tanh(ln (1 + eˣ)). Source: Misra, 2019 (arXiv:1908.08681).
    Mish,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// ln σ(x), without overflow.
    LogSigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// ln (1 + exp(`beta` x)) / `beta`, without overflow. (PyTorch has x itself where `beta` x > 20, which differs
    /// by up to 2e-9.)
    Softplus {
        /// How sharply it bends, positive (PyTorch's default: 1).
        beta: f64,
    },
    /// x / (1 + |x|).
    Softsign,
    /// x held between `low` and `high` (PyTorch's defaults: -1 and 1); derivative 0 at both.
    Hardtanh {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// x/6 + 1/2 held between 0 and 1.
    Hardsigmoid,
    /// x times its [`Activation::Hardsigmoid`]. Source: Howard et al., 2019 (arXiv:1905.02244).
    Hardswish,
    /// eˣ over its sum along the last axis. For probabilities at the end of a network prefer logits and
    /// [`Loss::CrossEntropy`](crate::Loss::CrossEntropy), which is stable.
    Softmax,
    /// The logarithm of [`Activation::Softmax`], accurate for small probabilities.
    LogSoftmax,
    /// The first half of the last axis times the sigmoid of the second, `a σ(b)`; the axis becomes half as long.
    /// Source: Dauphin et al., 2016 (arXiv:1612.08083).
    Glu,
    /// The SiLU of the first half of the last axis times the second, `a σ(a) b`; the axis becomes half as long.
    /// Source: Shazeer, "GLU variants improve transformer", 2020 (arXiv:2002.05202).
    SwiGlu,
}

impl Activation {
    /// All activations, with their default options.
    pub const ALL: [Activation; 22] = [
        Activation::Relu,
        Activation::LeakyRelu { negative_slope: 0.01 },
        Activation::Relu6,
        Activation::Elu { alpha: 1.0 },
        Activation::Selu,
        Activation::Celu { alpha: 1.0 },
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Mish,
        Activation::Sigmoid,
        Activation::LogSigmoid,
        Activation::Tanh,
        Activation::Softplus { beta: 1.0 },
        Activation::Softsign,
        Activation::Hardtanh { low: -1.0, high: 1.0 },
        Activation::Hardsigmoid,
        Activation::Hardswish,
        Activation::Softmax,
        Activation::LogSoftmax,
        Activation::Glu,
        Activation::SwiGlu,
    ];

    /// Its name: `relu`, `leaky_relu`, `sigmoid`, `tanh` and so on.
    pub fn name(&self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu { .. } => "leaky_relu",
            Activation::Relu6 => "relu6",
            Activation::Elu { .. } => "elu",
            Activation::Selu => "selu",
            Activation::Celu { .. } => "celu",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_tanh",
            Activation::Silu => "silu",
            Activation::Mish => "mish",
            Activation::Sigmoid => "sigmoid",
            Activation::LogSigmoid => "log_sigmoid",
            Activation::Tanh => "tanh",
            Activation::Softplus { .. } => "softplus",
            Activation::Softsign => "softsign",
            Activation::Hardtanh { .. } => "hardtanh",
            Activation::Hardsigmoid => "hardsigmoid",
            Activation::Hardswish => "hardswish",
            Activation::Softmax => "softmax",
            Activation::LogSoftmax => "log_softmax",
            Activation::Glu => "glu",
            Activation::SwiGlu => "swiglu",
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

    /// Whether it is a function of each element by itself, and so fits between any two layers. The others are
    /// functions of rows.
    pub fn is_elementwise(&self) -> bool {
        !matches!(self, Activation::Softmax | Activation::LogSoftmax | Activation::Glu | Activation::SwiGlu)
    }

    /// The factor on the standard deviation of weights before this activation that keeps the size of the
    /// signal: √2 for ReLU, √(2 / (1 + slope²)) for leaky ReLU, 5/3 for tanh, 3/4 for SELU, 1 for the others.
    ///
    /// # Source
    /// PyTorch, `torch.nn.init.calculate_gain`; He et al., 2015 (arXiv:1502.01852) for the ReLU family.
    pub fn gain(&self) -> f64 {
        match self {
            Activation::Relu => std::f64::consts::SQRT_2,
            Activation::LeakyRelu { negative_slope } => (2.0 / (1.0 + negative_slope.powi(2))).sqrt(),
            Activation::Tanh => 5.0 / 3.0,
            Activation::Selu => 0.75,
            _ => 1.0,
        }
    }

    /// Records this function of `x`.
    #[track_caller]
    pub fn apply<'t>(&self, x: Var<'t>) -> Var<'t> {
        match *self {
            Activation::Relu => x.relu(),
            Activation::LeakyRelu { negative_slope } => x.leaky_relu(negative_slope),
            Activation::Relu6 => held(x, 0.0, 6.0),
            Activation::Elu { alpha } => elu(x, alpha, 1.0),
            Activation::Selu => SELU_SCALE * elu(x, SELU_ALPHA, 1.0),
            Activation::Celu { alpha } if alpha == 0.0 || !alpha.is_finite() => {
                x.refuse("celu", format!("alpha must be finite and not 0; it is {alpha}"))
            }
            Activation::Celu { alpha } => elu(x, alpha, 1.0 / alpha),
            Activation::Gelu => x.gelu(),
            Activation::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.square() * x);
                0.5 * x * (1.0 + inner.tanh())
            }
            Activation::Silu => x.silu(),
            Activation::Mish => x * x.softplus().tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::LogSigmoid => -(-x).softplus(),
            Activation::Tanh => x.tanh(),
            Activation::Softplus { beta } if !(beta > 0.0 && beta.is_finite()) => {
                x.refuse("softplus", format!("beta must be positive and finite; it is {beta}"))
            }
            Activation::Softplus { beta: 1.0 } => x.softplus(),
            Activation::Softplus { beta } => (beta * x).softplus() / beta,
            Activation::Softsign => x / (1.0 + x.abs()),
            Activation::Hardtanh { low, high } if low.is_nan() || high.is_nan() || low >= high => {
                x.refuse("hardtanh", format!("low must be below high; they are {low} and {high}"))
            }
            Activation::Hardtanh { low, high } => held(x, low, high),
            Activation::Hardsigmoid => held(x + 3.0, 0.0, 6.0) * (1.0 / 6.0),
            Activation::Hardswish => hardswish(x),
            Activation::Softmax => x.softmax(),
            Activation::LogSoftmax => x.log_softmax(),
            Activation::Glu => halves("glu", x, |a, b| a * b.sigmoid()),
            Activation::SwiGlu => halves("swiglu", x, |a, b| a.silu() * b),
        }
    }
}

/// x where it is above `low` and below `high`, else the nearer of both, with derivative 0.
#[track_caller]
fn held(x: Var<'_>, low: f64, high: f64) -> Var<'_> {
    let (low, high) = (x.tape().scalar(low), x.tape().scalar(high));
    x.le(low).select(low, x.ge(high).select(high, x))
}

/// x where x > 0, `alpha` (exp(`rate` x) - 1) elsewhere.
#[track_caller]
fn elu(x: Var<'_>, alpha: f64, rate: f64) -> Var<'_> {
    let zero = x.tape().scalar(0.0);
    let above = x.gt(zero);
    // The exponential of what is not chosen must not overflow, or its derivative would be NaN.
    let below = above.select(zero, x);
    let below = if rate == 1.0 { below } else { rate * below };
    above.select(x, alpha * below.expm1())
}

/// x (x + 3) / 6 from -3 to 3, which PyTorch takes to be open intervals at both ends.
#[track_caller]
fn hardswish(x: Var<'_>) -> Var<'_> {
    let (zero, low, high) = (x.tape().scalar(0.0), x.tape().scalar(-3.0), x.tape().scalar(3.0));
    let middle = x * (x + 3.0) * (1.0 / 6.0);
    x.le(low).select(zero, x.ge(high).select(x, middle))
}

/// A function of the two halves of the last axis.
#[track_caller]
fn halves<'t>(name: &str, x: Var<'t>, combine: impl FnOnce(Var<'t>, Var<'t>) -> Var<'t>) -> Var<'t> {
    match x.shape().last() {
        Some(&length) if length.is_multiple_of(2) => {
            combine(x.slice(-1, ..length / 2), x.slice(-1, length / 2..))
        }
        _ => x.refuse(name, "the last axis must have an even length: it holds two halves"),
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
