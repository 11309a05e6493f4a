//! Metrics of classes: accuracy, precision, recall, and the table of what was taken for what.

use crate::{Error, Result};
use downhill_tensor::Float;
use std::fmt;

/// The class with the largest of its scores, for each row of `classes` scores: the first among equals. A row
/// with a NaN counts as class of its first NaN, so that it does not pass for a prediction of class 0.
///
/// # Errors
/// A number of scores that is not a multiple of the number of classes.
pub fn predicted_classes<T: Float>(scores: &[T], classes: usize) -> Result<Vec<usize>> {
    if classes == 0 || !scores.len().is_multiple_of(classes) {
        return Err(Error::Metric {
            metric: "predicted classes",
            expected: format!("rows of {classes} scores, and at least one class"),
            actual: format!("{} scores", scores.len()),
        });
    }
    let largest = |row: &[T]| {
        let better = |best: usize, i: usize| row[i] > row[best] || (row[i].is_nan() && !row[best].is_nan());
        (0..classes).fold(0, |best, i| if better(best, i) { i } else { best })
    };
    Ok(scores.chunks_exact(classes).map(largest).collect())
}

/// The share of rows of scores whose largest is at the right class, in 0..=1; NaN for no rows.
///
/// ```
/// use downhill_nn::metrics::accuracy;
/// assert_eq!(accuracy(&[0.1, 0.9, 2.0, -1.0], &[1, 1])?, 0.5);
/// # Ok::<(), downhill_nn::Error>(())
/// ```
///
/// # Errors
/// A number of scores that is not a multiple of the number of targets.
pub fn accuracy<T: Float>(scores: &[T], targets: &[i64]) -> Result<f64> {
    if targets.is_empty() && scores.is_empty() {
        return Ok(f64::NAN);
    }
    if targets.is_empty() || !scores.len().is_multiple_of(targets.len()) {
        return Err(Error::Metric {
            metric: "accuracy",
            expected: "as many scores for each target".into(),
            actual: format!("{} scores for {} targets", scores.len(), targets.len()),
        });
    }
    let predicted = predicted_classes(scores, scores.len() / targets.len())?;
    let right = predicted.iter().zip(targets).filter(|(p, t)| **p as i64 == **t).count();
    Ok(right as f64 / targets.len() as f64)
}

/// How often each class was taken for each: rows are true classes, columns predicted ones.
///
/// ```
/// use downhill_nn::metrics::ConfusionMatrix;
/// let mut confusion = ConfusionMatrix::new(2);
/// confusion.add_scores(&[0.1, 0.9, 2.0, -1.0], &[1, 1])?;
/// assert_eq!(confusion.accuracy(), 0.5);
/// assert_eq!(confusion.count(1, 0), 1);
/// println!("{confusion}");
/// # Ok::<(), downhill_nn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// Nothing counted yet.
    pub fn new(classes: usize) -> Self {
        ConfusionMatrix { classes, counts: vec![0; classes * classes] }
    }

    /// Counts these predictions.
    ///
    /// # Errors
    /// Different numbers of predictions and targets, or a class out of range; nothing is counted then.
    pub fn add(&mut self, predicted: &[usize], targets: &[i64]) -> Result<()> {
        let wrong = |actual: String| Error::Metric {
            metric: "confusion matrix",
            expected: format!("as many predictions as targets, all of classes below {}", self.classes),
            actual,
        };
        if predicted.len() != targets.len() {
            return Err(wrong(format!("{} predictions for {} targets", predicted.len(), targets.len())));
        }
        let in_range = |class: i64| usize::try_from(class).is_ok_and(|class| class < self.classes);
        let classes = predicted.iter().map(|&class| class as i64).chain(targets.iter().copied());
        if let Some(class) = classes.into_iter().find(|&class| !in_range(class)) {
            return Err(wrong(format!("class {class}")));
        }
        for (&predicted, &target) in predicted.iter().zip(targets) {
            self.counts[target as usize * self.classes + predicted] += 1;
        }
        Ok(())
    }

    /// Counts the predictions of rows of scores: see [`predicted_classes`].
    ///
    /// # Errors
    /// As [`ConfusionMatrix::add`], or scores that are not rows of one for each class.
    pub fn add_scores<T: Float>(&mut self, scores: &[T], targets: &[i64]) -> Result<()> {
        self.add(&predicted_classes(scores, self.classes)?, targets)
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often the class `target` was taken for `predicted`; 0 for classes that do not exist.
    pub fn count(&self, target: usize, predicted: usize) -> u64 {
        if target < self.classes && predicted < self.classes {
            self.counts[target * self.classes + predicted]
        } else {
            0
        }
    }

    /// The number of samples.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share of right predictions; NaN for no samples.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes).map(|class| self.count(class, class)).sum();
        right as f64 / self.total() as f64
    }

    /// The share of right ones among the predictions of a class; NaN if there are none.
    pub fn precision(&self, class: usize) -> f64 {
        let predicted: u64 = (0..self.classes).map(|target| self.count(target, class)).sum();
        self.count(class, class) as f64 / predicted as f64
    }

    /// The share of the samples of a class that were found; NaN if there are none.
    pub fn recall(&self, class: usize) -> f64 {
        let actual: u64 = (0..self.classes).map(|predicted| self.count(class, predicted)).sum();
        self.count(class, class) as f64 / actual as f64
    }
}

