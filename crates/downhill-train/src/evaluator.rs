//! Runs a network over a data set, in chunks of a fixed size.

use crate::predictions::count_right;
use crate::step::{input_type, target_data, target_type};
use crate::{Error, Evaluation, Result};
use downhill_autograd::{Data, DataMut, Kind, Output, Run, Tape, Type};
use downhill_data::{Batch, InMemory, Preprocessing, TargetKind};
use downhill_engine::{Engine, Plan};
use downhill_nn::metrics::{ConfusionMatrix, RegressionMetrics};
use downhill_nn::{AnyLayer, Loss, LossFunction, Network};
use downhill_tensor::Key;

/// The most examples that go through a network at once.
const CHUNK: usize = 256;

/// The chunks of this many examples: their ranges.
fn chunks(examples: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..examples).step_by(CHUNK).map(move |start| start..(start + CHUNK).min(examples))
}

/// The sizes that the chunks of this many examples have.
fn sizes(examples: usize) -> impl Iterator<Item = usize> {
    let full = (examples >= CHUNK).then_some(CHUNK);
    let rest = Some(examples % CHUNK).filter(|&rest| rest > 0);
    full.into_iter().chain(rest)
}

/// The plan for chunks of this size; there is one for each size that occurs.
fn plan_of(plans: &mut [(usize, Plan<f32>)], size: usize) -> &mut Plan<f32> {
    let position = plans.iter().position(|(known, _)| *known == size).unwrap_or(0);
    &mut plans[position].1
}

/// A network's evaluation plans for one data set, to be run as often as the parameters change.
pub(crate) struct Evaluator<'a> {
    /// The data after preprocessing.
    data: &'a InMemory,
    preprocessing: &'a Preprocessing,
    /// The target numbers in their own units; none for classes.
    values: Vec<f64>,
    plans: Vec<(usize, Plan<f32>)>,
    rows: Vec<usize>,
    batch: Batch<f32>,
    outputs: usize,
    output: Vec<f32>,
    predicted: Vec<f64>,
}

impl<'a> Evaluator<'a> {
    /// `data` has gone through `preprocessing`; `raw` is the same before.
    ///
    /// # Errors
    /// Data without a target, or a network that does not take it.
    pub fn new(
        network: &Network<AnyLayer>,
        loss: &Loss,
        engine: &Engine,
        data: &'a InMemory,
        raw: &InMemory,
        preprocessing: &'a Preprocessing,
    ) -> Result<Self> {
        if data.is_empty() {
            let source = downhill_data::Error::NoExamples { title: data.title().into() };
            return Err(Error::data("the data to evaluate on")(source));
        }
        let target = data.target_kind();
        let mut plans = Vec::new();
        for size in sizes(data.len()) {
            let input = input_type(size, data.input_shape())?;
            let program = network.evaluation_program(input, target_type(size, target), loss)?;
            plans.push((
                size,
                engine.compile(&program).map_err(Error::execution("compiling the evaluation"))?,
            ));
        }
        let outputs = network.output().shape.size();
        let largest = data.len().min(CHUNK);
        Ok(Evaluator {
            data,
            preprocessing,
            values: raw.values().unwrap_or_default(),
            plans,
            rows: (0..data.len()).collect(),
            batch: Batch::with_capacity(data, largest),
            outputs,
            output: vec![0.0; largest * outputs],
            predicted: Vec::with_capacity(largest * outputs),
        })
    }

