//! W3: a transformer that predicts the next token.

use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, tokens};
use crate::training::Task;
use downhill::autograd::Type;
use downhill::nn::{Loss, Network, models};
use downhill::optim::AdamW;
use downhill::tensor::Key;

/// The sizes of the decoder.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The number of tokens.
    pub vocabulary: usize,
    /// The length of the vector that stands for a token.
    pub width: usize,
    /// The number of heads of each attention.
    pub heads: usize,
    /// The number of blocks.
    pub blocks: usize,
    /// The length of a sequence.
    pub context: usize,
}

impl Default for Sizes {
    /// Those of W3.
    fn default() -> Self {
        Sizes { vocabulary: 64, width: 128, heads: 4, blocks: 2, context: 64 }
    }
}

/// The products of a step. A position attends to itself and those before it: to half of all, on average.
fn cost(sizes: Sizes, batch: usize) -> Cost {
    let Sizes { vocabulary, width, blocks, context, .. } = sizes;
    let rows = batch * context;
    let seen = (context + 1).div_ceil(2);
    let block = [
        Cost::product(rows, width, 3 * width, true), // query, key and value
        Cost::product(rows, width, seen, true),      // query by key, all heads together
        Cost::product(rows, seen, width, true),      // weights by value
        Cost::product(rows, width, width, true),     // output
        Cost::product(rows, width, 4 * width, true), // the hidden layer
        Cost::product(rows, 4 * width, width, true),
    ];
    let blocks: Cost = (0..blocks).flat_map(|_| block).sum();
    blocks + Cost::product(rows, width, vocabulary, true)
}

/// W3: tokens and learned positions, causal pre-norm blocks with GELU, an untied head; cross-entropy over all
/// positions, AdamW at 0.0003.
///
/// # Errors
/// A batch larger than the data set; a width that is not a multiple of the number of heads.
pub fn decoder(sizes: Sizes, batch: usize) -> Result<Task> {
    let Sizes { vocabulary, width, heads, blocks, context } = sizes;
    let types = [Type::index([batch, context]); 2];
    let model = models::decoder(models::Decoder { vocabulary, context, width, heads, blocks });
    let network = Network::new(model, types[0])?;
    let cost = cost(sizes, batch) + Cost::adam(network.parameter_count()) + Cost::read(2 * batch * context);
    Ok(Task {
        network,
        types,
        loss: Loss::CrossEntropy,
        optimizer: AdamW { learning_rate: 3e-4, ..AdamW::default() }.into(),
        batches: Batches::copied(tokens(Key::new(2), vocabulary, context), batch)?,
        cost,
    })
}
