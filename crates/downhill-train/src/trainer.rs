//! The training loop.

use crate::baseline::constant;
use crate::callback::Closure;
use crate::evaluator::Evaluator;
use crate::predictions::count_right;
use crate::progress::Progress;
use crate::step::{Stepper, input_type, move_parameters};
use crate::{
    Callback, EpochRecord, Error, Event, Model, Outcome, Result, StopReason, TrainConfig, TrainingMean,
    model_spec,
};
use downhill_data::{
    Batch, InMemory, Loader, LoaderOptions, Preprocessing, PreprocessingOptions, TargetKind,
};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Network};
use downhill_optim::{Optimizer, clip_global_norm, clip_value, global_norm};
use downhill_tensor::Key;
use std::ops::ControlFlow;

/// The growth of the loss, from that of the untrained network or from 1 if that is larger, which counts as
/// divergence.
const DIVERGENCE: f64 = 1e3;

/// Trains a network as a configuration says.
///
/// ```
/// use downhill_data::{PartSize, embedded};
/// use downhill_nn::{Activation, models};
/// use downhill_train::{TrainConfig, Trainer};
/// let (train, held_out) = embedded::load("iris")?.split(PartSize::Fraction(0.2), 42)?;
/// let network = models::mlp(&[16], 3, Activation::Relu);
/// let config = TrainConfig { epochs: 100, ..TrainConfig::default() };
/// let outcome = Trainer::new(network, config)?.fit(&train, Some(&held_out))?;
/// assert!(outcome.model.evaluate(&held_out)?.accuracy > Some(0.9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a> {
    layers: AnyLayer,
    config: TrainConfig,
    callbacks: Vec<Box<dyn Callback + 'a>>,
}

impl<'a> Trainer<'a> {
    /// A trainer of this network.
    ///
    /// # Errors
    /// An option outside its domain.
    pub fn new(layers: impl Into<AnyLayer>, config: TrainConfig) -> Result<Self> {
        config.validate()?;
        Ok(Trainer { layers: layers.into(), config, callbacks: Vec::new() })
    }

