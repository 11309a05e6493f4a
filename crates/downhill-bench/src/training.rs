//! A network in training: the step that the workloads have in common.

use crate::Result;
use crate::data::Batches;
use crate::workloads::Workload;
use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::engine::{Engine, Plan};
use downhill::nn::{Layer, LossFunction, Network};
use downhill::optim::{Optimizer, OptimizerConfig};
use downhill::tensor::Key;

/// Plain gradient descent, which is part of the plan: no gradient is ever stored.
pub struct Descent {
    plan: Plan<f32>,
    rate: [f32; 1],
    parameters: Vec<f32>,
    state: Vec<f32>,
    output: Vec<f32>,
    batches: Batches,
    step: u64,
}

impl Descent {
    /// Compiles the step of a network on batches of these types.
    ///
    /// # Errors
    /// A network that cannot be trained on such batches.
    pub fn new<L: Layer>(
        network: &Network<L>,
        [input, target]: [Type; 2],
        loss: &impl LossFunction,
        rate: f32,
        batches: Batches,
        engine: &Engine,
    ) -> Result<Self> {
        let program = network.sgd_program(input, target, loss)?;
        Ok(Descent {
            plan: engine.compile(&program)?,
            rate: [rate],
            parameters: network.initialize(Key::new(1)),
            state: network.initial_state(),
            output: vec![0.0; network.output().shape.size()],
            batches,
            step: 0,
        })
    }
}

impl Workload for Descent {
    fn step(&mut self) -> Result<f32> {
        let mut loss = [0.0];
        let (input, target) = self.batches.next_batch();
        let inputs = [Data::InPlace, Data::InPlace, input, target, Data::Float(&self.rate)];
        let mut outputs = [
            DataMut::Float(&mut loss),
            DataMut::Float(&mut self.parameters),
            DataMut::Float(&mut self.state),
            DataMut::Float(&mut self.output),
        ];
        self.plan.run(&inputs, &mut outputs, Key::new(3).fold(self.step))?;
        self.step += 1;
        Ok(loss[0])
    }

    fn parameters(&self) -> &[f32] {
        &self.parameters
    }
}

/// Any optimizer, which takes the gradient and moves the parameters.
pub struct Training {
    plan: Plan<f32>,
    optimizer: Optimizer<f32>,
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    state: Vec<f32>,
    next_state: Vec<f32>,
    output: Vec<f32>,
    batches: Batches,
    step: u64,
}

impl Training {
    /// Compiles the step of a network on batches of these types.
    ///
    /// # Errors
    /// A network that cannot be trained on such batches, or an optimizer with a rate outside its domain.
    pub fn new<L: Layer>(
        network: &Network<L>,
        [input, target]: [Type; 2],
        loss: &impl LossFunction,
        optimizer: impl Into<OptimizerConfig>,
        batches: Batches,
        engine: &Engine,
    ) -> Result<Self> {
        let program = network.training_program(input, target, loss)?;
        let parameters: Vec<f32> = network.initialize(Key::new(1));
        Ok(Training {
            plan: engine.compile(&program)?,
            optimizer: Optimizer::new(optimizer.into(), parameters.len())?,
            gradient: vec![0.0; parameters.len()],
            parameters,
            state: network.initial_state(),
            next_state: network.initial_state(),
            output: vec![0.0; network.output().shape.size()],
            batches,
            step: 0,
        })
    }
}

impl Workload for Training {
    fn step(&mut self) -> Result<f32> {
        let mut loss = [0.0];
        let (input, target) = self.batches.next_batch();
        let inputs = [Data::Float(&self.parameters), Data::Float(&self.state), input, target];
        let mut outputs = [
            DataMut::Float(&mut loss),
            DataMut::Float(&mut self.gradient),
            DataMut::Float(&mut self.next_state),
            DataMut::Float(&mut self.output),
        ];
        self.plan.run(&inputs, &mut outputs, Key::new(3).fold(self.step))?;
        std::mem::swap(&mut self.state, &mut self.next_state);
        self.optimizer.step(&mut self.parameters, &self.gradient)?;
        self.step += 1;
        Ok(loss[0])
    }

    fn parameters(&self) -> &[f32] {
        &self.parameters
    }
}
