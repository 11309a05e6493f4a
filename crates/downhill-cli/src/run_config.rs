//! The settings of a run as they were resolved: what `config.toml` holds.

use crate::again;
use crate::exit::{Error, Result};
use crate::options::TrainOptions;
use crate::source::{OtherSourceArguments, Parts, SourceArguments, TableArguments};
use downhill::data::{InMemory, Schema};
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
    /// The command that makes the run again; runs of the first versions do not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    command: String,
    /// How to have the same data again; runs of the first versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    /// How it was trained.
    train: TrainConfig,
}

/// How to have the data of a run again, in the same parts: together with the seed of the run, by which
/// generated data is made and the rest is split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    #[serde(flatten)]
    source: SourceArguments,
    #[serde(flatten)]
    table: TableArguments,
    /// The share that was held out.
    validation: f64,
    /// The fingerprints of the parts, by which it shows whether the data is still the same.
    fingerprint: String,
}

impl Origin {
    /// The origin of these parts.
    pub fn new(
        source: &SourceArguments,
        table: &TableArguments,
        share: f64,
        train: &InMemory,
        validation: Option<&InMemory>,
    ) -> Self {
        let hexadecimal = |data: &InMemory| format!("{:016x}", data.fingerprint());
        let fingerprint = std::iter::once(train).chain(validation).map(hexadecimal).collect::<Vec<_>>();
        Origin {
            source: source.clone(),
            table: table.clone(),
            validation: share,
            fingerprint: fingerprint.join("-"),
        }
    }
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
            command: again::command(std::env::args()),
            origin: Some(parts.origin.clone()).filter(|origin| origin.source.is_text()),
            train,
        })
    }

    /// The network and what its hidden layers end with, as on the command line.
    pub fn network(&self) -> String {
        format!("{}, activation {}", self.model, self.activation)
    }

    /// The command that makes the run again.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The network, as on the command line.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How it was trained.
    pub fn train(&self) -> &TrainConfig {
        &self.train
    }

    /// Whether a part of this data was learned from: it bears the same title and comes from the same place.
    pub fn was_trained_on(&self, data: &InMemory) -> bool {
        (self.data.as_str(), self.source.as_str()) == (data.title(), data.source())
    }

    /// The data that the run was trained on, in the same parts.
    ///
    /// # Errors
    /// A run that does not say what its data was; data that is not there any more, or not as it was.
    pub fn parts(&self) -> Result<Parts> {
        let Some(origin) = &self.origin else {
            return Err(Error::RunData(format!(
                "the run does not say how to load its data, {} ({}), again: it was made by an older version; name \
                 the data after the run",
                self.data, self.source
            )));
        };
        let share = Some(origin.validation);
        let parts = origin.source.parts(&origin.table, share, self.train.seed);
        let parts = parts.map_err(|error| Error::RunDataGone {
            data: origin.source.words().join(" "),
            source: Box::new(error),
        })?;
        self.check(&parts, origin)?;
        Ok(parts)
    }

    /// The data of the run, or other data of the same form in its place, of which as large a share is held out
    /// by the same seed.
    ///
    /// # Errors
    /// As [`RunConfig::parts`]; data of another form.
    pub fn parts_or(&self, other: &OtherSourceArguments, schema: &Schema) -> Result<Parts> {
        match other.named()? {
            None => self.parts(),
            Some(source) => source.parts_of_form(schema, self.share(), self.train.seed),
        }
    }

    /// Whether these parts are what the run was trained on, bit by bit.
    pub fn is_of(&self, parts: &Parts) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.fingerprint == parts.origin.fingerprint)
    }

    /// The share of the data that was held out.
    fn share(&self) -> f64 {
        match &self.origin {
            Some(origin) => origin.validation,
            None => {
                let all = self.train_examples + self.validation_examples;
                self.validation_examples as f64 / all.max(1) as f64
            }
        }
    }

    /// Refuses parts that are not as they were.
    fn check(&self, parts: &Parts, origin: &Origin) -> Result<()> {
        let counts = |train: usize, validation: usize| match validation {
            0 => format!("{train} examples"),
            _ => format!("{train} examples and {validation} held out"),
        };
        let validation = parts.validation.as_ref().map_or(0, InMemory::len);
        let changed = if (parts.train.len(), validation) != (self.train_examples, self.validation_examples) {
            let now = counts(parts.train.len(), validation);
            format!(
                "there were {}, and now there are {now}",
                counts(self.train_examples, self.validation_examples)
            )
        } else if origin.fingerprint != parts.origin.fingerprint {
            "there are as many examples, but their contents or their order differ".into()
        } else {
            return Ok(());
        };
        Err(Error::RunData(format!(
            "the data of the run, {}, is not what it was: {changed}; put it back as it was, or name the data after the \
             run to take it as it is",
            self.source
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(source: &str) -> RunConfig {
        let parts = SourceArguments::named(source).parts(&TableArguments::default(), None, 3).unwrap();
        let train = TrainConfig { seed: 3, ..TrainConfig::default() };
        RunConfig::new(&parts, &TrainOptions::default(), train).unwrap()
    }

    #[test]
    fn a_run_finds_its_data_again_in_the_same_parts() {
        for name in ["iris", "moons"] {
            let config = config(name);
            let parts = config.parts().unwrap();
            assert!(config.is_of(&parts) && config.was_trained_on(&parts.train));
            // Naming the same data leads to the same parts.
            let other = OtherSourceArguments::of(name);
            assert!(config.is_of(&config.parts_or(&other, parts.train.schema()).unwrap()));
        }
    }

    #[test]
    fn other_contents_and_other_counts_are_told_apart() {
        let mut config = config("iris");
        config.train_examples = 119;
        let error = config.parts().err().unwrap().to_string();
        assert!(error.contains("there were 119 examples and 30 held out, and now there are 120"), "{error}");
        config.train_examples = 120;
        config.origin.as_mut().unwrap().fingerprint = "0".into();
        let error = config.parts().err().unwrap().to_string();
        assert!(error.contains("their contents or their order differ"), "{error}");
    }

    #[test]
    fn a_run_that_does_not_know_its_data_takes_what_is_named() {
        let config = RunConfig { origin: None, ..config("iris") };
        let error = config.parts().err().unwrap().to_string();
        assert!(error.contains("made by an older version; name the data after the run"), "{error}");
        let iris = SourceArguments::named("iris").parts(&TableArguments::default(), None, 3).unwrap();
        let other = OtherSourceArguments::of("iris");
        let parts = config.parts_or(&other, iris.train.schema()).unwrap();
        assert_eq!(parts.origin.fingerprint, iris.origin.fingerprint);
    }
}
