//! How parameters start: initializers as values.

mod structure;
#[cfg(test)]
mod tests;

use downhill_tensor::{Float, Key, Shape, Tensor};
use serde::{Deserialize, Serialize};

/// Which number of connections sets the scale of the first weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fan {
    /// The number of inputs of each output: keeps the size of the signal on the way forward.
    #[default]
    In,
    /// The number of outputs that each input reaches: keeps the size of the gradient on the way back.
    Out,
    /// The mean of both.
    Average,
}

/// The kind of distribution of [`Init::VarianceScaling`], around 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Spread {
    /// Normal without its tails beyond two standard deviations, widened so that it has the variance asked for.
    #[default]
    TruncatedNormal,
    /// Normal.
    Normal,
    /// Uniform.
    Uniform,
}

/// The distribution from which a parameter is drawn when training starts.
///
/// Fan-in and fan-out follow from the shape: of `[in, out]` (a linear layer) they are the two dimensions; of
/// `[out, in, window..]` (a convolution) they are in and out times the size of the window. Initializers that
/// need them cannot be used on shapes of fewer than two dimensions.
///
/// A uniform distribution in ±√3 σ has the standard deviation σ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum Init {
    /// 0 everywhere.
    Zeros,
    /// 1 everywhere.
    Ones,
    /// This number everywhere.
    Constant(f64),
    /// Uniform in `low..high`.
    Uniform {
        /// The lower bound.
        low: f64,
        /// The upper bound, which is not reached.
        high: f64,
    },
    /// Normal.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
    /// Normal under the condition of being within two `std` of the mean, so that its own standard deviation
    /// is 0.8796 times `std`.
    TruncatedNormal {
        /// The mean.
        mean: f64,
        /// The standard deviation before the tails are cut off.
        std: f64,
    },
    /// Uniform with standard deviation gain √(2 / (fan_in + fan_out)). Source: Glorot and Bengio,
    /// "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
    XavierUniform {
        /// The gain of the activation, 1 for none: see [`Activation::gain`](crate::Activation::gain).
        gain: f64,
    },
    /// Normal with standard deviation gain √(2 / (fan_in + fan_out)).
    XavierNormal {
        /// The gain.
        gain: f64,
    },
    /// Uniform with standard deviation gain / √fan. Source: He et al., "Delving deep into rectifiers", 2015
    /// (arXiv:1502.01852).
    KaimingUniform {
        /// Which fan.
        fan: Fan,
        /// The gain, √2 for ReLU.
        gain: f64,
    },
    /// Normal with standard deviation gain / √fan.
    KaimingNormal {
        /// Which fan.
        fan: Fan,
        /// The gain, √2 for ReLU.
        gain: f64,
    },
    /// Uniform with standard deviation 1 / √fan_in. Source: LeCun et al., "Efficient BackProp", 1998.
    LecunUniform,
    /// Normal with standard deviation 1 / √fan_in.
    LecunNormal,
    /// A random matrix with orthonormal rows or columns, whichever are fewer, times `gain`: Haar-distributed,
    /// from the QR factorization of a normal matrix. A convolution's weight counts as the matrix
    /// `[out, in · window]`. Source: Saxe, McClelland, Ganguli, 2013 (arXiv:1312.6120); Mezzadri, "How to
    /// generate random matrices from the classical compact groups", 2007.
    Orthogonal {
        /// The gain.
        gain: f64,
    },
    /// Uniform in ±1/√fan_in with a given number of inputs, for biases, whose shape does not tell it, and for
    /// the weights beside them. PyTorch starts its linear and convolutional layers so.
    FanInUniform {
        /// The number of inputs of each output.
        fan_in: usize,
    },
    /// Around 0 with variance `scale` / fan: the rule of which Xavier's, Kaiming's and LeCun's are cases. Source:
    /// Keras, `keras.initializers.VarianceScaling`, whose defaults are a scale of 1, fan-in, and the truncated
    /// normal distribution.
    VarianceScaling {
        /// The variance times the fan, positive.
        scale: f64,
        /// Which fan.
        fan: Fan,
        /// Which distribution.
        spread: Spread,
    },
    /// `gain` on the diagonal of a matrix, 0 elsewhere: what passes through is itself. PyTorch's `eye_`.
    Identity {
        /// The gain.
        gain: f64,
    },
    /// A convolution `[out, in / groups, window..]` that passes its input through: in each group, 1 at the middle
    /// of the window from each input channel to the output channel of the same number, 0 elsewhere. Channels
    /// without a partner of the same number are 0. PyTorch's `dirac_`.
    Dirac {
        /// The number of groups, which must divide the output channels.
        groups: usize,
    },
    /// Normal around 0, but 0 in this share of the outputs of each input (rounded up), which are drawn at random.
    /// Source: Martens, "Deep learning via Hessian-free optimization", ICML 2010; as PyTorch's `sparse_`.
    Sparse {
        /// The share of zeros, in 0..=1.
        sparsity: f64,
        /// The standard deviation of what is not 0 (PyTorch's default: 0.01).
        std: f64,
    },
}

