//! W8: an LSTM.

use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, classes};
use crate::training::Task;
use downhill::autograd::Type;
use downhill::nn::{Loss, Network, models};
use downhill::optim::Adam;
use downhill::tensor::Key;

const LENGTH: usize = 64;
const FEATURES: usize = 32;
const HIDDEN: usize = 128;

/// W8: sequences of 64 steps of 32 features, an LSTM with 128 cells, a linear layer on its last state;
/// cross-entropy, Adam at 0.001.
///
/// # Errors
/// A batch larger than the data set.
pub fn recurrent(batch: usize) -> Result<Task> {
    let types = [Type::float([batch, LENGTH, FEATURES]), Type::index([batch])];
    let network = Network::new(models::lstm(HIDDEN, 10), types[0])?;
    let cost = Cost::product(batch * LENGTH, FEATURES, 4 * HIDDEN, false)
        + Cost::product(batch * LENGTH, HIDDEN, 4 * HIDDEN, true)
        + Cost::product(batch, HIDDEN, 10, true)
        + Cost::adam(network.parameter_count())
        + Cost::read(batch * LENGTH * FEATURES);
    Ok(Task {
        network,
        types,
        loss: Loss::CrossEntropy,
        optimizer: Adam { learning_rate: 1e-3, ..Adam::default() }.into(),
        batches: Batches::copied(classes(Key::new(2), [LENGTH, FEATURES].into()), batch)?,
        cost,
    })
}
