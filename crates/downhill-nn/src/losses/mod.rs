//! Losses: how wrong an output is, as a scalar to be made small.
//!
//! Each family has a file of its own with its functions on [`Var`]s: one that gives a loss for each element
//! or sample (`.._elements`), and one that gives their mean. [`Loss`] is the choice of one as a value; those with
//! a list among their options ([`CrossEntropy`], [`NegativeLogLikelihood`], [`BinaryCrossEntropy`]) are structs.
//! What needs more than an output and a target ([`gaussian_nll`], [`cosine_embedding`], [`triplet_margin`],
//! [`margin_ranking`], [`Ctc`]) is used within a function of one's own, or on a tape.

mod binary;
mod cross_entropy;
mod ctc;
mod ignored;
mod likelihood;
mod margin;
mod regression;

pub use binary::{
    BinaryCrossEntropy, binary_cross_entropy, binary_cross_entropy_elements, focal, focal_elements,
    probability_cross_entropy, probability_cross_entropy_elements,
};
pub use cross_entropy::{
    CrossEntropy, NegativeLogLikelihood, cross_entropy, cross_entropy_elements, nll, nll_elements,
};
pub use ctc::Ctc;
pub use likelihood::{
    gaussian_nll, gaussian_nll_elements, kl_divergence, kl_divergence_elements, poisson_nll,
    poisson_nll_elements,
};
pub use margin::{
    TripletMargin, cosine_embedding, cosine_embedding_elements, hinge, hinge_elements, margin_ranking,
    margin_ranking_elements, squared_hinge, squared_hinge_elements, triplet_margin, triplet_margin_elements,
};
pub use regression::{
    huber, huber_elements, log_cosh, log_cosh_elements, mae, mae_elements, mse, mse_elements, quantile,
    quantile_elements, smooth_l1, smooth_l1_elements,
};

use regression::aligned;

use crate::{Error, Result};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// A function of a network's output and its target that can be minimized.
///
/// [`Loss`] is one, and so is every function of two [`Var`]s; a closure needs [`loss_fn`] around it.
pub trait LossFunction {
    /// Records the loss, a scalar.
    fn loss<'t>(&self, output: Var<'t>, target: Var<'t>) -> Var<'t>;
}

impl<F> LossFunction for F
where
    F: for<'t> Fn(Var<'t>, Var<'t>) -> Var<'t>,
{
    fn loss<'t>(&self, output: Var<'t>, target: Var<'t>) -> Var<'t> {
        self(output, target)
    }
}

/// The closure that it is given; it tells the compiler that the closure holds for values of every tape.
///
/// ```
/// use downhill_nn::{LossFunction, loss_fn};
/// let quartic = loss_fn(|output, target| (output - target).square().square().mean());
/// # let _: &dyn LossFunction = &quartic;
/// ```
pub fn loss_fn<F>(loss: F) -> F
where
    F: for<'t> Fn(Var<'t>, Var<'t>) -> Var<'t>,
{
    loss
}

/// How the losses of the elements become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reduction {
    /// Their mean, over all elements (PyTorch's default).
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their sum over the length of the first axis (PyTorch's `batchmean`).
    BatchMean,
    /// Not at all.
    None,
}

impl Reduction {
    /// Records the reduction.
    #[track_caller]
    pub fn apply<'t>(self, elements: Var<'t>) -> Var<'t> {
        match self {
            Reduction::Mean => elements.mean(),
            Reduction::Sum => elements.sum(),
            Reduction::BatchMean => match elements.shape().first() {
                Some(&n) => elements.sum() / n as f64,
                None => elements,
            },
            Reduction::None => elements,
        }
    }
}

