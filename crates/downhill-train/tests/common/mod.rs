//! What several tests train.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use downhill_data::{BatchSize, Features, InMemory, InputSchema, PartSize, Target, embedded};
use downhill_nn::{Activation, Loss, Sequential, models};
use downhill_optim::{Adam, GradientDescent};
use downhill_train::TrainConfig;

/// Iris, in a training and a held-out part.
pub fn iris() -> (InMemory, InMemory) {
    embedded::load("iris").unwrap().split(PartSize::Fraction(0.2), 1).unwrap()
}

/// A small network for iris.
pub fn iris_network() -> Sequential {
    models::mlp(&[8], 3, Activation::Tanh)
}

/// Adam with this rate; few epochs.
pub fn adam(learning_rate: f64, epochs: u64) -> TrainConfig {
    TrainConfig {
        epochs,
        optimizer: Adam { learning_rate, ..Adam::default() }.into(),
        ..TrainConfig::default()
    }
}

/// Plain gradient descent on all examples at once, for numbers.
pub fn plain(learning_rate: f64, epochs: u64) -> TrainConfig {
    TrainConfig {
        epochs,
        loss: Loss::MeanSquaredError,
        batch_size: BatchSize::Full,
        optimizer: GradientDescent { learning_rate }.into(),
        ..TrainConfig::default()
    }
}

/// A table of numbers with one target number each.
pub fn table(rows: &[(&[f64], f64)]) -> InMemory {
    let width = rows[0].0.len();
    let inputs = InputSchema::numeric((0..width).map(|i| format!("x{i}")));
    let features = rows.iter().flat_map(|(x, _)| x.iter().copied()).collect();
    let values = rows.iter().map(|(_, y)| *y).collect();
    InMemory::new(inputs, Features::F64(features), Target::Values { values, width: 1 }, "y").unwrap()
}

/// The four points of exclusive or.
pub fn xor() -> InMemory {
    let features = Features::F64(vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    let target = Target::Classes { labels: vec![0, 1, 1, 0], names: vec!["no".into(), "yes".into()] };
    InMemory::new(InputSchema::numeric(["a", "b"]), features, target, "xor").unwrap()
}