    /// With this callback, which sees every event after those that were given before. `&mut callback` is a
    /// callback as well, for one that is needed after the run.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// With this closure as a callback.
    #[must_use]
    pub fn on_event(self, callback: impl FnMut(&Event<'_>) -> ControlFlow<()> + 'a) -> Self {
        self.callback(Closure(callback))
    }

    /// Trains on data as it comes from its source; `fit` fits the preprocessing on `train` alone and applies
    /// it to both.
    ///
    /// The run ends when all epochs are made, when early stopping or a callback ends it, or when it diverges;
    /// in each case the outcome has a model with finite parameters: those of the best epoch, if the
    /// configuration says so, which is the default.
    ///
    /// # Errors
    /// Data, network, loss and optimizer that do not go together; nothing was computed then.
    pub fn fit(&mut self, train: &InMemory, validation: Option<&InMemory>) -> Result<Outcome> {
        let config = &self.config;
        check_targets(train, validation)?;
        let options = PreprocessingOptions {
            standardize_inputs: config.standardize_inputs,
            standardize_targets: config.standardize_targets,
        };
        let preprocessing = Preprocessing::fit(train, options).map_err(Error::data("the training data"))?;
        let data = preprocessing.apply(train).map_err(Error::data("the training data"))?;
        let validation_data = validation
            .map(|raw| preprocessing.apply(raw).map_err(Error::data("the validation data")))
            .transpose()?;

        let network = network_for(&self.layers, config, &data)?;
        let engine = Engine::with_threads(config.threads);
        let loader = LoaderOptions::shuffled(config.batch_size, config.seed);
        let loader = Loader::<f32>::new(&data, loader).map_err(Error::data("the training data"))?;
        let rest = data.len() % loader.batch_size();
        let sizes: Vec<usize> = [loader.batch_size(), rest].into_iter().filter(|&size| size > 0).collect();
        let shape = data.input_shape();
        let stepper = Stepper::new(&network, &config.loss, &engine, shape, data.target_kind(), &sizes)?;
        let evaluator = match (&validation_data, validation) {
            (Some(data), Some(raw)) => {
                Some(Evaluator::new(&network, &config.loss, &engine, data, raw, &preprocessing)?)
            }
            _ => None,
        };
        let optimizer = Optimizer::with_groups(config.optimizer.clone(), network.layout(), &config.groups)?;
        let parameters = network.initialize(Key::new(config.seed).named("initialization"));
        let mut run = Run {
            progress: Progress::new(parameters, network.initial_state(), optimizer),
            history: Vec::new(),
            config,
            callbacks: &mut self.callbacks,
            engine: &engine,
            batch: loader.batch(),
            loader,
            stepper,
            evaluator,
        };
        let examples = validation_data.as_ref().map_or(0, |data| data.len());
        let stop = match run.begin(&network, examples) {
            ControlFlow::Continue(()) => run.epochs()?,
            ControlFlow::Break(()) => StopReason::Interrupted { step: 0 },
        };
        let Run { mut progress, history, .. } = run;
        if stop.is_failure() || (config.restore_best && progress.best.is_some()) {
            progress.go_back();
        }
        let best_epoch = progress.best.map(|(epoch, _)| epoch);
        for callback in &mut self.callbacks {
            let _ = callback.on_event(&Event::Finished { stop: &stop, best_epoch });
        }
        let model = Model::new(
            self.layers.clone(),
            network,
            progress.parameters,
            progress.state,
            preprocessing,
            config.loss,
            train.title().into(),
            constant(train),
            engine,
        );
        let (epochs, steps) = (progress.epoch, progress.step);
        Ok(Outcome { model, history, stop, epochs, steps, best_epoch })
    }
}

/// The network for the preprocessed training data.
fn network_for(layers: &AnyLayer, config: &TrainConfig, data: &InMemory) -> Result<Network<AnyLayer>> {
    let expected = model_spec::outputs(&config.loss, data.target_kind())?;
    let network = Network::new(layers.clone(), input_type(1, data.input_shape())?)?;
    let output = network.output().shape;
    let refuse = |reason: String| Err(Error::Mismatch { what: "the network".into(), reason });
    if output.dims() != [1, expected] {
        return refuse(format!(
            "an example must become [1, {expected}] for {} and the loss `{}`, but becomes {output}; change its last \
             layer",
            data.target_kind().describe(),
            config.loss.name()
        ));
    }
    if network.parameter_count() == 0 {
        return refuse("it has no parameters that could be trained".into());
    }
    Ok(network)
}

/// Refuses data from which nothing can be learned or measured.
fn check_targets(train: &InMemory, validation: Option<&InMemory>) -> Result<()> {
    let no_target = |role, data: &InMemory| Err(Error::NoTarget { role, title: data.title().into() });
    if train.target_kind() == TargetKind::None {
        return no_target("the training data", train);
    }
    if let [class] = train.class_names() {
        return Err(Error::OneClass { title: train.title().into(), class: class.clone() });
    }
    match validation {
        Some(data) if data.target_kind() == TargetKind::None => no_target("the validation data", data),
        _ => Ok(()),
    }
}

/// One run of [`Trainer::fit`].
struct Run<'r, 'c> {
    config: &'r TrainConfig,
    callbacks: &'r mut Vec<Box<dyn Callback + 'c>>,
    engine: &'r Engine,
    loader: Loader<'r, f32>,
    batch: Batch<f32>,
    stepper: Stepper,
    evaluator: Option<Evaluator<'r>>,
    progress: Progress,
    history: Vec<EpochRecord>,
}

/// What an epoch adds up.
#[derive(Default)]
struct Sums {
    examples: usize,
    loss: f64,
    right: usize,
    gradient_norm: f64,
    learning_rate: f64,
}

impl Run<'_, '_> {
    fn begin(&mut self, network: &Network<AnyLayer>, validation_examples: usize) -> ControlFlow<()> {
        tell(
            self.callbacks,
            &Event::Started {
                examples: self.loader.dataset().len(),
                validation_examples,
                parameters: network.parameter_count(),
                steps_per_epoch: self.loader.steps() as u64,
                epochs: self.config.epochs,
                summary: network.summary(),
            },
        )
    }

    fn epochs(&mut self) -> Result<StopReason> {
        for epoch in 1..=self.config.epochs {
            if let ControlFlow::Break(stop) = self.epoch(epoch)? {
                return Ok(stop);
            }
        }
        Ok(StopReason::Completed { epochs: self.config.epochs })
    }

