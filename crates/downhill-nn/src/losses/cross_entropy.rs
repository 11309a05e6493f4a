//! Losses of one class among several: cross-entropy on logits, and the negative log-likelihood.

use super::ignored::{Kept, Replaced};
use super::{LossFunction, Reduction, refuse};
use downhill_autograd::{Kind, Var};
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

const EXPECTED: &str = "the logits must be [.., classes], and the target the class of each, whole numbers [..] (or \
                        probabilities in the shape of the logits)";

/// The cross-entropy of each sample: see [`cross_entropy`].
#[track_caller]
pub fn cross_entropy_elements<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    CrossEntropy::default().reduced(logits, target, Reduction::None)
}

/// The mean cross-entropy of logits: the mean over the samples of `log Σ exp(z) - z[class]`, the negative log
/// of the softmax probability of the right class. In nats; near ln(classes) for a network that knows nothing.
///
/// Stable: finite with finite gradient at logits of ±1e4, and where other classes have logits of -∞.
///
/// # Shape
/// Logits `[.., classes]` (PyTorch has the classes along axis 1), target whole numbers `[..]`, or probabilities
/// `[.., classes]`. Classes out of range are an error when the program runs.
#[track_caller]
pub fn cross_entropy<'t>(logits: Var<'t>, target: Var<'t>) -> Var<'t> {
    CrossEntropy::default().reduced(logits, target, Reduction::Mean)
}

/// Cross-entropy with options. For a sample of class c, with `log p` the log-softmax of its logits:
///
/// ```text
/// loss = -(1 - label_smoothing) weight[c] log p[c] - label_smoothing / classes Σₖ weight[k] log p[k]
/// ```
///
/// With [`Reduction::Mean`] the sum over the samples is divided by the sum of their `weight[c]`; samples whose
/// target is `ignore_index` count nowhere, and where all are ignored the loss is 0 (PyTorch: NaN). A target of
/// probabilities `t` is smoothed to `(1 - label_smoothing) t + label_smoothing / classes`, gives
/// `-Σₖ weight[k] t[k] log p[k]`, and its mean is over the samples.
///
/// # Shape
/// As [`cross_entropy`].
///
/// # Errors
/// A weight for another number of classes, or one that is negative or not finite; a smoothing outside of 0 to 1;
/// `ignore_index` with a target of probabilities.
///
/// # Source
/// PyTorch, `torch.nn.CrossEntropyLoss`; label smoothing of Szegedy et al., 2015 (arXiv:1512.00567), section 7.
///
/// ```
/// use downhill_nn::losses::CrossEntropy;
/// let loss = CrossEntropy { label_smoothing: 0.1, ignore_index: Some(-100), ..CrossEntropy::default() };
/// assert_eq!(loss.weight, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// A weight for each class; 1 for all if there is none.
    pub weight: Option<Vec<f64>>,
    /// The target of samples that do not count, which need not be a class. PyTorch's default is -100; here there
    /// is none, so that a wrong class is always an error.
    pub ignore_index: Option<i64>,
    /// How much of the target is spread evenly over all classes, from 0 (the default) to 1.
    pub label_smoothing: f64,
}

impl CrossEntropy {
    /// Records the loss, reduced as asked.
    #[track_caller]
    pub fn reduced<'t>(&self, logits: Var<'t>, target: Var<'t>, reduction: Reduction) -> Var<'t> {
        let refused = |expected: &str| refuse("cross_entropy", logits, target, expected);
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return refused(&format!(
                "the label smoothing must be from 0 to 1, not {}",
                self.label_smoothing
            ));
        }
        if let Err(reason) = check_weight(self.weight.as_deref(), logits) {
            return refused(&reason);
        }
        if target.is_float() && logits.rank() > 0 && logits.shape() == target.shape() {
            if self.ignore_index.is_some() {
                return refused("`ignore_index` needs a target of classes, not of probabilities");
            }
            return reduction.apply(self.of_probabilities(logits, target));
        }
        if !classes_fit(logits, target) {
            return refused(EXPECTED);
        }
        let samples = Samples::new(target, self.weight.as_deref(), self.ignore_index);
        let right = samples.weighted(logits.cross_entropy(samples.classes));
        let elements = if self.label_smoothing == 0.0 {
            right
        } else {
            let classes = logits.dim(-1) as f64;
            let all = weighted(logits.log_softmax(), self.weight.as_deref()).sum_over(&[-1]);
            (1.0 - self.label_smoothing) * right - self.label_smoothing / classes * all
        };
        samples.reduce(elements, reduction)
    }

    fn of_probabilities<'t>(&self, logits: Var<'t>, target: Var<'t>) -> Var<'t> {
        let smoothed = if self.label_smoothing == 0.0 {
            target
        } else {
            (1.0 - self.label_smoothing) * target + self.label_smoothing / logits.dim(-1) as f64
        };
        -(weighted(logits.log_softmax(), self.weight.as_deref()) * smoothed).sum_over(&[-1])
    }
}

impl LossFunction for CrossEntropy {
    fn loss<'t>(&self, output: Var<'t>, target: Var<'t>) -> Var<'t> {
        self.reduced(output, target, Reduction::Mean)
    }
}

