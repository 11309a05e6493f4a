//! What a model has to beat: always the same answer.

use crate::step::target_type;
use crate::{Error, Evaluation, Result};
use downhill_autograd::{Data, Interpreter, Kind, Output, Tape, Type};
use downhill_data::{InMemory, Preprocessing, TargetKind};
use downhill_nn::metrics::{ConfusionMatrix, RegressionMetrics};
use downhill_nn::{Loss, LossFunction};
use downhill_tensor::Key;

/// The constant answer that the training data suggests: the share of each class, or the mean of each number
/// in its own units.
///
/// A class's share is `(count + 1) / (examples + classes)`, so that one that the training data happens to
/// lack keeps a probability.
pub(crate) fn constant(train: &InMemory) -> Vec<f64> {
    match train.target_kind() {
        TargetKind::None => Vec::new(),
        TargetKind::Classes { count } => {
            let all = (train.len() + count) as f64;
            train.class_counts().iter().map(|&count| (count as f64 + 1.0) / all).collect()
        }
        TargetKind::Values { width } => {
            let (values, len) = (train.values().unwrap_or_default(), train.len() as f64);
            (0..width).map(|i| values.iter().skip(i).step_by(width).map(|y| y / len).sum()).collect()
        }
    }
}

/// How good the constant answer is on data: `data` has gone through `preprocessing`, `raw` is the same before.
///
/// # Errors
/// Data that is not what the constant was made of.
pub(crate) fn evaluate(
    constant: &[f64],
    loss: &Loss,
    preprocessing: &Preprocessing,
    data: &InMemory,
    raw: &InMemory,
) -> Result<Evaluation> {
    let examples = data.len();
    let target = data.target_kind();
    let output = output(constant, loss, preprocessing, target);
    let repeated: Vec<f64> = std::iter::repeat_n(&output, examples).flatten().copied().collect();

    let tape = Tape::new();
    let y = tape.input("output", [examples, output.len()]);
    let Type { kind, shape } = target_type(examples, target);
    let t = match kind {
        Kind::Float => tape.input("target", shape),
        Kind::Index => tape.index_input("target", shape),
    };
    let value = loss.loss(y, t);
    let program = tape.finish(&[Output::new("loss", &value)]).map_err(downhill_nn::Error::from)?;
    let labels = data.labels().unwrap_or_default();
    let standardized = data.values().unwrap_or_default();
    let target_data = match target {
        TargetKind::Values { .. } => Data::Float(&standardized[..]),
        _ => Data::Index(&labels),
    };
    let results = Interpreter
        .outputs(&program, &[Data::Float(&repeated), target_data], Key::new(0))
        .map_err(Error::execution("evaluating the baseline"))?;
    let loss = results.first().and_then(|loss| loss.iter().next()).unwrap_or(f64::NAN);

    let mut evaluation =
        Evaluation { examples, loss, accuracy: None, rmse: None, mae: None, r2: None, confusion: None };
    if let TargetKind::Classes { count } = target {
        let largest = (1..count).fold(0, |best, i| if constant[i] > constant[best] { i } else { best });
        let mut confusion = ConfusionMatrix::new(count);
        confusion.add(&vec![largest; examples], &labels)?;
        evaluation.accuracy = Some(confusion.accuracy());
        evaluation.confusion = Some(confusion);
    } else {
        let mut metrics = RegressionMetrics::new();
        let answers: Vec<f64> = std::iter::repeat_n(constant, examples).flatten().copied().collect();
        metrics.add(&answers, &raw.values().unwrap_or_default())?;
        evaluation.rmse = Some(metrics.root_mean_square_error());
        evaluation.mae = Some(metrics.mean_absolute_error());
        evaluation.r2 = Some(metrics.r_squared()).filter(|r2| !r2.is_nan());
    }
    Ok(evaluation)
}

/// The output of a network that always gives the constant answer, in the terms of the loss.
fn output(constant: &[f64], loss: &Loss, preprocessing: &Preprocessing, target: TargetKind) -> Vec<f64> {
    match (target, loss) {
        (TargetKind::Values { .. }, _) => {
            let targets = preprocessing.targets();
            constant.iter().zip(targets).map(|(&mean, standardization)| standardization.apply(mean)).collect()
        }
        (_, Loss::CrossEntropy | Loss::SmoothedCrossEntropy { .. } | Loss::NegativeLogLikelihood) => {
            constant.iter().map(|share| share.ln()).collect()
        }
        (_, Loss::BinaryCrossEntropy | Loss::Focal { .. }) => match constant {
            [no, yes] => vec![(yes / no).ln()],
            _ => Vec::new(),
        },
        (_, Loss::Hinge) => match constant {
            [no, yes] => vec![if yes > no { 1.0 } else { -1.0 }],
            _ => Vec::new(),
        },
        (_, Loss::SquaredHinge) => match constant {
            [no, yes] => vec![yes - no],
            _ => Vec::new(),
        },
        _ => constant.to_vec(),
    }
}
