//! Races: on bowls where the answer is known, and on data.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{iris, iris_network, table};
use downhill_data::{BatchSize, InMemory};
use downhill_nn::{AnyLayer, Loss, models};
use downhill_optim::{GradientDescent, OptimizerConfig, Sgd};
use downhill_train::race::{
    Band, Budget, Criterion, Currency, Edge, End, Entrant, First, Measure, Method, Race, RaceEvent,
    RaceResult, RateSearch, TargetLoss,
};
use downhill_train::{TrainConfig, Trainer};
use std::ops::ControlFlow;

/// Four points on which the squared error of a linear function is a bowl with curvatures `2 steep²`, 2 and
/// `2 flat²`: the columns and the constant are orthogonal. It is 0 at the slopes 1 and 1.
fn bowl(steep: f64, flat: f64) -> InMemory {
    let row = |a: f64, b: f64| ([a * steep, b * flat], a * steep + b * flat);
    let rows = [row(1.0, 1.0), row(1.0, -1.0), row(-1.0, 1.0), row(-1.0, -1.0)];
    table(&rows.each_ref().map(|(x, y)| (&x[..], *y)))
}

/// A race on a bowl, where nothing is standardized.
fn on_bowl(entrants: Vec<Entrant>) -> Race {
    Race {
        seeds: vec![1],
        loss: Loss::MeanSquaredError,
        standardize_inputs: false,
        standardize_targets: false,
        evaluations_per_decade: 1000,
        ..Race::of(entrants)
    }
}

fn full_batch(optimizer: impl Into<OptimizerConfig>, tuned: bool) -> Entrant {
    let method = Method::Optimizer(optimizer.into());
    Entrant { name: "descent".into(), method, batch_size: BatchSize::Full, tuned }
}

fn run(race: &Race, network: impl Into<AnyLayer>, data: &InMemory) -> RaceResult {
    race.run(network, data, None, |_| ControlFlow::Continue(())).unwrap()
}

/// The median of the steps to the target.
fn steps(result: &RaceResult, entrant: usize) -> f64 {
    let standing = result.standings().remove(0);
    assert_eq!(standing.currency, Currency::Steps);
    standing.finishes.iter().find(|finish| finish.entrant == entrant).unwrap().median.unwrap()
}

#[test]
fn momentum_beats_descent_by_the_root_of_the_condition() {
    // Curvatures from 0.2 to 20: the condition is 100.
    let data = bowl(10f64.sqrt(), 0.1f64.sqrt());
    let (largest, smallest) = (20.0f64, 0.2f64);
    let root = (largest / smallest).sqrt();
    // The best rates of both, and the best momentum (Polyak 1964).
    let descent = GradientDescent { learning_rate: 2.0 / (largest + smallest) };
    let heavy_ball = Sgd {
        learning_rate: (2.0 / (largest.sqrt() + smallest.sqrt())).powi(2),
        momentum: ((root - 1.0) / (root + 1.0)).powi(2),
        ..Sgd::default()
    };
    let race = Race {
        target_loss: Some(1e-9),
        budget: Budget::steps(2000),
        ..on_bowl(vec![full_batch(descent, false), full_batch(heavy_ball, false)])
    };
    let result = run(&race, models::linear(1), &data);
    let ratio = steps(&result, 0) / steps(&result, 1);
    // Momentum has a start to make up for: with a double root the error falls as (1 + c t) ρ^t.
    assert!(ratio > 0.6 * root && ratio < 1.2 * root, "{ratio} is not about {root}");
    assert!(matches!(result.standings()[0].first, First::Clearly(1)));
    // Its own theory, for descent: each step takes the error down by (κ - 1)/(κ + 1).
    let (start, end) = (result.entrants[0].courses[0].points[0].loss, 1e-9f64);
    let predicted = (start / end).ln() / (2.0 * (101.0f64 / 99.0).ln());
    assert!(
        (steps(&result, 0) / predicted - 1.0).abs() < 0.1,
        "{} is not about {predicted}",
        steps(&result, 0)
    );
}

