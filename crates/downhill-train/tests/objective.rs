//! The loss of a network over data, against the programs of training and against the Hessian of the tape.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
#[path = "common/hessian.rs"]
mod hessian;

use downhill_autograd::Type;
use downhill_data::{InMemory, Preprocessing};
use downhill_engine::{Engine, EnginePrecision};
use downhill_nn::{
    Activation, AnyLayer, BatchNorm, Dropout, Linear, Loss, Mode, Network, Sequential, models,
};
use downhill_optim::minimize::{Lbfgs, Method, MinimizeOptions, TrustRegion, minimize, unobserved};
use downhill_tensor::Key;
use downhill_train::Trainer;
use downhill_train::objective::{LossOptions, LossOverData};
use hessian::full_hessian;

fn iris() -> InMemory {
    let (train, _) = common::iris();
    Preprocessing::fit(&train, Default::default()).unwrap().apply(&train).unwrap()
}

fn network(layers: Sequential) -> Network<AnyLayer> {
    Network::new(layers.into(), Type::float([1, 4])).unwrap()
}

fn over<'a, T: EnginePrecision>(
    network: &'a Network<AnyLayer>,
    data: &InMemory,
    threads: usize,
    options: LossOptions,
) -> LossOverData<'a, T> {
    let engine = Engine::with_threads(threads);
    LossOverData::new(network, &Loss::CrossEntropy, &engine, data, &[], options).unwrap()
}

