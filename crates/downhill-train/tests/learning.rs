//! What can be learned is learned.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network, plain, table, xor};
use downhill_data::{BatchSize, Features, InMemory, InputSchema, PartSize, Target, embedded, generators};
use downhill_nn::{Activation, Dropout, Flatten, Linear, Loss, Sequential, models};
use downhill_optim::OptimizerConfig;
use downhill_tensor::{Tensor, linalg};
use downhill_train::{ErrorKind, Model, ModelSpec, Predictions, TrainConfig, Trainer};

fn predicted(model: &Model, data: &InMemory) -> Vec<f64> {
    match model.predict(data).unwrap() {
        Predictions::Values { values, .. } => values,
        other => panic!("numbers were expected, not {other:?}"),
    }
}

#[test]
fn exclusive_or_is_learned_to_the_last_point() {
    let data = xor();
    for (loss, outputs) in
        [(Loss::CrossEntropy, 2), (Loss::BinaryCrossEntropy, 1), (Loss::MeanSquaredError, 2)]
    {
        let config = TrainConfig { loss, batch_size: BatchSize::Full, ..adam(0.05, 300) };
        let network = models::mlp(&[8], outputs, Activation::Tanh);
        let outcome = Trainer::new(network, config).unwrap().fit(&data, None).unwrap();
        let evaluation = outcome.model.evaluate(&data).unwrap();
        assert_eq!(evaluation.accuracy, Some(1.0), "{loss:?}: {evaluation}");
        assert_eq!(evaluation.confusion.unwrap().count(1, 1), 2);
        let predictions = outcome.model.predict(&data).unwrap();
        assert_eq!([0, 1, 2, 3].map(|i| predictions.class(i).unwrap()), ["no", "yes", "yes", "no"]);
        assert!((0..4).all(|i| (predictions.row(i).iter().sum::<f64>() - 1.0).abs() < 1e-12));
        assert!(predictions.row(1)[1] > 0.9, "{predictions:?}");
    }
}

/// In single precision: on standardized columns the descent ends where rounding holds it, a few units in the
/// last place from the least squares solution.
#[test]
fn a_line_agrees_with_the_closed_form() {
    for seed in 0..5 {
        let line = generators::line(200, 0.3, seed).unwrap().data;
        let (x, y) = (line.inputs_tensor::<f64>().unwrap(), line.values().unwrap());
        let rows: Vec<f64> = x.iter().flat_map(|x| [x, 1.0]).collect();
        let a = Tensor::from_vec(rows, [200, 2]).unwrap();
        let b = Tensor::from_vec(y, [200]).unwrap();
        let solution = linalg::least_squares(&a, &b).unwrap().to_vec();

        // A loss in single precision does not show the last digits of the parameters: the last ones, then.
        let config = TrainConfig { restore_best: false, ..plain(0.4, 200) };
        let outcome = Trainer::new(models::linear(1), config).unwrap().fit(&line, None).unwrap();
        let inputs = InputSchema::numeric(["x"]);
        let at = InMemory::new(inputs, Features::F64(vec![0.0, 1.0]), Target::None, "y").unwrap();
        let ends = predicted(&outcome.model, &at);
        let (slope, intercept) = (ends[1] - ends[0], ends[0]);
        assert!((slope - solution[0]).abs() < 1e-6, "slope {slope}, closed form {}", solution[0]);
        assert!((intercept - solution[1]).abs() < 1e-6, "intercept {intercept}, closed form {}", solution[1]);
    }
}

#[test]
fn logistic_regression_separates_breast_cancer_in_cross_validation() {
    let data = embedded::load("breast_cancer").unwrap();
    let mut right = 0.0;
    for (train, held_out) in data.k_fold(5, 7).unwrap() {
        let outcome = Trainer::new(models::linear(2), adam(0.01, 30)).unwrap().fit(&train, None).unwrap();
        right += outcome.model.evaluate(&held_out).unwrap().accuracy.unwrap() * held_out.len() as f64;
    }
    let accuracy = right / data.len() as f64;
    assert!(accuracy >= 0.96, "{accuracy}");
}

