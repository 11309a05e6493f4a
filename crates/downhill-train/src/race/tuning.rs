//! The search for a learning rate: a grid on a logarithmic scale, made finer around its best.

use crate::race::Budget;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// By what a trial of a learning rate is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The loss on the evaluated training examples at the end of the trial.
    #[default]
    FinalLoss,
    /// The number of examples seen until that loss is at the target of the race; of trials that do not get there,
    /// the loss at their end, behind all that do.
    TimeToTarget,
}

/// How the learning rate of an entrant is searched for: what may be spent on it, and what decides.
///
/// All entrants get the same. The trials have a seed of their own, so that no entrant is tuned on a run that
/// counts. A rate that is best over a short run is smaller than that of a long one (Wu et al., *Understanding
/// short-horizon bias in stochastic meta-optimization*, 2018); `budget_share` of 1 makes trials as long as the runs
/// of the race.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateSearch {
    /// The smallest rate that is tried; default 1e-5.
    pub lowest: f64,
    /// The largest rate that is tried; default 10.
    pub highest: f64,
    /// How many rates of the grid lie in each decade; default 2.
    pub per_decade: u32,
    /// How often the distance of rates is halved around the best; default 2. Each time costs two trials.
    pub refinements: u32,
    /// The part of the race's budget that each trial gets; default 0.5.
    pub budget_share: f64,
    /// What all randomness of the trials follows from; default 0.
    pub seed: u64,
    /// By what a trial is judged; default its final loss.
    pub criterion: Criterion,
}

impl Default for RateSearch {
    fn default() -> Self {
        RateSearch {
            lowest: 1e-5,
            highest: 10.0,
            per_decade: 2,
            refinements: 2,
            budget_share: 0.5,
            seed: 0,
            criterion: Criterion::FinalLoss,
        }
    }
}

/// A short run with one learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The rate.
    pub learning_rate: f64,
    /// The loss at its end; none if it diverged: a loss that is not finite, or above where it began.
    pub loss: Option<f64>,
    /// The number of examples seen until the target was reached, where that is the criterion and it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples_to_target: Option<u64>,
}

/// At which end of the grid a rate lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// A smaller rate might be better.
    Lowest,
    /// A larger rate might be better.
    Highest,
}

/// What a search found, and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// How it was searched.
    pub search: RateSearch,
    /// What each trial might spend.
    pub trial_budget: Budget,
    /// All trials, in the order in which they were made.
    pub trials: Vec<Trial>,
    /// The best rate; none if every trial diverged.
    pub learning_rate: Option<f64>,
    /// Whether the best rate lies at an end of the range, so that a better one may lie beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Edge>,
    /// The factor between the best rate and its neighbours that were tried.
    pub resolution: f64,
}

impl Tuning {
    /// How many trials diverged.
    pub fn diverged(&self) -> usize {
        self.trials.iter().filter(|trial| trial.loss.is_none()).count()
    }
}

impl RateSearch {
    /// The rates of the grid, from the smallest on.
    pub fn grid(&self) -> Vec<f64> {
        let decades = (self.highest / self.lowest).log10();
        let steps = (decades * f64::from(self.per_decade) + 1e-9).floor() as i32;
        let rate = |step: i32| self.lowest * 10f64.powf(f64::from(step) / f64::from(self.per_decade));
        (0..=steps).map(rate).collect()
    }

    /// Searches by making trials. `trial` makes one with a given rate, or gives nothing if the search shall end.
    ///
    /// # Errors
    /// What `trial` reports.
    pub(crate) fn search(
        &self,
        trial_budget: Budget,
        mut trial: impl FnMut(f64) -> Result<Option<Trial>>,
    ) -> Result<Option<Tuning>> {
        let mut trials = Vec::new();
        for rate in self.grid() {
            match trial(rate)? {
                Some(trial) => trials.push(trial),
                None => return Ok(None),
            }
        }
        let mut distance = 10f64.powf(1.0 / f64::from(self.per_decade));
        for _ in 0..self.refinements {
            let Some(best) = best(&trials) else { break };
            distance = distance.sqrt();
            for rate in [best / distance, best * distance] {
                if (self.lowest..=self.highest).contains(&rate) {
                    match trial(rate)? {
                        Some(trial) => trials.push(trial),
                        None => return Ok(None),
                    }
                }
            }
        }
        let learning_rate = best(&trials);
        let tried = |beyond: fn(&f64, &f64) -> bool| {
            let rates = trials.iter().map(|trial| &trial.learning_rate);
            learning_rate.is_some_and(|best| rates.clone().any(|rate| beyond(rate, &best)))
        };
        let edge = match learning_rate {
            None => None,
            Some(_) if !tried(f64::lt) => Some(Edge::Lowest),
            Some(_) if !tried(f64::gt) => Some(Edge::Highest),
            Some(_) => None,
        };
        Ok(Some(Tuning { search: *self, trial_budget, trials, learning_rate, edge, resolution: distance }))
    }

