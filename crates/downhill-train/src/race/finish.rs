//! Who reached the target first, in each currency.

use crate::race::result::{median, sorted};
use crate::race::{Course, End, RaceResult};
use serde::{Deserialize, Serialize};

/// What progress is paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    /// Moves of the parameters.
    Steps,
    /// Gradients of a batch: as many as steps, but for methods that look before they move.
    GradientEvaluations,
    /// Gradients of an example: those of a batch times its size.
    Examples,
    /// Time, without evaluations.
    Seconds,
}

impl Currency {
    /// All of them.
    pub const ALL: [Currency; 4] =
        [Currency::Steps, Currency::GradientEvaluations, Currency::Examples, Currency::Seconds];

    /// In words: `gradient evaluations`.
    pub fn name(self) -> &'static str {
        match self {
            Currency::Steps => "steps",
            Currency::GradientEvaluations => "gradient evaluations",
            Currency::Examples => "examples",
            Currency::Seconds => "seconds",
        }
    }
}

/// When a run reached the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// It did. The loss is looked at now and then, so this lies between two evaluations.
    Between {
        /// What had been spent at the last evaluation where the loss was still above the target.
        after: f64,
        /// What had been spent at the first one where it was not.
        by: f64,
    },
    /// Not with what it had spent at its end.
    NotWithin(f64),
    /// It never will: it diverged, or converged elsewhere.
    Never,
}

/// When an entrant reached the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Its position among the entrants.
    pub entrant: usize,
    /// For each seed.
    pub arrivals: Vec<Arrival>,
    /// The median over the seeds of what had been spent when the loss was first seen at the target; none if too few
    /// seeds got there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// Before this no seed reached it; none if none ever will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<f64>,
    /// By this every seed had reached it; none if one did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<f64>,
}

/// Who was first, in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// This entrant: with its slowest seed it reached the target before any other could have with its fastest.
    Clearly(usize),
    /// The one with the smallest median, and those whose spread over the seeds overlaps with its own, or whose
    /// budget ended before.
    Unclear(Vec<usize>),
    /// There was one entrant, and it reached the target with every seed.
    Alone(usize),
    /// No entrant reached the target with every seed.
    Nobody,
}

/// The order of arrival, in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What was counted.
    pub currency: Currency,
    /// Who was first.
    pub first: First,
    /// All entrants that ran, the smallest median first; then those without one, as they were given.
    pub finishes: Vec<Finish>,
}

