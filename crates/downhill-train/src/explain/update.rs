//! The step that follows from a gradient.

use crate::Result;
use downhill_autograd::explain::Explanation;
use downhill_optim::{Optimizer, OptimizerConfig, Rule};
use downhill_tensor::ParameterLayout;
use serde::Serialize;

/// A step of an optimizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Update {
    /// The name of the optimizer.
    pub rule: String,
    /// Its learning rate.
    pub learning_rate: f64,
    /// What it does to each parameter, in the order of the layout.
    pub moves: Vec<Move>,
    /// The loss of the example at the new parameters.
    pub loss_after: f64,
}

/// What a step does to one number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// The parameter: `0.weight[1,2]`.
    pub parameter: String,
    /// The path of its layer.
    pub path: String,
    /// Before the step.
    pub before: f64,
    /// The derivative of the loss by it.
    pub gradient: f64,
    /// After the step.
    pub after: f64,
}

impl Move {
    /// Whether the parameter belongs to the layer of this path, or to one within it.
    pub fn belongs_to(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// The whole gradient, in the order of the layout; 0 for a parameter that the loss does not depend on.
pub(super) fn gradient(layout: &ParameterLayout, explanation: &Explanation) -> Vec<f64> {
    let mut gradient = vec![0.0; layout.len()];
    for entry in layout.entries() {
        let found = explanation.value(&entry.name).and_then(|value| value.gradient.as_ref());
        if let Some(found) = found.filter(|found| found.sum.len() == entry.range().len()) {
            gradient[entry.range()].copy_from_slice(&found.sum);
        }
    }
    gradient
}

impl Update {
    /// The first step of an optimizer from these parameters.
    pub(super) fn first(
        rule: &OptimizerConfig,
        layout: &ParameterLayout,
        parameters: &[f64],
        gradient: &[f64],
        loss: &dyn Fn(&[f64]) -> Result<f64>,
    ) -> Result<Self> {
        let mut moved = parameters.to_vec();
        let mut optimizer = Optimizer::<f64>::with_groups(rule.clone(), layout, &[])?;
        optimizer.step(&mut moved, gradient)?;
        let mut moves = Vec::with_capacity(parameters.len());
        for entry in layout.entries() {
            let path = entry.name.rsplit_once('.').map_or("", |(path, _)| path);
            for (element, at) in entry.range().enumerate() {
                let index = index_of(entry.shape.dims(), element);
                moves.push(Move {
                    parameter: format!("{}{index}", entry.name),
                    path: path.into(),
                    before: parameters[at],
                    gradient: gradient[at],
                    after: moved[at],
                });
            }
        }
        // Some optimizers evaluate at an average of their own.
        let evaluated = optimizer.evaluation_parameters(&moved)?;
        Ok(Update {
            rule: rule.name().into(),
            learning_rate: rule.learning_rate(),
            moves,
            loss_after: loss(&evaluated)?,
        })
    }
}

/// The position of an element in a shape: `[1,2]`; nothing for a single number without axes.
fn index_of(dims: &[usize], element: usize) -> String {
    if dims.is_empty() {
        return String::new();
    }
    let mut rest = element;
    let mut index = vec![String::new(); dims.len()];
    for (text, &length) in index.iter_mut().zip(dims).rev() {
        *text = (rest % length.max(1)).to_string();
        rest /= length.max(1);
    }
    format!("[{}]", index.join(","))
}
