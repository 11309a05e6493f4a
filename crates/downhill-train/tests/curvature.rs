//! Curvature, sharpness and noise of networks, against the full Hessian and closed forms.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
#[path = "common/hessian.rs"]
mod hessian;

use downhill_autograd::Type;
use downhill_data::{Features, InMemory, InputSchema, Preprocessing, Target};
use downhill_engine::Engine;
use downhill_nn::{Activation, AnyLayer, Loss, Network, models};
use downhill_optim::{Adam, AdamW, GradientDescent, Lion, Optimizer, OptimizerConfig, Sgd};
use downhill_tensor::linalg::symmetric_eigen;
use downhill_tensor::{Key, Tensor};
use downhill_train::diagnosis::{
    BatchGradients, CriticalSharpness, Curvature, CurvatureOptions, LanczosOptions, Place, Sharpness,
    estimated_preconditioner, preconditioner,
};
use downhill_train::objective::{LossOptions, LossOverData};
use hessian::full_hessian;

fn iris() -> InMemory {
    let (train, _) = common::iris();
    Preprocessing::fit(&train, Default::default()).unwrap().apply(&train).unwrap()
}

fn network() -> Network<AnyLayer> {
    Network::new(models::mlp(&[4], 3, Activation::Tanh).into(), Type::float([1, 4])).unwrap()
}

fn loss<'a>(network: &'a Network<AnyLayer>, data: &InMemory, batch_size: usize) -> LossOverData<'a> {
    let options = LossOptions { batch_size, ..Default::default() };
    LossOverData::new(network, &Loss::CrossEntropy, &Engine::default(), data, &[], options).unwrap()
}

fn spectrum(matrix: &[f64]) -> Vec<f64> {
    let n = (matrix.len() as f64).sqrt() as usize;
    symmetric_eigen(&Tensor::from_vec(matrix.to_vec(), [n, n]).unwrap()).unwrap().values.to_vec()
}

const THOROUGH: LanczosOptions = LanczosOptions { iterations: 200, tolerance: 1e-9, seed: 1 };

#[test]
fn the_ends_of_the_spectrum_and_the_trace_are_those_of_the_full_hessian() {
    let (data, network) = (iris(), network());
    for seed in [1, 2] {
        let theta: Vec<f64> = network.initialize(Key::new(seed));
        let full = full_hessian(&network, &data, &theta);
        let exact = spectrum(&full);
        let options = CurvatureOptions { lanczos: THOROUGH, trace_samples: 200 };
        let curvature = Curvature::measure(&mut loss(&network, &data, 50), &theta, options).unwrap();
        assert!((curvature.largest.value - exact[exact.len() - 1]).abs() < 1e-6);
        assert!((curvature.smallest.value - exact[0]).abs() < 1e-6);
        let trace: f64 = exact.iter().sum();
        let off = (curvature.trace.trace - trace).abs();
        assert!(off < 4.0 * curvature.trace.standard_error, "{:?} {trace}", curvature.trace);
        assert_eq!(curvature.place(), Place::Slope);
    }
}

#[test]
fn with_all_weights_0_a_network_of_tanh_is_at_a_saddle_once_its_output_biases_fit() {
    // The classes are as frequent as each other, so biases of 0 fit, and the gradient is 0 by symmetry; but products
    // of weights of the two layers can grow together.
    let (_, network) = ((), network());
    let iris = downhill_data::embedded::load("iris").unwrap();
    let iris = Preprocessing::fit(&iris, Default::default()).unwrap().apply(&iris).unwrap();
    let theta = vec![0.0; network.parameter_count()];
    let options = CurvatureOptions { lanczos: THOROUGH, ..Default::default() };
    let curvature = Curvature::measure(&mut loss(&network, &iris, 150), &theta, options).unwrap();
    assert!(curvature.gradient_norm < 1e-12);
    assert_eq!(curvature.place(), Place::Saddle);
    assert!(curvature.verdict().finding.contains("curve downwards"));
}

/// A line through noisy points: its loss is a quadratic with the Hessian `2/n Σ (x,1)(x,1)ᵀ`.
fn line() -> (InMemory, Network<AnyLayer>) {
    let rows: Vec<([f64; 1], f64)> =
        (0..40).map(|i| ([f64::from(i) / 10.0], 3.0 * f64::from(i) / 10.0 + (f64::from(i)).sin())).collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    (common::table(&rows), Network::new(models::linear(1).into(), Type::float([1, 1])).unwrap())
}

fn squared<'a>(network: &'a Network<AnyLayer>, data: &InMemory, batch_size: usize) -> LossOverData<'a> {
    let options = LossOptions { batch_size, ..Default::default() };
    LossOverData::new(network, &Loss::MeanSquaredError, &Engine::default(), data, &[], options).unwrap()
}