impl RaceResult {
    /// The order of arrival at the target, in each currency that differs here; none for a race that was interrupted.
    ///
    /// An entrant is clearly the first if the interval from its first seed to its last lies before those of all
    /// others: it had reached the target with every seed, at the evaluation where that was seen, before any other
    /// had with one, at the last evaluation where it had not. Anything else is not clear, and is called so.
    pub fn standings(&self) -> Vec<Standing> {
        match &self.target {
            Some(target) if !self.interrupted => {
                let currencies = self.currencies().into_iter();
                currencies.map(|currency| self.standing(currency, target.loss)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The currencies that differ here: gradient evaluations are left out where each step has one.
    pub fn currencies(&self) -> Vec<Currency> {
        let courses = self.entrants.iter().flat_map(|entrant| &entrant.courses);
        let one_each =
            courses.flat_map(|course| &course.points).all(|it| it.gradient_evaluations == it.steps);
        let differs = |currency: &Currency| !(one_each && *currency == Currency::GradientEvaluations);
        Currency::ALL.into_iter().filter(differs).collect()
    }

    /// The order of arrival at this loss.
    pub fn standing(&self, currency: Currency, loss: f64) -> Standing {
        let ran = self.entrants.iter().enumerate().filter(|(_, entrant)| !entrant.courses.is_empty());
        let mut finishes: Vec<Finish> =
            ran.map(|(index, entrant)| Finish::of(index, &entrant.courses, currency, loss)).collect();
        // A stable sort: those without a median keep their order.
        finishes
            .sort_by(|a, b| a.median.unwrap_or(f64::INFINITY).total_cmp(&b.median.unwrap_or(f64::INFINITY)));
        Standing { currency, first: first(&finishes), finishes }
    }
}

fn first(finishes: &[Finish]) -> First {
    let Some((fastest, others)) = finishes.split_first() else { return First::Nobody };
    let Some(latest) = fastest.latest else {
        // The smallest median need not be that of an entrant that arrives with every seed.
        let arrived = finishes.iter().any(|finish| finish.latest.is_some());
        return if arrived { First::Unclear(rivals(fastest, f64::INFINITY, others)) } else { First::Nobody };
    };
    match rivals(fastest, latest, others) {
        _ if others.is_empty() => First::Alone(fastest.entrant),
        rivals if rivals.len() == 1 => First::Clearly(fastest.entrant),
        rivals => First::Unclear(rivals),
    }
}

/// The fastest, and those that might have been there by `latest`.
fn rivals(fastest: &Finish, latest: f64, others: &[Finish]) -> Vec<usize> {
    let near = others
        .iter()
        .filter(|other| other.earliest.is_some_and(|earliest| earliest < latest))
        .map(|other| other.entrant);
    std::iter::once(fastest.entrant).chain(near).collect()
}

impl Finish {
    fn of(entrant: usize, courses: &[Course], currency: Currency, loss: f64) -> Self {
        let arrivals: Vec<Arrival> =
            courses.iter().map(|course| Arrival::of(course, currency, loss)).collect();
        let by = sorted(arrivals.iter().map(|arrival| arrival.by().unwrap_or(f64::INFINITY)).collect());
        Finish {
            entrant,
            median: median(&by).filter(|median| median.is_finite()),
            earliest: arrivals.iter().filter_map(|arrival| arrival.after()).reduce(f64::min),
            latest: by.last().copied().filter(|latest| latest.is_finite()),
            arrivals,
        }
    }

    /// How many seeds reached the target.
    pub fn reached(&self) -> usize {
        self.arrivals.iter().filter(|arrival| arrival.by().is_some()).count()
    }
}

impl Arrival {
    fn of(course: &Course, currency: Currency, loss: f64) -> Self {
        let spent = |index: usize| course.points.get(index).map_or(0.0, |point| point.spent(currency));
        match course.points.iter().position(|point| point.loss <= loss) {
            Some(index) => Arrival::Between { after: spent(index.saturating_sub(1)), by: spent(index) },
            None if matches!(course.end, End::Diverged | End::Converged) => Arrival::Never,
            None => Arrival::NotWithin(spent(course.points.len().saturating_sub(1))),
        }
    }

    /// What had been spent when the target was seen to be reached.
    pub fn by(self) -> Option<f64> {
        match self {
            Arrival::Between { by, .. } => Some(by),
            _ => None,
        }
    }

    /// What had been spent when it was last seen not to be; nothing where it never will be.
    pub fn after(self) -> Option<f64> {
        match self {
            Arrival::Between { after, .. } => Some(after),
            Arrival::NotWithin(spent) => Some(spent),
            Arrival::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::Point;

    /// A run that is at the target after so many steps, seen every 10 of 100.
    fn course(arrives: u64, end: End) -> Course {
        let point = |steps: u64| Point {
            steps,
            gradient_evaluations: steps,
            examples: 5 * steps,
            seconds: 0.5 * steps as f64,
            loss: if steps >= arrives { 1.0 } else { 2.0 },
            held_out: None,
        };
        Course { seed: 0, points: (0..=10).map(|index| point(10 * index)).collect(), end }
    }

    fn finish(entrant: usize, arrives: &[u64]) -> Finish {
        let courses: Vec<Course> = arrives.iter().map(|&steps| course(steps, End::BudgetSpent)).collect();
        Finish::of(entrant, &courses, Currency::Steps, 1.0)
    }

    #[test]
    fn an_arrival_lies_between_two_evaluations() {
        let ended = course(33, End::BudgetSpent);
        let arrival = |currency| Arrival::of(&ended, currency, 1.0);
        assert_eq!(arrival(Currency::Steps), Arrival::Between { after: 30.0, by: 40.0 });
        assert_eq!(arrival(Currency::Examples), Arrival::Between { after: 150.0, by: 200.0 });
        assert_eq!(arrival(Currency::Seconds), Arrival::Between { after: 15.0, by: 20.0 });
        let never = |end| Arrival::of(&course(1000, end), Currency::Steps, 1.0);
        assert_eq!(never(End::BudgetSpent), Arrival::NotWithin(100.0));
        assert_eq!(never(End::Diverged), Arrival::Never);
    }

    #[test]
    fn a_finish_has_the_median_and_the_extremes_of_its_seeds() {
        let all = finish(0, &[33, 41, 78]);
        assert_eq!(
            (all.earliest, all.median, all.latest, all.reached()),
            (Some(30.0), Some(50.0), Some(80.0), 3)
        );
        let most = finish(0, &[33, 41, 1000]);
        assert_eq!((most.median, most.latest, most.reached()), (Some(50.0), None, 2));
        assert_eq!(finish(0, &[33, 1000, 1000]).median, None);
    }

    #[test]
    fn the_first_is_clear_only_where_no_spread_overlaps() {
        let fast = finish(0, &[22, 28]);
        assert_eq!(first(&[fast.clone(), finish(1, &[45, 75])]), First::Clearly(0));
        // 30 was the last evaluation before: it may have arrived right after it.
        assert_eq!(first(&[fast.clone(), finish(1, &[35, 75])]), First::Clearly(0));
        assert_eq!(first(&[fast.clone(), finish(1, &[28, 75])]), First::Unclear(vec![0, 1]));
        let unsure = finish(0, &[25, 25, 1000]);
        assert_eq!(first(&[unsure.clone(), finish(1, &[45, 45, 45])]), First::Unclear(vec![0, 1]));
        assert_eq!(first(&[unsure]), First::Nobody);
        assert_eq!((first(&[fast]), first(&[])), (First::Alone(0), First::Nobody));
    }

    #[test]
    fn who_had_no_more_to_spend_may_still_have_been_first() {
        // A budget of examples gives a large batch few steps.
        let mut short = course(1000, End::BudgetSpent);
        short.points.truncate(3);
        let short = Finish::of(1, &[short], Currency::Steps, 1.0);
        assert_eq!(first(&[finish(0, &[45]), short.clone()]), First::Unclear(vec![0, 1]));
        assert_eq!(first(&[finish(0, &[15]), short]), First::Clearly(0));
        let diverged = Finish::of(1, &[course(1000, End::Diverged)], Currency::Steps, 1.0);
        assert_eq!(first(&[finish(0, &[45]), diverged]), First::Clearly(0));
    }
}
