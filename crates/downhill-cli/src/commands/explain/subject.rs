//! What is explained: a network at a point, and an example, from a run or from the command line.

use super::Arguments;
use crate::exit::{Error, Result};
use crate::options::{hyphens, plain};
use crate::report::count;
use crate::run_config::RunConfig;
use crate::run_path;
use downhill::autograd::Type;
use downhill::data::{InMemory, TargetKind};
use downhill::nn::{Activation, AnyLayer, Loss, Network};
use downhill::optim::{OptimizerConfig, Rule};
use downhill::tensor::{Key, Shape};
use downhill::train::ModelSpec;
use downhill::train::explain::ExampleTarget;
use std::path::Path;

/// The learning rate for a network that has none of its own.
const RATE: f64 = 0.1;

/// The activation where none is named: unlike ReLU it lets some gradient through everywhere.
const ACTIVATION: &str = "tanh";

/// Numbers separated by commas.
#[derive(Clone, Debug)]
pub struct Numbers(pub Vec<f64>);

/// Reads numbers separated by commas.
pub fn numbers(text: &str) -> Result<Numbers, String> {
    let number = |word: &str| {
        let number = word.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| {
            format!("expected finite numbers separated by commas, but '{}' is none", word.trim())
        })
    };
    text.split(',').map(number).collect::<Result<_, _>>().map(Numbers)
}

/// What is explained.
pub struct Subject {
    /// The run, if it is one.
    pub run: Option<String>,
    /// Which of its examples.
    pub example: Option<usize>,
    /// The network, in words.
    pub model: String,
    /// Where its parameters come from, in words.
    pub origin: String,
    pub network: Network<AnyLayer>,
    pub loss: Loss,
    pub parameters: Vec<f64>,
    pub state: Vec<f64>,
    pub input: Vec<f64>,
    pub target: ExampleTarget,
    /// The learning rate of plain gradient descent.
    pub rate: f64,
    /// The optimizer of the run, with the rate of its first step, if it is another.
    pub optimizer: Option<OptimizerConfig>,
}

impl Subject {
    /// What the arguments name.
    pub fn of(arguments: &Arguments) -> Result<Self> {
        let path = Path::new(&arguments.what);
        if path.is_dir() {
            return Self::of_run(path, arguments);
        }
        let spec: ModelSpec =
            arguments.what.parse().map_err(|error| match arguments.what.contains(['/', '\\']) {
                true => Error::NoRun { path: path.to_owned(), found: "there is none" },
                false => Error::Usage(format!("{error}; and there is no directory of a run of that name")),
            })?;
        Self::of_model(&spec, arguments)
    }

