//! All that decides a run besides the network and the data.

use crate::{Averaging, BadSteps, Error, Result};
use downhill_data::BatchSize;
use downhill_nn::Loss;
use downhill_optim::{
    Adam, OptimizerConfig, ParameterAverage, ParameterGroup, ReduceOnPlateau, Rule, Schedule,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How to train. The same network, data and configuration give the same model, bit by bit, on any number of
/// threads.
///
/// In a file it is TOML; what is left out has its default, and a field that does not exist is an error that
/// names it.
///
/// ```
/// use downhill_train::TrainConfig;
/// let config = TrainConfig::from_toml("epochs = 5\nbatch_size = \"full\"\noptimizer.sgd.momentum = 0.9")?;
/// assert_eq!(TrainConfig::from_toml(&config.to_toml()?)?, config);
/// let error = TrainConfig::from_toml("epoch = 5").unwrap_err().to_string();
/// assert!(error.contains("unknown field `epoch`"), "{error}");
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// How often to go through the training data, at most; default 40.
    pub epochs: u64,
    /// How many examples each step looks at: 1 is stochastic gradient descent, all of them is plain gradient
    /// descent; in a file a number or `"full"`. Default 32.
    #[serde(with = "batch_size")]
    pub batch_size: BatchSize,
    /// What all randomness follows from: the first parameters, the order of the examples, dropout. Default 42.
    pub seed: u64,
    /// How many threads compute, at least 1; the result does not depend on it. Default 1.
    pub threads: usize,
    /// The largest norm that the whole gradient may have; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The largest absolute value that an element of the gradient may have; default none. It acts before
    /// `clip_norm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// The largest norm that the gradient of a row of weights or of a filter may have, as a part of the norm of
    /// these parameters ([`clip_adaptive`](downhill_optim::clip_adaptive) with an epsilon of 1e-3); default none. It
    /// acts before `clip_value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_adaptive: Option<f64>,
    /// Whether the model has the parameters of the epoch with the smallest loss, instead of the last: by the
    /// validation data, or where there is none by the training loss. Default `true`.
    pub restore_best: bool,
    /// Whether numeric columns are standardized, as fitted on the training data; default `true`.
    pub standardize_inputs: bool,
    /// Whether target numbers are standardized, as fitted on the training data; default `true`. Losses are
    /// then in units of their standard deviation; predictions are in the target's own units in either case.
    pub standardize_targets: bool,
    /// What is made small; default cross-entropy, for classes.
    pub loss: Loss,
    /// When to stop before all epochs are over; default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// How a gradient moves the parameters; default Adam with a learning rate of 0.003,
    /// with which small networks on standardized inputs get further in few epochs than with Adam's own 0.001.
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes, by the number of steps made; default not at all.
    pub schedule: Schedule,
    /// By what the rate falls further when the loss no longer gets smaller from epoch to epoch: the loss of the
    /// validation data, or where there is none the training loss. Default not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plateau: Option<ReduceOnPlateau>,
    /// What is done about a step whose loss or gradient is not finite; default: it ends the run.
    pub bad_steps: BadSteps,
    /// Whether an average of the parameters is judged and kept in their place; default not. Optimizers that have an
    /// average of their own ([`Optimizer::evaluation_parameters`](downhill_optim::Optimizer::evaluation_parameters))
    /// are judged there, unless this is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<Averaging>,
    /// Parameters that are treated differently, by name; default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ParameterGroup>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 40,
            batch_size: BatchSize::Examples(32),
            seed: 42,
            threads: 1,
            clip_norm: None,
            clip_value: None,
            clip_adaptive: None,
            restore_best: true,
            standardize_inputs: true,
            standardize_targets: true,
            loss: Loss::CrossEntropy,
            early_stopping: None,
            optimizer: Adam { learning_rate: 0.003, ..Adam::default() }.into(),
            schedule: Schedule::Constant,
            plateau: None,
            bad_steps: BadSteps::Stop,
            average: None,
            groups: Vec::new(),
        }
    }
}

/// Stops a run that no longer gets better: after `patience` epochs in a row in none of which the loss fell
/// below its smallest value before by more than `min_delta`.
///
/// The loss is that of the validation data, or where there is none the training loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// The number of epochs without progress, at least 1; default 5.
    pub patience: u64,
    /// What counts as progress, at least 0; default 0.
    pub min_delta: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping { patience: 5, min_delta: 0.0 }
    }
}

