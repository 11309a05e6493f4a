//! How to train: every option once, with its help, its default and what it sets.

use crate::defaults;
use crate::exit::{Error, Result};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};
use downhill::data::BatchSize;
use downhill::nn::{Activation, Loss};
use downhill::optim::{
    CosineAnnealing, CosineRestarts, Cyclic, ExponentialDecay, InverseSquareRoot, InverseTimeDecay,
    LinearChange, MultiStepDecay, OneCycle, OptimizerConfig, PolynomialDecay, ReduceOnPlateau, Schedule,
    StepDecay, WarmUp,
};
use downhill::train::{BadSteps, ModelSpec};
use std::path::PathBuf;

/// The options of `train` and `demo`.
#[derive(Args, Clone, Debug, Default)]
pub struct TrainOptions {
    #[command(flatten)]
    pub model: ModelOptions,
    #[command(flatten)]
    pub descent: DescentOptions,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model")]
pub struct ModelOptions {
    /// The network: linear, logistic, mlp:WIDTH[,WIDTH...] or cnn [default: mlp:128]
    #[arg(long, value_name = "MODEL")]
    model: Option<ModelSpec>,
    /// What its hidden layers end with [default: relu]
    #[arg(long, value_name = "NAME", value_parser = names(activations()))]
    activation: Option<String>,
    /// What is made small [default: cross-entropy for classes, mse for numbers]
    #[arg(long, value_name = "NAME", value_parser = names(losses()))]
    loss: Option<String>,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Gradient descent")]
pub struct DescentOptions {
    /// How a gradient becomes a step [default: adam]
    #[arg(long, value_name = "NAME", value_parser = names(optimizers()))]
    optimizer: Option<String>,
    /// The learning rate [default: 0.005 for adam and most of its kind; 0.0005 for lion; 0.001 for rmsprop; 0.01
    /// for yogi, adafactor, rprop and muon; 0.02 for adagrad, momentum and nesterov; 1 for adadelta, lars and
    /// schedule-free-sgd; 0.1 for the others]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// The part of the last step's velocity that is kept, for optimizers that have one
    #[arg(long, value_name = "PART", allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// How strongly parameters are drawn to 0, for optimizers that do so
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// How the learning rate changes over the run
    #[arg(long, value_enum, default_value_t)]
    schedule: ScheduleName,
    /// Steps in which the learning rate rises to its full size, before the schedule begins
    #[arg(long, value_name = "STEPS", default_value_t = 0)]
    warm_up: u64,
    /// The largest norm of the whole gradient; a larger one is scaled down
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    clip_norm: Option<f64>,
    /// Examples in a step, or `full` for all of them [default: 32; 64 from 10,000 examples]
    #[arg(long, value_name = "N|full", value_parser = batch_size)]
    batch_size: Option<BatchSize>,
    /// How often to go through the data [default: about 3,000 steps, in 5 to 200 epochs]
    #[arg(long, value_name = "N", value_parser = positive)]
    epochs: Option<u64>,
    /// Stop when this many epochs have not made the validation loss smaller
    #[arg(long, value_name = "EPOCHS", value_parser = positive)]
    patience: Option<u64>,
    /// What to do about a step whose loss or gradient is not finite: `stop`, leave out up to N of them (`skip:N`), or
    /// begin the epoch again at half the learning rate up to N times (`roll-back:N`)
    #[arg(long, value_name = "POLICY", value_parser = bad_steps, default_value = "stop")]
    bad_steps: BadSteps,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Run")]
pub struct RunOptions {
    /// The share of the data to hold out, from which the best epoch is chosen; 0 holds out nothing
    /// [default: 0.2; 0 for mnist, which has test images]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub validation: Option<f64>,
    /// What all randomness follows from: the same seed gives the same model
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How many threads compute; the result is the same with any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = positive)]
    threads: Option<u64>,
    /// Where to save the run [default: runs/NAME, or runs/NAME-2 and so on]
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Replace the run that is in the directory of --out
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Show what a step holds of memory, and where its time went, on standard error
    #[arg(long)]
    pub profile: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum ScheduleName {
    /// Always the same
    Constant,
    /// From the full size down to 0 along half a cosine
    #[default]
    Cosine,
    /// A tenth after each third of the run
    Step,
    /// A tenth after half of the run, and again after three quarters
    MultiStep,
    /// Down to a hundredth, by the same factor in every step
    Exponential,
    /// Down to 0 along a line
    Linear,
    /// Down to 0 along a parabola
    Polynomial,
    /// Three times down along half a cosine, each time in twice as many steps
    CosineRestarts,
    /// Up for three tenths of the run, then down, along cosines
    OneCycle,
    /// Four times up and down along lines
    Cyclic,
    /// Down to a tenth as 1 / (1 + t)
    InverseTime,
    /// Up for the steps of --warm-up, or a tenth of the run, then down as 1 / sqrt(t)
    InverseSquareRoot,
    /// A tenth whenever the loss has not become smaller for a tenth of the epochs
    #[value(alias = "reduce-on-plateau")]
    Plateau,
}

impl ModelOptions {
    /// The network.
    pub fn model(&self) -> Result<ModelSpec> {
        match &self.model {
            Some(model) => Ok(model.clone()),
            None => defaults::MODEL.parse().map_err(Error::from),
        }
    }

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Result<Activation> {
        Ok(Activation::from_name(&plain(self.activation.as_deref().unwrap_or(defaults::ACTIVATION)))?)
    }