    fn epoch(&mut self, epoch: u64) -> Result<ControlFlow<StopReason>> {
        self.loader.begin(epoch - 1);
        let mut sums = Sums::default();
        for position in 0..self.loader.steps() {
            if let ControlFlow::Break(stop) = self.step(epoch, position, &mut sums)? {
                return Ok(ControlFlow::Break(stop));
            }
        }
        let loss = sums.loss / sums.examples as f64;
        let diverged = |loss: f64, step| {
            let loss = Some(loss).filter(|loss| loss.is_finite());
            Ok(ControlFlow::Break(StopReason::Diverged { step, loss }))
        };
        let limit = DIVERGENCE * self.progress.first_loss.unwrap_or(1.0).max(1.0);
        if loss > limit {
            return diverged(loss, self.progress.step);
        }
        if !self.progress.parameters.iter().all(|parameter| parameter.is_finite()) {
            return diverged(f64::NAN, self.progress.step);
        }
        let Progress { parameters, state, .. } = &self.progress;
        let validation = match &mut self.evaluator {
            Some(evaluator) => Some(evaluator.evaluate(parameters, state, None)?),
            None => None,
        };
        let classes = matches!(self.loader.dataset().target_kind(), TargetKind::Classes { .. });
        let record = EpochRecord {
            epoch,
            step: self.progress.step,
            train: TrainingMean { loss, accuracy: classes.then(|| sums.right as f64 / sums.examples as f64) },
            validation,
            learning_rate: sums.learning_rate,
            gradient_norm: sums.gradient_norm / self.loader.steps() as f64,
        };
        if !record.monitored_loss().is_finite() {
            return diverged(record.monitored_loss(), self.progress.step);
        }
        let early_stopping = self.config.early_stopping;
        self.progress.complete(&record, self.config.restore_best, early_stopping);
        let answer = tell(self.callbacks, &Event::Epoch(&record));
        self.history.push(record);
        if answer.is_break() {
            return Ok(ControlFlow::Break(StopReason::Interrupted { step: self.progress.step }));
        }
        match early_stopping {
            Some(stopping) if self.progress.stalled_epochs() >= stopping.patience => {
                let best_epoch = self.progress.best.map_or(epoch, |(best, _)| best);
                Ok(ControlFlow::Break(StopReason::EarlyStopped { best_epoch, patience: stopping.patience }))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    /// One step. Allocates nothing.
    fn step(&mut self, epoch: u64, position: usize, sums: &mut Sums) -> Result<ControlFlow<StopReason>> {
        let Run { config, loader, batch, stepper, progress, .. } = self;
        loader.fill(position, batch).map_err(Error::data("the training data"))?;
        let key = Key::new(config.seed).named("dropout").fold(progress.step);
        let loss = f64::from(stepper.run(&progress.parameters, &progress.state, batch, key)?);
        let step = progress.step + 1;
        let diverged = |loss: f64| {
            let loss = Some(loss).filter(|loss| loss.is_finite());
            Ok(ControlFlow::Break(StopReason::Diverged { step, loss }))
        };
        if !loss.is_finite() {
            return diverged(loss);
        }
        let gradient = &mut stepper.gradient[..];
        progress.optimizer.zero_frozen(gradient)?;
        if let Some(limit) = config.clip_value {
            clip_value(gradient, limit)?;
        }
        let gradient_norm = match config.clip_norm {
            Some(limit) => match clip_global_norm(gradient, limit) {
                Err(downhill_optim::Error::NonFiniteNorm { norm, .. }) => norm,
                norm => norm?,
            },
            None => global_norm(gradient),
        };
        if !gradient_norm.is_finite() {
            return diverged(f64::NAN);
        }
        let factor = config.schedule.factor(progress.step);
        let learning_rate = progress.optimizer.learning_rate() * factor;
        move_parameters(self.engine, &mut progress.optimizer, &mut progress.parameters, gradient, factor)?;
        stepper.advance(&mut progress.state);
        progress.step = step;
        progress.first_loss.get_or_insert(loss);
        sums.examples += batch.len;
        sums.loss += loss * batch.len as f64;
        sums.right += count_right(stepper.output(batch.len), stepper.outputs(), batch.labels());
        sums.gradient_norm += gradient_norm;
        sums.learning_rate = learning_rate;
        match tell(self.callbacks, &Event::Step { epoch, step, loss, gradient_norm, learning_rate }) {
            ControlFlow::Continue(()) => Ok(ControlFlow::Continue(())),
            ControlFlow::Break(()) => Ok(ControlFlow::Break(StopReason::Interrupted { step })),
        }
    }
}

/// Tells an event to all callbacks, also if one of them asks to stop.
fn tell(callbacks: &mut [Box<dyn Callback + '_>], event: &Event<'_>) -> ControlFlow<()> {
    let mut answer = ControlFlow::Continue(());
    for callback in callbacks {
        if callback.on_event(event).is_break() {
            answer = ControlFlow::Break(());
        }
    }
    answer
}
