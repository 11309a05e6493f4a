//! Races: which optimizer and which batch size get the loss down first, and by what measure.
//!
//! All entrants start from the same parameters, and those with the same batch size see the same batches; a learning
//! rate is searched for each of them at the same cost ([`RateSearch`]). What counts is seen in four currencies
//! ([`Currency`]), which need not agree: a large batch makes much of a step, a small one much of an example, and a
//! machine makes some of them cheap. Who was first is said only where the seeds leave no doubt
//! ([`RaceResult::standings`]).

mod budget;
mod entrant;
mod finish;
mod page;
mod record;
mod result;
mod track;
mod tuning;
mod words;

pub use budget::Budget;
pub use entrant::{Entrant, Method};
pub use finish::{Arrival, Currency, Finish, First, Standing};
pub use result::{Band, Course, End, EntrantResult, Measure, Point, RaceResult, TargetLoss};
pub use tuning::{Criterion, Edge, RateSearch, Trial, Tuning};

use crate::evaluator::Evaluator;
use crate::trainer::{check_targets, network_for};
use crate::{Error, Result};
use downhill_data::{InMemory, Preprocessing, PreprocessingOptions, permutation};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Loss};
use downhill_tensor::Key;
use record::Watch;
use std::ops::ControlFlow;
use track::{Observer, Setup, Track};

/// Something that happened in a race.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RaceEvent<'a> {
    /// A step was made. This is seen while the time runs: whoever takes long here lengthens the race.
    Step,
    /// A learning rate was tried for this entrant.
    #[non_exhaustive]
    Tried {
        /// The entrant.
        entrant: &'a Entrant,
        /// The trial.
        trial: &'a Trial,
    },
    /// The search for a learning rate is over.
    #[non_exhaustive]
    Tuned {
        /// The entrant.
        entrant: &'a Entrant,
        /// What was found.
        tuning: &'a Tuning,
    },
    /// A run is over.
    #[non_exhaustive]
    Ran {
        /// The entrant.
        entrant: &'a Entrant,
        /// The run.
        course: &'a Course,
    },
}

/// A race between optimizers and batch sizes.
///
/// ```
/// use downhill_data::{BatchSize, embedded};
/// use downhill_nn::models;
/// use downhill_train::race::{Budget, Currency, Entrant, Race};
/// use std::ops::ControlFlow;
///
/// let iris = embedded::load("iris")?;
/// let race = Race {
///     seeds: vec![1, 2],
///     budget: Budget::epochs(3.0),
///     ..Race::of(Entrant::all(&["sgd@0.1", "adam@0.01"], &[BatchSize::Full, BatchSize::Examples(16)])?)
/// };
/// let result = race.run(models::linear(3), &iris, None, |_| ControlFlow::Continue(()))?;
/// for standing in result.standings() {
///     println!("{}: {:?}", standing.currency.name(), standing.first);
/// }
/// for verdict in result.verdicts() {
///     println!("{verdict}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Race {
    /// Who takes part.
    pub entrants: Vec<Entrant>,
    /// What all randomness of a run follows from, for each run of an entrant; default 1 to 5.
    pub seeds: Vec<u64>,
    /// What each run may spend; default 20 epochs.
    pub budget: Budget,
    /// How the learning rates are searched for, of the entrants that want it.
    pub search: RateSearch,
    /// The loss to reach; default the smallest that two thirds of the entrants reach with every seed.
    pub target_loss: Option<f64>,
    /// What is made small; default cross-entropy, for classes.
    pub loss: Loss,
    /// On how many training examples the loss is evaluated, at most: the first of a fixed random order. Default
    /// 5,000.
    pub evaluated_examples: usize,
    /// How often the loss is evaluated while the number of examples seen grows tenfold; default 16. A target is seen to
    /// be reached at an evaluation, so this is the precision of an arrival: 15 %.
    pub evaluations_per_decade: u32,
    /// Whether numeric columns are standardized, as fitted on the training data; default `true`.
    pub standardize_inputs: bool,
    /// Whether target numbers are standardized, as fitted on the training data; default `true`.
    pub standardize_targets: bool,
    /// How many threads compute, at least 1; default 1. Nothing but the seconds depends on it.
    pub threads: usize,
}

