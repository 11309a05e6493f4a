//! Limits on gradients, so that one bad batch cannot throw the parameters away.

use crate::{Error, Result};
use downhill_tensor::Float;
use std::ops::Range;

/// The number of elements summed in a row before partial sums are added pairwise. Part of the result's bits.
const BLOCK: usize = 4096;

/// The number of sums that a block keeps side by side.
const LANES: usize = 8;

/// What PyTorch adds to the norm before it divides by it.
const NORM_EPSILON: f64 = 1e-6;

/// The Euclidean norm of the whole gradient, `sqrt(Σ g²)`.
///
/// Summed in `f64` over a tree that depends on the length alone, so the bits do not depend on the machine's
/// threads. Where squares overflow or underflow, the elements are scaled by the largest first. It is infinite
/// or NaN only if an element is, or if the norm itself is beyond `f64`.
pub fn global_norm<T: Float>(gradient: &[T]) -> f64 {
    let sum = tree_sum(gradient, |g| g * g);
    // Squares this small may have lost digits, this large may have overflowed.
    if sum > 1e-200 && sum < f64::INFINITY {
        return sum.sqrt();
    }
    let largest = gradient.iter().fold(0.0_f64, |largest, g| Float::maximum(largest, g.to_f64().abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    // A power of two, so that scaling rounds nothing; clamped, because 1/MIN_POSITIVE would be near overflow.
    let exponent = largest.log2().floor().clamp(-1000.0, 1000.0);
    let scale = (-exponent).exp2();
    tree_sum(gradient, |g| (g * scale) * (g * scale)).sqrt() / scale
}

/// Scales the gradient so that its norm is at most `max_norm`, and returns the norm that it had.
///
/// ```text
/// g <- g * min(max_norm / (norm + 1e-6), 1)
/// ```
///
/// # Errors
/// A `max_norm` that is not above 0; [`Error::NonFiniteNorm`] with the first bad element. Then the gradient
/// is as it was.
///
/// # Source
/// R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks* (2013);
/// PyTorch's `clip_grad_norm_`.
///
/// ```
/// let mut gradient = [3.0_f32, 4.0];
/// let norm = downhill_optim::clip_global_norm(&mut gradient, 1.0)?;
/// assert_eq!(norm, 5.0);
/// assert!((gradient[0] - 0.6).abs() < 1e-6 && (gradient[1] - 0.8).abs() < 1e-6);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub fn clip_global_norm<T: Float>(gradient: &mut [T], max_norm: f64) -> Result<f64> {
    Error::check(max_norm > 0.0, "clip_global_norm", "max_norm", "above 0", max_norm)?;
    let norm = global_norm(gradient);
    if !norm.is_finite() {
        let first = gradient.iter().position(|g| !g.is_finite());
        return Err(Error::NonFiniteNorm {
            norm,
            first: first.map(|index| (index, gradient[index].to_f64())),
        });
    }
    let factor = max_norm / (norm + NORM_EPSILON);
    if factor < 1.0 {
        let factor = T::from_f64(factor);
        gradient.iter_mut().for_each(|g| *g *= factor);
    }
    Ok(norm)
}

/// Moves every element of the gradient into `-limit..=limit`. A NaN stays one.
///
/// # Errors
/// A `limit` that is negative or NaN.
pub fn clip_value<T: Float>(gradient: &mut [T], limit: f64) -> Result<()> {
    Error::check(limit >= 0.0, "clip_value", "limit", "at least 0", limit)?;
    let limit = T::from_f64(limit);
    gradient.iter_mut().for_each(|g| *g = g.minimum(limit).maximum(-limit));
    Ok(())
}

/// The Euclidean norm of the numbers that `element` gives for each index. Summed in `f64`, pairwise.
pub(crate) fn norm_of<T: Float>(len: usize, element: impl Fn(usize) -> T) -> f64 {
    fn sum<T: Float>(range: Range<usize>, element: &impl Fn(usize) -> T) -> f64 {
        if range.len() <= BLOCK / 8 {
            return range.map(|index| element(index).to_f64().powi(2)).sum();
        }
        let middle = range.start + range.len() / 2;
        sum(range.start..middle, element) + sum(middle..range.end, element)
    }
    sum(0..len, &element).sqrt()
}

/// `Σ term(g)`, by halves down to blocks: the split depends on the length alone.
fn tree_sum<T: Float>(values: &[T], term: impl Fn(f64) -> f64 + Copy) -> f64 {
    if values.len() <= BLOCK {
        return block_sum(values, term);
    }
    let blocks = values.len().div_ceil(BLOCK);
    let (left, right) = values.split_at(blocks.div_ceil(2) * BLOCK);
    tree_sum(left, term) + tree_sum(right, term)
}

fn block_sum<T: Float>(values: &[T], term: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let (rows, rest) = values.as_chunks::<LANES>();
    for row in rows {
        (0..LANES).for_each(|lane| sums[lane] += term(row[lane].to_f64()));
    }
    (0..rest.len()).for_each(|lane| sums[lane] += term(rest[lane].to_f64()));
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn clipping_keeps_the_direction_and_bounds_the_norm(
            gradient in prop::collection::vec(-1e3..1e3_f64, 1..300), max_norm in 1e-3..1e4_f64,
        ) {
            let mut clipped = gradient.clone();
            let norm = clip_global_norm(&mut clipped, max_norm).unwrap();
            let naive = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            prop_assert!((norm - naive).abs() <= 1e-12 * naive);
            prop_assert!(global_norm(&clipped) <= max_norm);
            if norm + 1e-6 <= max_norm {
                prop_assert_eq!(&clipped, &gradient);
            }
            let ratio = global_norm(&clipped) / norm;
            for (c, g) in clipped.iter().zip(&gradient) {
                prop_assert!((c - g * ratio).abs() <= 1e-12 * g.abs());
            }
        }

        #[test]
        fn clipping_by_value_moves_only_what_is_outside(
            gradient in prop::collection::vec(-10.0..10.0_f32, 0..50), limit in 0.0..12.0_f64,
        ) {
            let mut clipped = gradient.clone();
            clip_value(&mut clipped, limit).unwrap();
            for (c, g) in clipped.iter().zip(&gradient) {
                prop_assert_eq!(*c, g.clamp(-(limit as f32), limit as f32));
            }
        }
    }

    #[test]
    fn a_norm_beyond_the_range_of_squares_is_right() {
        assert_eq!(global_norm(&[3e30_f32, 4e30]), (3e30_f32 as f64).hypot(4e30_f32 as f64));
        // The squares of the third are not zero, but have lost most of their digits.
        for scale in [1e200, 1e-200, 1e-160, 1e300, 1e-300] {
            let norm = global_norm(&[3.0 * scale, 4.0 * scale]);
            assert!((norm / (5.0 * scale) - 1.0).abs() < 1e-15, "{norm}");
        }
        assert_eq!(global_norm(&[0.0_f64; 3]), 0.0);
        assert_eq!(global_norm::<f32>(&[]), 0.0);
        assert!((global_norm(&[f64::from_bits(3), f64::from_bits(4)]) - f64::from_bits(5)).abs() < 1e-323);
    }

    #[test]
    fn a_norm_that_is_not_finite_is_reported_and_changes_nothing() {
        let mut gradient = vec![1.0_f32; 9000];
        gradient[5000] = f32::NEG_INFINITY;
        let error = clip_global_norm(&mut gradient, 1.0).unwrap_err();
        assert_eq!(
            error,
            Error::NonFiniteNorm { norm: f64::INFINITY, first: Some((5000, f64::NEG_INFINITY)) }
        );
        assert_eq!(gradient[0], 1.0);
        let mut gradient = [1.0, f64::NAN];
        assert!(matches!(
            clip_global_norm(&mut gradient, 1.0),
            Err(Error::NonFiniteNorm { first: Some((1, _)), .. })
        ));
        let mut gradient = [f64::MAX, f64::MAX];
        assert!(matches!(
            clip_global_norm(&mut gradient, 1.0),
            Err(Error::NonFiniteNorm { first: None, .. })
        ));
    }

    #[test]
    fn a_long_sum_loses_no_digits() {
        let gradient = vec![0.1_f32; 1_000_003];
        let exact = (1_000_003.0 * f64::from(0.1_f32).powi(2)).sqrt();
        assert!((global_norm(&gradient) / exact - 1.0).abs() < 1e-14);
    }

    #[test]
    fn limits_outside_their_domain_are_refused() {
        assert!(clip_global_norm(&mut [1.0_f32], 0.0).is_err());
        assert!(clip_global_norm(&mut [1.0_f32], f64::NAN).is_err());
        assert!(clip_value(&mut [1.0_f32], -1.0).is_err());
    }
}
