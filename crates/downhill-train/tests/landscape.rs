//! Pictures of the loss, against closed forms, and the replay of a training.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use downhill_data::{InMemory, PartSize};
use downhill_engine::Engine;
use downhill_nn::{Activation, models};
use downhill_optim::Adam;
use downhill_tensor::Key;
use downhill_train::landscape::{
    Landscape, LandscapeOptions, Plane, Sameness, Segment, filter_normalized_direction, replay,
};
use downhill_train::objective::{LossOptions, LossOverData};
use downhill_train::{EarlyStopping, Model, Outcome, TrainConfig, Trainer};

/// A line through points that do not lie on one.
fn line() -> InMemory {
    let rows: Vec<([f64; 1], f64)> =
        (0..30).map(|i| ([f64::from(i) / 10.0], f64::from(i) / 5.0 + (f64::from(i) * 1.7).cos())).collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    common::table(&rows)
}

fn fitted() -> (InMemory, Model) {
    let data = line();
    let config =
        TrainConfig { standardize_inputs: false, standardize_targets: false, ..common::plain(0.1, 20) };
    let outcome = Trainer::new(models::linear(1), config).unwrap().fit(&data, None).unwrap();
    (data, outcome.model)
}

/// The mean squared error of a line with this weight and bias, from its five sums.
fn error(data: &InMemory, weight: f64, bias: f64) -> f64 {
    let y = data.values().unwrap();
    let x: Vec<f64> = (0..data.len()).map(|row| data.input(row).unwrap()[0]).collect();
    let squares = x.iter().zip(&y).map(|(x, y)| (weight * x + bias - y).powi(2));
    squares.sum::<f64>() / y.len() as f64
}

#[test]
fn a_surface_of_a_linear_model_is_its_closed_form() {
    let (data, model) = fitted();
    let mut loss =
        LossOverData::<f64>::of_model(&model, &data, &Engine::default(), LossOptions::default()).unwrap();
    let names: Vec<_> = loss.layout().entries().iter().map(|entry| entry.shape.rank()).collect();
    assert_eq!(names, [2, 1], "the weight comes before the bias");
    let plane = Plane { origin: vec![0.5, -1.0], first: vec![2.0, 0.5], second: vec![-1.0, 1.0] };
    let surface = plane.surface(&mut loss, [-1.0, 2.0], [0.0, 3.0], [7, 4]).unwrap();
    assert_eq!((surface.rows(), surface.losses.len()), (4, 28));
    let mut seen = 0;
    for ([x, y], found) in surface.places() {
        let expected = error(&data, 0.5 + 2.0 * x - y, -1.0 + 0.5 * x + y);
        assert!((found - expected).abs() < 1e-12 * (1.0 + expected), "{x} {y}: {found} {expected}");
        seen += usize::from([x, y] == [2.0, 3.0]) + usize::from([x, y] == [-1.0, 0.0]);
    }
    assert_eq!(seen, 2);
}

#[test]
fn a_segment_of_a_linear_model_is_a_parabola() {
    let (data, model) = fitted();
    let mut loss =
        LossOverData::<f64>::of_model(&model, &data, &Engine::default(), LossOptions::default()).unwrap();
    let (from, to) = ([0.0, 0.0], [3.0, -1.0]);
    let segment = Segment::measure(&mut loss, &from, &to, [-0.5, 1.5], 21).unwrap();
    for (share, found) in segment.shares.iter().zip(&segment.losses) {
        let expected = error(&data, 3.0 * share, -share);
        assert!((found - expected).abs() < 1e-12 * (1.0 + expected));
    }
    // A parabola never rises above its chords.
    assert_eq!(segment.barrier(), 0.0);
}

fn trained(config: &TrainConfig) -> (InMemory, InMemory, Outcome) {
    let (train, held_out) = common::iris();
    let layers = models::mlp(&[6], 3, Activation::Tanh);
    let outcome = Trainer::new(layers, config.clone()).unwrap().fit(&train, Some(&held_out)).unwrap();
    (train, held_out, outcome)
}