impl Init {
    /// One of each kind, for tables of what is checked.
    #[doc(hidden)]
    pub const ALL: [Init; 18] = [
        Init::Zeros,
        Init::Ones,
        Init::Constant(0.5),
        Init::Uniform { low: -1.0, high: 3.0 },
        Init::Normal { mean: 2.0, std: 0.5 },
        Init::TruncatedNormal { mean: 1.0, std: 0.5 },
        Init::XavierUniform { gain: 1.0 },
        Init::XavierNormal { gain: 1.0 },
        Init::KaimingUniform { fan: Fan::In, gain: 1.0 },
        Init::KaimingNormal { fan: Fan::In, gain: 1.0 },
        Init::LecunUniform,
        Init::LecunNormal,
        Init::Orthogonal { gain: 1.0 },
        Init::FanInUniform { fan_in: 9 },
        Init::VarianceScaling { scale: 1.0, fan: Fan::In, spread: Spread::TruncatedNormal },
        Init::Identity { gain: 1.0 },
        Init::Dirac { groups: 1 },
        Init::Sparse { sparsity: 0.5, std: 1.0 },
    ];

    /// The name of its kind, as in files.
    #[doc(hidden)]
    pub fn name(&self) -> &'static str {
        match self {
            Init::Zeros => "Zeros",
            Init::Ones => "Ones",
            Init::Constant(_) => "Constant",
            Init::Uniform { .. } => "Uniform",
            Init::Normal { .. } => "Normal",
            Init::TruncatedNormal { .. } => "TruncatedNormal",
            Init::XavierUniform { .. } => "XavierUniform",
            Init::XavierNormal { .. } => "XavierNormal",
            Init::KaimingUniform { .. } => "KaimingUniform",
            Init::KaimingNormal { .. } => "KaimingNormal",
            Init::LecunUniform => "LecunUniform",
            Init::LecunNormal => "LecunNormal",
            Init::Orthogonal { .. } => "Orthogonal",
            Init::FanInUniform { .. } => "FanInUniform",
            Init::VarianceScaling { .. } => "VarianceScaling",
            Init::Identity { .. } => "Identity",
            Init::Dirac { .. } => "Dirac",
            Init::Sparse { .. } => "Sparse",
        }
    }

    /// [`Init::KaimingUniform`] over fan-in for ReLU.
    pub fn kaiming_uniform() -> Self {
        Init::KaimingUniform { fan: Fan::In, gain: std::f64::consts::SQRT_2 }
    }

    /// [`Init::KaimingNormal`] over fan-in for ReLU.
    pub fn kaiming_normal() -> Self {
        Init::KaimingNormal { fan: Fan::In, gain: std::f64::consts::SQRT_2 }
    }

    /// [`Init::XavierUniform`] with gain 1.
    pub fn xavier_uniform() -> Self {
        Init::XavierUniform { gain: 1.0 }
    }

    /// [`Init::XavierNormal`] with gain 1.
    pub fn xavier_normal() -> Self {
        Init::XavierNormal { gain: 1.0 }
    }

    /// [`Init::Normal`] around 0.
    pub fn normal(std: f64) -> Self {
        Init::Normal { mean: 0.0, std }
    }

    /// [`Init::FanInUniform`].
    pub fn fan_in_uniform(fan_in: usize) -> Self {
        Init::FanInUniform { fan_in }
    }

    /// Whether this can start a parameter of this shape; the reason if not.
    pub(crate) fn check(&self, shape: Shape) -> Result<(), String> {
        let needs_fans = matches!(
            self,
            Init::XavierUniform { .. }
                | Init::XavierNormal { .. }
                | Init::KaimingUniform { .. }
                | Init::KaimingNormal { .. }
                | Init::LecunUniform
                | Init::LecunNormal
                | Init::Orthogonal { .. }
                | Init::VarianceScaling { .. }
        );
        if needs_fans && shape.rank() < 2 {
            return Err(
                "it needs the numbers of inputs and outputs, which a shape of fewer than two dimensions \
                        does not tell; use `FanInUniform`, `Normal` or `Zeros`"
                    .into(),
            );
        }
        match *self {
            Init::Constant(value) if !value.is_finite() => Err("the constant must be finite".into()),
            Init::Uniform { low, high } if !(low <= high && (high - low).is_finite()) => {
                Err("the bounds must be finite, and low not above high".into())
            }
            Init::Normal { mean, std } if !(mean.is_finite() && std.is_finite() && std >= 0.0) => {
                Err("mean and std must be finite, and std not negative".into())
            }
            Init::TruncatedNormal { mean, std } if !(mean.is_finite() && std.is_finite() && std > 0.0) => {
                Err("mean and std must be finite, and std positive".into())
            }
            Init::XavierUniform { gain }
            | Init::XavierNormal { gain }
            | Init::KaimingUniform { gain, .. }
            | Init::KaimingNormal { gain, .. }
            | Init::Orthogonal { gain }
            | Init::Identity { gain }
                if !(gain.is_finite() && gain >= 0.0) =>
            {
                Err("the gain must be finite and not negative".into())
            }
            Init::VarianceScaling { scale, .. } if !(scale.is_finite() && scale > 0.0) => {
                Err("the scale must be finite and positive".into())
            }
            Init::Sparse { sparsity, std }
                if !((0.0..=1.0).contains(&sparsity) && std.is_finite() && std >= 0.0) =>
            {
                Err("the sparsity must be from 0 to 1, and std finite and not negative".into())
            }
            Init::Identity { .. } | Init::Sparse { .. } if shape.rank() != 2 => {
                Err("it is for matrices, shapes of two dimensions".into())
            }
            Init::Dirac { groups } if shape.rank() < 3 || groups == 0 || !shape[0].is_multiple_of(groups) => {
                Err("it is for convolutions [out, in / groups, window..], whose groups divide the outputs"
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// Fills a parameter of this shape, which [`Init::check`] has passed, from the stream of `key`.
    pub(crate) fn fill<T: Float>(&self, shape: Shape, key: Key, out: &mut [T]) {
        let [fan_in, fan_out] = fans(shape);
        let scaled = |gain: f64, fan: f64| gain / fan.max(1.0).sqrt();
        let mean_fan = (fan_in + fan_out) / 2.0;
        let of = |fan: Fan| match fan {
            Fan::In => fan_in,
            Fan::Out => fan_out,
            Fan::Average => mean_fan,
        };
        match *self {
            Init::Zeros => out.fill(T::ZERO),
            Init::Ones => out.fill(T::ONE),
            Init::Constant(value) => out.fill(T::from_f64(value)),
            Init::Uniform { low, high } => uniform(shape, key, low, high, out),
            Init::Normal { mean, std } => normal(shape, key, mean, std, out),
            Init::TruncatedNormal { mean, std } => truncated_normal(shape, key, mean, std, out),
            Init::XavierUniform { gain } => uniform_by_std(shape, key, scaled(gain, mean_fan), out),
            Init::XavierNormal { gain } => normal(shape, key, 0.0, scaled(gain, mean_fan), out),
            Init::KaimingUniform { fan, gain } => uniform_by_std(shape, key, scaled(gain, of(fan)), out),
            Init::KaimingNormal { fan, gain } => normal(shape, key, 0.0, scaled(gain, of(fan)), out),
            Init::LecunUniform => uniform_by_std(shape, key, scaled(1.0, fan_in), out),
            Init::LecunNormal => normal(shape, key, 0.0, scaled(1.0, fan_in), out),
            Init::Orthogonal { gain } => structure::orthogonal(shape, key, gain, out),
            Init::FanInUniform { fan_in } => {
                let bound = scaled(1.0, fan_in as f64);
                uniform(shape, key, -bound, bound, out);
            }
            Init::VarianceScaling { scale, fan, spread } => {
                let std = scaled(scale.sqrt(), of(fan));
                match spread {
                    Spread::TruncatedNormal => truncated_normal(shape, key, 0.0, std / TRUNCATED_STD, out),
                    Spread::Normal => normal(shape, key, 0.0, std, out),
                    Spread::Uniform => uniform_by_std(shape, key, std, out),
                }
            }
            Init::Identity { gain } => structure::identity(shape, gain, out),
            Init::Dirac { groups } => structure::dirac(shape, groups, out),
            Init::Sparse { sparsity, std } => structure::sparse(shape, key, sparsity, std, out),
        }
    }
}

/// Fan-in and fan-out of a shape of at least two dimensions.
fn fans(shape: Shape) -> [f64; 2] {
    match *shape.dims() {
        [inputs, outputs] => [inputs as f64, outputs as f64],
        [outputs, inputs, ref window @ ..] => {
            let window: usize = window.iter().product();
            [(inputs * window) as f64, (outputs * window) as f64]
        }
        _ => [1.0, 1.0],
    }
}

/// The standard deviation of a standard normal distribution without its tails beyond 2.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

fn store<T: Float>(values: downhill_tensor::Result<Tensor<T>>, out: &mut [T]) {
    let values = values.expect("the arguments were checked when the parameter was declared");
    out.copy_from_slice(&values.to_vec());
}

fn uniform<T: Float>(shape: Shape, key: Key, low: f64, high: f64, out: &mut [T]) {
    store(Tensor::uniform(key, shape, low, high), out);
}

fn uniform_by_std<T: Float>(shape: Shape, key: Key, std: f64, out: &mut [T]) {
    let bound = 3f64.sqrt() * std;
    uniform(shape, key, -bound, bound, out);
}

fn normal<T: Float>(shape: Shape, key: Key, mean: f64, std: f64, out: &mut [T]) {
    store(Tensor::normal(key, shape, mean, std), out);
}

/// Without the tails beyond two standard deviations.
fn truncated_normal<T: Float>(shape: Shape, key: Key, mean: f64, std: f64, out: &mut [T]) {
    let (low, high) = (mean - 2.0 * std, mean + 2.0 * std);
    store(Tensor::truncated_normal(key, shape, mean, std, low, high), out);
}
