//! Networks by name: `linear`, `logistic`, `mlp:128,64`, `cnn`.

use crate::{Error, Result};
use downhill_data::TargetKind;
use downhill_nn::{Activation, Flatten, Loss, Sequential, models};
use downhill_tensor::Shape;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The widest hidden layer that is taken for meant.
const WIDEST: usize = 1 << 20;

/// A kind of network, before it is fitted to data; as text `linear`, `logistic`, `mlp:128,64` or `cnn`.
///
/// ```
/// use downhill_data::embedded;
/// use downhill_nn::Activation;
/// use downhill_train::ModelSpec;
/// let digits = embedded::load("digits")?;
/// let spec: ModelSpec = "mlp:64".parse()?;
/// let loss = spec.default_loss(digits.target_kind());
/// let network = spec.build(digits.input_shape(), digits.target_kind(), &loss, Activation::Relu)?;
/// assert_eq!(network.layers.len(), 4); // flatten, linear, relu, linear
/// assert_eq!(spec.to_string(), "mlp:64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum ModelSpec {
    /// Linear regression: numbers as a linear function of the inputs.
    Linear,
    /// Logistic (softmax) regression: logits of classes as a linear function of the inputs.
    Logistic,
    /// A multilayer perceptron with these hidden widths.
    Mlp(Vec<usize>),
    /// A small convolutional network for images: see [`models::cnn`].
    Cnn,
}

impl ModelSpec {
    /// The usual loss for a target: squared error for numbers, cross-entropy for classes.
    pub fn default_loss(&self, target: TargetKind) -> Loss {
        match target {
            TargetKind::Values { .. } => Loss::for_numbers(),
            _ => Loss::for_classes(),
        }
    }

    /// The network for inputs of this shape (of one example, before preprocessing), this target and this loss.
    ///
    /// It ends with one output for each class or number, or with a single logit for binary cross-entropy. With
    /// a loss of numbers on classes, the outputs go through a sigmoid, as the unit vectors that they shall
    /// become lie between 0 and 1. `activation` stands behind each hidden layer of `mlp`; `cnn` has ReLU.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the model does not suit the data: `linear` for classes, `logistic` for numbers,
    /// `cnn` for anything but images of at least 4 by 4; or a loss that does not suit the target.
    pub fn build(
        &self,
        input_shape: Shape,
        target: TargetKind,
        loss: &Loss,
        activation: Activation,
    ) -> Result<Sequential> {
        let refuse = |reason: String| Err(Error::Mismatch { what: format!("the model `{self}`"), reason });
        match (self, target) {
            (_, TargetKind::None) => return refuse("there is no target to learn".into()),
            (ModelSpec::Linear, TargetKind::Classes { .. }) => {
                return refuse("the target is classes; `logistic` is the linear model for them".into());
            }
            (ModelSpec::Logistic, TargetKind::Values { .. }) => {
                return refuse("the target is numbers; `linear` is the linear model for them".into());
            }
            _ => {}
        }
        let outputs = outputs(loss, target)?;
        let network = match self {
            ModelSpec::Linear | ModelSpec::Logistic => models::linear(outputs),
            ModelSpec::Mlp(hidden) => models::mlp(hidden, outputs, activation),
            ModelSpec::Cnn => match *input_shape.dims() {
                [_, height, width] if height >= 4 && width >= 4 => models::cnn(outputs),
                _ => {
                    return refuse(format!(
                        "it needs images [channels, height, width] of at least 4 by 4, but an example is \
                         {input_shape}; use `mlp:128`"
                    ));
                }
            },
        };
        let flat = input_shape.rank() == 1 || *self == ModelSpec::Cnn;
        let network = if flat { network } else { with_front(Flatten {}, network) };
        Ok(match (loss, target) {
            (Loss::NegativeLogLikelihood, _) => network.with(Activation::LogSoftmax),
            (_, TargetKind::Classes { .. }) if !is_on_logits(loss) => network.with(Activation::Sigmoid),
            _ => network,
        })
    }
}

