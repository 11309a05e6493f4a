use crate::Float;
use crate::kernels::reduce::Axes;

fn fold<T: Float>(x: &[T], axes: Axes, out: &mut [T], start: T, f: impl Fn(T, T) -> T) {
    assert_eq!(x.len(), axes.outer * axes.reduced * axes.inner);
    assert_eq!(out.len(), axes.outer * axes.inner);
    for o in 0..axes.outer {
        for i in 0..axes.inner {
            let values = (0..axes.reduced).map(|r| x[(o * axes.reduced + r) * axes.inner + i]);
            out[o * axes.inner + i] = values.fold(start, &f);
        }
    }
}

/// The sum over the middle axis, 0 where it is empty.
///
/// # Panics
/// Where a slice has not the length that `axes` says.
pub fn sum<T: Float>(x: &[T], axes: Axes, out: &mut [T]) {
    fold(x, axes, out, T::ZERO, |a, b| a + b);
}

/// The largest value along the middle axis, NaN where one is NaN, -infinity where it is empty.
///
/// # Panics
/// Where a slice has not the length that `axes` says.
pub fn max<T: Float>(x: &[T], axes: Axes, out: &mut [T]) {
    fold(x, axes, out, T::NEG_INFINITY, T::maximum);
}

/// The smallest value along the middle axis, NaN where one is NaN, infinity where it is empty.
///
/// # Panics
/// Where a slice has not the length that `axes` says.
pub fn min<T: Float>(x: &[T], axes: Axes, out: &mut [T]) {
    fold(x, axes, out, T::INFINITY, T::minimum);
}

/// The place of the first largest value along the middle axis; a NaN counts as the largest; 0 where the
/// axis is empty.
///
/// # Panics
/// Where a slice has not the length that `axes` says.
pub fn argmax<T: Float>(x: &[T], axes: Axes, out: &mut [i64]) {
    assert_eq!(x.len(), axes.outer * axes.reduced * axes.inner);
    assert_eq!(out.len(), axes.outer * axes.inner);
    for o in 0..axes.outer {
        for i in 0..axes.inner {
            let value = |r: usize| x[(o * axes.reduced + r) * axes.inner + i];
            let mut best = 0;
            for r in 1..axes.reduced {
                if !value(best).is_nan() && (value(r) > value(best) || value(r).is_nan()) {
                    best = r;
                }
            }
            out[o * axes.inner + i] = best as i64;
        }
    }
}
