//! Some examples, as a network sees them.

use crate::step::{input_type, target_data, target_type};
use crate::{Error, Result};
use downhill_autograd::{Data, Type};
use downhill_data::{Batch, InMemory, permutation};
use downhill_tensor::Key;

/// Examples drawn from data that has gone through the preprocessing.
pub(crate) struct Sample {
    /// The examples as a data set.
    pub data: InMemory,
    /// All of them in one batch.
    pub batch: Batch<f32>,
}

impl Sample {
    /// At most `count` examples, drawn by the seed.
    pub fn draw(ready: &InMemory, count: usize, seed: u64) -> Result<Self> {
        let failed = Error::data("the training data");
        let mut rows = permutation(ready.len(), Key::new(seed).named("diagnosis"));
        rows.truncate(count);
        let data = ready.subset(&rows).map_err(&failed)?;
        let mut batch = Batch::with_capacity(&data, data.len());
        let all: Vec<usize> = (0..data.len()).collect();
        batch.fill(&data, &all).map_err(&failed)?;
        Ok(Sample { data, batch })
    }

    /// The type of the batch.
    pub fn input(&self) -> Result<Type> {
        input_type(self.batch.len, self.batch.input_shape)
    }

    /// The type of its targets.
    pub fn target(&self) -> Type {
        target_type(self.batch.len, self.data.target_kind())
    }

    /// Its targets.
    pub fn targets(&self) -> Data<'_, f32> {
        target_data(&self.batch)
    }
}
