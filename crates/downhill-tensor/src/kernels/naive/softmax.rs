use crate::kernels::softmax::check_labels;
use crate::{Float, Result};

fn row_logsumexp<T: Float>(row: &[T]) -> T {
    let max = row.iter().copied().fold(T::NEG_INFINITY, T::maximum);
    if max == T::NEG_INFINITY {
        return max;
    }
    max + row.iter().map(|&v| (v - max).exp()).sum::<T>().ln()
}

/// `exp(x_j) / Σ exp(x_i)` over each row of `n` values; 0 throughout a row of -infinity.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn softmax<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len());
    for (row, out) in x.chunks_exact(n.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
        let max = row.iter().copied().fold(T::NEG_INFINITY, T::maximum);
        if max == T::NEG_INFINITY {
            out.fill(T::ZERO);
            continue;
        }
        let sum: T = row.iter().map(|&v| (v - max).exp()).sum();
        for (out, &v) in out.iter_mut().zip(row) {
            *out = (v - max).exp() / sum;
        }
    }
}

/// `x_j - ln Σ exp(x_i)` over each row of `n` values; -infinity throughout a row of -infinity.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn log_softmax<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len());
    for (row, out) in x.chunks_exact(n.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
        let max = row.iter().copied().fold(T::NEG_INFINITY, T::maximum);
        let rest = row.iter().map(|&v| (v - max).exp()).sum::<T>().ln();
        for (out, &v) in out.iter_mut().zip(row) {
            *out = if max == T::NEG_INFINITY { max } else { (v - max) - rest };
        }
    }
}

/// `ln Σ exp(x_i)` of each row of `n` values; -infinity for a row of -infinity or of no values.
///
/// # Panics
/// Where `x` has not `n` values for each of `out`.
pub fn logsumexp<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len() * n);
    for (r, out) in out.iter_mut().enumerate() {
        *out = row_logsumexp(&x[r * n..(r + 1) * n]);
    }
}

/// `dx = y (g - Σ g y)` for each row of `n` values, `y` being the softmax.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn softmax_gradient<T: Float>(y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    assert!(y.len() == g.len() && g.len() == dx.len());
    let n = n.max(1);
    for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
        let dot: T = y.iter().zip(g).map(|(&y, &g)| y * g).sum();
        for ((dx, &y), &g) in dx.iter_mut().zip(y).zip(g) {
            *dx = y * (g - dot);
        }
    }
}

/// `dx = g - exp(y) Σ g` for each row of `n` values, `y` being the logarithm of the softmax.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn log_softmax_gradient<T: Float>(y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    assert!(y.len() == g.len() && g.len() == dx.len());
    let n = n.max(1);
    for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
        let sum: T = g.iter().copied().sum();
        for ((dx, &y), &g) in dx.iter_mut().zip(y).zip(g) {
            *dx = g - y.exp() * sum;
        }
    }
}

/// `ln Σ exp(x_i) - x_label` of each row of `n` values.
///
/// # Errors
/// A label that is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy<T: Float>(x: &[T], labels: &[i64], n: usize, loss: &mut [T]) -> Result<()> {
    assert!(x.len() == labels.len() * n && loss.len() == labels.len());
    check_labels(labels, n)?;
    for (r, loss) in loss.iter_mut().enumerate() {
        let row = &x[r * n..(r + 1) * n];
        let max = row.iter().copied().fold(T::NEG_INFINITY, T::maximum);
        let rest = row.iter().map(|&v| (v - max).exp()).sum::<T>().ln();
        *loss = rest - (row[labels[r] as usize] - max);
    }
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
    assert!(x.len() == labels.len() * n && g.len() == labels.len() && dx.len() == x.len());
    check_labels(labels, n)?;
    softmax(x, n, dx);
    for (r, &label) in labels.iter().enumerate() {
        let row = &mut dx[r * n..(r + 1) * n];
        row[label as usize] -= T::ONE;
        row.iter_mut().for_each(|v| *v *= g[r]);
    }
    Ok(())
}
