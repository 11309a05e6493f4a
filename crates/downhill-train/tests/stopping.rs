//! How runs end, and with which parameters.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network, plain};
use downhill_data::{PartSize, embedded, generators};
use downhill_nn::{Activation, Loss, models};
use downhill_optim::{GradientDescent, OptimizerConfig};
use downhill_train::{
    Callback, EarlyStopping, Error, ErrorKind, Event, History, Outcome, StopReason, TrainConfig, Trainer,
};
use std::ops::ControlFlow;

/// Few examples with noisy labels and a wide network: the validation loss turns upwards soon.
fn overfitting(config: TrainConfig) -> Outcome {
    let (held_out, train) = generators::moons(400, 0.6, 5).unwrap().split(PartSize::Count(40), 1).unwrap();
    let network = models::mlp(&[64], 2, Activation::Relu);
    let outcome = Trainer::new(network, config).unwrap().fit(&train, Some(&held_out)).unwrap();
    // The parameters of the best epoch are restored: their loss is the smallest in the history.
    let smallest = outcome.history.iter().map(|r| r.monitored_loss()).fold(f64::INFINITY, f64::min);
    assert_eq!(outcome.model.evaluate(&held_out).unwrap().loss, smallest);
    let best = outcome.best_epoch.unwrap();
    assert_eq!(outcome.history[best as usize - 1].monitored_loss(), smallest);
    outcome
}

#[test]
fn early_stopping_waits_for_its_patience_and_restores_the_best() {
    let stopping = EarlyStopping { patience: 7, min_delta: 0.0 };
    let outcome = overfitting(TrainConfig { early_stopping: Some(stopping), ..adam(0.02, 1000) });
    let StopReason::EarlyStopped { best_epoch, patience: 7 } = outcome.stop else {
        panic!("{}", outcome.stop)
    };
    assert_eq!(outcome.epochs, best_epoch + 7);
    assert_eq!(outcome.best_epoch, Some(best_epoch));
    assert_eq!(
        outcome.stop.to_string(),
        format!("stopped early: no progress for 7 epochs after epoch {best_epoch}")
    );
}

#[test]
fn progress_of_less_than_the_minimum_does_not_count() {
    let (train, _) = iris();
    let stopping = EarlyStopping { patience: 3, min_delta: 100.0 };
    let config = TrainConfig { early_stopping: Some(stopping), ..adam(0.01, 1000) };
    let outcome = Trainer::new(iris_network(), config).unwrap().fit(&train, None).unwrap();
    // The first epoch is progress from nothing, the next three are not enough.
    assert_eq!(outcome.epochs, 4);
    assert_eq!(outcome.best_epoch, Some(4));
}