/// The Hessian of [`line`] in weight and bias.
fn line_hessian(data: &InMemory) -> [f64; 3] {
    let x: Vec<f64> = (0..data.len()).map(|row| data.input(row).unwrap()[0]).collect();
    let mean = |f: &dyn Fn(f64) -> f64| 2.0 * x.iter().map(|&x| f(x)).sum::<f64>() / x.len() as f64;
    [mean(&|x| x * x), mean(&|x| x), 2.0]
}

#[test]
fn the_sharpness_of_a_line_says_where_gradient_descent_diverges() {
    let (data, network) = line();
    let [a, b, c] = line_hessian(&data);
    let exact = 0.5 * (a + c) + (0.25 * (a - c).powi(2) + b * b).sqrt();
    let mut loss = squared(&network, &data, 40);
    let config = OptimizerConfig::from(GradientDescent::default());
    let sharpness = |loss: &mut LossOverData<'_>, rate| {
        Sharpness::measure(loss, &[0.5, 0.5], &config, rate, None, THOROUGH).unwrap().unwrap()
    };
    let measured = sharpness(&mut loss, 0.1);
    assert!((measured.value - exact).abs() < 1e-9 * exact);
    assert!((measured.product() - 0.1 * exact).abs() < 1e-9 * exact);
    for (factor, converges) in [(0.99, true), (1.01, false)] {
        let rate = factor * measured.largest_stable_rate();
        assert_eq!(sharpness(&mut loss, rate).product() < 2.0, converges);
        let (mut theta, mut gradient) = ([0.5, 0.5], [0.0; 2]);
        let mut optimizer = Optimizer::new(GradientDescent { learning_rate: rate }, 2).unwrap();
        let first = loss.value(&theta).unwrap();
        for _ in 0..1000 {
            loss.value_and_gradient(&theta, &mut gradient).unwrap();
            optimizer.step(&mut theta, &gradient).unwrap();
        }
        assert_eq!(loss.value(&theta).unwrap() < first, converges, "{factor}");
    }
}

#[test]
fn behind_a_preconditioner_the_sharpness_is_that_of_the_scaled_hessian_with_its_decay() {
    let (data, network) = line();
    let [a, b, c] = line_hessian(&data);
    let p = [0.25, 4.0];
    let largest = |a: f64, b: f64, c: f64| 0.5 * (a + c) + (0.25 * (a - c).powi(2) + b * b).sqrt();
    let scaled = |w: f64| largest((a + w) / p[0], b / (p[0] * p[1]).sqrt(), (c + w) / p[1]);
    let mut loss = squared(&network, &data, 40);
    let mut measure = |config: OptimizerConfig| {
        Sharpness::measure(&mut loss, &[0.0, 0.0], &config, 0.1, Some(&p), THOROUGH).unwrap().unwrap()
    };
    let coupled = measure(Adam { weight_decay: 0.5, ..Adam::default() }.into());
    assert!((coupled.value - scaled(0.5)).abs() < 1e-9 * coupled.value);
    let decoupled = measure(AdamW { weight_decay: 0.5, ..AdamW::default() }.into());
    assert!((decoupled.value - scaled(0.0)).abs() < 1e-9 * decoupled.value);
    assert!((decoupled.product() - 0.1 * (scaled(0.0) + 0.5 * 19.0)).abs() < 1e-9 * decoupled.value);
}

#[test]
fn an_optimizer_without_a_limit_has_no_sharpness_and_a_preconditioner_that_is_missing_is_asked_for() {
    let (data, network) = line();
    let mut loss = squared(&network, &data, 40);
    let mut measure = |config: OptimizerConfig, p: Option<&[f64]>| {
        Sharpness::measure(&mut loss, &[0.0, 0.0], &config, 0.1, p, THOROUGH)
    };
    assert!(measure(Lion::default().into(), None).unwrap().is_none());
    let missing = measure(Adam::default().into(), None).unwrap_err().to_string();
    assert!(missing.contains("divides the gradient by what it remembers, which is not given"), "{missing}");
    assert!(measure(Adam::default().into(), Some(&[1.0])).is_err());
    assert!(measure(Adam::default().into(), Some(&[1.0, 0.0])).is_err());
}

#[test]
fn the_estimated_preconditioner_is_what_adam_comes_to_when_it_stands_still() {
    let (data, network) = (iris(), network());
    let mut loss = loss(&network, &data, 30);
    let theta: Vec<f64> = network.initialize(Key::new(1));
    let config = OptimizerConfig::from(Adam { learning_rate: 0.0, ..Adam::default() });
    let estimate = estimated_preconditioner(&mut loss, &theta, &config).unwrap().unwrap();
    let mut optimizer = Optimizer::<f64>::new(config.clone(), theta.len()).unwrap();
    let (mut still, mut gradient) = (theta.clone(), vec![0.0; theta.len()]);
    for _ in 0..20_000 / loss.batches() {
        for batch in 0..loss.batches() {
            loss.batch_gradient(batch, &theta, &mut gradient).unwrap();
            optimizer.step(&mut still, &gradient).unwrap();
        }
    }
    let reached = preconditioner(&config, optimizer.state()).unwrap();
    assert!(
        estimate.iter().zip(&reached).all(|(a, b)| (a / b - 1.0).abs() < 0.01),
        "{estimate:?} {reached:?}"
    );
    let plain = Sgd::default().into();
    assert_eq!(estimated_preconditioner(&mut loss, &theta, &plain).unwrap(), None);
}

