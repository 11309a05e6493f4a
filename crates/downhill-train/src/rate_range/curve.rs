//! The loss over the learning rate, and which rate it suggests.

use crate::diagnosis::{Severity, Verdict};
use crate::page::{Table, readable};
use crate::rate_range::RateRange;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// The part of the first loss by which the smoothed loss must fall for there to be a suggestion.
const WORTH_MENTIONING: f64 = 0.01;

/// A learning rate, and the loss to which the step with it led.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// The rate of the step.
    pub learning_rate: f64,
    /// The loss of the next batch.
    pub loss: f64,
    /// The mean of the losses so far, in which the late ones count most.
    pub smoothed: f64,
}

/// How a rate is read off the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionMethod {
    /// Where the smoothed loss falls fastest, over the logarithm of the rate.
    SteepestDescent,
    /// A tenth of the rate at which the smoothed loss is smallest.
    TenthOfMinimum,
}

/// A learning rate to train with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// How it was read off the curve.
    pub method: SuggestionMethod,
    /// The rate.
    pub learning_rate: f64,
    /// Why, with the numbers.
    pub explanation: String,
}

/// What a range test saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateCurve {
    /// How it was made.
    pub range: RateRange,
    /// The loss of the first batch, before any step.
    pub initial_loss: f64,
    /// The rates, from the smallest on, with the loss to which each led; as far as the loss was finite.
    pub points: Vec<RatePoint>,
    /// The rate with which the loss was no longer finite, or grew beyond the limit; none if it stayed below it up to
    /// the largest rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged_at: Option<f64>,
}

/// The mean of the losses so far, in which the late ones count most: how many there were, and their weighted sum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    count: i32,
    sum: f64,
}

impl Mean {
    fn with(&mut self, loss: f64, smoothing: f64) -> f64 {
        *self = Mean { count: self.count + 1, sum: smoothing * self.sum + (1.0 - smoothing) * loss };
        self.sum / (1.0 - smoothing.powi(self.count))
    }
}

impl RateCurve {
    pub(super) fn new(range: RateRange) -> Self {
        RateCurve { range, initial_loss: f64::NAN, points: Vec::new(), diverged_at: None }
    }