    /// Measures the network with these parameters; `confusion` also gets what was taken for what.
    ///
    /// # Errors
    /// Values that an operation cannot take.
    pub fn evaluate(
        &mut self,
        parameters: &[f32],
        state: &[f32],
        mut confusion: Option<&mut ConfusionMatrix>,
    ) -> Result<Evaluation> {
        let role = "the data to evaluate on";
        let (mut loss_sum, mut right, mut metrics) = (0.0, 0, RegressionMetrics::new());
        for range in chunks(self.data.len()) {
            let size = range.len();
            self.batch.fill(self.data, &self.rows[range.clone()]).map_err(Error::data(role))?;
            let inputs = [
                Data::Float(parameters),
                Data::Float(state),
                Data::Float(&self.batch.inputs),
                target_data(&self.batch),
            ];
            let mut loss = [0.0f32];
            let output = &mut self.output[..size * self.outputs];
            let mut outputs = [DataMut::Float(&mut loss), DataMut::Float(&mut *output)];
            plan_of(&mut self.plans, size)
                .run(&inputs, &mut outputs, Key::new(0))
                .map_err(Error::execution("evaluating"))?;
            loss_sum += f64::from(loss[0]) * size as f64;
            if let TargetKind::Values { width } = self.data.target_kind() {
                self.predicted.clear();
                self.predicted.extend(output.iter().map(|&y| f64::from(y)));
                self.preprocessing.invert_targets(&mut self.predicted);
                metrics.add(&self.predicted, &self.values[range.start * width..range.end * width])?;
            } else {
                right += count_right(output, self.outputs, self.batch.labels());
                if let Some(confusion) = confusion.as_deref_mut() {
                    let labels = crate::predictions::labels(output, self.outputs)?;
                    confusion.add(&labels, self.batch.labels())?;
                }
            }
        }
        let examples = self.data.len();
        let classes = matches!(self.data.target_kind(), TargetKind::Classes { .. });
        let number = |value: f64| (!classes).then_some(value);
        Ok(Evaluation {
            examples,
            loss: loss_sum / examples as f64,
            accuracy: classes.then(|| right as f64 / examples as f64),
            rmse: number(metrics.root_mean_square_error()),
            mae: number(metrics.mean_absolute_error()),
            r2: number(metrics.r_squared()).filter(|r2| !r2.is_nan()),
            confusion: None,
        })
    }
}

/// The outputs of a network for all examples of a data set that has gone through the preprocessing.
///
/// # Errors
/// A network that does not take the data.
pub(crate) fn outputs(
    network: &Network<AnyLayer>,
    engine: &Engine,
    data: &InMemory,
    parameters: &[f32],
    state: &[f32],
) -> Result<Vec<f32>> {
    let width = network.output().shape.size();
    let mut plans = Vec::new();
    for size in sizes(data.len()) {
        let program = network.inference_program(input_type(size, data.input_shape())?)?;
        plans.push((size, engine.compile(&program).map_err(Error::execution("compiling the inference"))?));
    }
    let rows: Vec<usize> = (0..data.len()).collect();
    let mut batch = Batch::<f32>::with_capacity(data, data.len().min(CHUNK));
    let mut all = vec![0.0f32; data.len() * width];
    for range in chunks(data.len()) {
        batch.fill(data, &rows[range.clone()]).map_err(Error::data("the data to predict for"))?;
        let inputs = [Data::Float(parameters), Data::Float(state), Data::Float(&batch.inputs)];
        let mut outputs = [DataMut::Float(&mut all[range.start * width..range.end * width])];
        plan_of(&mut plans, range.len())
            .run(&inputs, &mut outputs, Key::new(0))
            .map_err(Error::execution("predicting"))?;
    }
    Ok(all)
}

/// The loss of each example of a data set that has gone through the preprocessing, by itself.
///
/// # Errors
/// A network that does not take the data.
pub(crate) fn losses(
    network: &Network<AnyLayer>,
    loss: &Loss,
    engine: &Engine,
    data: &InMemory,
    parameters: &[f32],
    state: &[f32],
) -> Result<Vec<f64>> {
    let outputs = outputs(network, engine, data, parameters, state)?;
    // A network is traced with one example.
    let shape = network.output().shape;
    let tape = Tape::new();
    let Type { kind, shape: target_shape } = target_type(1, data.target_kind());
    let output = tape.input("output", shape);
    let target = match kind {
        Kind::Float => tape.input("target", target_shape),
        Kind::Index => tape.index_input("target", target_shape),
    };
    let value = loss.loss(output, target);
    let program = tape.finish(&[Output::new("loss", &value)]).map_err(downhill_nn::Error::from)?;
    let mut plan = engine.compile(&program).map_err(Error::execution("compiling the loss"))?;
    let mut batch = Batch::<f32>::with_capacity(data, 1);
    let width = shape.size();
    (0..data.len())
        .map(|row| {
            batch.fill(data, &[row]).map_err(Error::data("the data to evaluate on"))?;
            let inputs = [Data::Float(&outputs[row * width..(row + 1) * width]), target_data(&batch)];
            let mut loss = [0.0f32];
            plan.run(&inputs, &mut [DataMut::Float(&mut loss)], Key::new(0))
                .map_err(Error::execution("evaluating the loss"))?;
            Ok(f64::from(loss[0]))
        })
        .collect()
}
