//! Losses of numbers: squared error, absolute error, what lies between them, and quantiles.

use super::refuse;
use downhill_autograd::{Kind, Var};
use std::f64::consts::LN_2;

/// The target in the shape of the output: as it is, with the axis of length 1 that an output of one number
/// has, or whole numbers as unit vectors. Broadcasting, which makes `[n, n]` of `[n, 1]` and `[n]`, is
/// refused.
#[track_caller]
pub(super) fn aligned<'t>(loss: &str, output: Var<'t>, target: Var<'t>) -> Var<'t> {
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

/// The smooth absolute error of each element: see [`smooth_l1`].
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn smooth_l1_elements<'t>(output: Var<'t>, target: Var<'t>, beta: f64) -> Var<'t> {
    if !(beta >= 0.0 && beta.is_finite()) {
        return refuse(
            "smooth_l1",
            output,
            target,
            &format!("beta must not be negative, and be finite; it is {beta}"),
        );
    }
    let target = aligned("smooth_l1", output, target);
    let error = (output - target).abs();
    if beta == 0.0 {
        return error;
    }
    let near = error.minimum(error.tape().scalar(beta));
    near * (error - 0.5 * near) / beta
}

/// The mean smooth absolute error: e² / (2β) where |e| ≤ β, |e| - β/2 elsewhere, with e = y - t: [`huber`] over
/// its delta. PyTorch's default β is 1; with 0 it is [`mae`].
///
/// # Shape
/// See [`mse`].
///
/// # Source
/// Girshick, "Fast R-CNN", 2015 (arXiv:1504.08083).
#[track_caller]
pub fn smooth_l1<'t>(output: Var<'t>, target: Var<'t>, beta: f64) -> Var<'t> {
    smooth_l1_elements(output, target, beta).mean()
}

/// The logarithm of the hyperbolic cosine of each element's error: see [`log_cosh`].
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn log_cosh_elements<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    let error = output - aligned("log_cosh", output, target);
    // log cosh e = log (exp(e) + exp(-e)) - log 2, which does not overflow so, and has the derivative tanh e.
    error + (-2.0 * error).softplus() - LN_2
}

/// The mean of `log cosh (y - t)`: about e²/2 near 0 and |e| - log 2 far out, smooth everywhere.
///
/// # Shape
/// See [`mse`].
///
/// # Source
/// Keras, `keras.losses.LogCosh`.
#[track_caller]
pub fn log_cosh<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    log_cosh_elements(output, target).mean()
}

/// The quantile loss of each element: see [`quantile`].
///
/// # Shape
/// See [`mse`].
#[track_caller]
pub fn quantile_elements<'t>(output: Var<'t>, target: Var<'t>, quantile: f64) -> Var<'t> {
    if !(quantile > 0.0 && quantile < 1.0) {
        return refuse(
            "quantile",
            output,
            target,
            &format!("the quantile must be between 0 and 1, not {quantile}"),
        );
    }
    let error = aligned("quantile", output, target) - output;
    quantile * error.relu() + (1.0 - quantile) * (-error).relu()
}

/// The mean quantile loss, also called pinball loss: with e = t - y, `q e` where e > 0 and `(q - 1) e` elsewhere
/// (derivative 0 at 0). Its minimum is the q-quantile of the targets; at 1/2, the median, it is half of [`mae`].
///
/// # Shape
/// See [`mse`].
///
/// # Source
/// Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.
#[track_caller]
pub fn quantile<'t>(output: Var<'t>, target: Var<'t>, quantile: f64) -> Var<'t> {
    quantile_elements(output, target, quantile).mean()
}
