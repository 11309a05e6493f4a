//! Losses of classes, on logits: cross-entropy of several, binary cross-entropy of two.

use super::refuse;
use downhill_autograd::{Kind, Var};

/// The cross-entropy of each sample: see [`cross_entropy`].
#[track_caller]
pub fn cross_entropy_elements<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    let (y, t) = (logits.shape(), target.shape());
    let rank = t.rank();
    if target.ty().kind != Kind::Index || y.rank() != rank + 1 || y[..rank] != t[..] {
        return refuse(
            "cross_entropy",
            logits,
            target,
            "the logits must be [.., classes], and the target the class of each, whole numbers [..]",
        );
    }
    logits.cross_entropy(target)
}

/// The mean cross-entropy of logits: the mean over the samples of `log Σ exp(z) - z[class]`, the negative log
/// of the softmax probability of the right class. In nats; near ln(classes) for a network that knows nothing.
///
/// Stable: finite with finite gradient at logits of ±1e4, and where other classes have logits of -∞.
///
/// # Shape
/// Logits `[.., classes]`, target whole numbers `[..]`. Classes out of range are an error when the program
/// runs.
#[track_caller]
pub fn cross_entropy<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    cross_entropy_elements(logits, target).mean()
}

/// The binary cross-entropy of each element: see [`binary_cross_entropy`].
#[track_caller]
pub fn binary_cross_entropy_elements<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    let target = match target.ty().kind {
        Kind::Float => target,
        // The second component of the unit vector is the number itself, checked to be 0 or 1.
        Kind::Index => target.one_hot(2).select_at(-1, 1),
    };
    let (y, t) = (logits.shape(), target.shape());
    let rank = t.rank();
    let target = if y == t {
        target
    } else if y.rank() == rank + 1 && y[..rank] == t[..] && y[rank] == 1 {
        target.reshape(y)
    } else {
        return refuse(
            "binary_cross_entropy",
            logits,
            target,
            "logits and target must have the same shape (a target may leave out a last axis of length 1)",
        );
    };
    logits.softplus() - logits * target
}

/// The mean binary cross-entropy of logits: the mean over all elements of
/// `-t log σ(z) - (1 - t) log (1 - σ(z))`, computed as `softplus(z) - z t`, which is finite for every finite
/// logit, never negative for t of 0 and 1, and has the gradient σ(z) - t everywhere, at 0 too.
///
/// # Shape
/// Logits and target alike, or logits `[.., 1]` and target `[..]`. The target is a probability, or whole
/// numbers 0 and 1.
#[track_caller]
pub fn binary_cross_entropy<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    binary_cross_entropy_elements(logits, target).mean()
}