impl TrainConfig {
    /// Refuses options outside their domain.
    ///
    /// # Errors
    /// The first such option, with its domain and value.
    pub fn validate(&self) -> Result<()> {
        let check = |valid: bool, option, expected, actual: String| {
            if valid { Ok(()) } else { Err(Error::Option { option, expected, actual }) }
        };
        check(self.epochs > 0, "epochs", "at least 1", self.epochs.to_string())?;
        check(self.threads > 0, "threads", "at least 1", self.threads.to_string())?;
        check(self.batch_size != BatchSize::Examples(0), "batch_size", "at least 1 or full", "0".into())?;
        Error::check_limit("clip_norm", self.clip_norm)?;
        Error::check_limit("clip_value", self.clip_value)?;
        Error::check_limit("clip_adaptive", self.clip_adaptive)?;
        if let Some(EarlyStopping { patience, min_delta }) = self.early_stopping {
            check(patience > 0, "early_stopping.patience", "at least 1", patience.to_string())?;
            let valid = min_delta >= 0.0 && min_delta.is_finite();
            check(valid, "early_stopping.min_delta", "finite and at least 0", min_delta.to_string())?;
        }
        let rate = self.optimizer.learning_rate();
        downhill_optim::Error::check_at_least_zero(self.optimizer.name(), "learning_rate", rate)?;
        self.optimizer.validate()?;
        if let Some(plateau) = &self.plateau {
            let expected = "false, since what is watched is a loss";
            check(!plateau.maximize, "plateau.maximize", expected, "true".into())?;
            plateau.validate()?;
        }
        if let BadSteps::RollBack { factor, .. } = self.bad_steps {
            let valid = factor > 0.0 && factor < 1.0;
            check(valid, "bad_steps.roll_back.factor", "above 0 and below 1", factor.to_string())?;
        }
        if let Some(Averaging { kind, first_epoch }) = self.average {
            check(first_epoch > 0, "average.first_epoch", "at least 1", first_epoch.to_string())?;
            ParameterAverage::<f32>::new(kind)?;
        }
        Ok(self.schedule.validate()?)
    }

    /// How many steps a run on this many examples makes, if nothing ends it before: what a schedule over the
    /// whole run needs to know.
    ///
    /// ```
    /// use downhill_optim::{CosineAnnealing, Schedule};
    /// use downhill_train::TrainConfig;
    /// let config = TrainConfig::default();
    /// let schedule = Schedule::Cosine(CosineAnnealing::over(config.steps(1000)));
    /// let config = TrainConfig { schedule, ..config };
    /// assert_eq!(config.steps(1000), 40 * 32); // 31 batches of 32 and one of 8
    /// ```
    pub fn steps(&self, examples: usize) -> u64 {
        let per_epoch = match self.batch_size {
            BatchSize::Examples(count) => examples.div_ceil(count.max(1)) as u64,
            BatchSize::Full => examples.min(1) as u64,
        };
        self.epochs.saturating_mul(per_epoch)
    }

    /// As the text of a TOML file, all fields included.
    ///
    /// # Errors
    /// A number that TOML cannot hold: integers above 2⁶³ - 1.
    pub fn to_toml(&self) -> Result<String> {
        to_toml(self, None)
    }

    /// From the text of a TOML file.
    ///
    /// # Errors
    /// A fault in the text, or a field that does not exist or cannot have its value, with its line; an option
    /// outside its domain.
    pub fn from_toml(text: &str) -> Result<Self> {
        let config: TrainConfig = from_toml(text, None)?;
        config.validate()?;
        Ok(config)
    }
}

/// Any configuration as TOML.
pub(crate) fn to_toml(config: &impl Serialize, path: Option<&Path>) -> Result<String> {
    toml::to_string(config)
        .map_err(|error| Error::ConfigFile { path: path.map(Into::into), reason: error.to_string() })
}

/// Any configuration from TOML.
pub(crate) fn from_toml<C: for<'de> Deserialize<'de>>(text: &str, path: Option<&Path>) -> Result<C> {
    toml::from_str(text).map_err(|error| Error::ConfigFile {
        path: path.map(Into::into),
        reason: error.to_string().trim_end().to_owned(),
    })
}

