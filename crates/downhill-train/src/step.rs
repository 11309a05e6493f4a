//! One training step: a batch in, the loss and the gradient out, and the move of the parameters.

use crate::{Error, Result, StepMemory};
use downhill_autograd::{Data, DataMut, Run, Type};
use downhill_data::{Batch, TargetKind, Targets};
use downhill_engine::{Engine, Plan, Profile};
use downhill_nn::{AnyLayer, Loss, Network};
use downhill_optim::Optimizer;
use downhill_tensor::{Float, Key, Shape};
use std::sync::{Mutex, PoisonError};

/// How many parameters an optimizer moves at a time: enough to be worth a thread's while.
const CHUNK: usize = 16 * 1024;

/// The type of a batch of inputs.
pub(crate) fn input_type(examples: usize, example: Shape) -> Result<Type> {
    let dims: Vec<usize> = std::iter::once(examples).chain(example.iter().copied()).collect();
    let shape = Shape::new(&dims).map_err(|error| Error::Mismatch {
        what: "the input".into(),
        reason: format!("a batch of {examples} examples of {example} is no shape: {error}"),
    })?;
    Ok(Type::float(shape))
}

/// The type of a batch of targets.
pub(crate) fn target_type(examples: usize, target: TargetKind) -> Type {
    match target {
        TargetKind::Values { width } => Type::float([examples, width]),
        _ => Type::index([examples]),
    }
}

/// The targets of a batch as a program takes them.
pub(crate) fn target_data(batch: &Batch<f32>) -> Data<'_, f32> {
    match &batch.targets {
        Targets::Values { values, .. } => Data::Float(values),
        _ => Data::Index(batch.labels()),
    }
}

/// The training plans of the batch sizes of a run, with the places for their results.
pub(crate) struct Stepper {
    plans: Vec<(usize, Plan<f32>)>,
    outputs: usize,
    loss: [f32; 1],
    /// The gradient of the last batch.
    pub gradient: Vec<f32>,
    next_state: Vec<f32>,
    output: Vec<f32>,
}

impl Stepper {
    /// Compiles the training program for each of these batch sizes.
    ///
    /// # Errors
    /// A network that cannot be trained on such batches.
    pub fn new(
        network: &Network<AnyLayer>,
        loss: &Loss,
        engine: &Engine,
        example: Shape,
        target: TargetKind,
        sizes: &[usize],
    ) -> Result<Self> {
        let mut plans = Vec::new();
        for &size in sizes {
            let program =
                network.training_program(input_type(size, example)?, target_type(size, target), loss)?;
            let plan = engine.compile(&program).map_err(Error::execution("compiling the training step"))?;
            plans.push((size, plan));
        }
        let outputs = network.output().shape.size();
        let largest = sizes.iter().copied().max().unwrap_or(0);
        Ok(Stepper {
            plans,
            outputs,
            loss: [0.0],
            gradient: vec![0.0; network.parameter_count()],
            next_state: vec![0.0; network.state_layout().len()],
            output: vec![0.0; largest * outputs],
        })
    }

    /// With the memory that it holds itself.
    pub fn add_to(&self, mut memory: StepMemory) -> StepMemory {
        memory.gradient += size_of_val(&self.gradient[..]) + size_of_val(&self.next_state[..]);
        memory.output += size_of_val(&self.output[..]);
        self.plans.iter().fold(memory, |memory, (_, plan)| memory.with_plan(&plan.schedule()))
    }

    /// Measures from now on where the time of the plans goes.
    pub fn start_profiling(&mut self) {
        self.plans.iter_mut().for_each(|(_, plan)| plan.start_profiling());
    }

    /// Where the time of the plans went, that of the usual batch size first.
    pub fn profiles(&self) -> Vec<Profile> {
        self.plans.iter().filter_map(|(_, plan)| plan.profile()).collect()
    }

    /// Computes the loss of a batch, its gradient and the outputs. The state that follows is put aside.
    ///
    /// # Errors
    /// Values that an operation cannot take, such as the class of an example out of range.
    pub fn run(&mut self, parameters: &[f32], state: &[f32], batch: &Batch<f32>, key: Key) -> Result<f32> {
        let during = "training";
        let Some((_, plan)) = self.plans.iter_mut().find(|(size, _)| *size == batch.len) else {
            return Err(Error::Option {
                option: "batch_size",
                expected: "one for which the training step was compiled",
                actual: batch.len.to_string(),
            });
        };
        let inputs =
            [Data::Float(parameters), Data::Float(state), Data::Float(&batch.inputs), target_data(batch)];
        let mut outputs = [
            DataMut::Float(&mut self.loss),
            DataMut::Float(&mut self.gradient),
            DataMut::Float(&mut self.next_state),
            DataMut::Float(&mut self.output[..batch.len * self.outputs]),
        ];
        plan.run(&inputs, &mut outputs, key).map_err(Error::execution(during))?;
        Ok(self.loss[0])
    }

    /// The outputs of the last batch.
    pub fn output(&self, examples: usize) -> &[f32] {
        &self.output[..examples * self.outputs]
    }

    /// The number of outputs of an example.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether the state that follows the last batch is finite.
    pub fn is_next_state_finite(&self) -> bool {
        self.next_state.iter().all(|x| x.is_finite())
    }

    /// Takes over the state as it is after the last batch.
    pub fn advance(&mut self, state: &mut Vec<f32>) {
        std::mem::swap(state, &mut self.next_state);
    }
}

/// Moves the parameters, on all threads of the engine where there are enough of them. Each element is moved by
/// itself, so the bits do not depend on who does it.
pub(crate) fn move_parameters<T: Float>(
    engine: &Engine,
    optimizer: &mut Optimizer<T>,
    parameters: &mut [T],
    gradient: &[T],
    factor: f64,
) -> Result<()> {
    if engine.threads() == 1 || parameters.len() < 2 * CHUNK {
        return Ok(optimizer.step_scaled(parameters, gradient, factor)?);
    }
    let chunks = Mutex::new(optimizer.chunks(parameters, gradient, factor, CHUNK)?);
    let next = || chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
    engine.each(engine.threads(), |_| {
        while let Some(chunk) = next() {
            chunk.apply();
        }
    });
    Ok(())
}
