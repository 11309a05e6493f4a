//! Losses of yes or no: binary cross-entropy on logits and on probabilities, and focal loss.

use super::{LossFunction, Reduction, refuse};
use downhill_autograd::{Kind, Var};
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The target as real numbers in the shape of the output.
#[track_caller]
fn aligned<'t>(loss: &str, output: Var<'t>, target: Var<'t>) -> Var<'t> {
    let target = match target.ty().kind {
        Kind::Float => target,
        // The second component of the unit vector is the number itself, checked to be 0 or 1.
        Kind::Index => target.one_hot(2).select_at(-1, 1),
    };
    let (y, t) = (output.shape(), target.shape());
    let rank = t.rank();
    if y == t {
        target
    } else if y.rank() == rank + 1 && y[..rank] == t[..] && y[rank] == 1 {
        target.reshape(y)
    } else {
        refuse(
            loss,
            output,
            target,
            "logits and target must have the same shape (a target may leave out a last axis of length 1)",
        )
    }
}

/// The binary cross-entropy of each element: see [`binary_cross_entropy`].
#[track_caller]
pub fn binary_cross_entropy_elements<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    let target = aligned("binary_cross_entropy", logits, target);
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

/// Binary cross-entropy on logits with weights, which lie along the last axis (or are one for all):
/// `weight (-pos_weight t log σ(z) - (1 - t) log (1 - σ(z)))`. The mean is over all elements, whatever their
/// weights.
///
/// # Shape
/// As [`binary_cross_entropy`].
///
/// # Errors
/// Weights of another number than the last axis is long, or that are negative or not finite.
///
/// # Source
/// PyTorch, `torch.nn.BCEWithLogitsLoss`, whose weights may also differ from sample to sample: multiply
/// [`binary_cross_entropy_elements`] for that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BinaryCrossEntropy {
    /// A weight for each position of the last axis.
    pub weight: Option<Vec<f64>>,
    /// How much more a yes counts than a no, for each position of the last axis: the number of the noes over that
    /// of the yeses balances both.
    pub pos_weight: Option<Vec<f64>>,
}

impl BinaryCrossEntropy {
    /// Records the loss, reduced as asked.
    #[track_caller]
    pub fn reduced<'t>(&self, logits: Var<'t>, target: Var<'t>, reduction: Reduction) -> Var<'t> {
        let constants = |weights: &Option<Vec<f64>>| -> Result<Option<Var<'t>>, String> {
            let Some(weights) = weights else { return Ok(None) };
            let last = logits.shape().last().copied().unwrap_or(1);
            if weights.len() != 1 && weights.len() != last {
                return Err(format!("there are {} weights, for a last axis of as many", weights.len()));
            }
            match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
                Some(wrong) => Err(format!("weights must be finite and not negative, not {wrong}")),
                None if weights.len() == 1 => Ok(Some(logits.tape().scalar(weights[0]))),
                None => Ok(Some(logits.tape().constant(Tensor::from(weights.clone())))),
            }
        };
        let (weight, pos_weight) = match (constants(&self.weight), constants(&self.pos_weight)) {
            (Ok(weight), Ok(pos_weight)) => (weight, pos_weight),
            (Err(reason), _) | (_, Err(reason)) => {
                return refuse("binary_cross_entropy", logits, target, &reason);
            }
        };
        let elements = match pos_weight {
            None => binary_cross_entropy_elements(logits, target),
            Some(pos_weight) => {
                let target = aligned("binary_cross_entropy", logits, target);
                // -log σ(z) = softplus(-z), and -log (1 - σ(z)) = z more than that.
                (1.0 - target) * logits + (1.0 + (pos_weight - 1.0) * target) * (-logits).softplus()
            }
        };
        reduction.apply(weight.map_or(elements, |weight| weight * elements))
    }
}

impl LossFunction for BinaryCrossEntropy {
    fn loss<'t>(&self, output: Var<'t>, target: Var<'t>) -> Var<'t> {
        self.reduced(output, target, Reduction::Mean)
    }
}

/// The binary cross-entropy of each probability: see [`probability_cross_entropy`].
#[track_caller]
pub fn probability_cross_entropy_elements<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    let target = aligned("probability_cross_entropy", output, target);
    -(target * held_log(output) + (1.0 - target) * held_log(1.0 - output))
}

/// The mean binary cross-entropy of probabilities p, as a network gives that ends in a sigmoid: the mean over all
/// elements of `-t log p - (1 - t) log (1 - p)`, where logarithms are held at -100, as in PyTorch's `BCELoss`.
/// Where one is held its derivative is 0 (PyTorch: up to 1e12), so a probability that has reached the wrong end
/// stays there: prefer logits and [`binary_cross_entropy`].
///
/// # Shape
/// As [`binary_cross_entropy`]. The output must be in 0..=1; elsewhere the loss is held.
#[track_caller]
pub fn probability_cross_entropy<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    probability_cross_entropy_elements(output, target).mean()
}

/// max(log p, -100), with a derivative that is finite at p = 0.
fn held_log(p: Var<'_>) -> Var<'_> {
    let tape = p.tape();
    let above = p.gt(tape.scalar((-100f64).exp()));
    above.select(above.select(p, tape.scalar(1.0)).log(), tape.scalar(-100.0))
}

/// The focal loss of each element: see [`focal`].
#[track_caller]
pub fn focal_elements<'t>(logits: Var<'t>, target: Var<'t>, alpha: Option<f64>, gamma: f64) -> Var<'t> {
    if alpha.is_some_and(|alpha| !(0.0..=1.0).contains(&alpha)) || !(gamma >= 0.0 && gamma.is_finite()) {
        let reason =
            format!("alpha must be from 0 to 1 and gamma not negative; they are {alpha:?} and {gamma}");
        return refuse("focal", logits, target, &reason);
    }
    let target = aligned("focal", logits, target);
    let entropy = logits.softplus() - logits * target;
    // The probability that is given to the wrong answer, without the cancellation of 1 - p.
    let missed = logits.sigmoid() * (1.0 - target) + (-logits).sigmoid() * target;
    let easy = if gamma == 0.0 {
        entropy
    } else if gamma < 1.0 {
        // The slope of such a power is infinite at 0.
        entropy * missed.maximum(logits.tape().scalar(f64::from(f32::MIN_POSITIVE))).powf(gamma)
    } else {
        entropy * missed.powf(gamma)
    };
    match alpha {
        Some(alpha) => easy * (alpha * target + (1.0 - alpha) * (1.0 - target)),
        None => easy,
    }
}

/// The mean focal loss of logits: binary cross-entropy times `(1 - q)^gamma`, where q is the probability of the
/// right answer, so that what is right already hardly counts; times `alpha` for a yes and `1 - alpha` for a no, if
/// there is an `alpha`. The usual values are 0.25 and 2.
///
/// # Shape
/// As [`binary_cross_entropy`](super::binary_cross_entropy).
///
/// # Source
/// Lin et al., "Focal loss for dense object detection", 2017 (arXiv:1708.02002), as in torchvision's
/// `sigmoid_focal_loss`, where an alpha of -1 stands for none, and the sum is left to the caller.
#[track_caller]
pub fn focal<'t>(logits: Var<'t>, target: Var<'t>, alpha: Option<f64>, gamma: f64) -> Var<'t> {
    focal_elements(logits, target, alpha, gamma).mean()
}
