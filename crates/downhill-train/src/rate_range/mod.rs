//! The range of learning rates with which something is learned: the loss, while the rate grows.
//!
//! The test makes steps with a rate that grows from one to the next by the same factor. Too small a rate leaves the
//! loss where it is, a fitting one takes it down, too large a one lets it grow. It costs a fraction of an epoch, and
//! gives everything back as it was: [`RateRange::run`].

mod curve;
mod page;

pub use curve::{RateCurve, RatePoint, Suggestion, SuggestionMethod};

use crate::diagnosis::{
    LanczosOptions, Preconditioning, Sharpness, estimated_preconditioner, stability_limit,
};
use crate::objective::{LossOptions, LossOverData};
use crate::step::{input_type, target_data, target_type};
use crate::trainer::{check_targets, network_for};
use crate::{Error, Result, StepOptions, StepSnapshot, TrainConfig, TrainingStep};
use curve::Mean;
use downhill_data::{BatchSize, InMemory, Loader, LoaderOptions, Preprocessing, PreprocessingOptions};
use downhill_engine::{Engine, EnginePrecision};
use downhill_nn::{AnyLayer, Network};
use downhill_tensor::Key;
use serde::{Deserialize, Serialize};

/// The learning rate range test: which rates are tried, and how the loss is looked at.
///
/// ```text
/// η_i = lowest (highest / lowest)^(i / (steps - 1))
/// m_i = β m_(i-1) + (1 - β) loss_i,   smoothed_i = m_i / (1 - β^i)
/// ```
///
/// `loss_i` is that of the batch after the step with `η_i`; the first of all is that before any step. The test ends
/// where the smoothed loss is `divergence` times its smallest value so far, or where a loss is not finite.
///
/// # Source
/// L. N. Smith, *Cyclical learning rates for training neural networks* (2017), section 3.3; exponential growth,
/// smoothing and the end by divergence as in fastai and PyTorch Lightning, which smooth by 0.98 over 100 steps and so
/// look back over half of the range. Here β is 0.9 over 200 steps: a fortieth of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateRange {
    /// The first rate; default 1e-7.
    pub lowest: f64,
    /// The last rate; default 10.
    pub highest: f64,
    /// How many rates are tried, at least 5; default 200.
    pub steps: u32,
    /// β, what is kept of the mean with each step, from 0 to below 1; default 0.9.
    pub smoothing: f64,
    /// How much the smoothed loss may grow beyond its smallest value, as a multiple of it; above 1, default 4.
    pub divergence: f64,
}

impl Default for RateRange {
    fn default() -> Self {
        RateRange { lowest: 1e-7, highest: 10.0, steps: 200, smoothing: 0.9, divergence: 4.0 }
    }
}