/// One of the built-in losses, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum Loss {
    /// See [`mse`].
    #[serde(rename = "mse")]
    MeanSquaredError,
    /// See [`mae`].
    #[serde(rename = "mae")]
    MeanAbsoluteError,
    /// See [`huber`].
    #[serde(rename = "huber")]
    Huber {
        /// Where the parabola becomes a line; PyTorch's default is 1.
        delta: f64,
    },
    /// See [`smooth_l1`].
    #[serde(rename = "smooth_l1")]
    SmoothL1 {
        /// Where the parabola becomes a line; PyTorch's default is 1.
        beta: f64,
    },
    /// See [`log_cosh`].
    #[serde(rename = "log_cosh")]
    LogCosh,
    /// See [`quantile`].
    #[serde(rename = "quantile")]
    Quantile {
        /// Which quantile, between 0 and 1.
        quantile: f64,
    },
    /// See [`poisson_nll`].
    #[serde(rename = "poisson_nll")]
    PoissonNll {
        /// Whether the output is the logarithm of the rate.
        log_input: bool,
        /// Whether Stirling's approximation of the last term is added.
        full: bool,
    },
    /// See [`kl_divergence`].
    #[serde(rename = "kl_divergence")]
    KlDivergence {
        /// Whether the target is logarithms of probabilities.
        log_target: bool,
    },
    /// See [`cross_entropy`].
    #[serde(rename = "cross_entropy")]
    CrossEntropy,
    /// [`CrossEntropy`] with label smoothing.
    #[serde(rename = "smoothed_cross_entropy")]
    SmoothedCrossEntropy {
        /// How much of the target is spread evenly over all classes, from 0 to 1.
        label_smoothing: f64,
    },
    /// See [`nll`].
    #[serde(rename = "nll")]
    NegativeLogLikelihood,
    /// See [`binary_cross_entropy`]: on logits.
    #[serde(rename = "bce")]
    BinaryCrossEntropy,
    /// See [`probability_cross_entropy`].
    #[serde(rename = "probability_cross_entropy")]
    ProbabilityCrossEntropy,
    /// See [`focal`].
    #[serde(rename = "focal")]
    Focal {
        /// The weight of a yes; that of a no is 1 less it. Both are 1 if there is none.
        alpha: Option<f64>,
        /// How much less counts what is right already; 0 for binary cross-entropy.
        gamma: f64,
    },
    /// See [`hinge`].
    #[serde(rename = "hinge")]
    Hinge,
    /// See [`squared_hinge`].
    #[serde(rename = "squared_hinge")]
    SquaredHinge,
}

impl Loss {
    /// All losses, with their default options.
    pub const ALL: [Loss; 16] = [
        Loss::MeanSquaredError,
        Loss::MeanAbsoluteError,
        Loss::Huber { delta: 1.0 },
        Loss::SmoothL1 { beta: 1.0 },
        Loss::LogCosh,
        Loss::Quantile { quantile: 0.5 },
        Loss::PoissonNll { log_input: true, full: false },
        Loss::KlDivergence { log_target: false },
        Loss::CrossEntropy,
        Loss::SmoothedCrossEntropy { label_smoothing: 0.1 },
        Loss::NegativeLogLikelihood,
        Loss::BinaryCrossEntropy,
        Loss::ProbabilityCrossEntropy,
        Loss::Focal { alpha: Some(0.25), gamma: 2.0 },
        Loss::Hinge,
        Loss::SquaredHinge,
    ];

    /// The usual choice for numbers: [`Loss::MeanSquaredError`].
    pub fn for_numbers() -> Self {
        Loss::MeanSquaredError
    }

    /// The usual choice for classes, with one logit for each: [`Loss::CrossEntropy`].
    pub fn for_classes() -> Self {
        Loss::CrossEntropy
    }

    /// The usual choice for yes or no, with one logit: [`Loss::BinaryCrossEntropy`].
    pub fn for_yes_or_no() -> Self {
        Loss::BinaryCrossEntropy
    }