    /// Refuses a search that could find nothing.
    pub(crate) fn validate(&self) -> Result<()> {
        let check = |valid: bool, option, expected, actual: String| {
            if valid { Ok(()) } else { Err(Error::Option { option, expected, actual }) }
        };
        let positive = |rate: f64| rate > 0.0 && rate.is_finite();
        check(positive(self.lowest), "lowest", "above 0 and finite", self.lowest.to_string())?;
        let above = self.highest >= self.lowest && self.highest.is_finite();
        check(above, "highest", "at least the lowest rate and finite", self.highest.to_string())?;
        check(
            (1..=100).contains(&self.per_decade),
            "per_decade",
            "from 1 to 100",
            self.per_decade.to_string(),
        )?;
        check(self.refinements <= 20, "refinements", "at most 20", self.refinements.to_string())?;
        let share = self.budget_share > 0.0 && self.budget_share <= 1.0;
        check(share, "budget_share", "above 0 and at most 1", self.budget_share.to_string())
    }
}

/// The rate of the best trial; of equal ones the first.
fn best(trials: &[Trial]) -> Option<f64> {
    let finite = trials.iter().filter_map(|trial| {
        let examples = trial.examples_to_target.map_or(f64::INFINITY, |examples| examples as f64);
        Some((examples, trial.loss?, trial.learning_rate))
    });
    let better = |a: &(f64, f64, f64), b: &(f64, f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
    finite.min_by(better).map(|(_, _, rate)| rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(learning_rate: f64, loss: Option<f64>) -> Trial {
        Trial { learning_rate, loss, examples_to_target: None }
    }

    /// The search on a loss that is smallest at `best` and diverges from `limit` on.
    fn search(search: RateSearch, best: f64, limit: f64) -> Tuning {
        let loss = |rate: f64| (rate < limit).then(|| (rate / best).ln().powi(2));
        let found = search.search(Budget::steps(1), |rate| Ok(Some(judged(rate, loss(rate)))));
        found.unwrap().unwrap()
    }

    #[test]
    fn the_grid_reaches_from_end_to_end() {
        let grid = RateSearch { lowest: 1e-3, highest: 1.0, per_decade: 2, ..RateSearch::default() }.grid();
        let expected = (0..7).map(|step| 10f64.powf(f64::from(step) / 2.0 - 3.0));
        assert_eq!(grid.len(), 7);
        assert!(grid.iter().zip(expected).all(|(rate, expected)| (rate / expected - 1.0).abs() < 1e-12));
        let one = RateSearch { lowest: 0.1, highest: 0.1, ..RateSearch::default() };
        assert_eq!(one.grid(), [0.1]);
    }

    #[test]
    fn the_best_rate_is_found_to_the_resolution_that_is_stated() {
        for refinements in 0..5 {
            for best in [2e-5, 1.7e-3, 0.05, 0.9, 4.4] {
                let found = search(RateSearch { refinements, ..RateSearch::default() }, best, f64::INFINITY);
                let rate = found.learning_rate.unwrap();
                assert_eq!(found.trials.len(), 13 + 2 * refinements as usize);
                assert!((found.resolution - 10f64.powf(0.5f64.powi(refinements as i32 + 1))).abs() < 1e-12);
                assert!((rate / best).ln().abs() <= found.resolution.ln(), "{rate} is not {best}");
                assert_eq!(found.edge, None);
            }
        }
    }

    #[test]
    fn a_rate_that_diverges_is_counted_and_never_taken() {
        // The loss falls up to the limit, so the best rate lies right below it.
        let found = search(RateSearch { refinements: 6, ..RateSearch::default() }, 1e3, 0.5);
        let rate = found.learning_rate.unwrap();
        assert!(rate < 0.5 && rate * found.resolution >= 0.5, "{rate}");
        let over = found.trials.iter().filter(|trial| trial.learning_rate >= 0.5).count();
        assert_eq!(found.diverged(), over);
        let hopeless = search(RateSearch::default(), 1.0, 0.0);
        assert_eq!((hopeless.learning_rate, hopeless.diverged(), hopeless.edge), (None, 13, None));
    }

    #[test]
    fn a_best_rate_at_the_end_of_the_range_says_so() {
        assert_eq!(search(RateSearch::default(), 1e-9, 1e9).edge, Some(Edge::Lowest));
        assert_eq!(search(RateSearch::default(), 1e9, 1e9).edge, Some(Edge::Highest));
    }

    #[test]
    fn who_reaches_the_target_first_is_better_than_who_ends_lower() {
        let early = Trial { learning_rate: 0.1, loss: Some(0.5), examples_to_target: Some(100) };
        let late = Trial { learning_rate: 0.2, loss: Some(0.1), examples_to_target: Some(200) };
        let never = judged(0.3, Some(0.01));
        assert_eq!(best(&[never.clone(), late.clone(), early]), Some(0.1));
        assert_eq!(best(&[never, late]), Some(0.2));
    }

    #[test]
    fn a_search_that_could_find_nothing_is_refused() {
        let sound = RateSearch::default();
        sound.validate().unwrap();
        for (search, part) in [
            (RateSearch { lowest: 0.0, ..sound }, "lowest"),
            (RateSearch { highest: 1e-6, ..sound }, "at least the lowest"),
            (RateSearch { per_decade: 0, ..sound }, "per_decade"),
            (RateSearch { budget_share: 1.5, ..sound }, "at most 1"),
        ] {
            assert!(search.validate().unwrap_err().to_string().contains(part));
        }
    }
}