#[test]
fn the_best_is_restored_after_all_epochs_and_after_an_interruption() {
    let outcome = overfitting(adam(0.02, 60));
    assert_eq!(outcome.stop, StopReason::Completed { epochs: 60 });
    assert!(outcome.best_epoch < Some(60));

    let (held_out, train) = generators::moons(400, 0.6, 5).unwrap().split(PartSize::Count(40), 1).unwrap();
    let network = models::mlp(&[64], 2, Activation::Relu);
    let interrupted = Trainer::new(network, adam(0.02, 60))
        .unwrap()
        .on_event(|event| match event {
            Event::Step { epoch: 60, .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .fit(&train, Some(&held_out))
        .unwrap();
    assert!(matches!(interrupted.stop, StopReason::Interrupted { .. }));
    assert_eq!(interrupted.model.parameters(), outcome.model.parameters());
}

#[test]
fn the_last_is_kept_where_the_best_is_not_asked_for() {
    let (train, held_out) = iris();
    let config = TrainConfig { restore_best: false, ..adam(0.2, 20) };
    let outcome = Trainer::new(iris_network(), config).unwrap().fit(&train, Some(&held_out)).unwrap();
    let last = outcome.history.last().unwrap().monitored_loss();
    assert_eq!(outcome.model.evaluate(&held_out).unwrap().loss, last);
}

#[test]
fn callbacks_see_all_and_stop_before_the_next_step() {
    let (train, _) = iris();
    let mut history = History::default();
    let mut events = Vec::new();
    let outcome = Trainer::new(iris_network(), adam(0.01, 3))
        .unwrap()
        .callback(&mut history)
        .on_event(|event| {
            match event {
                Event::Started { examples, steps_per_epoch, epochs, parameters, .. } => {
                    events.push(format!("started {examples} {steps_per_epoch} {epochs} {parameters}"));
                }
                Event::Finished { stop, .. } => events.push(stop.to_string()),
                Event::Step { step: 6, .. } => return ControlFlow::Break(()),
                _ => {}
            }
            ControlFlow::Continue(())
        })
        .fit(&train, None)
        .unwrap();
    assert_eq!(outcome.stop, StopReason::Interrupted { step: 6 });
    assert_eq!((outcome.steps, outcome.epochs, outcome.best_epoch), (6, 1, Some(1)));
    assert_eq!(history.losses.len(), 6);
    assert_eq!(history.epochs, outcome.history);
    assert_eq!(events, ["started 120 4 3 67", "interrupted after step 6"]);

    let refuse_all = |_: &Event<'_>| ControlFlow::Break(());
    let outcome =
        Trainer::new(iris_network(), adam(0.01, 3)).unwrap().on_event(refuse_all).fit(&train, None).unwrap();
    assert_eq!((outcome.stop, outcome.best_epoch), (StopReason::Interrupted { step: 0 }, None));
    assert!(outcome.model.evaluate(&train).is_ok());
}

#[test]
fn a_boxed_callback_is_one() {
    let (train, _) = iris();
    let boxed: Box<dyn Callback> = Box::new(History::default());
    assert!(Trainer::new(iris_network(), adam(0.01, 1)).unwrap().callback(boxed).fit(&train, None).is_ok());
}

#[test]
fn a_rate_of_a_million_diverges_with_finite_parameters_left() {
    let (train, held_out) = embedded::load("digits").unwrap().split(PartSize::Fraction(0.2), 1).unwrap();
    let network = || {
        let flat = downhill_nn::Sequential::new().with(downhill_nn::Flatten {});
        models::mlp(&[16], 10, Activation::Relu).layers.into_iter().fold(flat, downhill_nn::Sequential::with)
    };
    let mut bounded = Vec::new();
    for name in OptimizerConfig::names() {
        let optimizer = OptimizerConfig::from_name(name).unwrap().with_learning_rate(1e6);
        let config = TrainConfig { optimizer, ..TrainConfig::default() };
        let outcome = Trainer::new(network(), config).unwrap().fit(&train, Some(&held_out)).unwrap();
        assert!(outcome.model.parameters().iter().all(|x| x.is_finite()), "{name}");
        assert!(outcome.model.evaluate(&held_out).unwrap().loss.is_finite(), "{name}");
        if matches!(outcome.stop, StopReason::Completed { .. }) {
            bounded.push(name);
            continue;
        }
        assert!(matches!(outcome.stop, StopReason::Diverged { .. }), "{name}: {}", outcome.stop);
        assert!(outcome.stop.to_string().contains("lower the learning rate"));
        let error = outcome.converged().unwrap_err();
        assert!(matches!(error, Error::Diverged(_)) && error.kind() == ErrorKind::Diverged);
    }
    // These limit the rate that they are given.
    assert_eq!(bounded, ["adafactor"]);
    let line = generators::line(100, 0.1, 1).unwrap().data;
    for rate in [1.5, 1e6] {
        let outcome = Trainer::new(models::linear(1), plain(rate, 1000)).unwrap().fit(&line, None).unwrap();
        assert!(outcome.stop.is_failure(), "rate {rate}: {}", outcome.stop);
    }
}

#[test]
fn divergence_goes_back_to_the_best_epoch_before_it() {
    // A schedule that begins well and then explodes.
    let (train, held_out) = iris();
    let config = TrainConfig {
        loss: Loss::CrossEntropy,
        optimizer: GradientDescent { learning_rate: 1e9 }.into(),
        schedule: downhill_optim::Schedule::WarmUp(downhill_optim::WarmUp {
            start_factor: 1e-10,
            ..downhill_optim::WarmUp::over(1_000_000_000_000, downhill_optim::Schedule::Constant)
        }),
        ..adam(0.0, 50)
    };
    let calm = Trainer::new(iris_network(), config.clone()).unwrap().fit(&train, Some(&held_out)).unwrap();
    assert_eq!(calm.stop, StopReason::Completed { epochs: 50 });
    let steep = downhill_optim::Schedule::WarmUp(downhill_optim::WarmUp {
        start_factor: 1e-10,
        ..downhill_optim::WarmUp::over(20, downhill_optim::Schedule::Constant)
    });
    // The first step of 1e-1, then steps of some ten millions.
    let config = TrainConfig { schedule: steep, batch_size: downhill_data::BatchSize::Full, ..config };
    let outcome = Trainer::new(iris_network(), config).unwrap().fit(&train, Some(&held_out)).unwrap();
    assert!(outcome.stop.is_failure(), "{}", outcome.stop);
    assert_eq!(outcome.best_epoch, Some(1));
    let loss = outcome.model.evaluate(&held_out).unwrap().loss;
    assert_eq!(loss, outcome.history[0].monitored_loss());
}
