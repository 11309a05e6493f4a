//! The learning rate range test: what it leaves untouched, and what it finds where the answer is known.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network, plain, table};
use downhill_autograd::Type;
use downhill_engine::Engine;
use downhill_nn::{
    Activation, BatchNorm, Dropout, Embedding, Flatten, Linear, Loss, Network, Sequential, models,
};
use downhill_optim::{GradientDescent, OptimizerConfig, Rule, Sgd};
use downhill_train::diagnosis::Severity;
use downhill_train::rate_range::{RateCurve, RateRange};
use downhill_train::{Error, StepOptions, TrainConfig, TrainingStep};

fn batch(index: u64) -> ([f32; 24], [i64; 6]) {
    (std::array::from_fn(|i| (i as f32 * 0.7 + index as f32).sin()), [0, 1, 2, 1, 0, 2])
}

/// A step with state beside its parameters and random units.
fn step_of(options: impl Into<StepOptions>) -> TrainingStep {
    let layers = Sequential::new()
        .with(Linear::new(8))
        .with(BatchNorm::default())
        .with(Activation::Tanh)
        .with(Dropout::new(0.3))
        .with(Linear::new(3));
    let network = Network::new(layers, Type::float([6, 4])).unwrap();
    let engine = Engine::with_threads(1);
    TrainingStep::new(&network, network.input(), Type::index([6]), &Loss::CrossEntropy, options, &engine)
        .unwrap()
}

/// The bits of the losses and parameters of some more steps.
fn bits(step: &mut TrainingStep) -> Vec<u32> {
    let mut losses: Vec<u32> = Vec::new();
    for index in 0..4 {
        let (x, classes) = batch(100 + index);
        losses.push(step.step(&x, &classes).unwrap().to_bits());
    }
    let numbers = step.parameters().iter().chain(step.state()).chain(step.output());
    losses.into_iter().chain(numbers.map(|x| x.to_bits())).collect()
}

#[test]
fn every_optimizer_goes_on_as_if_there_had_been_no_test() {
    for name in OptimizerConfig::names() {
        let optimizer = OptimizerConfig::from_name(name).unwrap();
        let [mut untouched, mut tested] = std::array::from_fn(|_| step_of(optimizer.clone()));
        for step in [&mut untouched, &mut tested] {
            step.set_learning_rate_factor(0.5).unwrap();
            for index in 0..3 {
                let (x, classes) = batch(index);
                step.step(&x, &classes).unwrap();
            }
        }
        let (found, mut index) = (tested.snapshot(), 10);
        let curve = RateRange { steps: 60, ..RateRange::default() }
            .run(&mut tested, |step| {
                index += 1;
                let (x, classes) = batch(index);
                step.step(&x, &classes)
            })
            .unwrap();
        assert!(curve.points.len() > 20, "{name}: it did make steps");
        assert_eq!(tested.snapshot(), found, "{name}");
        assert_eq!((tested.steps(), tested.learning_rate()), (3, 0.5 * optimizer.learning_rate()));
        assert_eq!(bits(&mut tested), bits(&mut untouched), "{name}");
    }
}

#[test]
fn lazy_rows_of_an_embedding_come_back_too() {
    let layers = Sequential::new().with(Embedding::new(20, 4)).with(Flatten {}).with(Linear::new(3));
    let network = Network::new(layers, Type::index([5, 2])).unwrap();
    let options = StepOptions { lazy_rows: true, ..downhill_optim::Adam::default().into() };
    let engine = Engine::with_threads(1);
    let (input, target) = (network.input(), Type::index([5]));
    let mut step =
        TrainingStep::<f32>::new(&network, input, target, &Loss::CrossEntropy, options, &engine).unwrap();
    let (words, classes) = ([0i64, 3, 7, 7, 19, 2, 5, 11, 4, 4], [0i64, 1, 2, 1, 0]);
    step.step(&words, &classes).unwrap();
    let found = step.snapshot();
    RateRange::default().run(&mut step, |step| step.step(&words, &classes)).unwrap();
    assert_eq!(step.snapshot(), found);
}

#[test]
fn an_error_in_the_midst_of_it_gives_the_step_back_as_well() {
    let mut step = step_of(Sgd::default());
    let (found, mut made) = (step.snapshot(), 0);
    let error = RateRange::default().run(&mut step, |step| {
        made += 1;
        let (x, mut classes) = batch(0);
        classes[0] = if made > 5 { 99 } else { 0 };
        step.step(&x, &classes)
    });
    assert!(matches!(error, Err(Error::Execution { .. })), "{error:?}");
    assert_eq!((step.snapshot(), made), (found, 6));
}