impl Race {
    /// A race of these entrants, with the defaults.
    pub fn of(entrants: Vec<Entrant>) -> Self {
        Race {
            entrants,
            seeds: (1..=5).collect(),
            budget: Budget::default(),
            search: RateSearch::default(),
            target_loss: None,
            loss: Loss::CrossEntropy,
            evaluated_examples: 5000,
            evaluations_per_decade: 16,
            standardize_inputs: true,
            standardize_targets: true,
            threads: 1,
        }
    }

    /// Searches for learning rates, and lets the entrants run: with each seed all of them one after the other,
    /// beginning with another one each time, so that a machine that gets slower favours nobody.
    ///
    /// `observer` sees what happens. With [`ControlFlow::Break`] it ends the race; the result has what was there by
    /// then.
    ///
    /// # Errors
    /// Options outside their domain; data, network, loss and optimizers that do not go together; a target loss that is
    /// not below that of the first parameters.
    pub fn run(
        &self,
        layers: impl Into<AnyLayer>,
        train: &InMemory,
        held_out: Option<&InMemory>,
        mut observer: impl FnMut(&RaceEvent<'_>) -> ControlFlow<()>,
    ) -> Result<RaceResult> {
        self.validate()?;
        check_targets(train, held_out)?;
        let train_role = Error::data("the training data");
        let options = PreprocessingOptions {
            standardize_inputs: self.standardize_inputs,
            standardize_targets: self.standardize_targets,
        };
        let preprocessing = Preprocessing::fit(train, options).map_err(&train_role)?;
        let prepared = |raw: &InMemory| preprocessing.apply(raw);
        let data = prepared(train).map_err(&train_role)?;
        let evaluated = self.evaluated(train)?;
        let evaluated_data = prepared(&evaluated).map_err(&train_role)?;
        let held_out_data = held_out.map(prepared).transpose().map_err(Error::data("the held-out data"))?;

        let network = network_for(&layers.into(), &self.loss, &data)?;
        let engine = Engine::with_threads(self.threads);
        let evaluator = |data, raw| Evaluator::new(&network, &self.loss, &engine, data, raw, &preprocessing);
        let held_out_evaluator = match (&held_out_data, held_out) {
            (Some(data), Some(raw)) => Some(evaluator(data, raw)?),
            _ => None,
        };
        let on_training_data = evaluator(&evaluated_data, &evaluated)?;
        let mut track =
            Track::new(&network, &self.loss, &engine, &data, on_training_data, held_out_evaluator);
        self.check_target(&mut track)?;

        let mut result = RaceResult {
            data: train.title().into(),
            train_examples: train.len(),
            evaluated_examples: evaluated.len(),
            held_out_examples: held_out.map_or(0, InMemory::len),
            parameters: network.parameter_count(),
            loss: self.loss,
            threads: self.threads,
            budget: self.budget,
            seeds: self.seeds.clone(),
            target: None,
            entrants: Vec::new(),
            interrupted: false,
        };
        result.interrupted = self.tune(&mut track, &mut result.entrants, &mut observer)?.is_break()
            || self.courses(&mut track, &mut result.entrants, &mut observer)?.is_break();
        result.target = match self.target_loss {
            Some(loss) => Some(TargetLoss { loss, given: true }),
            None => RaceResult::common_target(&result.entrants).map(|loss| TargetLoss { loss, given: false }),
        };
        Ok(result)
    }

    /// Finds the learning rates, and makes the list of the entrants as they run.
    fn tune(
        &self,
        track: &mut Track<'_>,
        entrants: &mut Vec<EntrantResult>,
        observer: &mut Observer<'_>,
    ) -> Result<ControlFlow<()>> {
        for entrant in &self.entrants {
            let mut tuned = EntrantResult {
                label: entrant.to_string(),
                entrant: entrant.clone(),
                tuning: None,
                courses: Vec::new(),
            };
            if entrant.tuned {
                tuned.tuning = self.search(track, entrant, observer)?;
                let Some(tuning) = &tuned.tuning else {
                    entrants.push(tuned);
                    return Ok(ControlFlow::Break(()));
                };
                let answer = observer(&RaceEvent::Tuned { entrant, tuning });
                if let Some(rate) = tuning.learning_rate {
                    tuned.entrant = entrant.at(rate);
                }
                if answer.is_break() {
                    entrants.push(tuned);
                    return Ok(ControlFlow::Break(()));
                }
            }
            entrants.push(tuned);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The search for the learning rate of an entrant; nothing if the observer ended it.
    fn search(
        &self,
        track: &mut Track<'_>,
        entrant: &Entrant,
        observer: &mut Observer<'_>,
    ) -> Result<Option<Tuning>> {
        let budget = self.budget.share(self.search.budget_share);
        let watch = match (self.search.criterion, self.target_loss) {
            (Criterion::TimeToTarget, Some(target)) => {
                Watch::UntilTarget { per_decade: self.evaluations_per_decade, target }
            }
            _ => Watch::Ends,
        };
        let setup = Setup { seed: self.search.seed, budget, watch };
        self.search.search(budget, |learning_rate| {
            let course = track.run(&entrant.at(learning_rate), setup, observer)?;
            let trial = judge(learning_rate, &course, watch);
            let answer = observer(&RaceEvent::Tried { entrant, trial: &trial });
            Ok((course.end != End::Interrupted && answer.is_continue()).then_some(trial))
        })
    }

    /// The runs that count.
    fn courses(
        &self,
        track: &mut Track<'_>,
        entrants: &mut [EntrantResult],
        observer: &mut Observer<'_>,
    ) -> Result<ControlFlow<()>> {
        let count = entrants.len();
        for (round, &seed) in self.seeds.iter().enumerate() {
            for turn in 0..count {
                let EntrantResult { entrant, tuning, courses, .. } = &mut entrants[(round + turn) % count];
                if tuning.as_ref().is_some_and(|tuning| tuning.learning_rate.is_none()) {
                    continue;
                }
                let watch = Watch::PerDecade(self.evaluations_per_decade);
                let setup = Setup { seed, budget: self.budget, watch };
                let course = track.run(entrant, setup, observer)?;
                let answer = observer(&RaceEvent::Ran { entrant, course: &course });
                let stopped = course.end == End::Interrupted || answer.is_break();
                courses.push(course);
                if stopped {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The training examples on which the loss is evaluated.
    fn evaluated(&self, train: &InMemory) -> Result<InMemory> {
        if train.len() <= self.evaluated_examples {
            return Ok(train.clone());
        }
        let mut rows = permutation(train.len(), Key::new(0).named("evaluated examples"));
        rows.truncate(self.evaluated_examples);
        rows.sort_unstable();
        train.subset(&rows).map_err(Error::data("the training data"))
    }

    /// Refuses a target at which the race would begin.
    fn check_target(&self, track: &mut Track<'_>) -> Result<()> {
        let Some(target) = self.target_loss else { return Ok(()) };
        for &seed in &self.seeds {
            let start = track.first_loss(seed)?;
            if target >= start {
                return Err(Error::Mismatch {
                    what: format!("the target loss of {target}"),
                    reason: format!("the race begins at a loss of {start:.4}; choose a smaller one"),
                });
            }
        }
        Ok(())
    }

    fn validate(&self) -> Result<()> {
        let check = |valid: bool, option, expected, actual: String| {
            if valid { Ok(()) } else { Err(Error::Option { option, expected, actual }) }
        };
        check(!self.entrants.is_empty(), "entrants", "at least one", "none".into())?;
        check(!self.seeds.is_empty(), "seeds", "at least one", "none".into())?;
        check(self.threads > 0, "threads", "at least 1", self.threads.to_string())?;
        check(self.evaluated_examples > 0, "evaluated_examples", "at least 1", "0".into())?;
        let often = self.evaluations_per_decade;
        check((1..=1000).contains(&often), "evaluations_per_decade", "from 1 to 1000", often.to_string())?;
        self.entrants.iter().try_for_each(Entrant::validate)?;
        let target = self.target_loss;
        let finite = target.is_none_or(f64::is_finite);
        check(finite, "target_loss", "finite", target.unwrap_or_default().to_string())?;
        let known = self.search.criterion != Criterion::TimeToTarget || target.is_some();
        check(
            known,
            "search.criterion",
            "final_loss where there is no target_loss",
            "time_to_target".into(),
        )?;
        self.budget.validate()?;
        self.search.validate()
    }
}

/// What a short run says of its learning rate.
fn judge(learning_rate: f64, course: &Course, watch: Watch) -> Trial {
    let (first, last) = (course.points.first(), course.points.last());
    let loss = match (first, last) {
        (Some(first), Some(last)) if course.end != End::Diverged && last.loss <= first.loss => {
            Some(last.loss)
        }
        _ => None,
    };
    let examples_to_target = match watch {
        Watch::UntilTarget { target, .. } => {
            last.filter(|point| point.loss <= target).map(|point| point.examples)
        }
        _ => None,
    };
    Trial { learning_rate, loss, examples_to_target }
}