    /// The loss, if one was asked for.
    pub fn loss(&self) -> Result<Option<Loss>> {
        Ok(self.loss.as_deref().map(|name| Loss::from_name(&plain(name))).transpose()?)
    }
}

impl DescentOptions {
    /// The optimizer with its rates.
    pub fn optimizer(&self) -> Result<OptimizerConfig> {
        let name = self.optimizer.as_deref().unwrap_or(defaults::OPTIMIZER);
        let rate = self.learning_rate.unwrap_or_else(|| defaults::learning_rate(name));
        let mut optimizer = OptimizerConfig::from_name(name)?.with_learning_rate(rate);
        for (field, value) in [("momentum", self.momentum), ("weight_decay", self.weight_decay)] {
            if let Some(value) = value {
                optimizer = with_field(&optimizer, name, field, value)?;
            }
        }
        Ok(optimizer)
    }

    /// The examples in a step, of this many.
    pub fn batch_size(&self, examples: usize) -> BatchSize {
        self.batch_size.unwrap_or_else(|| defaults::batch_size(examples))
    }

    /// The epochs, each of this many steps.
    pub fn epochs(&self, steps_per_epoch: u64) -> u64 {
        self.epochs.unwrap_or_else(|| defaults::epochs(steps_per_epoch))
    }

    /// The schedule of a run of this many steps.
    pub fn schedule(&self, steps: u64) -> Schedule {
        let rest = steps.saturating_sub(self.warm_up).max(1);
        let schedule = match self.schedule {
            // A plateau is seen in losses: it is told apart from the schedule.
            ScheduleName::Constant | ScheduleName::Plateau => Schedule::Constant,
            ScheduleName::Cosine => Schedule::Cosine(CosineAnnealing::over(rest)),
            ScheduleName::Step => Schedule::Step(StepDecay::every(rest.div_ceil(3))),
            ScheduleName::MultiStep => {
                Schedule::MultiStep(MultiStepDecay::at([rest.div_ceil(2), rest - rest / 4]))
            }
            ScheduleName::Exponential => Schedule::Exponential(ExponentialDecay::reaching(0.01, rest)),
            ScheduleName::Linear => Schedule::Linear(LinearChange::over(rest)),
            ScheduleName::Polynomial => {
                Schedule::Polynomial(PolynomialDecay { power: 2.0, ..PolynomialDecay::over(rest) })
            }
            // 1 + 2 + 4 periods.
            ScheduleName::CosineRestarts => Schedule::CosineRestarts(CosineRestarts {
                growth: 2,
                ..CosineRestarts::every(rest.div_ceil(7))
            }),
            ScheduleName::OneCycle => Schedule::OneCycle(OneCycle::over(rest)),
            ScheduleName::Cyclic => Schedule::Cyclic(Cyclic::every(rest.div_ceil(8))),
            ScheduleName::InverseTime => Schedule::InverseTime(InverseTimeDecay::halving(rest.div_ceil(9))),
            // It begins with a warm-up of its own.
            ScheduleName::InverseSquareRoot => {
                let warm_up = if self.warm_up > 0 { self.warm_up } else { steps.div_ceil(10).max(1) };
                return Schedule::InverseSquareRoot(InverseSquareRoot { warm_up });
            }
        };
        match self.warm_up {
            0 => schedule,
            warm_up => Schedule::WarmUp(WarmUp::over(warm_up, schedule)),
        }
    }

