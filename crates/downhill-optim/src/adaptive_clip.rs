//! A limit on gradients that follows the size of the parameters.

use crate::{Error, Result};
use downhill_tensor::{Float, ParameterLayout};

/// The least norm of a gradient that is divided by.
const SMALLEST_NORM: f64 = 1e-6;

/// Scales the gradient of each unit so that its norm is at most `clipping` times that of the unit's
/// parameters, and returns how many units it scaled.
///
/// ```text
/// limit = clipping * max(|p|, epsilon)
/// g <- g * limit / |g|          where |g| > limit
/// ```
///
/// A unit is what makes one output: a row of a weight `[out, in]`, a filter of a convolution `[out, in, ..]`;
/// a bias or another parameter of less than two dimensions is one unit as a whole. The paper's `clipping` is
/// 0.01 to 0.16, its `epsilon` 1e-3; it leaves the last layer out, whose gradient can be put aside by a
/// layout of the others.
///
/// # Errors
/// A `clipping` or `epsilon` that is negative or not finite, or slices that are not as long as the layout.
///
/// # Source
/// A. Brock, S. De, S. Smith, K. Simonyan, *High-performance large-scale image recognition without
/// normalization* (2021), equation 3; optax's `adaptive_grad_clip`, with PyTorch's order of dimensions.
///
/// ```
/// use downhill_tensor::ParameterLayout;
/// let mut layout = ParameterLayout::default();
/// layout.push("weight", [2, 2], false)?;
/// let parameters = [3.0, 4.0, 3.0, 4.0];
/// let mut gradient = [0.0, 1.0, 0.0, 0.25];
/// let clipped = downhill_optim::clip_adaptive(&mut gradient, &parameters, &layout, 0.1, 1e-3)?;
/// assert_eq!((clipped, gradient), (1, [0.0, 0.5, 0.0, 0.25]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn clip_adaptive<T: Float>(
    gradient: &mut [T],
    parameters: &[T],
    layout: &ParameterLayout,
    clipping: f64,
    epsilon: f64,
) -> Result<usize> {
    Error::check_at_least_zero("clip_adaptive", "clipping", clipping)?;
    Error::check_at_least_zero("clip_adaptive", "epsilon", epsilon)?;
    for (what, actual) in [("gradient", gradient.len()), ("parameter", parameters.len())] {
        if actual != layout.len() {
            return Err(Error::LengthMismatch { what, expected: layout.len(), actual });
        }
    }
    let mut clipped = 0;
    for entry in layout.entries() {
        let size = entry.shape.size();
        let unit = match *entry.shape {
            [units, _, ..] => size / units.max(1),
            _ => size,
        };
        let range = entry.range();
        let units =
            gradient[range.clone()].chunks_mut(unit.max(1)).zip(parameters[range].chunks(unit.max(1)));
        for (gradient, parameters) in units {
            let norm = crate::global_norm(gradient);
            let limit = clipping * crate::global_norm(parameters).max(epsilon);
            if norm > limit {
                let factor = T::from_f64(limit / norm.max(SMALLEST_NORM));
                gradient.iter_mut().for_each(|g| *g *= factor);
                clipped += 1;
            }
        }
    }
    Ok(clipped)
}