/// The negative log-likelihood of each sample: see [`nll`].
#[track_caller]
pub fn nll_elements<'t>(log_probabilities: Var<'t>, target: Var<'t>) -> Var<'t> {
    NegativeLogLikelihood::default().reduced(log_probabilities, target, Reduction::None)
}

/// The mean negative log-likelihood: the mean over the samples of `-log p[class]`, for a network that ends in
/// [`LogSoftmax`](crate::Activation::LogSoftmax). On logits prefer [`cross_entropy`].
///
/// # Shape
/// Logarithms of probabilities `[.., classes]`, target whole numbers `[..]`.
#[track_caller]
pub fn nll<'t>(log_probabilities: Var<'t>, target: Var<'t>) -> Var<'t> {
    NegativeLogLikelihood::default().reduced(log_probabilities, target, Reduction::Mean)
}

/// The negative log-likelihood with options: `-weight[class] log p[class]`. Weights, ignored targets and the mean
/// are those of [`CrossEntropy`].
///
/// # Shape
/// As [`nll`].
///
/// # Source
/// PyTorch, `torch.nn.NLLLoss`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NegativeLogLikelihood {
    /// A weight for each class; 1 for all if there is none.
    pub weight: Option<Vec<f64>>,
    /// The target of samples that do not count.
    pub ignore_index: Option<i64>,
}

impl NegativeLogLikelihood {
    /// Records the loss, reduced as asked.
    #[track_caller]
    pub fn reduced<'t>(&self, log_probabilities: Var<'t>, target: Var<'t>, reduction: Reduction) -> Var<'t> {
        if let Err(reason) = check_weight(self.weight.as_deref(), log_probabilities) {
            return refuse("nll", log_probabilities, target, &reason);
        }
        if !classes_fit(log_probabilities, target) {
            return refuse(
                "nll",
                log_probabilities,
                target,
                "the output must be logarithms of probabilities [.., classes], and the target the class of each, \
                 whole numbers [..]",
            );
        }
        let samples = Samples::new(target, self.weight.as_deref(), self.ignore_index);
        // Chosen, not multiplied: other classes may have a probability of 0.
        let chosen = samples.classes.one_hot(log_probabilities.dim(-1));
        let chosen = chosen.select(log_probabilities, target.tape().scalar(0.0)).sum_over(&[-1]);
        samples.reduce(samples.weighted(-chosen), reduction)
    }
}

impl LossFunction for NegativeLogLikelihood {
    fn loss<'t>(&self, output: Var<'t>, target: Var<'t>) -> Var<'t> {
        self.reduced(output, target, Reduction::Mean)
    }
}

/// The classes of the samples, and how much each of them counts.
struct Samples<'t> {
    /// The classes, with some class in the place of what is ignored.
    classes: Var<'t>,
    /// 1 where a sample counts; nothing if all do.
    kept: Option<Var<'t>>,
    /// The weight of each sample's class; nothing if all are 1.
    weight: Option<Var<'t>>,
}

impl<'t> Samples<'t> {
    fn new(target: Var<'t>, weight: Option<&[f64]>, ignore_index: Option<i64>) -> Self {
        let tape = target.tape();
        let (classes, kept) = match ignore_index {
            None => (target, None),
            Some(ignored) => {
                (tape.record(Replaced { ignored }, &[target]), Some(tape.record(Kept { ignored }, &[target])))
            }
        };
        let weight = weight.map(|weight| tape.constant(Tensor::from(weight.to_vec())).gather(classes));
        Samples { classes, kept, weight }
    }

    fn weighted(&self, elements: Var<'t>) -> Var<'t> {
        self.weight.map_or(elements, |weight| weight * elements)
    }

    fn reduce(&self, elements: Var<'t>, reduction: Reduction) -> Var<'t> {
        let zero = elements.tape().scalar(0.0);
        let elements = self.kept.map_or(elements, |kept| kept.select(elements, zero));
        let counts = match (self.weight, self.kept) {
            (Some(weight), Some(kept)) => weight * kept,
            (Some(counts), None) | (None, Some(counts)) => counts,
            (None, None) => return reduction.apply(elements),
        };
        if reduction != Reduction::Mean {
            return reduction.apply(elements);
        }
        let total = counts.sum();
        elements.sum() / total.gt(zero).select(total, elements.tape().scalar(1.0))
    }
}

fn weighted<'t>(log_probabilities: Var<'t>, weight: Option<&[f64]>) -> Var<'t> {
    match weight {
        Some(weight) => log_probabilities * log_probabilities.tape().constant(Tensor::from(weight.to_vec())),
        None => log_probabilities,
    }
}

fn classes_fit(output: Var<'_>, target: Var<'_>) -> bool {
    let (y, t) = (output.shape(), target.shape());
    target.ty().kind == Kind::Index && y.rank() == t.rank() + 1 && y[..t.rank()] == t[..]
}

fn check_weight(weight: Option<&[f64]>, output: Var<'_>) -> Result<(), String> {
    let Some(weight) = weight else { return Ok(()) };
    if output.shape().last() != Some(&weight.len()) {
        return Err(format!("there are weights for {} classes, along the last axis", weight.len()));
    }
    match weight.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        Some(wrong) => Err(format!("the weights of classes must be finite and not negative, not {wrong}")),
        None => Ok(()),
    }
}