#[test]
fn digits_are_told_apart() {
    let digits = embedded::load("digits").unwrap();
    let (train, held_out) = digits.split(PartSize::Fraction(0.2), 42).unwrap();
    let spec: ModelSpec = "mlp:128".parse().unwrap();
    let network = spec
        .build(digits.input_shape(), digits.target_kind(), &Loss::CrossEntropy, Activation::Relu)
        .unwrap();
    let outcome = Trainer::new(network, adam(0.003, 40)).unwrap().fit(&train, Some(&held_out)).unwrap();
    let accuracy = outcome.model.evaluate(&held_out).unwrap().accuracy.unwrap();
    assert!(accuracy >= 0.96, "{accuracy}");
    let baseline = outcome.model.baseline(&held_out).unwrap();
    assert!(baseline.accuracy.unwrap() < 0.15 && (baseline.loss - 10f64.ln()).abs() < 0.01, "{baseline}");
}

#[test]
fn a_small_convolutional_network_learns_images() {
    let digits = embedded::load("digits").unwrap();
    let (train, held_out) = digits.split(PartSize::Fraction(0.2), 42).unwrap();
    let network = ModelSpec::Cnn
        .build(digits.input_shape(), digits.target_kind(), &Loss::CrossEntropy, Activation::Relu)
        .unwrap();
    let outcome = Trainer::new(network, adam(0.003, 3)).unwrap().fit(&train, Some(&held_out)).unwrap();
    assert!(outcome.model.evaluate(&held_out).unwrap().accuracy > Some(0.9), "{:?}", outcome.history.last());
}

#[test]
fn predictions_of_numbers_are_in_the_units_of_the_target() {
    // A target far from 0, with a wide spread: y = 5000 + 300 a - 200 b.
    let rows: Vec<([f64; 2], f64)> = (0..60)
        .map(|i| (f64::from(i % 7), f64::from(i % 5)))
        .map(|(a, b)| ([a, b], 5000.0 + 300.0 * a - 200.0 * b))
        .collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    let data = table(&rows);
    let outcome = Trainer::new(models::linear(1), plain(0.3, 300)).unwrap().fit(&data, None).unwrap();
    let evaluation = outcome.model.evaluate(&data).unwrap();
    assert!(evaluation.rmse.unwrap() < 0.01 && evaluation.r2.unwrap() > 0.999_999, "{evaluation:?}");
    assert!((predicted(&outcome.model, &data)[0] - 5000.0).abs() < 0.01);
    // The mean explains nothing, and its loss is the variance of standardized targets.
    let baseline = outcome.model.baseline(&data).unwrap();
    assert!(baseline.r2.unwrap().abs() < 1e-12 && (baseline.loss - 1.0).abs() < 1e-9, "{baseline:?}");
    assert!(baseline.rmse.unwrap() > 100.0);
}

#[test]
fn every_batch_size_goes_through_all_examples() {
    let (train, _) = iris();
    for (batch_size, steps) in [
        (BatchSize::Examples(1), 120),
        (BatchSize::Examples(50), 3),
        (BatchSize::Examples(60), 2),
        (BatchSize::Examples(119), 2),
        (BatchSize::Examples(120), 1),
        (BatchSize::Examples(1000), 1),
        (BatchSize::Full, 1),
    ] {
        let config = TrainConfig { batch_size, ..adam(0.01, 2) };
        let outcome = Trainer::new(iris_network(), config).unwrap().fit(&train, None).unwrap();
        assert_eq!((outcome.steps, outcome.epochs), (2 * steps, 2), "{batch_size:?}");
        assert!(outcome.history[1].train.loss < outcome.history[0].train.loss);
    }
}

#[test]
fn the_loss_of_an_epoch_weighs_examples_equally() {
    // With a rate of 0 nothing moves, so batches of any size must give the same mean.
    let (train, _) = iris();
    let loss = |size| {
        let config = TrainConfig { batch_size: BatchSize::Examples(size), ..adam(0.0, 1) };
        let outcome = Trainer::new(iris_network(), config).unwrap().fit(&train, Some(&train)).unwrap();
        (outcome.history[0].train, outcome.history[0].validation.clone().unwrap())
    };
    let (whole, evaluated) = loss(120);
    assert!((whole.loss - evaluated.loss).abs() < 1e-6);
    assert_eq!(whole.accuracy, evaluated.accuracy);
    for size in [7, 119] {
        let (parts, _) = loss(size);
        assert!((parts.loss - whole.loss).abs() < 1e-6, "{size}: {} and {}", parts.loss, whole.loss);
        assert_eq!(parts.accuracy, whole.accuracy);
    }
}

