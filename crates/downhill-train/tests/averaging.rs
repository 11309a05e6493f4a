//! Parameters are judged and kept where their optimizer, or the configuration, says; and what else follows the way
//! of a run: rates that fall on a plateau, gradients clipped by the size of their parameters.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network, plain, table};
use downhill_autograd::Type;
use downhill_data::{BatchSize, InMemory};
use downhill_engine::Engine;
use downhill_nn::{Activation, AnyLayer, Loss, Network, models};
use downhill_optim::{
    Adam, Asgd, AverageKind, GradientDescent, Lookahead, OptimizerConfig, ReduceOnPlateau, Rule,
    ScheduleFreeAdamW, ScheduleFreeSgd, Threshold,
};
use downhill_train::{Averaging, Event, Model, StepOptions, TrainConfig, Trainer, TrainingStep};
use std::ops::ControlFlow;

const X: [f32; 4] = [-1.0, 0.0, 0.5, 2.0];
const Y: [f32; 4] = [0.5, 0.25, 1.0, -1.0];

/// Four points.
fn points() -> InMemory {
    let rows: Vec<_> = (0..4).map(|i| ([f64::from(X[i])], f64::from(Y[i]))).collect();
    table(&rows.iter().map(|(x, y)| (&x[..], *y)).collect::<Vec<_>>())
}

fn network() -> AnyLayer {
    models::mlp(&[4], 1, Activation::Tanh).into()
}

/// Steps on all four points as they are.
fn raw(optimizer: OptimizerConfig, epochs: u64) -> TrainConfig {
    TrainConfig {
        standardize_inputs: false,
        standardize_targets: false,
        restore_best: false,
        batch_size: BatchSize::Full,
        optimizer,
        ..plain(0.1, epochs)
    }
}

