//! What a model says about examples: classes with probabilities, or numbers.

use crate::Result;
use downhill_nn::{Loss, metrics};

/// What a model says about examples, in their order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Predictions {
    /// Classes.
    Classes {
        /// The names of the classes.
        names: Vec<String>,
        /// The class of each example, a position in `names`.
        labels: Vec<usize>,
        /// The probability of every class, one example after the other. After cross-entropy it is the softmax
        /// of the outputs, after binary cross-entropy their sigmoid; after a loss of numbers, whose outputs
        /// estimate it themselves, it is their share of the sum of those above 0.
        probabilities: Vec<f64>,
    },
    /// Numbers, in the target's own units.
    Values {
        /// The name of the target.
        name: String,
        /// How many numbers an example has.
        width: usize,
        /// The numbers, one example after the other.
        values: Vec<f64>,
    },
}

impl Predictions {
    /// The number of examples.
    pub fn len(&self) -> usize {
        match self {
            Predictions::Classes { labels, .. } => labels.len(),
            Predictions::Values { values, width, .. } => values.len() / (*width).max(1),
        }
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the class of an example; `None` for numbers, or an example that does not exist.
    pub fn class(&self, example: usize) -> Option<&str> {
        match self {
            Predictions::Classes { names, labels, .. } => {
                names.get(*labels.get(example)?).map(String::as_str)
            }
            Predictions::Values { .. } => None,
        }
    }

    /// The probabilities of all classes for an example, or its numbers; nothing for an example that does not
    /// exist.
    pub fn row(&self, example: usize) -> &[f64] {
        let (values, width) = match self {
            Predictions::Classes { names, probabilities, .. } => (probabilities, names.len()),
            Predictions::Values { values, width, .. } => (values, *width),
        };
        values.chunks_exact(width.max(1)).nth(example).unwrap_or(&[])
    }
}

/// The classes of rows of outputs. A single output is the logit of class 1 against class 0.
pub(crate) fn labels(outputs: &[f32], width: usize) -> Result<Vec<usize>> {
    if width == 1 {
        return Ok(outputs.iter().map(|&logit| usize::from(logit > 0.0)).collect());
    }
    Ok(metrics::predicted_classes(outputs, width)?)
}

/// How many rows of outputs have the class that they should: as [`labels`], without allocating.
pub(crate) fn count_right(outputs: &[f32], width: usize, labels: &[i64]) -> usize {
    let rows = outputs.chunks_exact(width.max(1)).zip(labels);
    let right = |&(row, &label): &(&[f32], &i64)| {
        let predicted = match row {
            [logit] => usize::from(*logit > 0.0),
            row => (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best }),
        };
        predicted as i64 == label
    };
    rows.filter(right).count()
}

/// What the outputs of a network for classes mean, which the loss decides that it was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// One number: the logarithm of the odds of class 1 against class 0.
    Logit,
    /// One number: 1 and more for class 1, -1 and less for class 0.
    Margin,
    /// Logarithms of probabilities, up to a number that they share.
    Logits,
    /// Estimates of the probabilities themselves.
    Estimates,
}

impl Meaning {
    /// The meaning of outputs under this loss.
    pub fn of(loss: &Loss) -> Self {
        match loss {
            Loss::BinaryCrossEntropy | Loss::Focal { .. } => Meaning::Logit,
            Loss::Hinge | Loss::SquaredHinge => Meaning::Margin,
            Loss::CrossEntropy | Loss::SmoothedCrossEntropy { .. } | Loss::NegativeLogLikelihood => {
                Meaning::Logits
            }
            _ => Meaning::Estimates,
        }
    }
}

/// The probabilities of the classes by a row of outputs, which a loss has given their meaning.
pub(crate) fn probabilities(loss: &Loss, row: &[f32]) -> Vec<f64> {
    let row = row.iter().map(|&output| f64::from(output));
    match Meaning::of(loss) {
        Meaning::Logit => row
            .flat_map(|logit| {
                let [no, yes] = [logit, -logit].map(|z| 1.0 / (1.0 + z.exp()));
                [no, yes]
            })
            .collect(),
        // Not calibrated: a margin is no probability.
        Meaning::Margin => row
            .flat_map(|margin| {
                let yes = (0.5 + 0.5 * margin).clamp(0.0, 1.0);
                [1.0 - yes, yes]
            })
            .collect(),
        Meaning::Logits => {
            let largest = row.clone().fold(f64::NEG_INFINITY, f64::max);
            shares(row.map(|logit| (logit - largest).exp()).collect())
        }
        Meaning::Estimates => shares(row.map(|output| output.max(0.0)).collect()),
    }
}

/// Each number's share of the sum; equal shares where that is 0.
fn shares(mut numbers: Vec<f64>) -> Vec<f64> {
    let (sum, equal) = (numbers.iter().sum::<f64>(), 1.0 / numbers.len() as f64);
    numbers.iter_mut().for_each(|x| *x = if sum > 0.0 { *x / sum } else { equal });
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_1_and_follow_the_outputs() {
        for loss in [Loss::CrossEntropy, Loss::MeanSquaredError, Loss::MeanAbsoluteError] {
            for row in [[0.25f32, 3.0, -1.0], [1e4, -1e4, 0.0], [-1.0, -2.0, -3.0]] {
                let p = probabilities(&loss, &row);
                assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{p:?}");
                let largest = labels(&row, 3).unwrap()[0];
                assert!(p.iter().all(|&x| x <= p[largest]), "{p:?}");
            }
        }
        for loss in [Loss::BinaryCrossEntropy, Loss::Focal { alpha: None, gamma: 2.0 }, Loss::Hinge] {
            for logit in [-800.0f32, -1.0, 0.0, 2.5, 800.0] {
                let p = probabilities(&loss, &[logit]);
                assert!((p[0] + p[1] - 1.0).abs() < 1e-12);
                assert_eq!(labels(&[logit], 1).unwrap()[0], usize::from(p[1] > 0.5));
            }
        }
    }

    #[test]
    fn counting_agrees_with_the_classes() {
        let outputs = [0.5f32, 0.5, 0.1, -1.0, 2.0, 2.0, 7.0, 8.0, 9.0];
        let classes = labels(&outputs, 3).unwrap();
        assert_eq!(classes, [0, 1, 2]);
        assert_eq!(count_right(&outputs, 3, &[0, 1, 2]), 3);
        assert_eq!(count_right(&outputs, 3, &[1, 1, 0]), 1);
        assert_eq!(count_right(&[0.0, 1.0, -1.0], 1, &[0, 1, 1]), 2);
    }
}
