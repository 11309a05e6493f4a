//! A trained model measured on data, with all that can be said of it.

use super::during::initial_loss;
use super::not_finite::brief;
use super::sample::Sample;
use super::steps::{self, Layer};
use super::{
    BatchGradients, Curvature, CurvatureOptions, LanczosOptions, Severity, Sharpness, Verdict, answers,
    estimated_preconditioner, inputs, leakage, small, units,
};
use crate::objective::{LossOptions, LossOverData};
use crate::{Error, Model, Result, TrainConfig, baseline};
use downhill_data::{BatchSize, InMemory, TargetKind};
use downhill_engine::Engine;
use downhill_optim::Rule;
use downhill_tensor::Key;
use serde::{Deserialize, Serialize};

/// What to look at, and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExamineOptions {
    /// How the model was trained, if that is known: learning rate and batch size are held against what is measured,
    /// frozen parameters are not blamed for standing still. Default not known.
    pub config: Option<TrainConfig>,
    /// The learning rate of the last step, where a schedule has changed it; default that of the optimizer.
    pub learning_rate: Option<f64>,
    /// How many training examples values and gradients are looked at for; default 256.
    pub examples: usize,
    /// Whether to make small trainings: one batch learned by heart, and true labels against shuffled ones. Default
    /// `true`.
    pub trainings: bool,
    /// Whether to measure the curvature: up to 40 products with the Hessian. Default `true`, but never for more than
    /// a million parameters.
    pub curvature: bool,
    /// What all randomness follows from; default 42.
    pub seed: u64,
}

impl Default for ExamineOptions {
    fn default() -> Self {
        ExamineOptions {
            config: None,
            learning_rate: None,
            examples: 256,
            trainings: true,
            curvature: true,
            seed: 42,
        }
    }
}

/// A number that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What it is.
    pub name: String,
    /// Where, if it is about a part: the path of a layer or the name of a parameter.
    pub place: Option<String>,
    /// The number.
    #[serde(with = "super::extended")]
    pub value: f64,
}

impl Measurement {
    pub(crate) fn of(name: &str, place: Option<&str>, value: f64) -> Self {
        Measurement { name: name.into(), place: place.map(str::to_owned), value }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The verdicts, the worst first.
    pub verdicts: Vec<Verdict>,
    /// The numbers.
    pub measurements: Vec<Measurement>,
}

impl Diagnosis {
    /// The worst that was found; healthy where nothing was.
    pub fn severity(&self) -> Severity {
        self.verdicts.iter().map(|verdict| verdict.severity).max().unwrap_or(Severity::Healthy)
    }

    /// The verdict of this name, if there is one.
    pub fn verdict(&self, name: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.name == name)
    }

    /// Takes in further verdicts; the worst stay first.
    pub fn extend(&mut self, verdicts: impl IntoIterator<Item = Verdict>) {
        self.verdicts.extend(verdicts);
        Verdict::worst_first(&mut self.verdicts);
    }