    /// What lowers the rate of a run of this many epochs when the loss no longer gets smaller.
    pub fn plateau(&self, epochs: u64) -> Option<ReduceOnPlateau> {
        let patience = epochs.div_ceil(10);
        let plateau = ReduceOnPlateau { patience, ..ReduceOnPlateau::default() };
        (self.schedule == ScheduleName::Plateau).then_some(plateau)
    }

    /// The largest norm of the gradient.
    pub fn clip_norm(&self) -> Option<f64> {
        self.clip_norm
    }

    /// What to do about bad steps.
    pub fn bad_steps(&self) -> BadSteps {
        self.bad_steps
    }

    /// After how many epochs without improvement to stop.
    pub fn patience(&self) -> Option<u64> {
        self.patience
    }
}

impl RunOptions {
    /// The number of threads.
    pub fn threads(&self) -> usize {
        defaults::threads(self.threads)
    }
}

/// The optimizer with one of its fields set. Which fields an optimizer has, it says itself when it is
/// written.
fn with_field(optimizer: &OptimizerConfig, name: &str, field: &str, value: f64) -> Result<OptimizerConfig> {
    let refused = || {
        let flag = field.replace('_', "-");
        Error::Configuration(format!(
            "{} has no {}; leave out --{flag} or choose another --optimizer",
            hyphens(name),
            field.replace('_', " ")
        ))
    };
    let mut written = serde_json::to_value(optimizer).map_err(|_| refused())?;
    let fields = written.as_object_mut().and_then(|rules| rules.values_mut().next());
    let slot = fields.and_then(|fields| fields.get_mut(field)).ok_or_else(refused)?;
    if !value.is_finite() {
        return Err(Error::Configuration(format!(
            "--{} must be a finite number, but is {value}",
            hyphens(field)
        )));
    }
    *slot = value.into();
    serde_json::from_value(written).map_err(|_| refused())
}

/// The names on the command line have hyphens, those of the library underscores.
pub fn hyphens(name: &str) -> String {
    name.replace('_', "-")
}

pub fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// Takes one of these names of the library, with hyphens or with underscores.
pub fn names(names: Vec<&'static str>) -> PossibleValuesParser {
    // clap wants names that live as long as the program.
    let value = |name: &'static str| PossibleValue::new(hyphens(name).leak() as &str).alias(name);
    PossibleValuesParser::new(names.into_iter().map(value))
}

/// Those that fit between any two layers.
pub fn activations() -> Vec<&'static str> {
    let fitting = Activation::ALL.into_iter().filter(Activation::is_elementwise);
    fitting.map(|activation| activation.name()).collect()
}

/// Those that take classes or numbers as a table has them; targets that are distributions it does not have.
pub fn losses() -> Vec<&'static str> {
    let of_distributions = [Loss::ProbabilityCrossEntropy, Loss::KlDivergence { log_target: false }];
    Loss::ALL.iter().filter(|loss| !of_distributions.contains(loss)).map(Loss::name).collect()
}

pub fn optimizers() -> Vec<&'static str> {
    OptimizerConfig::names().collect()
}

fn bad_steps(text: &str) -> Result<BadSteps, String> {
    let policy = match text.split_once(':') {
        None if text == "stop" => Some(BadSteps::Stop),
        Some(("skip", count)) => count.parse().ok().map(|up_to| BadSteps::Skip { up_to }),
        Some(("roll-back", count)) => {
            count.parse().ok().map(|up_to| BadSteps::RollBack { factor: 0.5, up_to })
        }
        _ => None,
    };
    policy.ok_or_else(|| "expected 'stop', 'skip:N' or 'roll-back:N' with a number N".into())
}

