//! Softmax, its logarithm, the logarithm of a sum of exponentials, and cross entropy: over rows, with
//! gradients.
//!
//! Every function shifts a row by its largest value, so values of ±10⁴ and beyond do no harm. All slices
//! hold whole rows of `n` values and rows do not touch each other: a part of the work is a call on a
//! sub-slice of whole rows. The layout of the sums is that of [`reduce`](super::reduce).

use super::isa::{Isa, current, vectorize};
use super::math;
use super::reduce::{row_dot, row_max, row_sum};
use crate::{Error, Float, Result};

/// Elements that are treated in one go, while they are in the nearest cache.
const CHUNK: usize = 4096;

/// `exp(x_j) / Σ exp(x_i)` over each row of `n` values. A row of -infinity, where everything is masked
/// out, gives 0 throughout.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn softmax<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    softmax_with(current(), x, n, out);
}

/// [`softmax`] with a chosen instruction set.
///
/// # Panics
/// As [`softmax`].
pub fn softmax_with<T: Float>(isa: Isa, x: &[T], n: usize, out: &mut [T]) {
    check_rows(n, &[x.len(), out.len()]);
    let step = chunk(n);
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            for (x, out) in x.chunks(step).zip(out.chunks_mut(step)) {
                exponentials(x, n, out);
                for out in out.chunks_exact_mut(n) {
                    let sum = row_sum(out);
                    let scale = if sum == T::ZERO { T::ZERO } else { T::ONE / sum };
                    out.iter_mut().for_each(|v| *v *= scale);
                }
            }
        },
    );
}

/// `x_j - ln Σ exp(x_i)` over each row of `n` values; -infinity throughout a row of -infinity.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn log_softmax<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    check_rows(n, &[x.len(), out.len()]);
    let step = chunk(n);
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for (x, out) in x.chunks(step).zip(out.chunks_mut(step)) {
                exponentials(x, n, out);
                for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                    let (shift, rest) = (finite_shift(row_max(x)), math::ln(row_sum(out)));
                    let rest = if rest == T::NEG_INFINITY { T::ZERO } else { rest };
                    out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - shift) - rest);
                }
            }
        },
    );
}

/// `ln Σ exp(x_i)` of each row of `n` values; -infinity for a row of -infinity or of no values.
///
/// # Panics
/// Where `x` has not `n` values for each of `out`.
pub fn logsumexp<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len() * n, "the lengths do not fit rows of {n}");
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            let mut space = [T::ZERO; CHUNK];
            for (row, out) in out.iter_mut().enumerate() {
                let (shift, rest) = shifted_logsumexp(&x[row * n..(row + 1) * n], &mut space);
                *out = shift + rest;
            }
        },
    );
}

/// `dx = y (g - Σ g y)` for each row of `n` values, `y` being the softmax.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn softmax_gradient<T: Float>(y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    check_rows(n, &[y.len(), g.len(), dx.len()]);
    let n = n.max(1);
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
                let dot = row_dot(y, g);
                dx.iter_mut().zip(y).zip(g).for_each(|((dx, &y), &g)| *dx = y * (g - dot));
            }
        },
    );
}

/// `dx = g - exp(y) Σ g` for each row of `n` values, `y` being the logarithm of the softmax.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn log_softmax_gradient<T: Float>(y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    check_rows(n, &[y.len(), g.len(), dx.len()]);
    let n = n.max(1);
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
                let sum = row_sum(g);
                dx.iter_mut().zip(y).zip(g).for_each(|((dx, &y), &g)| *dx = g - math::exp(y) * sum);
            }
        },
    );
}

/// `ln Σ exp(x_i) - x_label` of each row of `n` values: the cross entropy between a softmax and a class.
///
/// # Errors
/// A label that is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy<T: Float>(x: &[T], labels: &[i64], n: usize, loss: &mut [T]) -> Result<()> {
    assert!(x.len() == labels.len() * n && loss.len() == labels.len(), "the lengths do not fit rows of {n}");
    check_labels(labels, n)?;
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            let mut space = [T::ZERO; CHUNK];
            for ((row, &label), loss) in x.chunks_exact(n.max(1)).zip(labels).zip(loss) {
                let (shift, rest) = shifted_logsumexp(row, &mut space);
                *loss = rest - (row[label as usize] - shift);
            }
        },
    );
    Ok(())
}

/// `dx_j = g (softmax(x)_j - [j = label])` for each row of `n` values and its one `g`.
///
/// # Errors
/// A label that is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy_gradient<T: Float>(
    x: &[T],
    labels: &[i64],
    g: &[T],
    n: usize,
    dx: &mut [T],
) -> Result<()> {
    assert!(x.len() == labels.len() * n && g.len() == labels.len(), "the lengths do not fit rows of {n}");
    check_labels(labels, n)?;
    softmax(x, n, dx);
    for ((row, &label), &g) in dx.chunks_exact_mut(n.max(1)).zip(labels).zip(g) {
        row[label as usize] -= T::ONE;
        row.iter_mut().for_each(|v| *v *= g);
    }
    Ok(())
}

/// Whether every label is a column of rows of `n`.
pub(crate) fn check_labels(labels: &[i64], n: usize) -> Result<()> {
    match labels.iter().position(|&label| usize::try_from(label).map_or(true, |label| label >= n)) {
        None => Ok(()),
        Some(row) => Err(Error::InvalidArgument {
            operation: "cross_entropy",
            argument: "labels",
            expected: "class numbers from 0 to below the number of classes",
            actual: format!("{} in row {row}, with {n} classes", labels[row]),
        }),
    }
}

fn check_rows(n: usize, lengths: &[usize]) {
    let length = lengths[0];
    assert!(lengths.iter().all(|&other| other == length), "the lengths {lengths:?} differ");
    assert!(length == 0 || (n > 0 && length.is_multiple_of(n)), "{length} values are no rows of {n}");
}

/// As many whole rows as fit into a chunk, one at least.
fn chunk(n: usize) -> usize {
    (CHUNK / n.max(1)).max(1) * n.max(1)
}

/// What to subtract from a row: its largest value, or nothing where all is -infinity.
#[inline(always)]
fn finite_shift<T: Float>(max: T) -> T {
    if max == T::NEG_INFINITY { T::ZERO } else { max }
}

/// `exp(x - max)` row by row.
#[inline(always)]
fn exponentials<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    for (x, out) in x.chunks_exact(n.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
        let shift = finite_shift(row_max(x));
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = x - shift);
    }
    // In one loop over all rows: short rows alone would leave vectors half empty.
    out.iter_mut().for_each(
        #[inline(always)]
        |v| *v = math::exp(*v),
    );
}

/// The shift of a row and `ln Σ exp(x_i - shift)`.
#[inline(always)]
fn shifted_logsumexp<T: Float>(row: &[T], space: &mut [T; CHUNK]) -> (T, T) {
    let shift = finite_shift(row_max(row));
    let mut sum = T::ZERO;
    for x in row.chunks(CHUNK) {
        let space = &mut space[..x.len()];
        space.iter_mut().zip(x).for_each(
            #[inline(always)]
            |(out, &x)| *out = math::exp(x - shift),
        );
        sum += row_sum(space);
    }
    (shift, math::ln(sum))
}
