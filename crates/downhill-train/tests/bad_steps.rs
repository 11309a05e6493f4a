//! What becomes of steps that go wrong: the run ends, they are left out, or the epoch begins again.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network, plain, table};
use downhill_data::{BatchSize, InMemory};
use downhill_nn::{Loss, models};
use downhill_optim::GradientDescent;
use downhill_train::diagnosis::NotFinite;
use downhill_train::{
    Answer, BadStep, BadSteps, Error, Event, Fault, Outcome, RunDirectory, StopReason, TrainConfig, Trainer,
};
use std::ops::ControlFlow;

/// Forty examples, one of which is infinite in single precision.
fn infinite() -> InMemory {
    let x = |i: u32| if i == 33 { 1e300 } else { f64::from(i % 7) };
    let rows: Vec<([f64; 1], f64)> = (0..40).map(|i| ([x(i)], f64::from(i % 5))).collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    table(&rows)
}

/// Five batches an epoch, of which one is bad.
fn config(bad_steps: BadSteps) -> TrainConfig {
    TrainConfig {
        standardize_inputs: false,
        batch_size: BatchSize::Examples(8),
        bad_steps,
        restore_best: false,
        ..plain(0.001, 3)
    }
}

/// A run, and the bad steps that its callback saw.
fn run(config: TrainConfig, data: &InMemory) -> (Outcome, Vec<BadStep>, usize) {
    let (mut seen, mut steps) = (Vec::new(), 0);
    let outcome = Trainer::new(models::linear(1), config)
        .unwrap()
        .on_event(|event| {
            match event {
                Event::BadStep(bad) => seen.push((*bad).clone()),
                Event::Step { .. } => steps += 1,
                _ => {}
            }
            ControlFlow::Continue(())
        })
        .fit(data, None)
        .unwrap();
    (outcome, seen, steps)
}

/// Iris by gradient descent at a rate at which it diverges.
fn steep(bad_steps: BadSteps, learning_rate: f64, threads: usize) -> TrainConfig {
    let optimizer = GradientDescent { learning_rate }.into();
    TrainConfig { optimizer, bad_steps, threads, loss: Loss::CrossEntropy, ..adam(0.0, 6) }
}

#[test]
fn the_first_bad_step_ends_a_run_unless_asked_otherwise() {
    let (outcome, seen, _) = run(config(BadSteps::Stop), &infinite());
    let StopReason::Diverged { loss: None, cause: Some(cause), .. } = &outcome.stop else {
        panic!("{}", outcome.stop)
    };
    let NotFinite::Given { input, range, .. } = &**cause else { panic!("{cause}") };
    assert_eq!((input.as_str(), range.infinite), ("input", 1));
    assert_eq!((seen.len(), seen[0].answer, seen[0].fault), (1, Answer::Stopped, Fault::Loss));
    assert_eq!(outcome.bad_steps, seen);
    let error = outcome.converged().unwrap_err();
    assert!(matches!(&error, Error::Diverged(_)));
    assert!(error.to_string().contains("the input data is not finite"), "{error}");
}

#[test]
fn a_bad_batch_is_left_out_and_changes_nothing() {
    let (outcome, seen, steps) = run(config(BadSteps::Skip { up_to: 3 }), &infinite());
    assert_eq!(outcome.stop, StopReason::Completed { epochs: 3 });
    assert!(seen.iter().all(|bad| bad.answer == Answer::Skipped));
    // Each epoch meets it once; the others of its batch are lost with it.
    assert_eq!((seen.len(), steps, outcome.steps), (3, 12, 15));
    assert!(seen[0].cause.is_some() && seen[1].cause.is_none());
    assert!(outcome.history.iter().all(|record| record.gradient_norm.is_finite()));
    assert!(outcome.model.parameters().iter().all(|x| x.is_finite()));

    let again = run(config(BadSteps::Skip { up_to: 3 }), &infinite()).0;
    assert_eq!(outcome.model.parameters(), again.model.parameters());
}