#[test]
fn the_critical_sharpness_along_the_gradient_of_a_quadratic_is_its_rayleigh_quotient() {
    let (data, network) = line();
    let [a, b, c] = line_hessian(&data);
    let mut loss = squared(&network, &data, 40);
    let (theta, mut g) = ([0.5, -1.0], [0.0; 2]);
    loss.value_and_gradient(&theta, &mut g).unwrap();
    let quotient = (a * g[0] * g[0] + 2.0 * b * g[0] * g[1] + c * g[1] * g[1]) / (g[0] * g[0] + g[1] * g[1]);
    for start in [1e-6, 0.1, 1e3] {
        let critical = CriticalSharpness::measure(&mut loss, &theta, &g, start).unwrap().unwrap();
        assert!((critical.value() / quotient - 1.0).abs() < 0.011, "{critical:?} {quotient}");
        assert!(critical.below < critical.step && critical.step <= 1.01 * critical.below);
    }
    let upwards = [-g[0], -g[1]];
    assert_eq!(CriticalSharpness::measure(&mut loss, &theta, &upwards, 0.1).unwrap(), None);
    assert!(CriticalSharpness::measure(&mut loss, &theta, &g, 0.0).is_err());
}

/// Numbers around a mean, with nothing to learn them from but the bias.
fn numbers(count: u64, seed: u64) -> (InMemory, Network<AnyLayer>) {
    let normal = Tensor::<f64>::normal(Key::new(seed), [count as usize], 2.0, 3.0).unwrap();
    let target = Target::Values { values: normal.to_vec(), width: 1 };
    let zeros = Features::F64(vec![0.0; count as usize]);
    let data = InMemory::new(InputSchema::numeric(["nothing"]), zeros, target, "y").unwrap();
    (data, Network::new(models::linear(1).into(), Type::float([1, 1])).unwrap())
}

#[test]
fn the_noise_of_single_examples_is_their_variance() {
    let (data, network) = numbers(200, 1);
    let theta = [0.7, 0.5];
    let gradients = BatchGradients::over_data(&mut squared(&network, &data, 1), &theta).unwrap();
    assert_eq!(gradients.batches(), 200);
    let noise = gradients.noise().unwrap();
    // The gradient of an example is 2 (bias - y), and 0 for the weight.
    let g: Vec<f64> = data.values().unwrap().iter().map(|y| 2.0 * (0.5 - y)).collect();
    let mean = g.iter().sum::<f64>() / 200.0;
    let variance = g.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 199.0;
    assert!((noise.variance / variance - 1.0).abs() < 1e-12);
    assert!((noise.squared_gradient / (mean * mean - variance / 200.0) - 1.0).abs() < 1e-9);
    let ratio = gradients.signal_to_noise()[network.layout().get("0.bias").map_or(1, |entry| entry.offset)];
    assert!((ratio - mean.abs() / variance.sqrt()).abs() < 1e-12);
}

#[test]
fn the_estimates_do_not_depend_on_the_batch_size_and_have_no_bias() {
    // y ~ N(2, 3²): at a bias of 0.5 the true gradient is -3, and the variance of an example's 4 · 9.
    let (data, network) = numbers(20_000, 5);
    for size in [1, 10, 100] {
        let mut loss = squared(&network, &data, size);
        let noise = BatchGradients::over_data(&mut loss, &[0.0, 0.5]).unwrap().noise().unwrap();
        // Four standard errors: of the variance 36 sqrt(2 / k) for k batches, of |G|² about 2 · 3 · 6 / sqrt(20000).
        let batches = 20_000.0 / size as f64;
        assert!((noise.variance - 36.0).abs() < 4.0 * 36.0 * (2.0 / batches).sqrt(), "{size}: {noise:?}");
        assert!((noise.squared_gradient - 9.0).abs() < 4.0 * 36.0 / 20_000f64.sqrt(), "{size}: {noise:?}");
    }
    let mut loss = squared(&network, &data, 10);
    let noise = BatchGradients::over_data(&mut loss, &[0.0, 0.5]).unwrap().noise().unwrap();
    assert!((noise.scale().unwrap() - 4.0).abs() < 1.0);
}

#[test]
fn a_last_batch_that_is_smaller_is_left_out_and_a_single_one_refused() {
    let (data, network) = numbers(25, 1);
    let gradients = BatchGradients::over_data(&mut squared(&network, &data, 10), &[0.0, 0.0]).unwrap();
    assert_eq!(gradients.batches(), 2);
    let whole = BatchGradients::over_data(&mut squared(&network, &data, 25), &[0.0, 0.0]).unwrap();
    assert!(whole.noise().is_err());
}