fn with_front(first: Flatten, network: Sequential) -> Sequential {
    network.layers.into_iter().fold(Sequential::new().with(first), Sequential::with)
}

/// Whether a loss for classes takes numbers of any size.
fn is_on_logits(loss: &Loss) -> bool {
    matches!(
        loss,
        Loss::CrossEntropy
            | Loss::SmoothedCrossEntropy { .. }
            | Loss::BinaryCrossEntropy
            | Loss::Focal { .. }
            | Loss::Hinge
            | Loss::SquaredHinge
            | Loss::PoissonNll { .. }
    )
}

/// Whether a loss is for yes or no, with one output that is positive for a yes.
fn is_on_one_logit(loss: &Loss) -> bool {
    matches!(loss, Loss::BinaryCrossEntropy | Loss::Focal { .. } | Loss::Hinge | Loss::SquaredHinge)
}

/// How many outputs a network must have for this loss and target.
///
/// # Errors
/// A loss that does not suit the target.
pub(crate) fn outputs(loss: &Loss, target: TargetKind) -> Result<usize> {
    let refuse =
        |reason: String| Err(Error::Mismatch { what: format!("the loss `{}`", loss.name()), reason });
    match (loss, target) {
        (_, TargetKind::None) => refuse("there is no target to learn".into()),
        (loss, TargetKind::Classes { count: 2 }) if is_on_one_logit(loss) => Ok(1),
        (loss, TargetKind::Classes { count }) if is_on_one_logit(loss) => {
            refuse(format!("it needs two classes, and there are {count}; use `cross_entropy`"))
        }
        (Loss::ProbabilityCrossEntropy, _) => {
            refuse("it takes probabilities, which classes and numbers are not; use `bce`".into())
        }
        (Loss::KlDivergence { .. }, TargetKind::Classes { .. }) => {
            refuse("its target is a distribution, and this one is classes; use `cross_entropy`".into())
        }
        (
            Loss::CrossEntropy | Loss::SmoothedCrossEntropy { .. } | Loss::NegativeLogLikelihood,
            TargetKind::Values { .. },
        ) => refuse("it is for classes, and the target is numbers; use `mse`, `mae` or `huber`".into()),
        (loss, TargetKind::Values { .. }) if is_on_one_logit(loss) => {
            refuse("it is for classes, and the target is numbers; use `mse`, `mae` or `huber`".into())
        }
        (_, TargetKind::Classes { count }) => Ok(count),
        (_, TargetKind::Values { width }) => Ok(width),
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelSpec::Linear => f.write_str("linear"),
            ModelSpec::Logistic => f.write_str("logistic"),
            ModelSpec::Mlp(hidden) => {
                let widths: Vec<_> = hidden.iter().map(usize::to_string).collect();
                write!(f, "mlp:{}", widths.join(","))
            }
            ModelSpec::Cnn => f.write_str("cnn"),
        }
    }
}

impl FromStr for ModelSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::ModelName { text: text.into(), reason };
        match text {
            "linear" => return Ok(ModelSpec::Linear),
            "logistic" => return Ok(ModelSpec::Logistic),
            "cnn" => return Ok(ModelSpec::Cnn),
            "mlp" => return Err(wrong("the widths of its hidden layers are missing".into())),
            _ => {}
        }
        let Some(widths) = text.strip_prefix("mlp:") else { return Err(wrong("it is not known".into())) };
        let width = |text: &str| match text.trim().parse() {
            Ok(width) if (1..=WIDEST).contains(&width) => Ok(width),
            _ => Err(wrong(format!("{text:?} is not a width from 1 to {WIDEST}"))),
        };
        Ok(ModelSpec::Mlp(widths.split(',').map(width).collect::<Result<_>>()?))
    }
}