    /// Takes in the loss after the step with this rate, or before the first; says whether to go on.
    pub(super) fn add(&mut self, mean: &mut Mean, rate: Option<f64>, loss: f64) -> ControlFlow<()> {
        if !loss.is_finite() {
            self.diverged_at = rate.or(Some(self.range.lowest));
            return ControlFlow::Break(());
        }
        let smoothed = mean.with(loss, self.range.smoothing);
        let Some(learning_rate) = rate else {
            self.initial_loss = loss;
            return ControlFlow::Continue(());
        };
        self.points.push(RatePoint { learning_rate, loss, smoothed });
        let smallest = self.points.iter().map(|point| point.smoothed).fold(self.initial_loss, f64::min);
        // For a positive loss this is the multiple; a negative one grows by as much as it is large.
        if smoothed > smallest + (self.range.divergence - 1.0) * smallest.abs() {
            self.diverged_at = Some(learning_rate);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// The position of the smallest smoothed loss, if it is worth mentioning: below the first loss by a hundredth, and
    /// not at the smallest rate, from which on it only rises.
    fn minimum(&self) -> Option<usize> {
        let smoothed = |index: &usize| self.points[*index].smoothed;
        let lowest = (0..self.points.len()).min_by(|a, b| smoothed(a).total_cmp(&smoothed(b)))?;
        let limit = self.initial_loss - WORTH_MENTIONING * self.initial_loss.abs();
        (lowest > 0 && smoothed(&lowest) < limit).then_some(lowest)
    }

    /// The place of the steepest fall up to the minimum, and how much the smoothed loss falls there for each tenfold
    /// rate, by central differences.
    fn steepest(&self) -> Option<(usize, f64)> {
        let minimum = self.minimum()?;
        let slope = |index: usize| {
            let (before, after) = (&self.points[index - 1], &self.points[index + 1]);
            (after.smoothed - before.smoothed) / (after.learning_rate / before.learning_rate).log10()
        };
        let inner = (1..minimum.max(2)).filter(|index| index + 1 < self.points.len());
        let steepest = inner.map(|index| (index, slope(index))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        (steepest.1 < 0.0).then_some(steepest)
    }

    /// The rate at which the loss falls fastest; none if it never falls by a hundredth of its first value.
    pub fn suggestion(&self) -> Option<Suggestion> {
        self.suggestions().into_iter().next()
    }

    /// All suggestions: that of the steepest descent first.
    pub fn suggestions(&self) -> Vec<Suggestion> {
        let steepest = self.steepest().map(|(index, slope)| {
            let point = self.points[index];
            Suggestion {
                method: SuggestionMethod::SteepestDescent,
                learning_rate: point.learning_rate,
                explanation: format!(
                    "the smoothed loss falls fastest there: at {}, by {} for a tenfold rate",
                    readable(point.smoothed),
                    readable(-slope)
                ),
            }
        });
        let tenth = self.minimum().map(|index| {
            let point = self.points[index];
            Suggestion {
                method: SuggestionMethod::TenthOfMinimum,
                learning_rate: point.learning_rate / 10.0,
                explanation: format!(
                    "a tenth of the rate with the smallest smoothed loss: {} at {}",
                    readable(point.smoothed),
                    readable(point.learning_rate)
                ),
            }
        });
        steepest.into_iter().chain(tenth).collect()
    }

    /// What the test found, in words.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let source = "the learning rate range test (Smith 2017); a rule of thumb";
        let verdict = |name: &str, severity, finding: String, advice: &str| Verdict {
            name: name.into(),
            severity,
            place: None,
            finding,
            number: self.points.last().map_or(self.initial_loss, |point| point.smoothed),
            threshold: self.initial_loss,
            formula: "the smoothed loss, against that before the first step".into(),
            source: source.into(),
            advice: advice.into(),
        };
        let mut verdicts = Vec::new();
        match self.suggestion() {
            Some(Suggestion { learning_rate, explanation, .. }) => verdicts.push(Verdict {
                number: learning_rate,
                threshold: self.diverged_at.unwrap_or(self.range.highest),
                formula: "the rate of the steepest descent, against the largest that was tried".into(),
                ..verdict(
                    "suggested-rate",
                    Severity::Healthy,
                    format!("A learning rate of {} suggests itself: {explanation}.", readable(learning_rate)),
                    "Begin with it, and lower it over the run.",
                )
            }),
            None => verdicts.push(verdict(
                "no-rate",
                Severity::Warning,
                format!(
                    "With no rate from {} on did the loss fall from its first {}.",
                    readable(self.range.lowest),
                    readable(self.initial_loss)
                ),
                "Look at data, loss and network before the rate.",
            )),
        }
        if self.diverged_at.is_none() {
            verdicts.push(verdict(
                "no-divergence",
                Severity::Notice,
                format!("The loss did not diverge up to the largest rate, {}.", readable(self.range.highest)),
                "The best rate may lie beyond: try larger ones.",
            ));
        }
        verdicts
    }

    /// The points as comma-separated values, with a header.
    pub fn csv(&self) -> String {
        let mut table = Table::new("The loss over the rate.", ["learning_rate", "loss", "smoothed_loss"]);
        for RatePoint { learning_rate, loss, smoothed } in &self.points {
            table.push([*learning_rate, *loss, *smoothed]);
        }
        table.csv()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A curve through these losses, one for each decade from 1e-6 on, not smoothed.
    fn curve(losses: &[f64]) -> RateCurve {
        let mut curve = RateCurve::new(RateRange { smoothing: 0.0, ..RateRange::default() });
        let mut mean = Mean::default();
        for (index, &loss) in losses.iter().enumerate() {
            let rate = (index > 0).then(|| 10f64.powi(index as i32 - 7));
            if curve.add(&mut mean, rate, loss).is_break() {
                break;
            }
        }
        curve
    }

    #[test]
    fn the_steepest_place_and_a_tenth_of_the_minimum_are_suggested() {
        // Rates from 1e-6: the fall is fastest around 1e-4, the minimum at 1e-3.
        let curve = curve(&[1.0, 1.0, 0.9, 0.5, 0.3, 0.4, 2.0]);
        let [steepest, tenth] = &curve.suggestions()[..] else { panic!("two suggestions") };
        assert_eq!(steepest.method, SuggestionMethod::SteepestDescent);
        assert!((steepest.learning_rate / 1e-4 - 1.0).abs() < 1e-9, "{steepest:?}");
        assert!(steepest.explanation.contains("by 0.3 for a tenfold rate"), "{steepest:?}");
        assert!((tenth.learning_rate / 1e-4 - 1.0).abs() < 1e-9, "{tenth:?}");
        assert!(tenth.explanation.contains("0.3 at 0.001"), "{tenth:?}");
        assert_eq!(curve.diverged_at, Some(0.1));
    }

    #[test]
    fn a_loss_that_is_not_finite_ends_the_test() {
        let curve = curve(&[1.0, 0.9, 0.8, f64::NAN, 0.1]);
        assert_eq!(curve.points.len(), 2);
        assert!((curve.diverged_at.unwrap() / 1e-4 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_loss_that_rises_from_the_smallest_rate_on_suggests_nothing() {
        // The first rate is too large already, or what fell is the luck of a batch.
        let rising = curve(&[1.0, 0.8, 0.85, 0.9, 0.95]);
        assert_eq!(rising.suggestions(), []);
    }

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        let flat = curve(&[1.0, 1.0, 0.995, 1.0, 1.1]);
        assert_eq!(flat.suggestion(), None);
        let names: Vec<String> = flat.verdicts().into_iter().map(|verdict| verdict.name).collect();
        assert_eq!(names, ["no-rate", "no-divergence"]);
    }

    #[test]
    fn a_negative_loss_may_grow_too() {
        let curve = curve(&[-1.0, -1.5, -2.0, 3.0, 4.5, 0.0]);
        assert!((curve.diverged_at.unwrap() / 1e-3 - 1.0).abs() < 1e-9, "{curve:?}");
    }

    #[test]
    fn the_mean_is_that_of_the_losses_so_far() {
        let mut curve = RateCurve::new(RateRange { smoothing: 0.5, ..RateRange::default() });
        let mut mean = Mean::default();
        for (rate, loss) in [(None, 4.0), (Some(1.0), 2.0), (Some(2.0), 3.0)] {
            assert!(curve.add(&mut mean, rate, loss).is_continue());
        }
        let smoothed: Vec<f64> = curve.points.iter().map(|point| point.smoothed).collect();
        // Weights 1/3, 2/3; then 1/7, 2/7, 4/7.
        assert!((smoothed[0] - 8.0 / 3.0).abs() < 1e-15 && (smoothed[1] - 20.0 / 7.0).abs() < 1e-15);
    }
}