impl fmt::Display for ConfusionMatrix {
    /// A table: a row for each true class with its recall, a column for each predicted one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.counts.iter().copied().max().unwrap_or(0).to_string().len();
        let width = longest.max(self.classes.saturating_sub(1).to_string().len());
        write!(f, "{:>6}", "true")?;
        for class in 0..self.classes {
            write!(f, "  {class:>width$}")?;
        }
        writeln!(f, "  {:>7}", "recall")?;
        for target in 0..self.classes {
            write!(f, "{target:>6}")?;
            for predicted in 0..self.classes {
                write!(f, "  {:>width$}", self.count(target, predicted))?;
            }
            match self.recall(target) {
                recall if recall.is_nan() => writeln!(f, "  {:>7}", "-")?,
                recall => writeln!(f, "  {:>5.1} %", 100.0 * recall)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> ConfusionMatrix {
        let mut confusion = ConfusionMatrix::new(3);
        confusion.add(&[0, 0, 1, 2, 2], &[0, 1, 1, 2, 1]).unwrap();
        confusion.add(&[0], &[0]).unwrap();
        confusion
    }

    #[test]
    fn precision_and_recall_follow_from_columns_and_rows() {
        let confusion = example();
        assert_eq!(confusion.total(), 6);
        assert_eq!(confusion.accuracy(), 4.0 / 6.0);
        assert_eq!([0, 1, 2].map(|class| confusion.precision(class)), [2.0 / 3.0, 1.0, 0.5]);
        assert_eq!([0, 1, 2].map(|class| confusion.recall(class)), [1.0, 1.0 / 3.0, 1.0]);
        assert!(ConfusionMatrix::new(2).accuracy().is_nan() && ConfusionMatrix::new(2).precision(0).is_nan());
    }

    #[test]
    fn a_confusion_matrix_prints_as_a_table() {
        let expected = "  true  0  1  2   recall
     0  2  0  0  100.0 %
     1  1  1  1   33.3 %
     2  0  0  1  100.0 %
";
        assert_eq!(example().to_string(), expected);
    }

    #[test]
    fn the_first_of_equal_scores_wins_and_nan_is_no_prediction_of_class_0() {
        let scores = [1.0, 1.0, 0.0, 5.0, f32::NAN, 7.0];
        assert_eq!(predicted_classes(&scores, 3).unwrap(), [0, 1]);
        assert_eq!(accuracy(&scores, &[0, 0]).unwrap(), 0.5);
        assert!(accuracy::<f32>(&[], &[]).unwrap().is_nan());
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_counts_nothing() {
        let mut confusion = ConfusionMatrix::new(2);
        assert!(confusion.add(&[0, 1], &[0, 2]).is_err() && confusion.add(&[0], &[0, 1]).is_err());
        assert!(confusion.add(&[0], &[-1]).is_err() && confusion.add_scores(&[0.0f32; 3], &[0]).is_err());
        assert_eq!(confusion.total(), 0);
        let error = accuracy(&[0.0; 5], &[0, 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "accuracy: expected as many scores for each target, got 5 scores for 2 targets"
        );
    }
}
