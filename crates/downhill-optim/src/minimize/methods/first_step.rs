//! The first step to try along a direction that does not know its length.

use crate::global_norm;
use crate::minimize::evaluator::rounding;
use crate::minimize::walk::Walk;
use downhill_tensor::Float;

/// The first step of all: a distance of 1, or less where the gradient is small.
pub(super) fn unscaled<T: Float>(gradient: &[T]) -> f64 {
    let norm = global_norm(gradient);
    if norm > 0.0 { (1.0 / norm).min(1.0) } else { 1.0 }
}

/// As if the value fell as far as in the iteration before: `1.01 · 2 (f - f before) / ∇f·d` (Nocedal & Wright, 3.60).
/// Where that fall was mere rounding, the last step, scaled by the slopes. Never more than a hundred times as far as in the
/// iteration before.
pub(super) fn from_decrease<T: Float>(walk: &Walk<T>, direction: &[T], slope: f64, last: (f64, f64)) -> f64 {
    let decrease = walk.other_value - walk.value;
    let step = match decrease > rounding::<T>(walk.value) {
        true => -2.02 * decrease / slope,
        false => last.0 * (last.1 / slope),
    };
    let way =
        (0..walk.x.len()).map(|index| (walk.x[index] - walk.other[index]).to_f64().powi(2)).sum::<f64>();
    let step = step.min(100.0 * way.sqrt() / global_norm(direction));
    if step.is_finite() && step > 0.0 { step } else { unscaled(&walk.gradient) }
}
