//! W7: a large table of which a step sees a few rows.

use super::Prepared;
use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, rows};
use crate::training::Training;
use downhill::autograd::Type;
use downhill::engine::Engine;
use downhill::nn::{Embedding, Linear, Loss, Network, Sequential};
use downhill::optim::Sgd;
use downhill::tensor::Key;

const ROWS: usize = 1_000_000;
const WIDTH: usize = 64;

/// W7: an embedding 1,000,000 x 64 and a linear layer on the row, binary cross-entropy, SGD at 0.1, which has
/// to touch only the rows of the batch.
///
/// # Errors
/// A batch larger than the data set.
pub fn embedding(batch: usize, engine: &Engine) -> Result<Prepared> {
    let types = [Type::index([batch]), Type::float([batch, 1])];
    let model = Sequential::new().with(Embedding::new(ROWS, WIDTH)).with(Linear::new(1));
    let network = Network::new(model, types[0])?;
    let batches = Batches::copied(rows(Key::new(2), ROWS), batch)?;
    let workload = Training::new(
        &network,
        types,
        &Loss::BinaryCrossEntropy,
        Sgd { learning_rate: 0.1, ..Sgd::default() },
        batches,
        engine,
    )?;
    let cost = Cost::product(batch, WIDTH, 1, true) + Cost::descent(batch * WIDTH + WIDTH + 1);
    Ok(Prepared { workload: Box::new(workload), cost: cost + Cost::read(2 * batch) })
}
