//! How a training step by hand shall move the parameters, and what it can be given.

use downhill_autograd::Data;
use downhill_optim::{Optimizer, OptimizerConfig, ParameterGroup, RowSteps};
use downhill_tensor::Float;

/// How a [`TrainingStep`](crate::TrainingStep) moves the parameters. Any optimizer is one, with the other options as by default.
///
/// ```
/// use downhill_optim::Adam;
/// use downhill_train::StepOptions;
/// let options = StepOptions { clip_norm: Some(1.0), ..Adam::default().into() };
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// How the gradient moves the parameters; default plain gradient descent.
    pub optimizer: OptimizerConfig,
    /// Parameters that are treated differently, by name; default none.
    pub groups: Vec<ParameterGroup>,
    /// The largest absolute value that an element of the gradient may have; default none. It acts before
    /// `clip_norm`.
    pub clip_value: Option<f64>,
    /// The largest norm that the whole gradient may have; default none.
    pub clip_norm: Option<f64>,
    /// Whether an optimizer whose averages fade (Adam) may leave alone the rows of an embedding that a batch does
    /// not see, with their averages: the lazy form of it, which is another optimizer, and costs a step what the
    /// rows cost that it sees. Default `false`; optimizers of which that is true anyway (gradient descent, Adagrad)
    /// always do.
    pub lazy_rows: bool,
    /// What all randomness follows from: the first parameters and dropout. Default 42.
    pub seed: u64,
}

impl Default for StepOptions {
    fn default() -> Self {
        StepOptions {
            optimizer: OptimizerConfig::default(),
            groups: Vec::new(),
            clip_value: None,
            clip_norm: None,
            lazy_rows: false,
            seed: 42,
        }
    }
}

impl<R: Into<OptimizerConfig>> From<R> for StepOptions {
    fn from(optimizer: R) -> Self {
        StepOptions { optimizer: optimizer.into(), ..StepOptions::default() }
    }
}

impl StepOptions {
    /// Whether a step is `θ ← θ - rate ∇loss` and nothing else.
    pub(crate) fn is_plain_descent(&self) -> bool {
        let plain = match &self.optimizer {
            OptimizerConfig::GradientDescent(_) => true,
            OptimizerConfig::Sgd(sgd) => sgd.momentum == 0.0 && sgd.weight_decay == 0.0 && !sgd.maximize,
            _ => false,
        };
        plain && self.groups.is_empty() && !self.clips()
    }

    fn clips(&self) -> bool {
        self.clip_value.is_some() || self.clip_norm.is_some()
    }

    /// Whether this optimizer shall see only the rows of an embedding that a batch sees. A norm for clipping is
    /// taken of the whole gradient.
    pub(crate) fn steps_on_rows(&self, optimizer: &Optimizer<impl Float>) -> bool {
        let leaves_out = match optimizer.row_steps() {
            RowSteps::Never => false,
            RowSteps::Lazily => self.lazy_rows,
            RowSteps::Exactly => true,
        };
        leaves_out && !self.clips()
    }
}

/// Numbers that a program can be given: slices, arrays and vectors of `T` or of whole numbers.
pub trait AsData<T> {
    /// The numbers, borrowed.
    fn as_data(&self) -> Data<'_, T>;
}

impl AsData<f32> for [f32] {
    fn as_data(&self) -> Data<'_, f32> {
        Data::Float(self)
    }
}

impl AsData<f64> for [f64] {
    fn as_data(&self) -> Data<'_, f64> {
        Data::Float(self)
    }
}

impl<T> AsData<T> for [i64] {
    fn as_data(&self) -> Data<'_, T> {
        Data::Index(self)
    }
}

impl<T, E> AsData<T> for Vec<E>
where
    [E]: AsData<T>,
{
    fn as_data(&self) -> Data<'_, T> {
        self[..].as_data()
    }
}

impl<T, E, const N: usize> AsData<T> for [E; N]
where
    [E]: AsData<T>,
{
    fn as_data(&self) -> Data<'_, T> {
        self[..].as_data()
    }
}

impl<T: Copy> AsData<T> for Data<'_, T> {
    fn as_data(&self) -> Data<'_, T> {
        *self
    }
}
