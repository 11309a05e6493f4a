//! The workloads: networks, losses and optimizers, and a training step on them as a user would write it.

use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::engine::{Engine, Plan};
use downhill::nn::layers::Activation;
use downhill::nn::{Loss, Network, Sequential, models};
use downhill::optim::{Adam, Optimizer, OptimizerConfig, Sgd};
use downhill::tensor::{Key, Shape};

/// The names of all workloads.
pub const NAMES: [&str; 3] = ["W1", "W1b", "W2"];

/// Examples in memory.
const EXAMPLES: usize = 8192;

/// A network in training.
pub struct Workload {
    pub name: String,
    pub batch: usize,
    pub threads: usize,
    plan: Plan<f32>,
    optimizer: Optimizer<f32>,
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    state: Vec<f32>,
    next_state: Vec<f32>,
    output: Vec<f32>,
    images: Vec<f32>,
    labels: Vec<i64>,
    input: Vec<f32>,
    target: Vec<i64>,
    step: u64,
}

/// Builds a workload. `batch` counts for W1 only.
pub fn prepare(name: &str, batch: usize, threads: usize) -> Result<Workload, Box<dyn std::error::Error>> {
    let sgd = OptimizerConfig::from(Sgd { learning_rate: 0.1, ..Sgd::default() });
    let adam = OptimizerConfig::from(Adam { learning_rate: 1e-3, ..Adam::default() });
    let flat = Shape::from([784]);
    let (network, loss, optimizer, batch, image): (Sequential, _, _, _, Shape) = match name {
        "W1" => (models::mlp(&[128], 10, Activation::Relu), Loss::CrossEntropy, sgd, batch, flat),
        "W1b" => {
            let mut network = models::mlp(&[16, 16], 10, Activation::Sigmoid);
            network.layers.push(Activation::Sigmoid.into());
            (network, Loss::MeanSquaredError, sgd, 10, flat)
        }
        _ => (models::cnn(10), Loss::CrossEntropy, adam, 64, [1, 28, 28].into()),
    };
    let mut dims = vec![batch];
    dims.extend_from_slice(&image);
    let input = Type::float(Shape::new(&dims)?);
    let network = Network::new(network, input)?;
    let program = network.training_program(input, Type::index([batch]), &loss)?;
    let engine = Engine::with_threads(threads);
    let plan = engine.compile::<f32>(&program)?;
    let parameters: Vec<f32> = network.initialize(Key::new(1));

    // Noise around a prototype for each class: hard enough to keep the loss above zero for a while.
    let key = Key::new(2);
    let mut prototypes = vec![0.0f32; 10 * 784];
    key.named("prototypes").fill_uniform(0, &mut prototypes);
    let mut images = vec![0.0f32; EXAMPLES * 784];
    key.named("images").fill_uniform(0, &mut images);
    let labels: Vec<i64> =
        (0..EXAMPLES as u64).map(|i| (key.named("labels").uniform(i) * 10.0) as i64).collect();
    for (image, label) in images.chunks_exact_mut(784).zip(&labels) {
        let prototype = &prototypes[*label as usize * 784..][..784];
        image.iter_mut().zip(prototype).for_each(|(pixel, mean)| *pixel = 0.8 * *pixel + 0.2 * mean - 0.5);
    }
    Ok(Workload {
        name: name.into(),
        batch,
        threads: engine.threads(),
        optimizer: Optimizer::new(optimizer, parameters.len())?,
        gradient: vec![0.0; parameters.len()],
        state: network.initial_state(),
        next_state: network.initial_state(),
        output: vec![0.0; batch * 10],
        input: vec![0.0; batch * 784],
        target: vec![0; batch],
        plan,
        parameters,
        images,
        labels,
        step: 0,
    })
}

impl Workload {
    /// One training step; returns the loss.
    pub fn step(&mut self) -> Result<f32, Box<dyn std::error::Error>> {
        let first = (self.step as usize * self.batch) % (EXAMPLES - self.batch + 1);
        self.input.copy_from_slice(&self.images[first * 784..(first + self.batch) * 784]);
        self.target.copy_from_slice(&self.labels[first..first + self.batch]);
        let mut loss = [0.0f32];
        let inputs = [
            Data::Float(&self.parameters),
            Data::Float(&self.state),
            Data::Float(&self.input),
            Data::Index(&self.target),
        ];
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

    /// The number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters.len()
    }
}