    /// An example of a run, at the parameters that it has learned.
    fn of_run(path: &Path, arguments: &Arguments) -> Result<Self> {
        let own = &arguments.model;
        let given = [
            ("input", own.input.is_some()),
            ("target", own.target.is_some()),
            ("classes", own.classes.is_some()),
            ("activation", own.activation.is_some()),
            ("loss", own.loss.is_some()),
            ("parameters", own.parameters.is_some()),
            ("seed", own.seed.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            return Err(Error::Usage(format!(
                "--{option} is for a network without a run; {} has its own: choose an example of it with --example N",
                path.display()
            )));
        }
        let directory = run_path::open(path)?;
        let model = directory.model()?;
        let config: RunConfig = directory.config()?;
        let data = config.parts_or(&arguments.run.other, model.schema())?.train;
        let Some(example) = arguments.run.example else {
            return Err(Error::Usage(format!(
                "which example? Choose one with --example N, from 0 to {}",
                data.len().saturating_sub(1)
            )));
        };
        if example >= data.len() {
            return Err(Error::Usage(format!(
                "--example {example}: there are {} to learn from, numbered from 0",
                count(data.len() as u64, "example")
            )));
        }
        let one = model.preprocessing().apply(&data.subset(&[example])?)?;
        let train = config.train();
        let rate = train.optimizer.learning_rate() * train.schedule.factor(0);
        let optimizer = train.optimizer.clone().with_learning_rate(rate);
        let plain = matches!(optimizer, OptimizerConfig::GradientDescent(_));
        let of = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        Ok(Subject {
            run: Some(path.display().to_string()),
            example: Some(example),
            model: config.model().to_owned(),
            origin: format!("at the parameters that the run {} has learned", path.display()),
            network: model.network().clone(),
            loss: *model.loss(),
            parameters: of(model.parameters()),
            state: of(model.state()),
            input: one.input(0)?,
            target: target_of(&one)?,
            rate: arguments.learning_rate.unwrap_or(train.optimizer.learning_rate()),
            optimizer: (!plain).then_some(optimizer),
        })
    }

    /// A network by its name, with an example from the command line.
    fn of_model(spec: &ModelSpec, arguments: &Arguments) -> Result<Self> {
        let own = &arguments.model;
        if arguments.run.example.is_some() || arguments.run.other.named()?.is_some() {
            return Err(Error::Usage(format!(
                "--example and DATA are for the directory of a run; give the network {spec} its example with --input \
                 and --target"
            )));
        }
        let (Some(Numbers(input)), Some(Numbers(target))) = (&own.input, &own.target) else {
            return Err(Error::Usage(format!(
                "the network {spec} needs an example: its input with --input 0.5,-1 and what it should come to with \
                 --target 1"
            )));
        };
        let activation = Activation::from_name(&plain(own.activation.as_deref().unwrap_or(ACTIVATION)))?;
        let usual = if *spec == ModelSpec::Logistic { Loss::CrossEntropy } else { Loss::MeanSquaredError };
        let loss =
            own.loss.as_deref().map(|name| Loss::from_name(&plain(name))).transpose()?.unwrap_or(usual);
        let (kind, target) = example_target(&loss, target, own.classes)?;
        let layers = spec.build(Shape::from([input.len()]), kind, &loss, activation)?;
        let network = Network::new(AnyLayer::from(layers), Type::float([1, input.len()]))?;
        let seed = own.seed.unwrap_or(0);
        let (parameters, origin) = match &own.parameters {
            None => (network.initialize(Key::new(seed)), format!("at parameters drawn from the seed {seed}")),
            Some(Numbers(numbers)) if numbers.len() == network.parameter_count() => {
                (numbers.clone(), "at the parameters that were given".to_owned())
            }
            Some(Numbers(numbers)) => return Err(wrong_count(&network, numbers.len())),
        };
        let named = match spec {
            ModelSpec::Mlp(_) => format!("{spec} with {}", hyphens(activation.name())),
            _ => spec.to_string(),
        };
        Ok(Subject {
            run: None,
            example: None,
            model: named,
            origin,
            state: network.initial_state(),
            parameters,
            network,
            loss,
            input: input.clone(),
            target,
            rate: arguments.learning_rate.unwrap_or(RATE),
            optimizer: None,
        })
    }

    /// What is explained, in a sentence.
    pub fn sentence(&self) -> String {
        let example = match self.example {
            Some(example) => format!(" on example {example}"),
            None => String::new(),
        };
        format!(
            "{}{example}: {}, {}, {}.",
            self.model,
            count(self.parameters.len() as u64, "parameter"),
            hyphens(self.loss.name()),
            self.origin
        )
    }
}

fn wrong_count(network: &Network<AnyLayer>, found: usize) -> Error {
    let entries = network.layout().entries().iter().map(|entry| format!("{} {}", entry.name, entry.shape));
    Error::Usage(format!(
        "--parameters: expected {} numbers, row by row of {}; there are {found}",
        network.parameter_count(),
        entries.collect::<Vec<_>>().join(", ")
    ))
}

/// The target of the first example.
fn target_of(data: &InMemory) -> Result<ExampleTarget> {
    if let Some(class) = data.labels().and_then(|labels| labels.first().copied()) {
        return Ok(ExampleTarget::Class(class));
    }
    match data.values() {
        Some(values) => Ok(ExampleTarget::Values(values)),
        None => Err(Error::Configuration(
            "the example has no target, so there is no loss to differentiate".into(),
        )),
    }
}

/// What the numbers behind `--target` are for a loss.
fn example_target(
    loss: &Loss,
    target: &[f64],
    classes: Option<usize>,
) -> Result<(TargetKind, ExampleTarget)> {
    let of_two =
        matches!(loss, Loss::BinaryCrossEntropy | Loss::Focal { .. } | Loss::Hinge | Loss::SquaredHinge);
    let of_many =
        matches!(loss, Loss::CrossEntropy | Loss::SmoothedCrossEntropy { .. } | Loss::NegativeLogLikelihood);
    if !of_two && !of_many {
        if classes.is_some() {
            return Err(Error::Usage(format!(
                "--classes is for losses of classes, such as cross-entropy; {} takes numbers",
                hyphens(loss.name())
            )));
        }
        return Ok((TargetKind::Values { width: target.len() }, ExampleTarget::Values(target.to_vec())));
    }
    let most = f64::from(u16::MAX);
    let class = match target {
        [class] if class.fract() == 0.0 && (0.0..=most).contains(class) => *class as usize,
        _ => {
            return Err(Error::Usage(format!(
                "--target: {} takes one class, a whole number from 0",
                hyphens(loss.name())
            )));
        }
    };
    let count = if of_two { 2 } else { classes.unwrap_or(2.max(class + 1)) };
    if count < 2 {
        return Err(Error::Usage(format!(
            "--classes {count}: expected at least 2, since one is always right"
        )));
    }
    if class >= count {
        return Err(Error::Usage(format!(
            "--target {class}: with {count} classes they are numbered from 0 to {}",
            count.saturating_sub(1)
        )));
    }
    Ok((TargetKind::Classes { count }, ExampleTarget::Class(class as i64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_separated_by_commas() {
        assert_eq!(numbers("0.5, -1,2e-3").unwrap().0, [0.5, -1.0, 0.002]);
        for text in ["", "1,,2", "1;2", "inf", "NaN,1"] {
            assert!(numbers(text).unwrap_err().starts_with("expected finite numbers"), "{text}");
        }
    }

    #[test]
    fn the_loss_decides_what_a_target_is() {
        let classes = |loss, target: &[f64], count| example_target(&loss, target, count);
        let (kind, target) = classes(Loss::CrossEntropy, &[2.0], None).unwrap();
        assert_eq!((kind, target), (TargetKind::Classes { count: 3 }, ExampleTarget::Class(2)));
        let (kind, _) = classes(Loss::MeanSquaredError, &[0.5, 1.0], None).unwrap();
        assert_eq!(kind, TargetKind::Values { width: 2 });
        for (loss, target, count) in [
            (Loss::CrossEntropy, &[0.5][..], None),
            (Loss::CrossEntropy, &[1.0, 0.0], None),
            (Loss::CrossEntropy, &[3.0], Some(3)),
            (Loss::CrossEntropy, &[0.0], Some(1)),
            (Loss::BinaryCrossEntropy, &[2.0], None),
            (Loss::CrossEntropy, &[-1.0], None),
            (Loss::MeanSquaredError, &[1.0], Some(3)),
        ] {
            assert!(matches!(classes(loss, target, count), Err(Error::Usage(_))), "{loss:?} {target:?}");
        }
    }
}