#[test]
fn products_are_those_of_the_full_hessian() {
    let (data, network) = (iris(), network(models::mlp(&[3], 3, Activation::Tanh)));
    let mut loss = over::<f64>(&network, &data, 1, LossOptions { batch_size: 50, ..Default::default() });
    let theta: Vec<f64> = network.initialize(Key::new(3));
    let n = theta.len();
    let full = full_hessian(&network, &data, &theta);
    for column in 0..n {
        let mut unit = vec![0.0; n];
        unit[column] = 1.0;
        // What is in its place does not matter.
        let mut product = vec![f64::NAN; n];
        loss.hessian_vector(&theta, &unit, &mut product).unwrap();
        for row in 0..n {
            let expected = full[row * n + column];
            assert!((product[row] - expected).abs() < 1e-12, "{row}, {column}: {} {expected}", product[row]);
        }
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_value_and_the_mean_of_the_batches() {
    let (data, network) = (iris(), network(models::mlp(&[5], 3, Activation::Tanh)));
    let mut loss = over::<f64>(&network, &data, 1, LossOptions { batch_size: 32, ..Default::default() });
    assert_eq!((loss.examples(), loss.batches(), loss.batch_len(3), loss.batch_len(4)), (120, 4, 24, 0));
    let theta: Vec<f64> = network.initialize(Key::new(3));
    let mut gradient = vec![f64::NAN; theta.len()];
    let value = loss.value_and_gradient(&theta, &mut gradient).unwrap();
    assert_eq!(value, loss.value(&theta).unwrap());
    for i in 0..theta.len() {
        let mut at = |step: f64| {
            let mut moved = theta.clone();
            moved[i] += step;
            loss.value(&moved).unwrap()
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((slope - gradient[i]).abs() < 1e-9, "{i}: {slope} is not {}", gradient[i]);
    }
    let (mut mean, mut part, mut mean_value) = (vec![0.0; theta.len()], vec![0.0; theta.len()], 0.0);
    for batch in 0..loss.batches() {
        let share = loss.batch_len(batch) as f64 / 120.0;
        mean_value += share * loss.batch_gradient(batch, &theta, &mut part).unwrap();
        mean.iter_mut().zip(&part).for_each(|(mean, part)| *mean += share * part);
    }
    assert_eq!(mean, gradient);
    assert!((mean_value - value).abs() < 1e-15);
}

#[test]
fn the_batch_size_changes_the_sums_by_no_more_than_rounding() {
    let (data, network) = (iris(), network(models::mlp(&[5], 3, Activation::Relu)));
    let theta: Vec<f64> = network.initialize(Key::new(3));
    let value = |batch_size| {
        over::<f64>(&network, &data, 1, LossOptions { batch_size, ..Default::default() })
            .value(&theta)
            .unwrap()
    };
    let whole = value(120);
    for size in [1, 7, 32, 1000] {
        assert!((value(size) - whole).abs() < 1e-14);
    }
}

#[test]
fn threads_change_no_bit_in_either_precision() {
    fn all<T: EnginePrecision>(data: &InMemory, threads: usize) -> Vec<f64> {
        let network = network(models::mlp(&[200, 100], 3, Activation::Tanh));
        let mut loss =
            over::<T>(&network, data, threads, LossOptions { batch_size: 40, ..Default::default() });
        let theta: Vec<T> = network.initialize(Key::new(3));
        let mut vectors = [vec![T::ZERO; theta.len()], vec![T::ZERO; theta.len()]];
        let [gradient, product] = &mut vectors;
        let value = loss.value_and_gradient(&theta, gradient).unwrap();
        loss.hessian_vector(&theta, gradient, product).unwrap();
        vectors.iter().flatten().map(|x| x.to_f64()).chain([value]).collect()
    }
    let data = iris();
    assert_eq!(all::<f64>(&data, 1), all::<f64>(&data, 3));
    assert_eq!(all::<f32>(&data, 1), all::<f32>(&data, 3));
    let (single, double) = (all::<f32>(&data, 1), all::<f64>(&data, 1));
    assert!(single.iter().zip(&double).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())));
}

#[test]
fn a_part_of_the_data_is_its_first_examples_or_a_view() {
    let (data, network) = (iris(), network(models::linear(3)));
    let theta: Vec<f64> = network.initialize(Key::new(3));
    let first = LossOptions { examples: Some(10), ..Default::default() };
    let view = data.subset(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
    let by_options = over::<f64>(&network, &data, 1, first).value(&theta).unwrap();
    assert_eq!(by_options, over::<f64>(&network, &view, 1, LossOptions::default()).value(&theta).unwrap());
    assert_ne!(by_options, over::<f64>(&network, &data, 1, LossOptions::default()).value(&theta).unwrap());
}

#[test]
fn training_mode_normalizes_by_the_batch_and_drops_the_same_units_each_time() {
    let layers = Sequential::new()
        .with(Linear::new(6))
        .with(BatchNorm::default())
        .with(Dropout::new(0.5))
        .with(Linear::new(3));
    let (data, network) = (iris(), network(layers));
    let theta: Vec<f64> = network.initialize(Key::new(3));
    let value = |options| over::<f64>(&network, &data, 1, options).value(&theta).unwrap();
    let training = LossOptions::default();
    let use_ = LossOptions { mode: Mode::Inference, ..training };
    assert_eq!(value(training), value(training));
    assert_ne!(value(training), value(LossOptions { seed: 7, ..training }));
    assert_eq!(value(use_), value(LossOptions { seed: 7, ..use_ }));
    assert_ne!(value(training), value(use_));
}

#[test]
fn of_a_model_it_is_the_loss_of_the_evaluation() {
    let (train, held_out) = common::iris();
    let outcome =
        Trainer::new(common::iris_network(), common::adam(0.01, 5)).unwrap().fit(&train, None).unwrap();
    let options = LossOptions { mode: Mode::Inference, ..LossOptions::default() };
    let mut loss =
        LossOverData::<f32>::of_model(&outcome.model, &held_out, &Engine::default(), options).unwrap();
    let evaluation = outcome.model.evaluate(&held_out).unwrap();
    assert_eq!(loss.value(outcome.model.parameters()).unwrap(), evaluation.loss);
    let point = LossOverData::<f64>::point(outcome.model.parameters());
    let mut loss =
        LossOverData::<f64>::of_model(&outcome.model, &held_out, &Engine::default(), options).unwrap();
    assert!((loss.value(&point).unwrap() - evaluation.loss).abs() < 1e-6);
}

#[test]
fn minimizers_train_a_network_and_those_that_know_the_curvature_too() {
    let (data, network) = (iris(), network(models::mlp(&[4], 3, Activation::Tanh)));
    for method in [Method::Lbfgs(Lbfgs::default()), Method::TrustRegion(TrustRegion::default())] {
        let mut loss = over::<f64>(&network, &data, 1, LossOptions::default());
        let mut theta: Vec<f64> = network.initialize(Key::new(1));
        let start = loss.value(&theta).unwrap();
        let options = MinimizeOptions { iterations: 60, ..MinimizeOptions::default() };
        let end = minimize(&mut loss, &mut theta, &method, &options, unobserved).unwrap();
        assert_eq!(loss.value(&theta).unwrap(), end.value);
        assert!(end.value < 0.05 * start, "{method:?}: {start} to {}", end.value);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_was_expected() {
    let (data, network) = (iris(), network(models::linear(3)));
    let refused = |options| {
        let engine = Engine::default();
        match LossOverData::<f64>::new(&network, &Loss::CrossEntropy, &engine, &data, &[], options) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    };
    let none = LossOptions { batch_size: 0, ..Default::default() };
    assert_eq!(refused(none), "batch_size must be at least 1, but is 0");
    let many = LossOptions { examples: Some(121), ..Default::default() };
    assert_eq!(refused(many), "examples must be at most the number of examples that there are, but is 121");
    let mut loss = over::<f64>(&network, &data, 1, LossOptions::default());
    let error = loss.value(&[0.0; 3]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the vector of parameters does not fit the data: 3 numbers came, and the network takes 15"
    );
    assert!(loss.batch_gradient(1, &[0.0; 15], &mut [0.0; 15]).is_err());
}