impl RateRange {
    /// Makes steps with growing rates, and gives the training step back as it was found: parameters, state, the
    /// optimizer's memory, everything, bit by bit, also after an error.
    ///
    /// `make` makes one step on the next batch and returns its loss. The rate of parameter groups grows along.
    ///
    /// ```
    /// use downhill_autograd::Type;
    /// use downhill_engine::Engine;
    /// use downhill_nn::{Activation, Loss, Network, models};
    /// use downhill_optim::Sgd;
    /// use downhill_train::{TrainingStep, rate_range::RateRange};
    ///
    /// let (points, classes) = ([0., 0., 0., 1., 1., 0., 1., 1.], [0, 1, 1, 0]);
    /// let (input, target) = (Type::float([4, 2]), Type::index([4]));
    /// let network = Network::new(models::mlp(&[8], 2, Activation::Tanh), input)?;
    /// let (loss, engine) = (Loss::CrossEntropy, Engine::default());
    /// let mut step = TrainingStep::<f32>::new(&network, input, target, &loss, Sgd::default(), &engine)?;
    /// let found = step.snapshot();
    /// let curve = RateRange::default().run(&mut step, |step| step.step(&points, &classes))?;
    /// println!("{:?}", curve.suggestion());
    /// assert_eq!(step.snapshot(), found);
    /// # Ok::<(), downhill_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Options outside their domain, an optimizer whose rate is 0, and what `make` reports. A loss that is not finite,
    /// and a gradient that cannot be clipped for that reason, is an end and not an error.
    pub fn run<T: EnginePrecision>(
        &self,
        step: &mut TrainingStep<T>,
        mut make: impl FnMut(&mut TrainingStep<T>) -> Result<T>,
    ) -> Result<RateCurve> {
        self.validate()?;
        let borrowed = Borrowed::new(step);
        borrowed.step.set_learning_rate_factor(1.0)?;
        let own_rate = borrowed.step.learning_rate();
        if own_rate <= 0.0 {
            return Err(Error::Option {
                option: "learning_rate",
                expected: "above 0, to be multiplied until it is each of the rates to try",
                actual: own_rate.to_string(),
            });
        }
        let (mut curve, mut mean) = (RateCurve::new(*self), Mean::default());
        // The last step shows the loss to which the last rate has led.
        for (index, before) in (0..=self.steps).zip(std::iter::once(None).chain(self.rates().map(Some))) {
            let rate = self.rate(index.min(self.steps - 1));
            borrowed.step.set_learning_rate_factor(rate / own_rate)?;
            let loss = match make(borrowed.step) {
                Ok(loss) => loss.to_f64(),
                Err(Error::Optimizer(downhill_optim::Error::NonFiniteNorm { .. })) => f64::NAN,
                Err(error) => return Err(error),
            };
            if curve.add(&mut mean, before, loss).is_break() {
                break;
            }
        }
        Ok(curve)
    }

    /// The test for a run of training: with the network, optimizer, batch size, seed and so on that a configuration
    /// says, on the batches of its first epochs. A batch that is smaller than the others is left out, and so is the
    /// schedule.
    ///
    /// # Errors
    /// Data, network, loss and optimizer that do not go together; adaptive clipping, which a training step by hand has
    /// not; as [`run`](Self::run).
    pub fn run_on(
        &self,
        layers: impl Into<AnyLayer>,
        config: &TrainConfig,
        train: &InMemory,
    ) -> Result<RateCurve> {
        config.validate()?;
        if let Some(part) = config.clip_adaptive {
            let expected = "none while rates are tried";
            return Err(Error::Option { option: "clip_adaptive", expected, actual: part.to_string() });
        }
        let (network, data) = prepared(layers.into(), config, train)?;
        let failed = Error::data("the training data");
        let batch_size = match config.batch_size {
            BatchSize::Examples(size) => BatchSize::Examples(size.min(data.len())),
            BatchSize::Full => BatchSize::Full,
        };
        let options = LoaderOptions { drop_last: true, ..LoaderOptions::shuffled(batch_size, config.seed) };
        let mut loader = Loader::<f32>::new(&data, options).map_err(&failed)?;
        let size = loader.batch_size();
        let (input, target) = (input_type(size, data.input_shape())?, target_type(size, data.target_kind()));
        let options = StepOptions {
            optimizer: config.optimizer.clone(),
            groups: config.groups.clone(),
            clip_value: config.clip_value,
            clip_norm: config.clip_norm,
            seed: config.seed,
            ..StepOptions::default()
        };
        let engine = Engine::with_threads(config.threads);
        let mut step = TrainingStep::<f32>::new(&network, input, target, &config.loss, options, &engine)?;
        let mut batch = loader.batch();
        let (mut epoch, mut position) = (0, 0);
        self.run(&mut step, |step| {
            if position == loader.steps() {
                (epoch, position) = (epoch + 1, 0);
                loader.begin(epoch);
            }
            loader.fill(position, &mut batch).map_err(&failed)?;
            position += 1;
            step.step(&batch.inputs, &target_data(&batch))
        })
    }

