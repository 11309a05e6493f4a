//! What goes into a run and comes out of it: the preparations, and the model.

use crate::averaging::RunningAverage;
use crate::baseline::{self, constant};
use crate::callback::Closure;
use crate::diagnosis::course::Course;
use crate::diagnosis::during;
use crate::evaluator::Evaluator;
use crate::progress::Progress;
use crate::run::{Run, tell};
use crate::step::{Stepper, input_type};
use crate::{Callback, Error, Event, Model, Outcome, Result, StopReason, TrainConfig, model_spec};
use downhill_data::{InMemory, Loader, LoaderOptions, Preprocessing, PreprocessingOptions, TargetKind};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Loss, Network};
use downhill_optim::{Optimizer, Plateau};
use downhill_tensor::Key;
use std::ops::ControlFlow;

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
    profile: bool,
    start: Option<Vec<f32>>,
}

impl<'a> Trainer<'a> {
    /// A trainer of this network.
    ///
    /// # Errors
    /// An option outside its domain.
    pub fn new(layers: impl Into<AnyLayer>, config: TrainConfig) -> Result<Self> {
        config.validate()?;
        Ok(Trainer { layers: layers.into(), config, callbacks: Vec::new(), profile: false, start: None })
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

    /// Whether to measure how long each loop of the training steps takes: see [`Outcome::profiles`]. Results stay
    /// the same to the bit.
    #[must_use]
    pub fn profile(mut self, wanted: bool) -> Self {
        self.profile = wanted;
        self
    }

    /// Starts from these parameters, in the order of the network's layout, instead of those that the seed draws.
    #[must_use]
    pub fn start_from(mut self, parameters: Vec<f32>) -> Self {
        self.start = Some(parameters);
        self
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

        let network = network_for(&self.layers, &config.loss, &data)?;
        let engine = Engine::with_threads(config.threads);
        let loader = LoaderOptions::shuffled(config.batch_size, config.seed);
        let mut loader = Loader::<f32>::new(&data, loader).map_err(Error::data("the training data"))?;
        let rest = data.len() % loader.batch_size();
        let sizes: Vec<usize> = [loader.batch_size(), rest].into_iter().filter(|&size| size > 0).collect();
        let shape = data.input_shape();
        let mut stepper = Stepper::new(&network, &config.loss, &engine, shape, data.target_kind(), &sizes)?;
        if self.profile {
            stepper.start_profiling();
        }
        let evaluator = match (&validation_data, validation) {
            (Some(data), Some(raw)) => {
                Some(Evaluator::new(&network, &config.loss, &engine, data, raw, &preprocessing)?)
            }
            _ => None,
        };
        let optimizer = Optimizer::with_groups(config.optimizer.clone(), network.layout(), &config.groups)?;
        let parameters = match &self.start {
            None => network.initialize(Key::new(config.seed).named("initialization")),
            Some(start) => {
                Error::check_length("the parameters to start from", network.parameter_count(), start.len())?;
                start.clone()
            }
        };
        let mut progress = Progress::new(parameters, network.initial_state(), optimizer);
        progress.average = config.average.map(RunningAverage::new).transpose()?;
        progress.plateau = config.plateau.clone().map(Plateau::new).transpose()?;
        let mut run = Run {
            progress,
            history: Vec::new(),
            config,
            callbacks: &mut self.callbacks,
            engine: &engine,
            network: &network,
            course: Course::new(network.layout(), config.steps(data.len())),
            bad_steps: Vec::new(),
            beginning: None,
            stepper,
            evaluator,
        };
        let examples = validation_data.as_ref().map_or(0, |data| data.len());
        let stop = match run.begin(&loader, examples) {
            ControlFlow::Continue(()) => run.epochs(&mut loader)?,
            ControlFlow::Break(()) => StopReason::Interrupted { step: 0 },
        };
        let Run { progress, history, stepper, course, bad_steps, .. } = run;
        let profiles = stepper.profiles();
        let best_wanted = config.restore_best && progress.best.is_some();
        let (epochs, steps) = (progress.epoch, progress.step);
        let best_epoch = progress.best.map(|(epoch, _)| epoch);
        let constant = constant(train);
        let facts = during::Facts {
            course: &course,
            layout: network.layout(),
            config,
            target: data.target_kind(),
            baseline: baseline::evaluate(&constant, &config.loss, &preprocessing, &data, train)
                .map_or(f64::NAN, |evaluation| evaluation.loss),
            history: &history,
            stop: &stop,
            bad_steps: &bad_steps,
        };
        let verdicts = during::verdicts(&facts);
        let _ = tell(&mut self.callbacks, &Event::Diagnosed(&verdicts));
        let _ = tell(&mut self.callbacks, &Event::Finished { stop: &stop, best_epoch });
        let (parameters, state) = progress.finish(stop.is_failure() || best_wanted)?;
        let model = Model::new(
            self.layers.clone(),
            network,
            parameters,
            state,
            preprocessing,
            config.loss,
            train.title().into(),
            constant,
            engine,
        );
        Ok(Outcome { model, history, stop, epochs, steps, best_epoch, profiles, bad_steps, verdicts })
    }
}

/// The network for the preprocessed training data.
pub(crate) fn network_for(layers: &AnyLayer, loss: &Loss, data: &InMemory) -> Result<Network<AnyLayer>> {
    let expected = model_spec::outputs(loss, data.target_kind())?;
    let network = Network::new(layers.clone(), input_type(1, data.input_shape())?)?;
    let output = network.output().shape;
    let refuse = |reason: String| Err(Error::Mismatch { what: "the network".into(), reason });
    if output.dims() != [1, expected] {
        return refuse(format!(
            "an example must become [1, {expected}] for {} and the loss `{}`, but becomes {output}; change its last \
             layer",
            data.target_kind().describe(),
            loss.name()
        ));
    }
    if network.parameter_count() == 0 {
        return refuse("it has no parameters that could be trained".into());
    }
    Ok(network)
}

/// Refuses data from which nothing can be learned or measured.
pub(crate) fn check_targets(train: &InMemory, validation: Option<&InMemory>) -> Result<()> {
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