impl TryFrom<String> for ModelSpec {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ModelSpec> for String {
    fn from(spec: ModelSpec) -> String {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: TargetKind = TargetKind::Classes { count: 10 };
    const NUMBERS: TargetKind = TargetKind::Values { width: 1 };

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["linear", "logistic", "mlp:128", "mlp:128,64", "cnn"] {
            assert_eq!(text.parse::<ModelSpec>().unwrap().to_string(), text);
        }
        assert_eq!("mlp:8, 4".parse::<ModelSpec>().unwrap(), ModelSpec::Mlp(vec![8, 4]));
        for text in ["", "MLP", "mlp", "mlp:", "mlp:0", "mlp:8,", "mlp:-3", "mlp:99999999999", "cnn:3"] {
            let error = text.parse::<ModelSpec>().unwrap_err();
            assert!(error.to_string().contains("`mlp:128,64`"), "{error}");
        }
    }

    #[test]
    fn the_loss_decides_how_a_network_ends() {
        let build = |spec: &str, target, loss| {
            let spec: ModelSpec = spec.parse().unwrap();
            spec.build(Shape::from([1, 28, 28]), target, &loss, Activation::Sigmoid)
        };
        let squared = build("mlp:16,16", CLASSES, Loss::MeanSquaredError).unwrap();
        let flat = Sequential::new().with(Flatten {});
        let expected = models::mlp(&[16, 16], 10, Activation::Sigmoid)
            .layers
            .into_iter()
            .fold(flat, Sequential::with)
            .with(Activation::Sigmoid);
        assert_eq!(squared, expected);
        assert_eq!(build("cnn", CLASSES, Loss::CrossEntropy).unwrap(), models::cnn(10));
        let two = TargetKind::Classes { count: 2 };
        let one_logit = build("logistic", two, Loss::BinaryCrossEntropy).unwrap();
        assert_eq!(one_logit.layers[1], downhill_nn::Linear::new(1).into());
        assert!(build("mlp:4", CLASSES, Loss::BinaryCrossEntropy).is_err());
        for loss in [Loss::Hinge, Loss::SquaredHinge, Loss::Focal { alpha: None, gamma: 2.0 }] {
            assert_eq!(build("logistic", two, loss).unwrap(), one_logit);
            assert!(build("mlp:4", CLASSES, loss).is_err());
        }
        let smoothed = Loss::SmoothedCrossEntropy { label_smoothing: 0.1 };
        assert_eq!(build("cnn", CLASSES, smoothed).unwrap(), models::cnn(10));
        let likelihood = build("cnn", CLASSES, Loss::NegativeLogLikelihood).unwrap();
        assert_eq!(likelihood, models::cnn(10).with(Activation::LogSoftmax));
    }

    #[test]
    fn models_that_do_not_fit_the_data_say_so() {
        let table = Shape::from([5]);
        for (spec, target, loss, part) in [
            ("linear", CLASSES, Loss::CrossEntropy, "`logistic` is the linear model"),
            ("logistic", NUMBERS, Loss::MeanSquaredError, "`linear` is the linear model"),
            ("cnn", CLASSES, Loss::CrossEntropy, "it needs images"),
            ("mlp:4", NUMBERS, Loss::CrossEntropy, "it is for classes"),
            ("mlp:4", TargetKind::None, Loss::CrossEntropy, "no target"),
            ("mlp:4", NUMBERS, Loss::Hinge, "it is for classes"),
            ("mlp:4", NUMBERS, Loss::NegativeLogLikelihood, "it is for classes"),
            ("mlp:4", CLASSES, Loss::ProbabilityCrossEntropy, "use `bce`"),
            ("mlp:4", CLASSES, Loss::KlDivergence { log_target: false }, "use `cross_entropy`"),
        ] {
            let spec: ModelSpec = spec.parse().unwrap();
            let error = spec.build(table, target, &loss, Activation::Relu).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