#[test]
fn the_tuner_finds_the_best_rate_and_none_that_diverges() {
    for (steep, flat) in [(3.0, 0.5), (1.5, 0.7), (8.0, 1.0)] {
        let data = bowl(steep, flat);
        let stable = 2.0 / (2.0 * steep * steep);
        let search = |per_decade, refinements| {
            let search = RateSearch { per_decade, refinements, budget_share: 1.0, ..RateSearch::default() };
            let descent = full_batch(GradientDescent::default(), true);
            let race = Race { budget: Budget::steps(60), search, ..on_bowl(vec![descent]) };
            let result = run(&race, models::linear(1), &data);
            result.entrants[0].tuning.clone().unwrap()
        };
        let (coarse, exhaustive) = (search(2, 4), search(64, 0));
        let rate = coarse.learning_rate.unwrap();
        assert!(rate < stable, "{rate} diverges, from {stable} on");
        let apart = (rate / exhaustive.learning_rate.unwrap()).ln().abs();
        let resolution = coarse.resolution.ln() + exhaustive.resolution.ln();
        assert!(apart <= resolution * (1.0 + 1e-9), "{rate} is not {:?}", exhaustive.learning_rate);
        assert_eq!(coarse.trials.len(), 13 + 8);
        let over = coarse.trials.iter().filter(|trial| trial.learning_rate > stable).count();
        assert!(over > 0 && coarse.diverged() == over, "{} of {over}", coarse.diverged());
        for trial in &exhaustive.trials {
            assert_eq!(trial.loss.is_some(), trial.learning_rate < stable, "{}", trial.learning_rate);
        }
    }
}

#[test]
fn a_race_without_a_stable_rate_is_not_run() {
    let search = RateSearch { lowest: 1.0, highest: 100.0, ..RateSearch::default() };
    let entrants =
        vec![full_batch(GradientDescent::default(), true), full_batch(GradientDescent::default(), false)];
    let result = run(&Race { search, ..on_bowl(entrants) }, models::linear(1), &bowl(3.0, 1.0));
    assert!(result.entrants[0].courses.is_empty() && result.entrants[1].courses.len() == 1);
    assert_eq!(result.entrants[0].tuning.as_ref().unwrap().learning_rate, None);
    let verdicts = result.verdicts();
    let verdict = verdicts.iter().find(|verdict| verdict.name == "no-rate").unwrap();
    assert!(verdict.finding.contains("all of its 5 trials, with rates from 1 to 100, diverged"), "{verdict}");
}

#[test]
fn a_rate_at_the_end_of_the_search_is_remarked() {
    let search = RateSearch { lowest: 1e-5, highest: 1e-3, ..RateSearch::default() };
    let race = Race { search, ..on_bowl(vec![full_batch(GradientDescent::default(), true)]) };
    let result = run(&race, models::linear(1), &bowl(1.0, 1.0));
    assert_eq!(result.entrants[0].tuning.as_ref().unwrap().edge, Some(Edge::Highest));
    let verdict = result.verdicts().pop().unwrap();
    assert_eq!(verdict.name, "rate-at-the-edge");
    assert!(verdict.advice.contains("larger"), "{verdict}");
}

fn small_race() -> Race {
    let sizes = [BatchSize::Full, BatchSize::Examples(16), BatchSize::Examples(1)];
    Race {
        seeds: vec![3, 4, 5],
        budget: Budget::epochs(4.0),
        search: RateSearch { refinements: 1, ..RateSearch::default() },
        ..Race::of(Entrant::all(&["sgd", "adam@0.02"], &sizes).unwrap())
    }
}

/// The result with the seconds taken out.
fn timeless(mut result: RaceResult) -> RaceResult {
    let courses = result.entrants.iter_mut().flat_map(|entrant| &mut entrant.courses);
    courses.flat_map(|course| &mut course.points).for_each(|point| point.seconds = 0.0);
    RaceResult { threads: 0, ..result }
}

