//! What a race leaves behind, in numbers.

use crate::race::{Budget, Currency, Entrant, Tuning};
use downhill_nn::Loss;
use serde::{Deserialize, Serialize};

/// Where a run stands at an evaluation, and what it has spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// How often the parameters have moved.
    pub steps: u64,
    /// How often the gradient of a batch was computed. A value without its gradient, which a search along a line may
    /// ask for, counts as much.
    pub gradient_evaluations: u64,
    /// How many examples those gradients were of.
    pub examples: u64,
    /// How long that took: filling batches, gradients and moves. Evaluations take no part, nor does the first
    /// gradient, which was computed once before and thrown away, so that memory and caches are warm.
    pub seconds: f64,
    /// The mean loss over the evaluated training examples, in inference mode.
    pub loss: f64,
    /// The mean loss over the held-out examples, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
}

impl Point {
    /// What has been spent.
    pub fn spent(&self, currency: Currency) -> f64 {
        match currency {
            Currency::Steps => self.steps as f64,
            Currency::GradientEvaluations => self.gradient_evaluations as f64,
            Currency::Examples => self.examples as f64,
            Currency::Seconds => self.seconds,
        }
    }

    /// The loss.
    pub fn measured(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Loss => Some(self.loss),
            Measure::HeldOut => self.held_out,
        }
    }
}

/// Which loss is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// That of the evaluated training examples.
    Loss,
    /// That of the held-out examples.
    HeldOut,
}

/// Why a run of a race ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// Its budget was spent.
    BudgetSpent,
    /// Its loss became infinite or not a number, or a thousand times what it had been, or 1000.
    Diverged,
    /// A method that searches along lines found nothing more to gain.
    Converged,
    /// The observer asked to stop.
    Interrupted,
}

/// One run: an entrant with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// What the first parameters, the order of the examples and dropout followed from.
    pub seed: u64,
    /// The evaluations, the first of them before the first step.
    pub points: Vec<Point>,
    /// Why it ended.
    pub end: End,
}

/// An entrant with its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntrantResult {
    /// Its name, as `Display` of the entrant gives it.
    pub label: String,
    /// The entrant, with the learning rate with which it ran.
    pub entrant: Entrant,
    /// How its rate was found, where it was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// A run for each seed; none if no rate was found with which it could run.
    pub courses: Vec<Course>,
}

/// A place on the curve of an entrant, over its seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// What has been spent: the median, where it differs between seeds.
    pub spent: f64,
    /// The smallest loss of a seed.
    pub lowest: f64,
    /// The median loss of the seeds.
    pub median: f64,
    /// The largest loss of a seed.
    pub highest: f64,
}

impl EntrantResult {
    /// The loss over what was spent, as median and extremes over the seeds, as far as all seeds went.
    ///
    /// The evaluations of an optimizer stand after the same steps with every seed, so the median is one of equals;
    /// searches along lines take what they need, and the median is one of about the same number of gradients.
    pub fn band(&self, currency: Currency, measure: Measure) -> Vec<Band> {
        let length = self.courses.iter().map(|course| course.points.len()).min().unwrap_or(0);
        let band = |index: usize| {
            let points = || self.courses.iter().map(move |course| &course.points[index]);
            let losses: Option<Vec<f64>> = points().map(|point| point.measured(measure)).collect();
            let losses = sorted(losses?);
            Some(Band {
                spent: median(&sorted(points().map(|point| point.spent(currency)).collect()))?,
                lowest: *losses.first()?,
                median: median(&losses)?,
                highest: *losses.last()?,
            })
        };
        (0..length).filter_map(band).collect()
    }

    /// The median over the seeds of the loss at the end of a run, where one that diverged has lost all; none if most
    /// have, or if there was no run.
    pub fn final_loss(&self, measure: Measure) -> Option<f64> {
        let last = |course: &Course| {
            let point = course.points.last().filter(|_| course.end != End::Diverged);
            point.map_or(Some(f64::INFINITY), |point| point.measured(measure))
        };
        let losses: Option<Vec<f64>> = self.courses.iter().map(last).collect();
        median(&sorted(losses?)).filter(|loss| loss.is_finite())
    }

    /// The smallest loss that every seed got to; none if there was no run.
    pub fn best_of_all_seeds(&self) -> Option<f64> {
        let best =
            |course: &Course| course.points.iter().map(|point| point.loss).fold(f64::INFINITY, f64::min);
        self.courses.iter().map(best).reduce(f64::max)
    }
}

/// The loss that is to be reached, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetLoss {
    /// The loss.
    pub loss: f64,
    /// Whether it was asked for. Else it is the smallest loss that two thirds of the entrants (rounded up) reach with
    /// every seed.
    pub given: bool,
}

/// What a race leaves behind.
///
/// All of it but the seconds, and what follows from them, is the same bit by bit whenever the race is run again, with
/// any number of threads; unless a limit of seconds was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceResult {
    /// What the training data is called.
    pub data: String,
    /// How many examples were learned from.
    pub train_examples: usize,
    /// On how many of them the loss was evaluated: always the same.
    pub evaluated_examples: usize,
    /// How many examples were held out.
    pub held_out_examples: usize,
    /// How many numbers were learned.
    pub parameters: usize,
    /// What was made small.
    pub loss: Loss,
    /// How many threads computed.
    pub threads: usize,
    /// What each run might spend.
    pub budget: Budget,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The loss to reach; none if no run was completed, or too few got below the loss of the first parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetLoss>,
    /// The entrants, in the order in which they were given.
    pub entrants: Vec<EntrantResult>,
    /// Whether the observer ended it before its time; then runs are missing, and nobody is called the first.
    pub interrupted: bool,
}

impl RaceResult {
    /// The loss that two thirds of the entrants, rounded up, reach with every seed; none if they do not get below the
    /// loss with which they begin.
    pub(crate) fn common_target(entrants: &[EntrantResult]) -> Option<f64> {
        let best = sorted(entrants.iter().filter_map(EntrantResult::best_of_all_seeds).collect());
        let index = (2 * best.len()).div_ceil(3).checked_sub(1)?;
        // At the loss with which a race begins, nobody has done anything yet.
        let starts = entrants.iter().flat_map(|entrant| &entrant.courses).filter_map(|it| it.points.first());
        let begun = starts.map(|point| point.loss).fold(f64::INFINITY, f64::min);
        best.get(index).copied().filter(|&loss| loss < begun)
    }
}

/// The numbers from the smallest on.
pub(crate) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The median of sorted numbers; of an even count the mean of the middle two.
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.len() / 2;
    let value = *sorted.get(upper)?;
    Some(if sorted.len() % 2 == 1 { value } else { (sorted[upper - 1] + value) / 2.0 })
}
