//! W1, W1b and W5: multilayer perceptrons.

use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, Examples, Values, classes};
use crate::training::Task;
use downhill::autograd::Type;
use downhill::nn::{Activation, Loss, Network, models};
use downhill::optim::{OptimizerConfig, Sgd};
use downhill::tensor::Key;

/// The products of an MLP of these widths, its parameters moved by plain descent, and its batch read.
fn cost(widths: &[usize], batch: usize) -> Cost {
    let layers = || widths.windows(2).map(|pair| (pair[0], pair[1]));
    let products: Cost = layers()
        .enumerate()
        .map(|(number, (inputs, outputs))| Cost::product(batch, inputs, outputs, number > 0))
        .sum();
    let parameters = layers().map(|(inputs, outputs)| (inputs + 1) * outputs).sum();
    products + Cost::descent(parameters) + Cost::read(batch * widths[0])
}

/// Plain descent.
fn sgd(learning_rate: f64) -> OptimizerConfig {
    Sgd { learning_rate, ..Sgd::default() }.into()
}

/// W1: 784-`hidden`-10 with ReLU, cross-entropy, SGD at 0.1.
///
/// # Errors
/// A batch larger than the data set.
pub fn perceptron(hidden: usize, batch: usize) -> Result<Task> {
    let types = [Type::float([batch, 784]), Type::index([batch])];
    let network = Network::new(models::mlp(&[hidden], 10, Activation::Relu), types[0])?;
    Ok(Task {
        network,
        types,
        loss: Loss::CrossEntropy,
        optimizer: sgd(0.1),
        batches: Batches::copied(classes(Key::new(2), [784].into()), batch)?,
        cost: cost(&[784, hidden, 10], batch),
    })
}

/// W1b: 784-16-16-10 with sigmoids, also at the end, squared error on one-hot targets, SGD at 0.1.
///
/// # Errors
/// A batch larger than the data set.
pub fn sigmoid_perceptron(batch: usize) -> Result<Task> {
    let types = [Type::float([batch, 784]), Type::index([batch])];
    let mut model = models::mlp(&[16, 16], 10, Activation::Sigmoid);
    model.layers.push(Activation::Sigmoid.into());
    let network = Network::new(model, types[0])?;
    Ok(Task {
        network,
        types,
        loss: Loss::MeanSquaredError,
        optimizer: sgd(0.1),
        batches: Batches::copied(classes(Key::new(2), [784].into()), batch)?,
        cost: cost(&[784, 16, 16, 10], batch),
    })
}

/// W5: XOR by 2-8-1 with tanh, binary cross-entropy, SGD at 0.1.
///
/// # Errors
/// A batch of more than the four examples that there are.
pub fn xor(batch: usize) -> Result<Task> {
    let types = [Type::float([batch, 2]), Type::float([batch, 1])];
    let network = Network::new(models::mlp(&[8], 1, Activation::Tanh), types[0])?;
    let examples = Examples {
        inputs: Values::Float(vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]),
        targets: Values::Float(vec![0.0, 1.0, 1.0, 0.0]),
        count: 4,
    };
    Ok(Task {
        network,
        types,
        loss: Loss::BinaryCrossEntropy,
        optimizer: sgd(0.1),
        batches: Batches::copied(examples, batch)?,
        cost: cost(&[2, 8, 1], batch),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_perceptron_is_that_of_its_products() {
        let cost = cost(&[784, 128, 10], 32);
        assert_eq!(cost.operations, 2.0 * 32.0 * (2.0 * 784.0 * 128.0 + 3.0 * 1280.0));
        assert_eq!(cost.bytes, 8.0 * 101_770.0 + 4.0 * 32.0 * 784.0);
    }
}
