//! Losses: how wrong an output is, as a scalar to be made small.
//!
//! Each family has a file of its own with its functions on [`Var`]s: one that gives a loss for each element
//! or sample (`.._elements`), and one that gives their mean. [`Loss`] is the choice of one as a value.

mod classification;
mod regression;

pub use classification::{
    binary_cross_entropy, binary_cross_entropy_elements, cross_entropy, cross_entropy_elements,
};
pub use regression::{huber, huber_elements, mae, mae_elements, mse, mse_elements};

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
    /// See [`cross_entropy`].
    #[serde(rename = "cross_entropy")]
    CrossEntropy,
    /// See [`binary_cross_entropy`].
    #[serde(rename = "bce")]
    BinaryCrossEntropy,
}

impl Loss {
    /// All losses, with their default options.
    pub const ALL: [Loss; 5] = [
        Loss::MeanSquaredError,
        Loss::MeanAbsoluteError,
        Loss::Huber { delta: 1.0 },
        Loss::CrossEntropy,
        Loss::BinaryCrossEntropy,
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

    /// Its name: `mse`, `mae`, `huber`, `cross_entropy` or `bce`.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::MeanSquaredError => "mse",
            Loss::MeanAbsoluteError => "mae",
            Loss::Huber { .. } => "huber",
            Loss::CrossEntropy => "cross_entropy",
            Loss::BinaryCrossEntropy => "bce",
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
            Loss::CrossEntropy => cross_entropy_elements(output, target),
            Loss::BinaryCrossEntropy => binary_cross_entropy_elements(output, target),
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