/// The same steps by hand.
fn by_hand(config: &TrainConfig) -> TrainingStep<f32> {
    let (input, target) = (Type::float([4, 1]), Type::float([4, 1]));
    let options = StepOptions { seed: config.seed, ..config.optimizer.clone().into() };
    let network = Network::new(network(), input).unwrap();
    let mut step =
        TrainingStep::new(&network, input, target, &Loss::MeanSquaredError, options, &Engine::default())
            .unwrap();
    for _ in 0..config.epochs {
        step.step(&X, &Y).unwrap();
    }
    step
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn optimizers_with_an_average_are_judged_and_saved_at_it() {
    let free: OptimizerConfig = ScheduleFreeSgd { learning_rate: 0.3, ..Default::default() }.into();
    let adam = ScheduleFreeAdamW { learning_rate: 0.1, ..Default::default() }.into();
    // After 7 steps, two from where the slow parameters wait.
    let ahead = Lookahead::around(Adam { learning_rate: 0.1, ..Adam::default() }.into()).into();
    let asgd = Asgd { learning_rate: 0.1, start: 0.0, ..Default::default() }.into();
    for optimizer in [free, adam, ahead, asgd] {
        let name = optimizer.name().to_owned();
        let config = raw(optimizer, 7);
        let step = by_hand(&config);
        let outcome = Trainer::new(network(), config).unwrap().fit(&points(), Some(&points())).unwrap();
        let kept = outcome.model.parameters();
        assert!(distance(kept, &step.evaluation_parameters()) < 1e-5, "{name}: not at the average");
        let folder = tempfile::tempdir().unwrap();
        outcome.model.save(folder.path().join("model.bin")).unwrap();
        let loaded = Model::load(folder.path().join("model.bin")).unwrap();
        assert_eq!(loaded.parameters(), kept);
        // What the history says was measured there as well.
        let judged = outcome.history.last().unwrap().monitored_loss();
        assert_eq!(loaded.evaluate(&points()).unwrap().loss, judged, "{name}");
        assert!(distance(kept, step.parameters()) > 1e-3, "{name}: the average is the point itself");
    }
}

/// The parameters after this many steps of gradient descent.
fn after(steps: u64) -> Vec<f32> {
    let config = raw(GradientDescent { learning_rate: 0.1 }.into(), steps);
    Trainer::new(network(), config).unwrap().fit(&points(), None).unwrap().model.parameters().to_vec()
}

/// The parameters that a run of four epochs keeps, of one step each.
fn averaged(average: Averaging) -> Vec<f32> {
    let descent = raw(GradientDescent { learning_rate: 0.1 }.into(), 4);
    let config = TrainConfig { average: Some(average), ..descent };
    let outcome = Trainer::new(network(), config).unwrap().fit(&points(), Some(&points())).unwrap();
    let judged = outcome.history.last().unwrap().monitored_loss();
    assert_eq!(outcome.model.evaluate(&points()).unwrap().loss, judged);
    outcome.model.parameters().to_vec()
}

/// A sum of these vectors, each with its weight.
fn mixed(parts: &[(f32, Vec<f32>)]) -> Vec<f32> {
    (0..parts[0].1.len()).map(|i| parts.iter().map(|(weight, values)| weight * values[i]).sum()).collect()
}

#[test]
fn an_equal_average_is_the_mean_of_the_ends_of_epochs() {
    let all = averaged(Averaging { kind: AverageKind::Equal, first_epoch: 1 });
    let mean = mixed(&[(0.25, after(1)), (0.25, after(2)), (0.25, after(3)), (0.25, after(4))]);
    assert!(distance(&all, &mean) < 1e-6);
    let late = averaged(Averaging { kind: AverageKind::Equal, first_epoch: 3 });
    assert!(distance(&late, &mixed(&[(0.5, after(3)), (0.5, after(4))])) < 1e-6);
    assert!(distance(&late, &all) > 1e-3);
    // Not begun yet: the last parameters.
    let never = averaged(Averaging { kind: AverageKind::Equal, first_epoch: 5 });
    assert_eq!(never, after(4));
}

#[test]
fn an_exponential_average_takes_in_each_step() {
    let average = averaged(Averaging { kind: AverageKind::Exponential(0.75), first_epoch: 2 });
    let expected = mixed(&[(0.5625, after(2)), (0.1875, after(3)), (0.25, after(4))]);
    assert!(distance(&average, &expected) < 1e-6);
    // Also where a run ends in the middle of an epoch.
    let (train, _) = iris();
    let config = |average| TrainConfig { average, restore_best: false, ..adam(0.05, 1) };
    let stopped_after = |last: u64, average| {
        Trainer::new(iris_network(), config(average))
            .unwrap()
            .on_event(|event| match event {
                Event::Step { step, .. } if *step == last => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
            .fit(&train, None)
            .unwrap()
            .model
            .parameters()
            .to_vec()
    };
    let half = stopped_after(2, Some(Averaging { kind: AverageKind::Exponential(0.5), first_epoch: 1 }));
    let expected = mixed(&[(0.5, stopped_after(1, None)), (0.5, stopped_after(2, None))]);
    assert!(distance(&half, &expected) < 1e-6);
}

#[test]
fn the_rate_falls_where_the_loss_no_longer_does() {
    // Only the first loss is better than none by as much as a hundred.
    let threshold = Threshold::Absolute(100.0);
    let plateau = ReduceOnPlateau { gamma: 0.5, patience: 1, threshold, ..ReduceOnPlateau::default() };
    let config =
        TrainConfig { plateau: Some(plateau), ..raw(GradientDescent { learning_rate: 0.1 }.into(), 6) };
    let outcome = Trainer::new(network(), config).unwrap().fit(&points(), None).unwrap();
    let rates: Vec<f64> = outcome.history.iter().map(|record| record.learning_rate).collect();
    assert_eq!(rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]);
}

#[test]
fn adaptive_clipping_limits_gradients_by_the_size_of_their_parameters() {
    let first_norm = |clip_adaptive| {
        let config = TrainConfig { clip_adaptive, ..raw(GradientDescent { learning_rate: 0.0 }.into(), 1) };
        let outcome = Trainer::new(network(), config).unwrap().fit(&points(), None).unwrap();
        (outcome.history[0].gradient_norm, downhill_optim::global_norm(outcome.model.parameters()))
    };
    let (free, parameters) = first_norm(None);
    let (clipped, _) = first_norm(Some(0.01));
    assert!(clipped < 0.01 * parameters + 1e-6, "{clipped}");
    assert!(clipped > 0.0 && clipped < free, "{clipped} of {free}");
    assert_eq!(first_norm(Some(1e6)).0, free);
}