#[test]
fn a_replay_ends_at_the_saved_bits_and_other_data_or_settings_elsewhere() {
    let stopping = Some(EarlyStopping { patience: 2, min_delta: 0.0 });
    for config in [
        common::adam(0.02, 12),
        TrainConfig { early_stopping: stopping, ..common::adam(0.2, 60) },
        TrainConfig { threads: 2, restore_best: false, ..common::adam(0.02, 12) },
    ] {
        let (train, held_out, outcome) = trained(&config);
        let again =
            replay(outcome.model.layers(), &config, &train, Some(&held_out), 10, Some(outcome.epochs))
                .unwrap();
        assert_eq!(again.sameness(&outcome.model), Sameness::Bits);
        let path = &again.path;
        assert!((2..=10).contains(&path.steps.len()), "{:?}", path.steps);
        assert_eq!((path.steps[0], path.steps.last()), (0, Some(&outcome.steps)));
        let first: Vec<f32> =
            outcome.model.network().initialize(Key::new(config.seed).named("initialization"));
        assert_eq!(path.points[0], first);
        if !config.restore_best {
            assert_eq!(path.points.last().unwrap(), outcome.model.parameters());
        }
    }
    let config = common::adam(0.02, 12);
    let (train, held_out, outcome) = trained(&config);
    let (fewer, _) = train.split(PartSize::Count(1), 0).unwrap();
    let other = replay(outcome.model.layers(), &config, &fewer, Some(&held_out), 10, None).unwrap();
    let Sameness::Differs { parameters, largest } = other.sameness(&outcome.model) else { panic!() };
    assert!(parameters > 0 && largest > 0.0);
    let seed = TrainConfig { seed: 3, ..config };
    let other = replay(outcome.model.layers(), &seed, &train, Some(&held_out), 10, None).unwrap();
    assert_ne!(other.sameness(&outcome.model), Sameness::Bits);
}

#[test]
fn the_pictures_fit_the_model_and_each_other() {
    let config = TrainConfig {
        optimizer: Adam { learning_rate: 0.02, ..Adam::default() }.into(),
        ..common::adam(0.02, 15)
    };
    let (train, held_out, outcome) = trained(&config);
    let model = &outcome.model;
    let replay = replay(model.layers(), &config, &train, Some(&held_out), 20, Some(outcome.epochs)).unwrap();
    let options = LandscapeOptions { grid: 5, range: 0.5, examples: 60, seed: 3 };
    let draw = |threads| {
        Landscape::of(model, &train, Some(&replay), options, &Engine::with_threads(threads)).unwrap()
    };
    let landscape = draw(1);
    assert_eq!(landscape, draw(3));
    assert_eq!((landscape.examples, landscape.of), (60, 120));
    assert!(landscape.scope().contains("60 of the 120 training examples"));

    // The middle of the random plane is the model.
    assert_eq!(landscape.random.losses[12], landscape.loss);
    let path = landscape.path.as_ref().unwrap();
    assert_eq!(path.differs, None);
    assert_eq!(path.line.losses[30], landscape.loss);
    assert_eq!((path.line.shares[10], path.line.shares[30]), (0.0, 1.0));
    assert!((path.line.losses[10] - path.losses[0]).abs() < 1e-6);
    // Distances, places and lengths make right triangles.
    for index in 0..path.steps.len() {
        let [x, y] = path.places[index];
        let length = (x * x + y * y + path.distances[index].powi(2)).sqrt();
        assert!((length - path.from_end[index]).abs() < 1e-9 * (1.0 + length));
    }
    let (last, share) = (path.steps.len() - 1, path.explained[0] + path.explained[1]);
    assert_eq!((path.places[last], path.distances[last]), ([0.0, 0.0], 0.0));
    let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
    let beside = squares(&path.distances) / squares(&path.from_end);
    assert!((1.0 - beside - share).abs() < 1e-9, "{share} {beside}");
    let names: Vec<String> = landscape.verdicts().into_iter().map(|verdict| verdict.name).collect();
    assert_eq!(names, ["replay-is-the-run", "path-in-its-plane", "straight-line"]);

    let rows = landscape.csv().lines().count();
    assert_eq!(rows, 1 + 25 + 25 + path.steps.len() + 41);
    let page = landscape.page().to_string();
    for part in ["random directions", "What the plane leaves out", "each the share in brackets"] {
        assert!(page.contains(part), "'{part}' is missing");
    }
}

#[test]
fn without_a_replay_there_are_the_random_directions_alone() {
    let (data, model) = fitted();
    let options = LandscapeOptions { grid: 3, ..Default::default() };
    let landscape = Landscape::of(&model, &data, None, options, &Engine::default()).unwrap();
    assert!(landscape.path.is_none() && landscape.verdicts().is_empty());
    assert!(landscape.scope().contains("all 30 training examples"));
    let theta = LossOverData::<f64>::point(model.parameters());
    let layout = model.network().layout();
    let direction =
        filter_normalized_direction(layout, &theta, Key::new(0).named("landscape").named("first")).unwrap();
    // Only the weight moves, by its own length.
    assert!((direction[0].abs() - theta[0].abs()).abs() < 1e-12 && direction[1] == 0.0);
    let expected = error(&data, theta[0] - direction[0], theta[1]);
    let found = landscape.random.losses[3];
    assert!((found - expected).abs() < 1e-4 * expected, "{found} {expected}");
    for wrong in [
        LandscapeOptions { grid: 1, ..options },
        LandscapeOptions { range: 0.0, ..options },
        LandscapeOptions { examples: 0, ..options },
    ] {
        assert!(Landscape::of(&model, &data, None, wrong, &Engine::default()).is_err());
    }
}