#[test]
fn a_gradient_that_cannot_be_clipped_is_an_end_not_an_error() {
    // Inputs so large that a gradient overflows together with its loss.
    let network = Network::new(models::linear(1), Type::float([2, 1])).unwrap();
    let options = StepOptions { clip_norm: Some(1e30), ..GradientDescent::default().into() };
    let (target, engine) = (Type::float([2, 1]), Engine::with_threads(1));
    let mut step = TrainingStep::<f32>::new(
        &network,
        network.input(),
        target,
        &Loss::MeanSquaredError,
        options,
        &engine,
    )
    .unwrap();
    let found = step.snapshot();
    let mut errors = 0;
    let curve = RateRange::default().run(&mut step, |step| {
        let loss = step.step(&[1e15f32, 2e15], &[1.0f32, 2.0]);
        errors += usize::from(loss.is_err());
        loss
    });
    assert_eq!((curve.unwrap().diverged_at, errors), (Some(1e-7), 1));
    assert_eq!(step.snapshot(), found);
}

#[test]
fn a_snapshot_of_another_step_is_refused() {
    let mut step = step_of(Sgd::default());
    let before = step.snapshot();
    let adam = step_of(downhill_optim::Adam::default()).snapshot();
    assert!(matches!(step.restore(adam), Err(Error::Optimizer(_))));
    let network = Network::new(models::linear(3), Type::float([6, 4])).unwrap();
    let (target, engine) = (Type::index([6]), Engine::with_threads(1));
    let small = TrainingStep::<f32>::new(
        &network,
        network.input(),
        target,
        &Loss::CrossEntropy,
        Sgd::default(),
        &engine,
    );
    assert!(matches!(step.restore(small.unwrap().snapshot()), Err(Error::Mismatch { .. })));
    assert_eq!(step.snapshot(), before);
}

/// Plain descent on all examples at once, as they are.
fn of_bowls() -> TrainConfig {
    TrainConfig { standardize_inputs: false, standardize_targets: false, ..plain(0.1, 1) }
}

/// The test of plain descent for a linear function of two columns, on all examples at once.
fn on_rows(rows: &[([f64; 2], f64)]) -> RateCurve {
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    let range = RateRange { steps: 1000, smoothing: 0.0, ..RateRange::default() };
    range.run_on(models::linear(1), &of_bowls(), &table(&rows)).unwrap()
}

/// The largest curvature of the squared error, by power iteration: that of `2/n Σ x xᵀ`, with x = (a, b, 1).
fn sharpness(rows: &[([f64; 2], f64)]) -> f64 {
    let (mut direction, mut norm) = ([1.0, 0.7, 0.4], 0.0);
    for _ in 0..500 {
        let mut product = [0.0; 3];
        for ([a, b], _) in rows {
            let x = [*a, *b, 1.0];
            let along: f64 = x.iter().zip(&direction).map(|(x, d)| x * d).sum();
            product.iter_mut().zip(x).for_each(|(p, x)| *p += 2.0 / rows.len() as f64 * along * x);
        }
        norm = product.iter().map(|p| p * p).sum::<f64>().sqrt();
        direction = product.map(|p| p / norm);
    }
    norm
}

#[test]
fn on_a_bowl_the_loss_turns_at_the_limit_of_stability() {
    for steep in [0.3, 3.0, 10.0] {
        let row = |i: i32| {
            let i = f64::from(i);
            ([steep * i.sin(), (2.1 * i).cos()], i.sin() + (0.3 * i).cos())
        };
        let rows: Vec<_> = (0..40).map(row).collect();
        let curve = on_rows(&rows);
        let limit = 2.0 / sharpness(&rows);
        // Below 2/λ each step takes the steepest part down. Above it that part grows, from almost nothing.
        let diverged = curve.diverged_at.unwrap();
        assert!(diverged > limit && diverged < 3.0 * limit, "{diverged} of {limit}");
        let falling: Vec<_> = curve.points.iter().filter(|point| point.learning_rate < limit).collect();
        assert!(falling.len() > 500);
        assert!(falling.windows(2).all(|pair| pair[1].loss <= pair[0].loss * (1.0 + 1e-6)));
        let suggested = curve.suggestion().unwrap().learning_rate;
        assert!(suggested < limit, "{suggested} of {limit}");
        let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
        let found = RateRange::sharpness_on(models::linear(1), &of_bowls(), &table(&rows), suggested);
        let sharpness = found.unwrap().unwrap();
        assert!((sharpness.largest_stable_rate() / limit - 1.0).abs() < 1e-6, "{sharpness:?} of {limit}");
        assert_eq!(sharpness.verdict().severity, Severity::Healthy);
    }
}

