//! How parameters start: initializers as values.

use downhill_tensor::linalg::qr;
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
}

impl Init {
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
                if !(gain.is_finite() && gain >= 0.0) =>
            {
                Err("the gain must be finite and not negative".into())
            }
            _ => Ok(()),
        }
    }

    /// Fills a parameter of this shape, which [`Init::check`] has passed, from the stream of `key`.
    pub(crate) fn fill<T: Float>(&self, shape: Shape, key: Key, out: &mut [T]) {
        let [fan_in, fan_out] = fans(shape);
        let scaled = |gain: f64, fan: f64| gain / fan.max(1.0).sqrt();
        let mean_fan = (fan_in + fan_out) / 2.0;
        let of = |fan: Fan| if fan == Fan::In { fan_in } else { fan_out };
        match *self {
            Init::Zeros => out.fill(T::ZERO),
            Init::Ones => out.fill(T::ONE),
            Init::Constant(value) => out.fill(T::from_f64(value)),
            Init::Uniform { low, high } => uniform(shape, key, low, high, out),
            Init::Normal { mean, std } => normal(shape, key, mean, std, out),
            Init::TruncatedNormal { mean, std } => {
                let (low, high) = (mean - 2.0 * std, mean + 2.0 * std);
                store(Tensor::truncated_normal(key, shape, mean, std, low, high), out);
            }
            Init::XavierUniform { gain } => uniform_by_std(shape, key, scaled(gain, mean_fan), out),
            Init::XavierNormal { gain } => normal(shape, key, 0.0, scaled(gain, mean_fan), out),
            Init::KaimingUniform { fan, gain } => uniform_by_std(shape, key, scaled(gain, of(fan)), out),
            Init::KaimingNormal { fan, gain } => normal(shape, key, 0.0, scaled(gain, of(fan)), out),
            Init::LecunUniform => uniform_by_std(shape, key, scaled(1.0, fan_in), out),
            Init::LecunNormal => normal(shape, key, 0.0, scaled(1.0, fan_in), out),
            Init::Orthogonal { gain } => orthogonal(shape, key, gain, out),
            Init::FanInUniform { fan_in } => {
                let bound = scaled(1.0, fan_in as f64);
                uniform(shape, key, -bound, bound, out);
            }
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

fn orthogonal<T: Float>(shape: Shape, key: Key, gain: f64, out: &mut [T]) {
    let rows = shape[0];
    let columns = shape[1..].iter().product::<usize>();
    if rows == 0 || columns == 0 {
        return;
    }
    // The factorization is of the tall one of the two orientations. The diagonal of R is positive; with the
    // signs that Householder's reflections leave, Q would not be uniformly distributed.
    let (tall, short) = (rows.max(columns), rows.min(columns));
    let mut random = vec![0.0; tall * short];
    normal([tall, short].into(), key, 0.0, 1.0, &mut random);
    let matrix = Tensor::from_vec(random, [tall, short]).expect("as many numbers as were asked for");
    let q = qr(&matrix).expect("a finite matrix of two dimensions has a QR factorization").q.to_vec();
    for i in 0..tall {
        for j in 0..short {
            let to = if rows >= columns { i * columns + j } else { j * columns + i };
            out[to] = T::from_f64(gain * q[i * short + j]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(init: Init, shape: &[usize]) -> Vec<f64> {
        let shape = Shape::new(shape).unwrap();
        init.check(shape).unwrap();
        let mut out = vec![f64::NAN; shape.size()];
        init.fill(shape, Key::new(11).named("weight"), &mut out);
        out
    }

    /// Mean, standard deviation and largest absolute value.
    fn moments(values: &[f64]) -> [f64; 3] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let std = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        [mean, std, values.iter().fold(0.0, |max: f64, x| max.max(x.abs()))]
    }

    #[test]
    fn every_distribution_has_its_mean_its_spread_and_its_bounds() {
        // 200 inputs and 300 outputs, as a matrix and as a convolution with a window of 2 by 5.
        let (matrix, window): (&[usize], &[usize]) = (&[200, 300], &[30, 20, 2, 5]);
        let root3 = 3f64.sqrt();
        let xavier = (2.0 / 500.0f64).sqrt();
        let cases: [(Init, f64, f64, f64); 10] = [
            (Init::Uniform { low: -1.0, high: 3.0 }, 1.0, 4.0 / 12f64.sqrt(), 3.0),
            (Init::Normal { mean: 2.0, std: 0.5 }, 2.0, 0.5, f64::INFINITY),
            (Init::TruncatedNormal { mean: 1.0, std: 0.5 }, 1.0, 0.87962566 * 0.5, 2.0),
            (Init::xavier_uniform(), 0.0, xavier, root3 * xavier),
            (Init::XavierNormal { gain: 2.0 }, 0.0, 2.0 * xavier, f64::INFINITY),
            (Init::kaiming_uniform(), 0.0, 0.1, root3 * 0.1),
            (Init::KaimingNormal { fan: Fan::Out, gain: 3.0 }, 0.0, (9.0f64 / 300.0).sqrt(), f64::INFINITY),
            (Init::LecunUniform, 0.0, 1.0 / 200f64.sqrt(), root3 / 200f64.sqrt()),
            (Init::LecunNormal, 0.0, 1.0 / 200f64.sqrt(), f64::INFINITY),
            (Init::fan_in_uniform(200), 0.0, 1.0 / 600f64.sqrt(), 1.0 / 200f64.sqrt()),
        ];
        for shape in [matrix, window] {
            for (init, mean, std, bound) in cases {
                let values = drawn(init, shape);
                let [found_mean, found_std, largest] = moments(&values);
                // Five standard errors.
                let slack = 5.0 * std / (values.len() as f64).sqrt();
                assert!((found_mean - mean).abs() < slack, "{init:?}: {found_mean}");
                assert!((found_std - std).abs() < slack, "{init:?}: {found_std}, expected {std}");
                assert!(largest <= bound, "{init:?}: {largest}");
                assert!(bound.is_infinite() || largest > 0.97 * bound, "{init:?}: {largest} of {bound}");
            }
        }
    }

    #[test]
    fn orthogonal_matrices_have_orthonormal_rows_or_columns() {
        for (rows, columns) in [(5, 3), (3, 5), (4, 4), (1, 6)] {
            let q = drawn(Init::Orthogonal { gain: 2.0 }, &[rows, columns]);
            let product = |a: usize, b: usize| -> f64 {
                if rows <= columns {
                    (0..columns).map(|k| q[a * columns + k] * q[b * columns + k]).sum()
                } else {
                    (0..rows).map(|k| q[k * columns + a] * q[k * columns + b]).sum()
                }
            };
            for a in 0..rows.min(columns) {
                for b in 0..rows.min(columns) {
                    let expected = if a == b { 4.0 } else { 0.0 };
                    assert!((product(a, b) - expected).abs() < 1e-12);
                }
            }
        }
        assert!(drawn(Init::Orthogonal { gain: 1.0 }, &[0, 3]).is_empty());
    }

    #[test]
    fn constants_are_what_they_say() {
        assert_eq!(drawn(Init::Zeros, &[2]), [0.0; 2]);
        assert_eq!(drawn(Init::Ones, &[2]), [1.0; 2]);
        assert_eq!(drawn(Init::Constant(-0.5), &[2]), [-0.5; 2]);
        assert_eq!(drawn(Init::normal(0.0), &[2]), [0.0; 2]);
    }

    #[test]
    fn impossible_initializers_say_why() {
        let vector = Shape::from([3]);
        assert!(Init::kaiming_normal().check(vector).unwrap_err().contains("fewer than two dimensions"));
        assert!(Init::Uniform { low: 1.0, high: 0.0 }.check(vector).is_err());
        assert!(Init::normal(-1.0).check(vector).is_err() && Init::normal(f64::NAN).check(vector).is_err());
        assert!(Init::TruncatedNormal { mean: 0.0, std: 0.0 }.check(vector).is_err());
        assert!(Init::XavierUniform { gain: -1.0 }.check(Shape::from([2, 2])).is_err());
        assert!(Init::Constant(f64::INFINITY).check(vector).is_err());
    }
}