#[test]
fn all_but_the_seconds_is_the_same_again_with_any_number_of_threads() {
    let (train, held_out) = iris();
    let run = |threads| {
        let race = Race { threads, ..small_race() };
        let result =
            race.run(iris_network(), &train, Some(&held_out), |_| ControlFlow::Continue(())).unwrap();
        assert!(
            result.entrants.iter().flat_map(|e| &e.courses).all(|c| c.points.last().unwrap().seconds > 0.0)
        );
        timeless(result)
    };
    let first = run(1);
    assert_eq!(first, run(1));
    assert_eq!(first, run(2));
    assert_eq!(first.standings()[0], run(1).standings()[0]);
}

#[test]
fn a_result_survives_being_written() {
    let (train, held_out) = iris();
    let result =
        small_race().run(iris_network(), &train, Some(&held_out), |_| ControlFlow::Continue(())).unwrap();
    let text = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<RaceResult>(&text).unwrap(), result);
    let points: usize = result.entrants.iter().flat_map(|e| &e.courses).map(|c| c.points.len()).sum();
    let csv = result.csv();
    assert_eq!(csv.lines().count(), points + 1);
    let columns = csv.lines().next().unwrap().split(',').count();
    // The comma in a label is within quotes.
    assert!(csv.lines().skip(1).all(|line| line.split(',').count() == columns + 1), "{csv}");
}