pub fn positive(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| "expected a whole number of at least 1".into())
}

/// A share of the data: from 0 to below 1.
pub fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "expected a number of at least 0 and below 1".into())
}

pub fn batch_size(text: &str) -> Result<BatchSize, String> {
    if text == "full" {
        return Ok(BatchSize::Full);
    }
    let examples = text.parse().ok().filter(|&examples| examples > 0);
    examples.map(BatchSize::Examples).ok_or_else(|| "expected a whole number of at least 1, or 'full'".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_set_where_the_optimizer_has_it_and_refused_elsewhere() {
        let mut options = DescentOptions { momentum: Some(0.5), ..Default::default() };
        let error = options.optimizer().unwrap_err().to_string();
        assert_eq!(error, "adam has no momentum; leave out --momentum or choose another --optimizer");
        options.optimizer = Some("sgd".into());
        let expected = downhill::optim::Sgd { learning_rate: 0.1, momentum: 0.5, ..Default::default() };
        assert_eq!(options.optimizer().unwrap(), expected.into());
    }

    #[test]
    fn every_name_that_the_help_lists_is_known() {
        for name in activations() {
            let options = ModelOptions { activation: Some(hyphens(name)), ..Default::default() };
            assert_eq!(options.activation().unwrap().name(), name);
        }
        for name in losses() {
            let options = ModelOptions { loss: Some(hyphens(name)), ..Default::default() };
            assert_eq!(options.loss().unwrap().unwrap().name(), name);
        }
        for name in optimizers() {
            let options = DescentOptions { optimizer: Some(hyphens(name)), ..Default::default() };
            options.optimizer().unwrap();
        }
    }

    #[test]
    fn the_defaults_are_valid() {
        let model = ModelOptions::default();
        assert_eq!(model.model().unwrap().to_string(), defaults::MODEL);
        assert_eq!(model.activation().unwrap(), Activation::Relu);
        assert_eq!([1, 45, 1000].map(defaults::epochs), [200, 67, 5]);
    }

    #[test]
    fn every_schedule_that_needs_nothing_but_the_length_of_the_run_has_a_name_here() {
        let ours: Vec<String> = ScheduleName::value_variants()
            .iter()
            .filter_map(|name| Some(name.to_possible_value()?.get_name().to_owned()))
            .collect();
        // A warm-up is an option of its own; the others are made of schedules, or of code.
        for name in Schedule::NAMES.iter().filter(|name| !["warm_up", "sequence", "function"].contains(name))
        {
            assert!(ours.contains(&hyphens(name)), "no {name} in {ours:?}");
        }
    }

    #[test]
    fn every_schedule_fits_a_run_of_any_length() {
        for (&schedule, warm_up) in ScheduleName::value_variants().iter().flat_map(|s| [(s, 0), (s, 5)]) {
            let options = DescentOptions { schedule, warm_up, ..Default::default() };
            for steps in [1, 2, 10, 3000] {
                let named = options.schedule(steps);
                named.validate().unwrap();
                let rates: Vec<f64> = (0..steps).map(|step| named.factor(step)).collect();
                let most = rates.iter().fold(0.0f64, |most, &rate| most.max(rate));
                assert!(
                    rates.iter().all(|rate| (0.0..=1.0 + 1e-12).contains(rate)),
                    "{schedule:?}: {rates:?}"
                );
                if steps == 3000 {
                    assert!(most > 0.99, "{schedule:?} never reaches the full rate");
                    let kept = [ScheduleName::Constant, ScheduleName::Plateau].contains(&schedule);
                    let last = rates[2999];
                    assert!(if kept { last == 1.0 } else { last < 0.4 }, "{schedule:?} ends at {last}");
                }
            }
            assert_eq!(options.plateau(50).is_some(), schedule == ScheduleName::Plateau);
        }
    }

    #[test]
    fn a_schedule_ends_with_the_run() {
        let options = DescentOptions { warm_up: 10, ..Default::default() };
        let schedule = options.schedule(110);
        schedule.validate().unwrap();
        assert_eq!((schedule.factor(10), schedule.factor(60)), (1.0, 0.5));
        assert!(schedule.factor(110) < 1e-12);
    }
}