    /// The sharpness of the loss before the first step, held against the stability limit of the optimizer of a
    /// configuration with this learning rate: a cross-check of a rate that a range test suggests. `None` for an
    /// optimizer that has no such limit.
    ///
    /// The loss is that of at most 2,000 training examples, the first of the data; what Adam and its kind divide by is
    /// estimated from batches ([`estimated_preconditioner`]).
    ///
    /// # Errors
    /// Data, network and loss that do not go together; an operation without a second derivative.
    pub fn sharpness_on(
        layers: impl Into<AnyLayer>,
        config: &TrainConfig,
        train: &InMemory,
        learning_rate: f64,
    ) -> Result<Option<Sharpness>> {
        const EXAMPLES: usize = 2000;
        config.validate()?;
        if stability_limit(&config.optimizer).is_none() {
            return Ok(None);
        }
        let (network, data) = prepared(layers.into(), config, train)?;
        let engine = Engine::with_threads(config.threads);
        let examples = data.len().min(EXAMPLES);
        let batch_size = match config.batch_size {
            BatchSize::Examples(size) => size.min(examples),
            BatchSize::Full => examples,
        };
        let options = LossOptions { batch_size, examples: Some(examples), ..LossOptions::default() };
        let mut loss = LossOverData::<f64>::new(&network, &config.loss, &engine, &data, &[], options)?;
        let theta = network.initialize(Key::new(config.seed).named("initialization"));
        let optimizer = &config.optimizer;
        let preconditioner = estimated_preconditioner(&mut loss, &theta, optimizer)?;
        let needs_one =
            stability_limit(optimizer).is_some_and(|it| it.preconditioning == Preconditioning::Diagonal);
        if needs_one && preconditioner.is_none() {
            return Ok(None);
        }
        let (given, lanczos) = (preconditioner.as_deref(), LanczosOptions::default());
        Sharpness::measure(&mut loss, &theta, optimizer, learning_rate, given, lanczos)
    }

    /// The rate of the step with this number, from 0.
    fn rate(&self, index: u32) -> f64 {
        let part = f64::from(index) / f64::from(self.steps - 1);
        self.lowest * (self.highest / self.lowest).powf(part)
    }

    fn rates(&self) -> impl Iterator<Item = f64> {
        (0..self.steps).map(|index| self.rate(index))
    }

    fn validate(&self) -> Result<()> {
        let check = |valid: bool, option, expected, actual: String| {
            if valid { Ok(()) } else { Err(Error::Option { option, expected, actual }) }
        };
        let RateRange { lowest, highest, steps, smoothing, divergence } = *self;
        check(lowest > 0.0 && lowest.is_finite(), "lowest", "above 0 and finite", lowest.to_string())?;
        let above = highest > lowest && highest.is_finite();
        check(above, "highest", "above the lowest rate and finite", highest.to_string())?;
        check((5..=1_000_000).contains(&steps), "steps", "from 5 to 1000000", steps.to_string())?;
        check((0.0..1.0).contains(&smoothing), "smoothing", "from 0 to below 1", smoothing.to_string())?;
        check(divergence > 1.0, "divergence", "above 1", divergence.to_string())
    }
}

/// Network and preprocessed data, as for a run of training.
fn prepared(
    layers: AnyLayer,
    config: &TrainConfig,
    train: &InMemory,
) -> Result<(Network<AnyLayer>, InMemory)> {
    check_targets(train, None)?;
    let failed = Error::data("the training data");
    let options = PreprocessingOptions {
        standardize_inputs: config.standardize_inputs,
        standardize_targets: config.standardize_targets,
    };
    let preprocessing = Preprocessing::fit(train, options).map_err(&failed)?;
    let data = preprocessing.apply(train).map_err(&failed)?;
    Ok((network_for(&layers, &config.loss, &data)?, data))
}

/// A training step that goes back to where it was, however it is let go.
struct Borrowed<'s, T: EnginePrecision> {
    step: &'s mut TrainingStep<T>,
    found: Option<StepSnapshot<T>>,
}

impl<'s, T: EnginePrecision> Borrowed<'s, T> {
    fn new(step: &'s mut TrainingStep<T>) -> Self {
        let found = Some(step.snapshot());
        Borrowed { step, found }
    }
}

impl<T: EnginePrecision> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        if let Some(found) = self.found.take() {
            // The one error is a snapshot of another step, and this one is its own.
            let _ = self.step.restore(found);
        }
    }
}
