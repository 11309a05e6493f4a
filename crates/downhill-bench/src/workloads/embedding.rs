//! W7: a large table of which a step sees a few rows.

use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, rows};
use crate::training::Task;
use downhill::autograd::Type;
use downhill::nn::{Embedding, Linear, Loss, Network, Sequential};
use downhill::optim::Sgd;
use downhill::tensor::Key;

/// Rows of the table.
pub const ROWS: usize = 1_000_000;
const WIDTH: usize = 64;

/// W7: an embedding `count` x 64 and a linear layer on the row, binary cross-entropy, SGD at 0.1, which has
/// to touch only the rows of the batch.
///
/// # Errors
/// A batch larger than the data set.
pub fn embedding(count: usize, batch: usize) -> Result<Task> {
    let types = [Type::index([batch]), Type::float([batch, 1])];
    let model = Sequential::new().with(Embedding::new(count, WIDTH)).with(Linear::new(1));
    let network = Network::new(model, types[0])?;
    let cost = Cost::product(batch, WIDTH, 1, true) + Cost::descent(batch * WIDTH + WIDTH + 1);
    Ok(Task {
        network,
        types,
        loss: Loss::BinaryCrossEntropy,
        optimizer: Sgd { learning_rate: 0.1, ..Sgd::default() }.into(),
        batches: Batches::copied(rows(Key::new(2), count), batch)?,
        cost: cost + Cost::read(2 * batch),
    })
}