#[test]
fn one_example_is_enough_to_run() {
    let data = table(&[(&[1.0, 2.0], 3.0)]);
    let outcome = Trainer::new(models::linear(1), plain(0.1, 50)).unwrap().fit(&data, Some(&data)).unwrap();
    assert!((predicted(&outcome.model, &data)[0] - 3.0).abs() < 1e-3);
    assert_eq!(outcome.model.evaluate(&data).unwrap().r2, None);
}

#[test]
fn groups_clipping_and_dropout_take_part() {
    let (train, held_out) = iris();
    let network = Sequential::new()
        .with(Linear::new(16))
        .with(Activation::Relu)
        .with(Dropout::new(0.2))
        .with(Linear::new(3));
    let config = TrainConfig { clip_norm: Some(1.0), clip_value: Some(0.5), ..adam(0.01, 30) };
    let outcome =
        Trainer::new(network.clone(), config.clone()).unwrap().fit(&train, Some(&held_out)).unwrap();
    assert!(outcome.model.evaluate(&held_out).unwrap().accuracy > Some(0.85));

    let frozen =
        downhill_optim::ParameterGroup { frozen: true, ..downhill_optim::ParameterGroup::matching("0.*") };
    let initial = Trainer::new(network.clone(), TrainConfig { epochs: 1, ..adam(0.0, 1) }).unwrap();
    let initial = { initial }.fit(&train, None).unwrap().model;
    let config = TrainConfig { groups: vec![frozen], ..config };
    let model = Trainer::new(network, config).unwrap().fit(&train, None).unwrap().model;
    let first = model.network().layout().get("3.weight").unwrap().offset;
    assert_eq!(model.parameters()[..first], initial.parameters()[..first]);
    assert_ne!(model.parameters()[first..], initial.parameters()[first..]);
}

#[test]
fn what_does_not_fit_together_is_refused_before_the_first_step() {
    let (train, held_out) = iris();
    let numbers = table(&[(&[1.0, 2.0, 3.0, 4.0], 1.0), (&[2.0, 2.0, 2.0, 2.0], 2.0)]);
    let fit = |network: Sequential, config: TrainConfig, train: &_, validation: Option<&_>| {
        Trainer::new(network, config).unwrap().fit(train, validation).unwrap_err()
    };
    let refused = [
        (fit(models::linear(4), adam(0.1, 1), &train, None), ErrorKind::Configuration, "becomes [1, 4]"),
        (fit(models::linear(3), plain(0.1, 1), &numbers, None), ErrorKind::Configuration, "for numbers"),
        (fit(models::linear(1), adam(0.1, 1), &numbers, None), ErrorKind::Configuration, "`cross_entropy`"),
        (
            fit(
                Sequential::new().with(Flatten {}).with(Activation::Tanh),
                plain(0.1, 1),
                &table(&[(&[1.0], 1.0)]),
                None,
            ),
            ErrorKind::Configuration,
            "no parameters",
        ),
        (fit(iris_network(), adam(0.1, 1), &train, Some(&numbers)), ErrorKind::Data, "the validation data"),
        (fit(models::cnn(3), adam(0.1, 1), &train, Some(&held_out)), ErrorKind::Configuration, "conv2d"),
    ];
    for (error, kind, part) in refused {
        assert!(error.kind() == kind && error.to_string().contains(part), "{:?}: {error}", error.kind());
    }
    let bad = TrainConfig { optimizer: OptimizerConfig::default().with_learning_rate(-1.0), ..plain(0.1, 1) };
    assert_eq!(Trainer::new(models::linear(1), bad).err().unwrap().kind(), ErrorKind::Configuration);
}
