//! One example through a network and back: every number of backpropagation, and the step that follows from it.
//!
//! [`step_by_step`] has the chain rule of the network taken apart
//! ([`downhill_autograd::explain`]), makes one step of plain gradient descent with the
//! result, and the first step of an optimizer if one is asked for, and measures the loss again after each. All of it is
//! in double precision. [`diagram`](StepByStep::diagram) draws it, [`page`](StepByStep::page) is all of it to look at.

mod diagram;
mod page;
mod update;

pub use update::{Move, Update};

use crate::step::input_type;
use crate::{Error, Result};
use downhill_autograd::explain::{Detail, Explanation, explain, reverse_mode};
use downhill_autograd::{Data, Interpreter, Program, Type};
use downhill_nn::{Layer, Loss, Network};
use downhill_optim::OptimizerConfig;
use downhill_tensor::Key;
use serde::Serialize;

/// What an example should come to.
#[derive(Clone, Debug, PartialEq)]
pub enum ExampleTarget {
    /// A class, from 0.
    Class(i64),
    /// Numbers.
    Values(Vec<f64>),
}

/// A network at a point, and an example for it.
#[derive(Clone, Debug)]
pub struct Question<'a, L> {
    /// The network.
    pub network: &'a Network<L>,
    /// What is made small.
    pub loss: &'a Loss,
    /// All parameters, in the order of the layout.
    pub parameters: &'a [f64],
    /// The state, in the order of its layout.
    pub state: &'a [f64],
    /// The input of one example, as the network takes it.
    pub input: &'a [f64],
    /// Its target.
    pub target: &'a ExampleTarget,
}

/// A layer as the reader knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerName {
    /// Its path.
    pub path: String,
    /// What kind of layer it is.
    pub kind: String,
}

/// Backpropagation for one example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepByStep {
    /// The layers, in the order in which they are used.
    pub layers: Vec<LayerName>,
    /// The values, forward and backward.
    pub explanation: Explanation,
    /// The loss.
    pub loss: f64,
    /// By how much the sums over paths differ from what the reverse mode delivers, at most: relative to the larger of the
    /// gradient and 1.
    pub reverse_mode_apart: f64,
    /// The step of plain gradient descent.
    pub descent: Update,
    /// The first step of another optimizer, if one was asked for: without memory of earlier gradients.
    pub optimizer: Option<Update>,
}

impl<L: Layer> Question<'_, L> {
    /// The program of the loss of one example: the network in use, without dropout and with running statistics, since a
    /// single example has none of its own.
    fn program(&self) -> Result<Program> {
        let dims = self.network.input().shape;
        let example = dims.reduced(&[0], false);
        self.fits("the input", self.input.len(), example.size())?;
        self.fits("the parameters", self.parameters.len(), self.network.parameter_count())?;
        self.fits("the state", self.state.len(), self.network.state_layout().len())?;
        let target = match self.target {
            ExampleTarget::Class(_) => Type::index([1]),
            ExampleTarget::Values(values) => Type::float([1, values.len()]),
        };
        Ok(self.network.evaluation_program(input_type(1, example)?, target, self.loss)?)
    }

    fn fits(&self, what: &'static str, found: usize, expected: usize) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        let reason = format!("the network takes {expected} numbers there, not {found}");
        Err(Error::Mismatch { what: what.into(), reason })
    }

    /// The inputs of the program at these parameters.
    fn data<'d>(&'d self, parameters: &'d [f64], class: &'d [i64; 1]) -> [Data<'d, f64>; 4] {
        let target = match self.target {
            ExampleTarget::Class(_) => Data::Index(class),
            ExampleTarget::Values(values) => Data::Float(values),
        };
        [Data::Float(parameters), Data::Float(self.state), Data::Float(self.input), target]
    }

    fn class(&self) -> [i64; 1] {
        match self.target {
            ExampleTarget::Class(class) => [*class],
            ExampleTarget::Values(_) => [0],
        }
    }

    /// The loss at these parameters.
    fn loss_at(&self, program: &Program, parameters: &[f64]) -> Result<f64> {
        let class = self.class();
        let outputs = Interpreter.outputs(program, &self.data(parameters, &class), Key::new(0));
        let outputs = outputs.map_err(Error::execution("carrying out the network"))?;
        Ok(outputs.first().and_then(|loss| loss.to_vec().first().copied()).unwrap_or(f64::NAN))
    }
}

/// Explains backpropagation for one example, and makes a step of plain gradient descent at `rate`, and the first step of
/// `optimizer` if there is one.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_autograd::explain::Detail;
/// use downhill_nn::{Loss, Network, models};
/// use downhill_train::explain::{ExampleTarget, Question, step_by_step};
/// let network = Network::new(models::linear(1), Type::float([1, 2]))?;
/// let question = Question {
///     network: &network,
///     loss: &Loss::MeanSquaredError,
///     parameters: &[0.5, -1.0, 0.25], // two weights and a bias
///     state: &[],
///     input: &[1.0, 2.0],
///     target: &ExampleTarget::Values(vec![0.75]),
/// };
/// // y = 0.5 - 2 + 0.25 = -1.25, loss = (-1.25 - 0.75)² = 4, d loss / d y = 2 (-2) = -4
/// let steps = step_by_step(&question, 0.1, None, &Detail::default())?;
/// assert_eq!(steps.loss, 4.0);
/// let gradient: Vec<f64> = steps.descent.moves.iter().map(|step| step.gradient).collect();
/// assert_eq!(gradient, [-4.0, -8.0, -4.0]);
/// assert!(steps.descent.loss_after < steps.loss);
/// # Ok::<(), downhill_train::Error>(())
/// ```
///
/// # Errors
/// Numbers that are not as many as the network takes; a loss that does not take the target; an operation without a
/// derivative; rates that the optimizer refuses.
pub fn step_by_step<L: Layer>(
    question: &Question<'_, L>,
    rate: f64,
    optimizer: Option<&OptimizerConfig>,
    detail: &Detail,
) -> Result<StepByStep> {
    let program = question.program()?;
    let class = question.class();
    let data = question.data(question.parameters, &class);
    let key = Key::new(0);
    let failed = |during| Error::execution(during);
    let explanation =
        explain(&program, "loss", &data, key, detail).map_err(failed("explaining the network"))?.concise();
    let reverse =
        reverse_mode(&program, "loss", &data, key).map_err(failed("differentiating the network"))?;
    let mut apart = 0.0f64;
    for value in &explanation.values {
        let Some(gradient) = &value.gradient else { continue };
        for (sum, expected) in gradient.sum.iter().zip(&reverse[value.node.index()]) {
            apart = apart.max((sum - expected).abs() / expected.abs().max(1.0));
        }
    }
    let gradient = update::gradient(question.network.layout(), &explanation);
    let loss = |parameters: &[f64]| question.loss_at(&program, parameters);
    let plain = downhill_optim::GradientDescent { learning_rate: rate };
    let step = |rule: &OptimizerConfig| {
        Update::first(rule, question.network.layout(), question.parameters, &gradient, &loss)
    };
    let layers = question.network.summary().rows.iter().filter(|row| !row.path.is_empty());
    Ok(StepByStep {
        layers: layers.map(|row| LayerName { path: row.path.clone(), kind: row.kind.clone() }).collect(),
        loss: loss(question.parameters)?,
        reverse_mode_apart: apart,
        descent: step(&plain.into())?,
        optimizer: optimizer.map(step).transpose()?,
        explanation,
    })
}