    /// Its name, as in files: `mse`, `mae`, `huber`, `cross_entropy`, `bce` and so on.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::MeanSquaredError => "mse",
            Loss::MeanAbsoluteError => "mae",
            Loss::Huber { .. } => "huber",
            Loss::SmoothL1 { .. } => "smooth_l1",
            Loss::LogCosh => "log_cosh",
            Loss::Quantile { .. } => "quantile",
            Loss::PoissonNll { .. } => "poisson_nll",
            Loss::KlDivergence { .. } => "kl_divergence",
            Loss::CrossEntropy => "cross_entropy",
            Loss::SmoothedCrossEntropy { .. } => "smoothed_cross_entropy",
            Loss::NegativeLogLikelihood => "nll",
            Loss::BinaryCrossEntropy => "bce",
            Loss::ProbabilityCrossEntropy => "probability_cross_entropy",
            Loss::Focal { .. } => "focal",
            Loss::Hinge => "hinge",
            Loss::SquaredHinge => "squared_hinge",
        }
    }

    /// The loss of this name, with its default options.
    ///
    /// # Errors
    /// [`Error::UnknownName`], which lists the names there are.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|loss| loss.name() == name).ok_or_else(|| Error::UnknownName {
            what: "loss",
            name: name.into(),
            known: Self::ALL.map(|loss| loss.name()).to_vec(),
        })
    }

    /// Records the loss, reduced as asked.
    #[track_caller]
    pub fn reduced<'t>(&self, output: Var<'t>, target: Var<'t>, reduction: Reduction) -> Var<'t> {
        reduction.apply(match *self {
            Loss::MeanSquaredError => mse_elements(output, target),
            Loss::MeanAbsoluteError => mae_elements(output, target),
            Loss::Huber { delta } => huber_elements(output, target, delta),
            Loss::SmoothL1 { beta } => smooth_l1_elements(output, target, beta),
            Loss::LogCosh => log_cosh_elements(output, target),
            Loss::Quantile { quantile } => quantile_elements(output, target, quantile),
            Loss::PoissonNll { log_input, full } => poisson_nll_elements(output, target, log_input, full),
            Loss::KlDivergence { log_target } => kl_divergence_elements(output, target, log_target),
            Loss::CrossEntropy => cross_entropy_elements(output, target),
            Loss::SmoothedCrossEntropy { label_smoothing } => {
                let smoothed = CrossEntropy { label_smoothing, ..CrossEntropy::default() };
                smoothed.reduced(output, target, Reduction::None)
            }
            Loss::NegativeLogLikelihood => nll_elements(output, target),
            Loss::BinaryCrossEntropy => binary_cross_entropy_elements(output, target),
            Loss::ProbabilityCrossEntropy => probability_cross_entropy_elements(output, target),
            Loss::Focal { alpha, gamma } => focal_elements(output, target, alpha, gamma),
            Loss::Hinge => hinge_elements(output, target),
            Loss::SquaredHinge => squared_hinge_elements(output, target),
        })
    }
}

impl LossFunction for Loss {
    fn loss<'t>(&self, output: Var<'t>, target: Var<'t>) -> Var<'t> {
        self.reduced(output, target, Reduction::Mean)
    }
}

/// Notes that a loss cannot take this output with this target, and why.
#[track_caller]
fn refuse<'t>(loss: &str, output: Var<'t>, target: Var<'t>, expected: &str) -> Var<'t> {
    let place = output.tape().here();
    output.tape().fail(downhill_autograd::Error::Operands {
        operation: loss.into(),
        inputs: vec![output.ty(), target.ty()],
        expected: expected.into(),
        place,
    })
}

/// The names of all losses: those of [`Loss`], and those that take more than an output and a target. For tables of
/// what is checked.
#[doc(hidden)]
pub fn names() -> Vec<&'static str> {
    let others = ["gaussian_nll", "margin_ranking", "cosine_embedding", "triplet_margin", "ctc"];
    Loss::ALL.iter().map(Loss::name).chain(others).collect()
}