    pub(crate) fn say(&mut self, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    pub(crate) fn note(&mut self, name: &str, place: Option<&str>, value: f64) {
        self.measurements.push(Measurement::of(name, place, value));
    }
}

/// Measures a model on the data that it was trained on, as it comes from its source, and on validation data.
///
/// - **Units**: dead and saturated ones, by values on a sample of the training data.
/// - **Gradients**: layer by layer, of the mean loss on that sample.
/// - **Inputs**: sizes, constants and condition, as the network sees them; examples of the validation data that are in
///   the training data too.
/// - **Answers**: whether they differ at all, and whether small classes are seen.
/// - **Batches**: whether an example's output depends on the others, and whether batches suit the gradient's noise.
/// - **Start**: the loss of the untrained network.
/// - **Curvature** at the parameters, and the step of the optimizer against it.
/// - **Small trainings**: whether one batch can be learned by heart, and whether true labels can be learned better than
///   shuffled ones.
///
/// Each verdict says what it measured and against what. Everything follows from the seed, bit by bit.
///
/// ```
/// use downhill_data::{PartSize, embedded};
/// use downhill_nn::{Activation, models};
/// use downhill_train::diagnosis::{ExamineOptions, Severity, examine};
/// use downhill_train::{TrainConfig, Trainer};
/// let (train, held_out) = embedded::load("iris")?.split(PartSize::Fraction(0.2), 42)?;
/// let config = TrainConfig { epochs: 30, ..TrainConfig::default() };
/// let model =
///     Trainer::new(models::mlp(&[16], 3, Activation::Relu), config.clone())?.fit(&train, Some(&held_out))?.model;
/// let options = ExamineOptions { config: Some(config), trainings: false, ..ExamineOptions::default() };
/// let diagnosis = examine(&model, &train, Some(&held_out), &options)?;
/// assert!(diagnosis.severity() < Severity::Warning);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Data of another form than the model takes, without a target, or without examples.
pub fn examine(
    model: &Model,
    train: &InMemory,
    validation: Option<&InMemory>,
    options: &ExamineOptions,
) -> Result<Diagnosis> {
    let role = "the training data";
    if train.target_kind() == TargetKind::None {
        return Err(Error::NoTarget { role, title: train.title().into() });
    }
    if train.is_empty() {
        return Err(Error::data(role)(downhill_data::Error::NoExamples { title: train.title().into() }));
    }
    let ready = model.preprocessing().apply(train).map_err(Error::data(role))?;
    let ready_validation = validation
        .map(|data| model.preprocessing().apply(data).map_err(Error::data("the validation data")))
        .transpose()?;
    let sample = Sample::draw(&ready, options.examples.max(2), options.seed)?;
    let mut found = Diagnosis::default();

    inputs::examine(&ready, &mut found)?;
    if let (Some(raw), Some(ready_validation)) = (validation, &ready_validation) {
        inputs::duplicates((train, &ready), (raw, ready_validation), &mut found)?;
    }
    units::examine(model, &sample, &mut found)?;
    answers::examine(model, validation.unwrap_or(train), train, &mut found)?;
    leakage::examine(model, &sample, &mut found)?;
    gradients(model, &sample, options, &mut found)?;
    start(model, (train, &ready), &sample, options, &mut found)?;
    if options.curvature && model.parameter_count() <= 1_000_000 {
        curvature(model, &ready, &sample, options, &mut found)?;
    }
    if options.trainings {
        small::one_batch(model, &ready, options, &mut found)?;
        small::labels(model, &ready, ready_validation.as_ref(), options, &mut found)?;
    }
    Verdict::worst_first(&mut found.verdicts);
    Ok(found)
}

/// The loss over a sample, in double precision.
fn loss_over<'a>(model: &'a Model, data: &InMemory, batch_size: usize) -> Result<LossOverData<'a, f64>> {
    let options = LossOptions { batch_size, ..LossOptions::default() };
    let state = LossOverData::<f64>::point(model.state());
    LossOverData::new(model.network(), model.loss(), &Engine::default(), data, &state, options)
}

/// Layer by layer, what arrives of the gradient.
fn gradients(model: &Model, sample: &Sample, options: &ExamineOptions, found: &mut Diagnosis) -> Result<()> {
    let mut loss = loss_over(model, &sample.data, sample.data.len())?;
    let theta = LossOverData::<f64>::point(model.parameters());
    let mut gradient = vec![0.0; theta.len()];
    let value = loss.value_and_gradient(&theta, &mut gradient)?;
    found.note("loss on the sample", None, value);
    let norm = |values: &[f64]| downhill_optim::global_norm(values);
    found.note("gradient norm", None, norm(&gradient));
    let groups = options.config.iter().flat_map(|config| &config.groups);
    let frozen: Vec<_> = groups.filter(|group| group.frozen).collect();
    let mut layers = Vec::new();
    for entry in model.network().layout().entries() {
        let size = norm(&gradient[entry.range()]) / (entry.shape.size().max(1) as f64).sqrt();
        found.note("gradient, root mean square", Some(&entry.name), size);
        if entry.shape.rank() >= 2 && !frozen.iter().any(|group| group.matches(&entry.name)) {
            layers.push(Layer {
                name: entry.name.clone(),
                sparse: entry.sparse,
                update: f64::NAN,
                largest_update: f64::NAN,
                gradient: size,
                largest_gradient: size,
            });
        }
    }
    steps::gradients(&layers).into_iter().for_each(|verdict| found.say(verdict));
    Ok(())
}

