//! Losses of numbers: squared error, absolute error, and Huber's between them.

use super::refuse;
use downhill_autograd::{Kind, Var};

/// The target in the shape of the output: as it is, with the axis of length 1 that an output of one number
/// has, or whole numbers as unit vectors. Broadcasting, which makes `[n, n]` of `[n, 1]` and `[n]`, is
/// refused.
#[track_caller]
fn aligned<'t>(loss: &str, output: Var<'t>, target: Var<'t>) -> Var<'t> {
    let (y, t) = (output.shape(), target.shape());
    if target.ty().kind == Kind::Index {
        let fits = y.rank() == t.rank() + 1 && y[..t.rank()] == t[..];
        return if fits {
            target.one_hot(y[t.rank()])
        } else {
            refuse(
                loss,
                output,
                target,
                "for classes, the output must have the shape of the target and one more axis of classes; for \
                 numbers, the target must be float",
            )
        };
    }
    if y == t {
        target
    } else if y.rank() == t.rank() + 1 && y[..t.rank()] == t[..] && y[t.rank()] == 1 {
        target.reshape(y)
    } else {
        refuse(
            loss,
            output,
            target,
            "output and target must have the same shape (a target may leave out a last axis of length 1)",
        )
    }
}

/// The squared error (y - t)² of each element.
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn mse_elements<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    let target = aligned("mse", output, target);
    (output - target).square()
}

/// The mean squared error: the mean of (y - t)² over all elements.
///
/// For classes (a target of whole numbers) t are unit vectors, and the mean is over samples and classes as
/// in PyTorch, so it is the sum over the classes divided by their number.
///
/// # Shape
/// Output and target alike; or output `[.., 1]` and target `[..]`; or output `[.., classes]` and whole
/// numbers `[..]`.
#[track_caller]
pub fn mse<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    mse_elements(output, target).mean()
}

/// The absolute error |y - t| of each element.
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn mae_elements<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    let target = aligned("mae", output, target);
    (output - target).abs()
}

/// The mean absolute error: the mean of |y - t| over all elements; derivative 0 where both are equal.
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn mae<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    mae_elements(output, target).mean()
}

/// Huber's loss of each element: see [`huber`].
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn huber_elements<'t>(output: Var<'t>, target: Var<'t>, delta: f64) -> Var<'t> {
    if !(delta > 0.0 && delta.is_finite()) {
        return refuse("huber", output, target, &format!("delta must be positive and finite, not {delta}"));
    }
    let target = aligned("huber", output, target);
    // With m = min(|e|, δ) both branches are m (|e| - m/2), which needs no choice and is finite everywhere.
    let error = (output - target).abs();
    let near = error.minimum(error.tape().scalar(delta));
    near * (error - 0.5 * near)
}

/// The mean of Huber's loss: e²/2 where |e| ≤ δ, δ (|e| - δ/2) elsewhere, with e = y - t. A parabola near 0
/// and lines far out, so that single wild targets do not rule.
///
/// # Shape
/// See [`mse`].
///
/// # Source
/// Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964. Smooth L1
/// is this over δ.
#[track_caller]
pub fn huber<'t>(output: Var<'t>, target: Var<'t>, delta: f64) -> Var<'t> {
    huber_elements(output, target, delta).mean()
}
