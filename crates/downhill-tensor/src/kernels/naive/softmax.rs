use crate::Float;

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

/// `ln Σ exp(x_i) - x_class` of each row of `n` values; NaN where the class is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy<T: Float>(x: &[T], classes: &[i64], n: usize, loss: &mut [T]) {
    assert!(x.len() == classes.len() * n && loss.len() == classes.len());
    let mut logarithms = vec![T::ZERO; n];
    for (r, loss) in loss.iter_mut().enumerate() {
        log_softmax(&x[r * n..(r + 1) * n], n, &mut logarithms);
        *loss = if (0..n as i64).contains(&classes[r]) { -logarithms[classes[r] as usize] } else { T::NAN };
    }
}

/// `dx_j = g (softmax(x)_j - [j = class])` for each row of `n` values and its one `g`; NaN where the class
/// is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy_gradient<T: Float>(x: &[T], classes: &[i64], g: &[T], n: usize, dx: &mut [T]) {
    assert!(x.len() == classes.len() * n && g.len() == classes.len() && dx.len() == x.len());
    softmax(x, n, dx);
    for (r, &class) in classes.iter().enumerate() {
        let known = (0..n as i64).contains(&class);
        for (j, dx) in dx[r * n..(r + 1) * n].iter_mut().enumerate() {
            let indicator = if j as i64 == class { T::ONE } else { T::ZERO };
            *dx = if known { (*dx - indicator) * g[r] } else { T::NAN };
        }
    }
}