#[test]
fn all_start_alike_and_spend_alike() {
    let (train, held_out) = iris();
    let result =
        small_race().run(iris_network(), &train, Some(&held_out), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((result.train_examples, result.evaluated_examples, result.held_out_examples), (120, 120, 30));
    for (round, seed) in [3, 4, 5].into_iter().enumerate() {
        let starts: Vec<_> = result.entrants.iter().map(|entrant| entrant.courses[round].points[0]).collect();
        assert!(starts.iter().all(|start| start == &starts[0] && start.steps == 0 && start.seconds == 0.0));
        for (entrant, steps) in result.entrants.iter().zip([4, 32, 480, 4, 32, 480]) {
            let course = &entrant.courses[round];
            let last = course.points.last().unwrap();
            assert_eq!((course.seed, course.end), (seed, End::BudgetSpent));
            assert_eq!(
                (last.steps, last.gradient_evaluations, last.examples),
                (steps, steps, 480),
                "{}",
                entrant.label
            );
            assert!(course.points.is_sorted_by(|a, b| a.steps < b.steps && a.seconds < b.seconds));
        }
    }
    // A few steps are seen one by one, many of them about 16 times in a decade.
    assert_eq!(result.entrants[0].courses[0].points.len(), 5);
    let seen = result.entrants[2].courses[0].points.len();
    assert!((30..=45).contains(&seen), "{seen}");
}

#[test]
fn a_run_of_a_race_is_a_run_of_training() {
    let (train, _) = iris();
    let race = Race {
        seeds: vec![7],
        budget: Budget::epochs(3.0),
        ..Race::of(Entrant::all(&["adam@0.01", "sgd@0.1"], &[BatchSize::Examples(32)]).unwrap())
    };
    let result = run(&race, iris_network(), &train);
    for entrant in &result.entrants {
        let Method::Optimizer(optimizer) = &entrant.entrant.method else { panic!("an optimizer") };
        let config = TrainConfig {
            epochs: 3,
            seed: 7,
            restore_best: false,
            optimizer: optimizer.clone(),
            ..TrainConfig::default()
        };
        let outcome = Trainer::new(iris_network(), config).unwrap().fit(&train, None).unwrap();
        let last = entrant.courses[0].points.last().unwrap();
        assert_eq!((last.steps, last.loss), (outcome.steps, outcome.model.evaluate(&train).unwrap().loss));
    }
}

#[test]
fn the_observer_ends_the_race_and_what_was_there_is_kept() {
    let (train, _) = iris();
    let race = Race {
        seeds: vec![1, 2],
        budget: Budget::steps(10),
        ..Race::of(Entrant::all(&["sgd@0.1", "adam@0.1"], &[BatchSize::Full]).unwrap())
    };
    let stopped_after = |race: &Race, steps: usize| {
        let mut seen = 0;
        let result = race.run(iris_network(), &train, None, |event| match event {
            RaceEvent::Step if seen + 1 == steps => ControlFlow::Break(()),
            RaceEvent::Step => {
                seen += 1;
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        });
        result.unwrap()
    };
    let result = stopped_after(&race, 25);
    assert!(result.interrupted && result.standings().is_empty());
    // The second seed begins with the second entrant, in the midst of whose run it ended.
    let ends: Vec<Vec<End>> = result
        .entrants
        .iter()
        .map(|entrant| entrant.courses.iter().map(|course| course.end).collect())
        .collect();
    assert_eq!(ends, [vec![End::BudgetSpent], vec![End::BudgetSpent, End::Interrupted]]);
    assert_eq!(result.entrants[1].courses[1].points.last().unwrap().steps, 5);
    assert_eq!(result.verdicts()[0].name, "interrupted");
    let whole = run(&race, iris_network(), &train);
    assert_eq!(whole.entrants[0].courses.len(), 2);
    assert_eq!(timeless(result).entrants[0].courses[0], timeless(whole).entrants[0].courses[0]);
    // While rates are searched for, there are no runs yet.
    let tuned = Race { entrants: Entrant::all(&["sgd", "adam"], &[BatchSize::Full]).unwrap(), ..race };
    let result = stopped_after(&tuned, 7);
    assert!(result.interrupted && result.entrants.len() == 1 && result.entrants[0].courses.is_empty());
}

#[test]
fn a_band_holds_all_seeds() {
    let (train, held_out) = iris();
    let result =
        small_race().run(iris_network(), &train, Some(&held_out), |_| ControlFlow::Continue(())).unwrap();
    for entrant in &result.entrants {
        for (currency, measure) in
            [(Currency::Examples, Measure::Loss), (Currency::Seconds, Measure::HeldOut)]
        {
            let band = entrant.band(currency, measure);
            assert_eq!(band.len(), entrant.courses[0].points.len());
            for (index, Band { spent, lowest, median, highest }) in band.into_iter().enumerate() {
                let points: Vec<_> = entrant.courses.iter().map(|course| course.points[index]).collect();
                let mut losses: Vec<f64> =
                    points.iter().map(|point| point.measured(measure).unwrap()).collect();
                losses.sort_by(f64::total_cmp);
                assert_eq!([lowest, median, highest], losses[..]);
                assert!(currency == Currency::Seconds || spent == points[0].examples as f64);
            }
        }
    }
}

#[test]
fn a_target_that_nobody_gave_is_one_that_two_thirds_reach() {
    let (train, _) = iris();
    let result = run(&small_race(), iris_network(), &train);
    let target = result.target.clone().unwrap();
    let reaching =
        result.entrants.iter().filter(|entrant| entrant.best_of_all_seeds().unwrap() <= target.loss);
    assert!(!target.given && reaching.count() == 4);
}

#[test]
fn rates_can_be_chosen_by_the_time_to_the_target() {
    let (train, _) = iris();
    let search =
        RateSearch { criterion: Criterion::TimeToTarget, budget_share: 1.0, ..RateSearch::default() };
    let race = Race {
        search,
        target_loss: Some(0.3),
        budget: Budget::epochs(40.0),
        ..Race::of(Entrant::all(&["adam"], &[BatchSize::Examples(16)]).unwrap())
    };
    let tuning = run(&race, iris_network(), &train).entrants.remove(0).tuning.unwrap();
    let best = tuning.trials.iter().filter_map(|trial| trial.examples_to_target).min().unwrap();
    let chosen =
        tuning.trials.iter().find(|trial| Some(trial.learning_rate) == tuning.learning_rate).unwrap();
    assert_eq!(chosen.examples_to_target, Some(best));
    assert!(best < 40 * 120);
}

#[test]
fn a_subset_is_evaluated_where_there_are_many_examples() {
    let (train, _) = iris();
    let race = |evaluated_examples| Race {
        evaluated_examples,
        seeds: vec![1],
        budget: Budget::steps(3),
        ..Race::of(Entrant::all(&["sgd@0.1"], &[BatchSize::Full]).unwrap())
    };
    let (all, some) = (run(&race(500), iris_network(), &train), run(&race(50), iris_network(), &train));
    assert_eq!((all.evaluated_examples, some.evaluated_examples), (120, 50));
    assert_ne!(all.entrants[0].courses[0].points[0].loss, some.entrants[0].courses[0].points[0].loss);
    assert_eq!(timeless(some.clone()), timeless(run(&race(50), iris_network(), &train)));
}

#[test]
fn lbfgs_beats_descent_on_a_bowl_and_counts_all_of_its_gradients() {
    let data = bowl(10f64.sqrt(), 0.1f64.sqrt());
    let names = ["lbfgs", "conjugate-gradient", "steepest-descent", "gradient-descent"];
    let race = Race {
        target_loss: Some(1e-6),
        budget: Budget::steps(300),
        seeds: vec![1, 2],
        ..on_bowl(Entrant::all(&names, &[BatchSize::Full]).unwrap())
    };
    let result = run(&race, models::linear(1), &data);
    for entrant in &result.entrants[..3] {
        assert!(entrant.tuning.is_none() && entrant.entrant.learning_rate().is_none());
        for course in &entrant.courses {
            let last = course.points.last().unwrap();
            // The start is evaluated too, and a search may look further than it goes.
            assert!(last.gradient_evaluations > last.steps && last.examples == 4 * last.gradient_evaluations);
            assert!(last.loss <= 1e-6 && last.seconds > 0.0, "{}: {last:?}", entrant.label);
        }
    }
    // Three parameters: conjugate directions need about three steps, and lbfgs not many more.
    let of = |entrant| steps(&result, entrant);
    assert!(of(0) <= 15.0 && of(1) <= 15.0 && of(2) > 3.0 * of(0), "{} {} {}", of(0), of(1), of(2));
    assert_eq!(timeless(result), timeless(run(&race, models::linear(1), &data)));
}

#[test]
fn a_method_that_has_found_the_minimum_ends_there() {
    let race = Race { budget: Budget::steps(100_000), ..on_bowl(Entrant::all(&["lbfgs"], &[]).unwrap()) };
    let course = run(&race, models::linear(1), &bowl(2.0, 0.7)).entrants.remove(0).courses.remove(0);
    assert_eq!(course.end, End::Converged);
    assert!(course.points.last().unwrap().loss < 1e-9);
}

#[test]
fn what_only_training_moves_cannot_be_raced_along_lines() {
    let network = models::linear(3);
    let with_statistics =
        downhill_nn::Sequential::new().with(downhill_nn::BatchNorm::default()).with(network);
    let race = Race::of(Entrant::all(&["lbfgs"], &[]).unwrap());
    let error = race.run(with_statistics, &iris().0, None, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("running statistics"), "{error}");
    let batch = Entrant::from_name("lbfgs", BatchSize::Examples(8)).unwrap_err();
    assert!(batch.to_string().contains("full for a method that searches along lines"), "{batch}");
    assert!(Entrant::from_name("lbfgs@0.1", BatchSize::Full).is_err());
}

#[test]
fn on_digits_a_large_batch_makes_more_of_a_step_and_a_small_one_of_an_example() {
    let digits = downhill_data::embedded::load("digits").unwrap();
    let sizes = [BatchSize::Full, BatchSize::Examples(64), BatchSize::Examples(1)];
    let race = Race {
        seeds: vec![1, 2, 3],
        budget: Budget::epochs(8.0),
        search: RateSearch { refinements: 0, ..RateSearch::default() },
        threads: 2,
        ..Race::of(Entrant::all(&["sgd"], &sizes).unwrap())
    };
    let network =
        downhill_nn::Sequential::new().with(downhill_nn::Flatten {}).with(downhill_nn::Linear::new(10));
    let result = run(&race, network, &digits);
    let band = |entrant: usize, currency| result.entrants[entrant].band(currency, Measure::Loss);
    // After as many steps, all examples have led further than some, with every seed.
    let after = |entrant: usize, steps: f64| {
        let band = band(entrant, Currency::Steps);
        band.into_iter().take_while(|place| place.spent <= steps).last().unwrap()
    };
    let [full, some, one] = [0, 1, 2].map(|entrant| after(entrant, 8.0));
    assert!(full.highest < some.lowest && full.highest < one.lowest, "{full:?} {some:?} {one:?}");
    // After as many examples it is the other way round.
    let [full, some] = [0, 1].map(|entrant| band(entrant, Currency::Examples).pop().unwrap());
    assert_eq!((full.spent, some.spent), (8.0 * 1797.0, 8.0 * 1797.0));
    assert!(some.highest < full.lowest, "{full:?} {some:?}");
    // So a loss that both reach is reached by the one in fewer steps, by the other with fewer examples.
    let result = RaceResult { target: Some(TargetLoss { loss: full.highest, given: true }), ..result };
    let verdicts = result.verdicts();
    let verdict = verdicts.iter().find(|verdict| verdict.name == "best-batch-size").unwrap();
    assert_eq!(verdict.place.as_deref(), Some("sgd"));
    assert!(verdict.finding.contains("steps: full batch, examples: batch of "), "{verdict}");
}

#[test]
fn a_run_that_diverges_ends_there() {
    let entrants = vec![full_batch(GradientDescent { learning_rate: 1e3 }, false)];
    let result = run(&on_bowl(entrants), models::linear(1), &bowl(3.0, 1.0));
    let course = &result.entrants[0].courses[0];
    assert_eq!((course.end, result.entrants[0].final_loss(Measure::Loss)), (End::Diverged, None));
    assert!(course.points.iter().all(|point| point.loss.is_finite()));
    assert_eq!(result.verdicts().last().unwrap().name, "diverged");
}

#[test]
fn nonsense_is_refused() {
    let (train, held_out) = iris();
    let sound = || Race { seeds: vec![1], budget: Budget::steps(1), ..small_race() };
    let fixed = || Entrant::from_name("sgd@0.1", BatchSize::Full).unwrap();
    for (race, part) in [
        (Race { entrants: vec![], ..sound() }, "entrants must be at least one"),
        (Race { seeds: vec![], ..sound() }, "seeds must be at least one"),
        (Race { threads: 0, ..sound() }, "threads must be at least 1"),
        (Race { budget: Budget::epochs(0.0), ..sound() }, "budget must be limits above 0"),
        (Race { target_loss: Some(f64::NAN), ..sound() }, "target_loss must be finite"),
        (
            Race { target_loss: Some(100.0), entrants: vec![fixed()], ..sound() },
            "the race begins at a loss of",
        ),
        (
            Race { entrants: vec![Entrant { batch_size: BatchSize::Examples(0), ..fixed() }], ..sound() },
            "batch_size must be at least 1",
        ),
        (
            Race {
                search: RateSearch { criterion: Criterion::TimeToTarget, ..RateSearch::default() },
                ..sound()
            },
            "target_loss",
        ),
    ] {
        let result = race.run(iris_network(), &train, Some(&held_out), |_| ControlFlow::Continue(()));
        let error = result.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(Entrant::from_name("adamm", BatchSize::Full).unwrap_err().to_string().contains("adamm"));
    assert!(Entrant::from_name("adam@fast", BatchSize::Full).unwrap_err().to_string().contains("'fast'"));
}