/// A batch size in a file: a number, or `"full"`.
pub(crate) mod batch_size {
    use downhill_data::BatchSize;
    use serde::de::{Error, Unexpected, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub fn serialize<S: Serializer>(size: &BatchSize, serializer: S) -> Result<S::Ok, S::Error> {
        match size {
            BatchSize::Examples(count) => serializer.serialize_u64(*count as u64),
            BatchSize::Full => serializer.serialize_str("full"),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BatchSize, D::Error> {
        deserializer.deserialize_any(Either)
    }

    struct Either;

    impl Visitor<'_> for Either {
        type Value = BatchSize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of examples, at least 1, or \"full\"")
        }

        fn visit_i64<E: Error>(self, count: i64) -> Result<BatchSize, E> {
            match usize::try_from(count) {
                Ok(count) if count > 0 => Ok(BatchSize::Examples(count)),
                _ => Err(E::invalid_value(Unexpected::Signed(count), &self)),
            }
        }

        fn visit_u64<E: Error>(self, count: u64) -> Result<BatchSize, E> {
            i64::try_from(count)
                .map_err(|_| E::invalid_value(Unexpected::Unsigned(count), &self))
                .and_then(|count| self.visit_i64(count))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<BatchSize, E> {
            match text {
                "full" => Ok(BatchSize::Full),
                _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use downhill_optim::{AverageKind, CosineAnnealing, Sgd, WarmUp};

    #[test]
    fn a_configuration_survives_being_written() {
        let full = TrainConfig {
            batch_size: BatchSize::Full,
            clip_norm: Some(1.0),
            clip_value: Some(0.5),
            clip_adaptive: Some(0.01),
            early_stopping: Some(EarlyStopping { patience: 3, min_delta: 1e-4 }),
            loss: Loss::Huber { delta: 2.0 },
            optimizer: Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() }.into(),
            schedule: Schedule::WarmUp(WarmUp::over(10, Schedule::Cosine(CosineAnnealing::over(90)))),
            bad_steps: BadSteps::RollBack { factor: 0.25, up_to: 4 },
            plateau: Some(ReduceOnPlateau { patience: 3, ..ReduceOnPlateau::default() }),
            average: Some(Averaging { kind: AverageKind::Equal, first_epoch: 3 }),
            groups: vec![ParameterGroup { frozen: true, ..ParameterGroup::matching("0.*") }],
            ..TrainConfig::default()
        };
        for config in [TrainConfig::default(), full] {
            let text = config.to_toml().unwrap();
            assert_eq!(TrainConfig::from_toml(&text).unwrap(), config, "{text}");
        }
        assert_eq!(TrainConfig::from_toml("").unwrap(), TrainConfig::default());
    }

    #[test]
    fn faults_in_a_file_are_named() {
        for (text, part) in [
            ("batchsize = 3", "unknown field `batchsize`"),
            ("[optimizer.adam]\nlr = 0.1", "unknown field `lr`"),
            ("[optimizer.adamm]", "unknown variant `adamm`"),
            ("batch_size = 0", "a number of examples, at least 1, or \"full\""),
            ("batch_size = \"all\"", "at least 1, or \"full\""),
            ("epochs = 0", "epochs must be at least 1, but is 0"),
            ("epochs = -1", "line 1"),
            ("threads = 0", "threads must be at least 1"),
            ("clip_norm = -1.0", "clip_norm must be above 0"),
            ("clip_adaptive = 0.0", "clip_adaptive must be above 0"),
            ("plateau.gamma = 2.0", "gamma must be above 0 and below 1"),
            ("plateau.maximize = true", "plateau.maximize must be false"),
            (
                "bad_steps.roll_back.up_to = 1\nbad_steps.roll_back.factor = 1.0",
                "factor must be above 0 and below 1",
            ),
            ("average.kind.exponential = 1.5", "exponential must be from 0 to 1"),
            ("average.kind = \"equal\"\naverage.first_epoch = 0", "average.first_epoch must be at least 1"),
            ("early_stopping.patience = 0", "early_stopping.patience must be at least 1"),
            ("optimizer.adam.learning_rate = -1.0", "learning_rate must be finite and at least 0"),
            ("schedule.step.period = 0\nschedule.step.gamma = 0.5", "period must be at least 1"),
        ] {
            let error = TrainConfig::from_toml(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert_eq!(error.kind(), crate::ErrorKind::Configuration);
        }
    }
}
