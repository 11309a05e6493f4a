use super::{cross_entropy, cross_entropy_gradient, log_softmax, softmax, softmax_gradient};
use crate::Float;
use crate::kernels::rows::{RowFunction, Rows};

/// Applies a function to `rows` rows; see [`kernels::rows::apply`](crate::kernels::rows::apply).
///
/// # Panics
/// Where operands or lengths are not those that the function has.
pub fn apply_rows<T: Float>(function: RowFunction, rows: usize, operands: &[Rows<'_, T>], out: &mut [T]) {
    use Rows::{Float, Index};
    let width = |x: &[T]| x.len() / rows.max(1);
    match (function, operands) {
        (RowFunction::Softmax, &[Float(x)]) => softmax(x, width(x), out),
        (RowFunction::LogSoftmax, &[Float(x)]) => log_softmax(x, width(x), out),
        (RowFunction::SoftmaxGradient, &[Float(y), Float(g)]) => softmax_gradient(y, g, width(y), out),
        (RowFunction::CrossEntropy, &[Float(x), Index(classes)]) => cross_entropy(x, classes, width(x), out),
        (RowFunction::CrossEntropyGradient, &[Float(x), Index(classes), Float(g)]) => {
            cross_entropy_gradient(x, classes, g, width(x), out);
        }
        (RowFunction::Normalize(epsilon), &[Float(x)]) => normalize(x, width(x), epsilon.get(), out),
        (RowFunction::NormalizeGradient(epsilon), &[Float(x), Float(g)]) => {
            normalize_gradient(x, g, width(x), epsilon.get(), out);
        }
        (RowFunction::LstmCell, &[Float(gates), Float(c)]) => lstm_cell(gates, c, width(c), out),
        (RowFunction::LstmCellGradient, &[Float(gates), Float(c), Float(g), Float(next)]) => {
            lstm_cell_gradient(gates, c, [g, next], width(c), out);
        }
        _ => panic!("{} takes other operands", function.name()),
    }
}

fn mean_and_deviation<T: Float>(x: &[T], epsilon: f64) -> (T, T) {
    let n = T::from_usize(x.len());
    let mean = x.iter().copied().sum::<T>() / n;
    let variance = x.iter().map(|&x| (x - mean) * (x - mean)).sum::<T>() / n;
    (mean, (variance + T::from_f64(epsilon)).sqrt())
}

/// `(x - mean) / √(variance + epsilon)` over each row of `n` values, the variance divided by n.
///
/// # Panics
/// Where the lengths differ.
pub fn normalize<T: Float>(x: &[T], n: usize, epsilon: f64, out: &mut [T]) {
    assert_eq!(x.len(), out.len());
    for (x, out) in x.chunks_exact(n.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
        let (mean, deviation) = mean_and_deviation(x, epsilon);
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) / deviation);
    }
}

/// `(g - mean(g) - x̂ mean(g x̂)) / √(variance + epsilon)` over each row of `n` values, with x̂ the
/// normalized row.
///
/// # Panics
/// Where the lengths differ.
pub fn normalize_gradient<T: Float>(x: &[T], g: &[T], n: usize, epsilon: f64, out: &mut [T]) {
    assert!(x.len() == g.len() && g.len() == out.len());
    let chunks = x.chunks_exact(n.max(1)).zip(g.chunks_exact(n.max(1)));
    for ((x, g), out) in chunks.zip(out.chunks_exact_mut(n.max(1))) {
        let (mean, deviation) = mean_and_deviation(x, epsilon);
        let count = T::from_usize(n);
        let g_mean = g.iter().copied().sum::<T>() / count;
        let slope = x.iter().zip(g).map(|(&x, &g)| g * ((x - mean) / deviation)).sum::<T>() / count;
        for ((out, &x), &g) in out.iter_mut().zip(x).zip(g) {
            *out = (g - g_mean - (x - mean) / deviation * slope) / deviation;
        }
    }
}

fn sigmoid<T: Float>(x: T) -> T {
    // The exponential of a number that is not positive cannot overflow.
    let power = (-x.abs()).exp();
    (if x < T::ZERO { power } else { T::ONE }) / (T::ONE + power)
}

/// `[output | new state]` of each row of preactivations `[4h]` (gates i, f, g, o) and state `[h]`.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn lstm_cell<T: Float>(gates: &[T], c: &[T], h: usize, out: &mut [T]) {
    assert!(gates.len() == 4 * c.len() && out.len() == 2 * c.len());
    for (at, &c) in c.iter().enumerate() {
        let (row, at) = (at / h, at % h);
        let gate = |number: usize| gates[(row * 4 + number) * h + at];
        let next = sigmoid(gate(1)) * c + sigmoid(gate(0)) * gate(2).tanh();
        out[row * 2 * h + at] = sigmoid(gate(3)) * next.tanh();
        out[(row * 2 + 1) * h + at] = next;
    }
}

/// `[cotangents of the gates | of the state]` of each row, for the cotangents `[2h]` of the result of
/// [`lstm_cell`].
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn lstm_cell_gradient<T: Float>(gates: &[T], c: &[T], cotangents: [&[T]; 2], h: usize, out: &mut [T]) {
    assert!(gates.len() == 4 * c.len() && out.len() == 5 * c.len());
    assert!(cotangents.iter().all(|own| own.len() == c.len()));
    for (number, &c) in c.iter().enumerate() {
        let [d_output, d_next] = cotangents.map(|own| own[number]);
        let (row, at) = (number / h, number % h);
        let gate = |number: usize| gates[(row * 4 + number) * h + at];
        let (i, f, g, o) = (sigmoid(gate(0)), sigmoid(gate(1)), gate(2).tanh(), sigmoid(gate(3)));
        let y = (f * c + i * g).tanh();
        let d_state = d_next + d_output * o * (T::ONE - y * y);
        let parts = [
            d_state * g * i * (T::ONE - i),
            d_state * c * f * (T::ONE - f),
            d_state * i * (T::ONE - g * g),
            d_output * y * o * (T::ONE - o),
            d_state * f,
        ];
        for (number, part) in parts.into_iter().enumerate() {
            out[(row * 5 + number) * h + at] = part;
        }
    }
}