#[test]
fn the_rates_grow_by_one_factor_and_the_loss_is_that_after_the_step() {
    let row = |a: f64, b: f64| ([a, b], a + b);
    let curve = on_rows(&[row(1.0, 1.0), row(1.0, -1.0), row(-1.0, 1.0), row(-1.0, -1.0)]);
    assert_eq!(curve.points[0].learning_rate, 1e-7);
    let factor = (10f64 / 1e-7).powf(1.0 / 999.0);
    for pair in curve.points.windows(2) {
        assert!((pair[1].learning_rate / pair[0].learning_rate / factor - 1.0).abs() < 1e-9);
    }
    // All curvatures are 2: each step multiplies the error by 1 - 2 η.
    let mut loss = curve.initial_loss;
    for point in &curve.points[..400] {
        loss *= (1.0 - 2.0 * point.learning_rate).powi(2);
        assert!((point.loss / loss - 1.0).abs() < 1e-3, "{point:?} is not {loss}");
    }
}

#[test]
fn what_it_suggests_trains() {
    let (train, held_out) = iris();
    let curve = RateRange::default().run_on(iris_network(), &adam(1e-3, 1), &train).unwrap();
    assert_eq!(curve, RateRange::default().run_on(iris_network(), &adam(1e-3, 1), &train).unwrap());
    for suggestion in curve.suggestions() {
        let config = adam(suggestion.learning_rate, 60);
        let outcome =
            downhill_train::Trainer::new(iris_network(), config).unwrap().fit(&train, None).unwrap();
        let accuracy = outcome.model.evaluate(&held_out).unwrap().accuracy.unwrap();
        assert!(accuracy > 0.9, "{suggestion:?}: {accuracy}");
    }
}

#[test]
fn the_optimizers_own_rate_makes_no_difference() {
    let (train, _) = iris();
    let curve = |rate| {
        let config =
            TrainConfig { optimizer: GradientDescent { learning_rate: rate }.into(), ..adam(1.0, 1) };
        RateRange::default().run_on(iris_network(), &config, &train).unwrap()
    };
    let (small, large) = (curve(0.001), curve(4.0));
    assert_eq!(small.points.len(), large.points.len());
    for (a, b) in small.points.iter().zip(&large.points) {
        assert!((a.smoothed - b.smoothed).abs() <= 1e-4 * b.smoothed, "{a:?} is not {b:?}");
    }
}

#[test]
fn an_optimizer_with_a_preconditioner_has_a_limit_too_and_one_without_a_limit_none() {
    let (train, _) = iris();
    let sharpness = RateRange::sharpness_on(iris_network(), &adam(0.01, 1), &train, 0.01).unwrap().unwrap();
    assert!(sharpness.value > 0.0 && sharpness.verdict().finding.contains("adam"), "{sharpness:?}");
    let lion = OptimizerConfig::from_name("lion").unwrap();
    let config = TrainConfig { optimizer: lion, ..adam(0.01, 1) };
    assert_eq!(RateRange::sharpness_on(iris_network(), &config, &train, 0.01).unwrap(), None);
}

#[test]
fn nonsense_is_refused() {
    let (train, _) = iris();
    let sound = RateRange::default();
    for (range, config, part) in [
        (RateRange { lowest: 0.0, ..sound }, adam(0.1, 1), "lowest must be above 0"),
        (RateRange { highest: 1e-8, ..sound }, adam(0.1, 1), "highest must be above the lowest"),
        (RateRange { steps: 2, ..sound }, adam(0.1, 1), "steps must be from 5"),
        (RateRange { smoothing: 1.0, ..sound }, adam(0.1, 1), "smoothing must be from 0"),
        (RateRange { divergence: f64::NAN, ..sound }, adam(0.1, 1), "divergence must be above 1"),
        (sound, adam(0.0, 1), "learning_rate must be above 0"),
        (sound, TrainConfig { clip_adaptive: Some(0.1), ..adam(0.1, 1) }, "clip_adaptive"),
    ] {
        let error = range.run_on(iris_network(), &config, &train).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
