//! The settings of a run as they were resolved: what `config.toml` holds.

use crate::exit::Result;
use crate::options::TrainOptions;
use crate::source::Parts;
use downhill::data::InMemory;
use downhill::train::TrainConfig;
use serde::{Deserialize, Serialize};

/// What decided a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// What the data is called.
    data: String,
    /// Where the data comes from.
    source: String,
    /// How many examples were learned from.
    train_examples: usize,
    /// How many examples were held out to choose the best epoch by.
    validation_examples: usize,
    /// The network, as on the command line.
    model: String,
    /// The activation of its hidden layers.
    activation: String,
    /// How it was trained.
    train: TrainConfig,
}

impl RunConfig {
    /// The settings of a run on this data.
    pub fn new(parts: &Parts, options: &TrainOptions, train: TrainConfig) -> Result<Self> {
        Ok(RunConfig {
            data: parts.train.title().into(),
            source: parts.train.source().into(),
            train_examples: parts.train.len(),
            validation_examples: parts.validation.as_ref().map_or(0, InMemory::len),
            model: options.model.model()?.to_string(),
            activation: options.model.activation()?.name().into(),
            train,
        })
    }

    /// Whether a part of this data was learned from: it bears the same title and comes from the same place.
    pub fn was_trained_on(&self, data: &InMemory) -> bool {
        (self.data.as_str(), self.source.as_str()) == (data.title(), data.source())
    }
}