/// The untrained network: its loss, and the noise of its gradient.
fn start(
    model: &Model,
    (train, ready): (&InMemory, &InMemory),
    sample: &Sample,
    options: &ExamineOptions,
    found: &mut Diagnosis,
) -> Result<()> {
    let seed = options.config.as_ref().map_or(options.seed, |config| config.seed);
    let network = model.network();
    let theta: Vec<f64> = network.initialize(Key::new(seed).named("initialization"));
    let fresh = |data: &InMemory, batch_size| {
        let options = LossOptions { batch_size, ..LossOptions::default() };
        LossOverData::<f64>::new(network, model.loss(), &Engine::default(), data, &[], options)
    };
    let first = fresh(&sample.data, sample.data.len())?.value(&theta)?;
    let constant =
        baseline::evaluate(model.constant(), model.loss(), model.preprocessing(), ready, train)?.loss;
    found.note("loss of the untrained network", None, first);
    found.note("loss of the constant answer", None, constant);
    if let Some(verdict) = initial_loss(first, model.loss(), ready.target_kind(), constant) {
        found.say(verdict);
    }
    let Some(config) = &options.config else { return Ok(()) };
    let BatchSize::Examples(size) = config.batch_size else { return Ok(()) };
    let size = size.clamp(1, ready.len());
    // At least a dozen batches, or the estimate is worth nothing.
    let wanted = (sample.data.len() / size).max(12) * size;
    if wanted > ready.len() {
        return Ok(());
    }
    let many = Sample::draw(ready, wanted, options.seed)?;
    let measured = BatchGradients::over_data(&mut fresh(&many.data, size)?, &theta);
    let Some(noise) = if_finite(measured.and_then(|gradients| gradients.noise()))? else { return Ok(()) };
    if let Some(scale) = noise.scale() {
        found.note("gradient noise scale of the untrained network, in examples", None, scale);
    }
    let verdict = noise.verdict(size);
    // At the start a gradient that cannot be told from noise means that batches are too small for it.
    found.say(if verdict.name == "gradient-drowned-in-noise" {
        Verdict { name: "batch-too-small".into(), severity: Severity::Warning, ..verdict }
    } else {
        verdict
    });
    Ok(())
}

/// What kind of place the parameters are at, and whether the optimizer's step is stable there.
fn curvature(
    model: &Model,
    ready: &InMemory,
    sample: &Sample,
    options: &ExamineOptions,
    found: &mut Diagnosis,
) -> Result<()> {
    let theta = LossOverData::<f64>::point(model.parameters());
    let mut loss = loss_over(model, &sample.data, sample.data.len())?;
    let lanczos = LanczosOptions { iterations: 40, tolerance: 1e-3, seed: options.seed };
    let measured = CurvatureOptions { lanczos, trace_samples: 4 };
    let Some(curvature) = if_finite(Curvature::measure(&mut loss, &theta, measured))? else { return Ok(()) };
    found.note("largest eigenvalue of the Hessian", None, curvature.largest.value);
    found.note("smallest eigenvalue of the Hessian", None, curvature.smallest.value);
    found.note("trace of the Hessian", None, curvature.trace.trace);
    found.say(curvature.verdict());
    let Some(config) = &options.config else { return Ok(()) };
    let rate = options.learning_rate.unwrap_or_else(|| config.optimizer.learning_rate());
    let size = match config.batch_size {
        BatchSize::Examples(size) => size.clamp(1, ready.len()),
        BatchSize::Full => sample.data.len(),
    };
    // Whole batches alone: a network may need more of a batch than is left at the end.
    let size = size.min(sample.data.len());
    let rows: Vec<usize> = (0..sample.data.len() / size * size).collect();
    let whole = sample.data.subset(&rows).map_err(Error::data("the training data"))?;
    let mut batches = loss_over(model, &whole, size)?;
    let preconditioner = estimated_preconditioner(&mut batches, &theta, &config.optimizer)?;
    let needs_one = super::stability_limit(&config.optimizer)
        .is_some_and(|limit| limit.preconditioning == super::Preconditioning::Diagonal);
    if rate == 0.0 || needs_one && preconditioner.is_none() {
        return Ok(());
    }
    let preconditioner = preconditioner.as_deref();
    let measured = Sharpness::measure(&mut loss, &theta, &config.optimizer, rate, preconditioner, lanczos);
    if let Some(sharpness) = if_finite(measured)?.flatten() {
        found.note("rate times sharpness", None, sharpness.product());
        found.note("stability limit of the optimizer", None, sharpness.limit.product);
        found.say(sharpness.verdict());
    }
    Ok(())
}

/// What was measured, unless there it was not finite, which other verdicts say.
fn if_finite<T>(measured: Result<T>) -> Result<Option<T>> {
    match measured {
        Err(Error::NotFinite { .. }) => Ok(None),
        measured => measured.map(Some),
    }
}

/// A share in words.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", brief(100.0 * share))
}
