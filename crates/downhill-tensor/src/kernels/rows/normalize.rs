//! Rows shifted and scaled to mean 0 and variance 1, and the gradient.

use super::sum_of;
use crate::Float;
use crate::kernels::isa::{Isa, vectorize};

/// Mean, and 1 over the root of variance and epsilon. The variance is taken from the mean in a second pass:
/// in one, rows far from 0 would lose all digits.
#[inline(always)]
fn moments<T: Float>(x: &[T], epsilon: T) -> (T, T) {
    let n = T::from_usize(x.len());
    let sum = sum_of(
        [x],
        #[inline(always)]
        |[x]| x,
    );
    let mean = sum / n;
    let squares = sum_of(
        [x],
        #[inline(always)]
        |[x]| (x - mean) * (x - mean),
    );
    (mean, T::ONE / (squares / n + epsilon).sqrt())
}

/// `(x - mean) / √(variance + epsilon)` over each row.
pub(super) fn normalize<T: Float>(isa: Isa, x: &[T], rows: usize, epsilon: f64, out: &mut [T]) {
    assert!(x.len() == out.len() && x.len().is_multiple_of(rows), "the lengths do not fit {rows} rows");
    let (n, epsilon) = ((x.len() / rows).max(1), T::from_f64(epsilon));
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                let (mean, scale) = moments(x, epsilon);
                out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) * scale);
            }
        },
    );
}

/// `(g - mean(g) - x̂ mean(g x̂)) / √(variance + epsilon)` over each row.
pub(super) fn normalize_gradient<T: Float>(
    isa: Isa,
    x: &[T],
    g: &[T],
    rows: usize,
    epsilon: f64,
    out: &mut [T],
) {
    let fits = x.len() == out.len() && x.len() == g.len() && x.len().is_multiple_of(rows);
    assert!(fits, "the lengths do not fit {rows} rows");
    let (n, epsilon) = ((x.len() / rows).max(1), T::from_f64(epsilon));
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            for ((x, g), out) in x.chunks_exact(n).zip(g.chunks_exact(n)).zip(out.chunks_exact_mut(n)) {
                let (mean, scale) = moments(x, epsilon);
                let sum = sum_of(
                    [g],
                    #[inline(always)]
                    |[g]| g,
                );
                let product = sum_of(
                    [x, g],
                    #[inline(always)]
                    |[x, g]| g * ((x - mean) * scale),
                );
                let (g_mean, slope) = (sum / T::from_usize(n), product / T::from_usize(n));
                for ((out, &x), &g) in out.iter_mut().zip(x).zip(g) {
                    *out = scale * ((g - g_mean) - (x - mean) * scale * slope);
                }
            }
        },
    );
}
