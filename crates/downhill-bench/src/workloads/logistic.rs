//! W4: logistic regression on a table that fits no cache.

use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, halves};
use crate::training::Task;
use downhill::autograd::Type;
use downhill::nn::{Loss, Network, models};
use downhill::optim::Sgd;
use downhill::tensor::Key;

/// Rows of the table.
pub const EXAMPLES: usize = 1_000_000;
const FEATURES: usize = 32;

/// W4: 32 features, binary cross-entropy, gradient descent at 0.5 on all rows at once, where they lie.
///
/// # Errors
/// None that it makes itself.
pub fn logistic(examples: usize) -> Result<Task> {
    let types = [Type::float([examples, FEATURES]), Type::float([examples, 1])];
    let network = Network::new(models::linear(1), types[0])?;
    // A row that is in the cache for its logit is there for its part of the gradient too.
    let cost = Cost::product(examples, FEATURES, 1, false) + Cost::read(examples * (FEATURES + 1));
    Ok(Task {
        network,
        types,
        loss: Loss::BinaryCrossEntropy,
        optimizer: Sgd { learning_rate: 0.5, ..Sgd::default() }.into(),
        batches: Batches::whole(halves(Key::new(2), examples, FEATURES)),
        cost: cost + Cost::descent(FEATURES + 1),
    })
}