#[test]
fn one_more_than_allowed_ends_the_run() {
    let (outcome, seen, _) = run(config(BadSteps::Skip { up_to: 2 }), &infinite());
    assert!(outcome.stop.is_failure());
    let answers: Vec<Answer> = seen.iter().map(|bad| bad.answer).collect();
    assert_eq!(answers, [Answer::Skipped, Answer::Skipped, Answer::Stopped]);
    assert_eq!(outcome.epochs, 2);
}

#[test]
fn going_back_lowers_the_rate_to_what_would_have_been_right_from_the_start() {
    let (train, _) = iris();
    let fit = |config| Trainer::new(iris_network(), config).unwrap().fit(&train, None).unwrap();
    assert!(fit(steep(BadSteps::Stop, 4096.0, 1)).stop.is_failure());

    let policy = BadSteps::RollBack { factor: 0.0625, up_to: 8 };
    let outcome = fit(steep(policy, 4096.0, 1));
    assert_eq!(outcome.stop, StopReason::Completed { epochs: 6 });
    let Some(BadStep { answer: Answer::RolledBack { to_step: 0, rate_factor }, .. }) =
        outcome.bad_steps.last()
    else {
        panic!("{:?}", outcome.bad_steps)
    };
    // All that went wrong did so in the first epoch, so nothing of it is left but the rate.
    let right = fit(steep(BadSteps::Stop, 4096.0 * rate_factor, 1));
    assert_eq!(outcome.model.parameters(), right.model.parameters());
    assert_eq!(outcome.history, right.history);

    let threads = fit(steep(policy, 4096.0, 2));
    assert_eq!(outcome.model.parameters(), threads.model.parameters());
    assert_eq!(outcome.bad_steps, threads.bad_steps);
}

#[test]
fn going_back_in_vain_ends_the_run() {
    let (outcome, seen, _) = run(config(BadSteps::RollBack { factor: 0.5, up_to: 3 }), &infinite());
    assert!(outcome.stop.is_failure());
    let factors: Vec<f64> = seen
        .iter()
        .filter_map(|bad| match bad.answer {
            Answer::RolledBack { rate_factor, .. } => Some(rate_factor),
            _ => None,
        })
        .collect();
    assert_eq!(factors, [0.5, 0.25, 0.125]);
    assert_eq!((seen.len(), outcome.epochs), (4, 0));
}

#[test]
fn parameters_that_overflow_are_taken_back() {
    let (train, _) = iris();
    let policy = BadSteps::Skip { up_to: 2 };
    let outcome = Trainer::new(iris_network(), steep(policy, 1e42, 1)).unwrap().fit(&train, None).unwrap();
    assert!(outcome.bad_steps.iter().all(|bad| bad.fault == Fault::Parameters));
    let StopReason::Diverged { cause: Some(cause), .. } = &outcome.stop else { panic!("{}", outcome.stop) };
    assert!(matches!(**cause, NotFinite::Updated { .. }), "{cause}");
    assert!(outcome.model.parameters().iter().all(|x| x.is_finite()));
}

#[test]
fn a_diverged_run_is_saved_with_its_reason() {
    let (outcome, ..) = run(config(BadSteps::Stop), &infinite());
    let folder = tempfile::tempdir().unwrap();
    let mut saved = RunDirectory::create(folder.path().join("run"), false).unwrap();
    saved.save(&config(BadSteps::Stop), &outcome).unwrap();
    let opened = RunDirectory::open(saved.path()).unwrap();
    let ending = opened.ending().unwrap().unwrap();
    assert_eq!(ending, outcome.ending());
    assert!(ending.stop.is_failure() && !ending.verdicts.is_empty());
    assert_eq!(opened.model().unwrap().parameters(), outcome.model.parameters());
    // Runs of older versions did not write it down.
    std::fs::remove_file(saved.path().join("outcome.json")).unwrap();
    assert_eq!(opened.ending().unwrap(), None);
}
