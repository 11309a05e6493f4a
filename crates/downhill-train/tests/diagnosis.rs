//! Runs and models with one thing wrong with them, each of which must be named, and healthy ones, of which nothing
//! bad may be said.
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "the table of cases, for whoever asks for it with --nocapture")]

mod common;

use common::{adam, iris, plain, table};
use downhill_autograd::{Data, Type};
use downhill_data::{
    BatchSize, Features, InMemory, InputSchema, PartSize, Target, embedded, generators, permutation,
};
use downhill_nn::{
    Activation, AnyLayer, BatchNorm, Flatten, Linear, Loss, Network, Rnn, Sequential, layer_fn, models,
};
use downhill_optim::{ParameterGroup, Sgd};
use downhill_tensor::Key;
use downhill_train::diagnosis::{Diagnosis, ExamineOptions, NotFinite, Severity, Verdict, examine};
use downhill_train::{BadSteps, Outcome, StopReason, TrainConfig, Trainer};

/// Gradient descent with this rate.
fn sgd(learning_rate: f64, epochs: u64) -> TrainConfig {
    TrainConfig {
        epochs,
        optimizer: Sgd { learning_rate, ..Sgd::default() }.into(),
        ..TrainConfig::default()
    }
}

fn split(name: &str) -> (InMemory, InMemory) {
    embedded::load(name).unwrap().split(PartSize::Fraction(0.2), 1).unwrap()
}

fn fit(
    layers: impl Into<AnyLayer>,
    config: TrainConfig,
    (train, held_out): &(InMemory, InMemory),
) -> Outcome {
    Trainer::new(layers, config).unwrap().fit(train, Some(held_out)).unwrap()
}

/// The first parameters of a network, changed by their names.
fn start(layers: impl Into<AnyLayer>, example: &[usize], change: impl Fn(&str, f32) -> f32) -> Vec<f32> {
    let network =
        Network::new(layers.into(), Type::float(downhill_tensor::Shape::new(example).unwrap())).unwrap();
    let mut theta: Vec<f32> = network.initialize(Key::new(42).named("initialization"));
    for entry in network.layout().entries() {
        theta[entry.range()].iter_mut().for_each(|x| *x = change(&entry.name, *x));
    }
    theta
}

/// What an examination without small trainings finds.
fn quick(config: &TrainConfig) -> ExamineOptions {
    ExamineOptions { config: Some(config.clone()), trainings: false, ..ExamineOptions::default() }
}

/// The verdict of this name must be there and as bad, and what else is as bad as a failure must follow from it.
#[track_caller]
fn named(case: &str, verdicts: &[Verdict], name: &str, severity: Severity, follows: &[&str]) -> Verdict {
    let all: Vec<String> = verdicts.iter().map(Verdict::to_string).collect();
    let found = verdicts.iter().find(|verdict| verdict.name == name && verdict.severity == severity);
    let Some(found) = found else { panic!("{case}: no {} {name} in\n{}", severity.name(), all.join("\n")) };
    let others = verdicts.iter().filter(|verdict| {
        verdict.severity == Failure && verdict.name != name && !follows.contains(&&*verdict.name)
    });
    let misleading: Vec<String> = others.map(Verdict::to_string).collect();
    assert!(misleading.is_empty(), "{case}: beside {name} there is\n{}", misleading.join("\n"));
    println!(
        "| {case} | {} {name} | {:.3e} | {:.1e} | {} |",
        severity.name(),
        found.number,
        found.threshold,
        found.formula
    );
    found.clone()
}

/// Nothing bad may be said.
#[track_caller]
fn healthy(case: &str, verdicts: &[Verdict]) {
    let bad = verdicts.iter().filter(|verdict| verdict.severity >= Warning);
    let bad: Vec<String> = bad.map(Verdict::to_string).collect();
    assert!(bad.is_empty(), "{case}:\n{}", bad.join("\n"));
    assert!(verdicts.iter().filter(|verdict| verdict.severity == Severity::Healthy).count() > 3, "{case}");
    println!("| {case} | nothing bad in {} verdicts | | | |", verdicts.len());
}

fn iris_network() -> Sequential {
    models::mlp(&[16], 3, Activation::Relu)
}

fn images(hidden: &[usize], activation: Activation) -> Sequential {
    Sequential::new().with(Flatten {}).with(models::mlp(hidden, 10, activation))
}

use Severity::{Failure, Notice, Warning};

#[test]
fn a_rate_that_is_too_high() {
    let outcome = fit(iris_network(), sgd(20.0, 20), &iris());
    assert!(outcome.stop.is_failure());
    named("rate 20, diverges", &outcome.verdicts, "rate-too-high", Failure, &[]);
    let outcome = fit(iris_network(), sgd(1e6, 20), &iris());
    named("rate 1e6, diverges", &outcome.verdicts, "rate-too-high", Failure, &[]);
    let outcome = fit(iris_network(), sgd(6.0, 20), &iris());
    assert!(!outcome.stop.is_failure());
    named("rate 6, does not diverge", &outcome.verdicts, "oscillating-loss", Warning, &[]);
    named("the same", &outcome.verdicts, "growing-gradient", Warning, &[]);
    let outcome = fit(images(&[32], Activation::Tanh), adam(10.0, 10), &split("digits"));
    assert!(!outcome.stop.is_failure());
    named("Adam, rate 10, does not diverge", &outcome.verdicts, "rate-too-high", Failure, &[]);
}

#[test]
fn a_rate_that_is_too_low() {
    for (case, config) in [("descent, rate 1e-5", sgd(1e-5, 30)), ("Adam, rate 1e-6", adam(1e-6, 30))] {
        let outcome = fit(iris_network(), config, &iris());
        named(case, &outcome.verdicts, "rate-too-low", Failure, &[]);
    }
}

#[test]
fn a_rate_above_the_stability_limit() {
    let data = iris();
    let model = fit(iris_network(), sgd(0.1, 3), &data).model;
    let options = quick(&sgd(50.0, 3));
    let diagnosis = examine(&model, &data.0, None, &options).unwrap();
    named(
        "rate 50, at trained parameters",
        &diagnosis.verdicts,
        "rate-far-above-the-stability-limit",
        Failure,
        &[],
    );
}

#[test]
fn dead_units() {
    let data = iris();
    let config = sgd(0.1, 5);
    let dead = start(iris_network(), &[1, 4], |name, x| if name == "0.bias" { x - 100.0 } else { x });
    let mut trainer = Trainer::new(iris_network(), config.clone()).unwrap().start_from(dead);
    let outcome = trainer.fit(&data.0, Some(&data.1)).unwrap();
    named("biases of -100, in training", &outcome.verdicts, "no-gradient", Failure, &[]);
    let diagnosis = examine(&outcome.model, &data.0, None, &quick(&config)).unwrap();
    let follows = ["no-gradient", "constant-prediction"];
    let found = named("biases of -100", &diagnosis.verdicts, "dead-units", Failure, &follows);
    assert_eq!((found.place.as_deref(), found.number), (Some("1"), 1.0));
}

#[test]
fn saturated_units() {
    let data = iris();
    let network = models::mlp(&[16], 3, Activation::Tanh);
    let model = fit(network, sgd(0.1, 5), &data).model;
    let large =
        model.parameters().iter().enumerate().map(|(i, x)| if i < 64 { 100.0 * x } else { *x }).collect();
    let model = model.with_parameters(large).unwrap();
    let diagnosis = examine(&model, &data.0, None, &quick(&sgd(0.1, 5))).unwrap();
    let found = named("first weights times 100, tanh", &diagnosis.verdicts, "saturated-units", Failure, &[]);
    assert_eq!(found.place.as_deref(), Some("1"));
}

#[test]
fn a_gradient_that_vanishes_in_sigmoids() {
    let data = split("digits");
    let config = sgd(0.1, 5);
    let outcome = fit(images(&[32; 8], Activation::Sigmoid), config.clone(), &data);
    named("8 layers of sigmoids, in training", &outcome.verdicts, "vanishing-gradient", Failure, &[]);
    let diagnosis = examine(&outcome.model, &data.0, Some(&data.1), &quick(&config)).unwrap();
    let found = named(
        "8 layers of sigmoids",
        &diagnosis.verdicts,
        "vanishing-gradient",
        Failure,
        &["constant-prediction"],
    );
    assert_eq!(found.place.as_deref(), Some("1.0.weight"));
}

#[test]
fn a_gradient_that_explodes() {
    // A sequence of 60 steps through a recurrence whose weights are eight times as large as they should be.
    let rnn = Sequential::new().with(Rnn::new(16)).with(Linear::new(2));
    let examples = 64;
    let numbers: Vec<f64> = (0..examples * 60).map(|i| (0.37 * (i * i) as f64).sin()).collect();
    let labels = (0..examples).map(|i| i64::from(numbers[i * 60] > 0.0)).collect();
    let target = Target::Classes { labels, names: vec!["no".into(), "yes".into()] };
    let schema = InputSchema::Array { shape: [60, 1].into(), names: Vec::new(), maximum: None };
    let data = InMemory::new(schema, Features::F64(numbers), target, "y").unwrap();
    let wild =
        start(rnn.clone(), &[1, 60, 1], |name, x| if name.ends_with("weight_hh") { 8.0 * x } else { x });
    let outcome = Trainer::new(rnn, sgd(0.1, 20)).unwrap().start_from(wild).fit(&data, None).unwrap();
    named("RNN, recurrent weights times 8", &outcome.verdicts, "exploding-gradient", Warning, &[]);

    // Twenty layers in the chaotic regime.
    let deep = images(&[32; 20], Activation::Tanh);
    let wild = start(deep.clone(), &[1, 8, 8], |name, x| if name.ends_with("weight") { 6.0 * x } else { x });
    let data = split("digits");
    let outcome = Trainer::new(deep, sgd(0.1, 3)).unwrap().start_from(wild).fit(&data.0, None).unwrap();
    named("20 layers of tanh, weights times 6", &outcome.verdicts, "exploding-gradient", Warning, &[]);
}

#[test]
fn inputs_that_were_never_scaled() {
    let data = split("wine");
    let config = TrainConfig { standardize_inputs: false, ..adam(0.003, 20) };
    let model = fit(iris_network(), config.clone(), &data).model;
    let diagnosis = examine(&model, &data.0, Some(&data.1), &quick(&config)).unwrap();
    let found = named("wine, not standardized", &diagnosis.verdicts, "inputs-not-scaled", Warning, &[]);
    assert_eq!(found.place.as_deref(), Some("proline"));
    named("the same, at the start", &diagnosis.verdicts, "initial-loss", Warning, &[]);
    // In such units gradient descent gets to where all units are dead.
    let outcome = fit(iris_network(), TrainConfig { standardize_inputs: false, ..sgd(0.1, 30) }, &data);
    named("wine, not standardized, descent", &outcome.verdicts, "vanished-gradient", Failure, &[]);
}

#[test]
fn labels_that_have_nothing_to_do_with_the_inputs() {
    let whole = embedded::load("iris").unwrap();
    let labels = whole.labels().unwrap();
    let shuffled: Vec<i64> = permutation(150, Key::new(3)).into_iter().map(|row| labels[row]).collect();
    let inputs: Vec<f64> = (0..150).flat_map(|row| whole.input(row).unwrap()).collect();
    let target = Target::Classes { labels: shuffled, names: whole.class_names().to_vec() };
    let data =
        InMemory::new(whole.schema().inputs.clone(), Features::F64(inputs), target, "species").unwrap();
    let data = data.split(PartSize::Fraction(0.3), 1).unwrap();
    let config = adam(0.003, 10);
    let model = fit(iris_network(), config.clone(), &data).model;
    let options = ExamineOptions { config: Some(config), ..ExamineOptions::default() };
    let diagnosis = examine(&model, &data.0, Some(&data.1), &options).unwrap();
    named("iris, shuffled labels", &diagnosis.verdicts, "targets-independent-of-inputs", Failure, &[]);
}

#[test]
fn a_start_from_zeros() {
    let data = iris();
    let network = models::mlp(&[16], 3, Activation::Tanh);
    let zeros = start(network.clone(), &[1, 4], |_, _| 0.0);
    let mut trainer = Trainer::new(network.clone(), sgd(0.1, 10)).unwrap().start_from(zeros.clone());
    let outcome = trainer.fit(&data.0, Some(&data.1)).unwrap();
    named("all parameters 0, in training", &outcome.verdicts, "no-gradient", Failure, &[]);
    let model = outcome.model.with_parameters(zeros).unwrap();
    let diagnosis = examine(&model, &data.0, None, &quick(&sgd(0.1, 10))).unwrap();
    let follows = ["no-gradient", "constant-prediction"];
    named("all parameters 0", &diagnosis.verdicts, "at-a-saddle", Warning, &follows);
}

#[test]
fn a_logarithm_of_zero_is_found_by_layer_and_operation() {
    let layers = layer_fn(|scope, x| {
        let y = scope.layer("first", &Linear::new(3), x);
        scope.within("positive", |_| y.relu().log())
    });
    let network = Network::new(layers, Type::float([1, 2])).unwrap();
    let program =
        network.training_program(Type::float([4, 2]), Type::index([4]), &Loss::CrossEntropy).unwrap();
    let theta: Vec<f32> = network.initialize(Key::new(1));
    let inputs = [
        Data::Float(&theta[..]),
        Data::Float(&[]),
        Data::Float(&[0.5, -1.0, 2.0, 1.0, -1.0, 0.25, 0.0, -0.5]),
        Data::Index(&[0, 1, 2, 0]),
    ];
    let found = NotFinite::find(&program, &inputs, Key::new(0)).unwrap().unwrap();
    let NotFinite::Computed { operation, layer, operands, backward, only_in_single_precision, .. } = &found
    else {
        panic!("{found}")
    };
    assert_eq!((operation.as_str(), layer.as_str()), ("log", "positive"), "{found}");
    assert_eq!((operands[0].range.min, *backward, *only_in_single_precision), (0.0, false, false));
    println!("| log of ReLU, a layer of one's own | {found} | | | |");
}

#[test]
fn data_that_is_not_finite() {
    // Double precision has this number, single precision has not.
    let rows: Vec<([f64; 2], f64)> = (0..40)
        .map(|i| ([f64::from(i % 7), if i == 33 { 1e300 } else { 1.0 / f64::from(i + 1) }], f64::from(i)))
        .collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    let data = table(&rows);
    let config =
        TrainConfig { standardize_inputs: false, batch_size: BatchSize::Examples(8), ..plain(0.001, 3) };
    let fit = |bad_steps| {
        let config = TrainConfig { bad_steps, ..config.clone() };
        Trainer::new(models::linear(1), config).unwrap().fit(&data, None).unwrap()
    };
    let stopped = fit(BadSteps::Stop);
    let StopReason::Diverged { cause: Some(cause), .. } = &stopped.stop else { panic!("{}", stopped.stop) };
    assert!(matches!(&**cause, NotFinite::Given { input, .. } if input == "input"), "{cause}");
    named("1e300 in a column", &stopped.verdicts, "data-not-finite", Failure, &[]);
    let skipped = fit(BadSteps::Skip { up_to: 10 });
    assert_eq!(skipped.stop, StopReason::Completed { epochs: 3 });
    let found = named("the same, left out", &skipped.verdicts, "bad-steps", Warning, &[]);
    assert_eq!(found.number, 3.0);
}

#[test]
fn statistics_of_a_batch() {
    let data = iris();
    let network = Sequential::new()
        .with(Linear::new(16))
        .with(BatchNorm::default())
        .with(Activation::Relu)
        .with(Linear::new(3));
    let model = fit(network, adam(0.003, 20), &data).model;
    let diagnosis = examine(&model, &data.0, Some(&data.1), &quick(&adam(0.003, 20))).unwrap();
    named("batch normalization", &diagnosis.verdicts, "batch-statistics", Notice, &[]);
    let found = diagnosis.measurements.iter().find(|m| m.name.contains("in use")).unwrap();
    assert_eq!(found.value, 0.0);
}

#[test]
fn batches_that_are_too_small() {
    // Twenty inputs, of which one says a little about the target.
    let number = |i: usize| 2.0 * (0.618_034 * ((i * i) % 100_003) as f64).fract() - 1.0;
    let rows: Vec<(Vec<f64>, f64)> = (0..500)
        .map(|row| {
            let x: Vec<f64> = (0..20).map(|column| number(20 * row + column)).collect();
            let y = 0.3 * x[0] + number(777_777 + row);
            (x, y)
        })
        .collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    let data = table(&rows);
    let config = TrainConfig { batch_size: BatchSize::Examples(1), ..plain(0.001, 1) };
    let model = Trainer::new(models::linear(1), config.clone()).unwrap().fit(&data, None).unwrap().model;
    let diagnosis = examine(&model, &data, None, &quick(&config)).unwrap();
    named("20 inputs, much noise, batches of 1", &diagnosis.verdicts, "batch-too-small", Warning, &[]);
    let large = TrainConfig { batch_size: BatchSize::Examples(32), ..config };
    let diagnosis = examine(&model, &data, None, &quick(&large)).unwrap();
    assert!(diagnosis.verdict("batch-too-small").is_none());
}

#[test]
fn examples_that_are_in_both_parts() {
    let (train, held_out) = iris();
    let model = fit(iris_network(), adam(0.003, 20), &(train.clone(), held_out)).model;
    let part = train.subset(&(0..30).collect::<Vec<_>>()).unwrap();
    let diagnosis = examine(&model, &train, Some(&part), &quick(&adam(0.003, 20))).unwrap();
    let found = named("validation out of the training data", &diagnosis.verdicts, "duplicates", Warning, &[]);
    assert_eq!(found.number, 1.0);
}

#[test]
fn overfitting() {
    let (held_out, train) = generators::moons(400, 0.6, 5).unwrap().split(PartSize::Count(40), 1).unwrap();
    let outcome = fit(models::mlp(&[64], 2, Activation::Relu), adam(0.02, 200), &(train, held_out));
    named("40 noisy moons, 64 units", &outcome.verdicts, "overfitting", Warning, &[]);
}

#[test]
fn a_first_loss_that_is_too_high() {
    let large = start(iris_network(), &[1, 4], |name, x| if name == "2.weight" { 30.0 * x } else { x });
    let mut trainer = Trainer::new(iris_network(), adam(0.003, 10)).unwrap().start_from(large);
    let outcome = trainer.fit(&iris().0, None).unwrap();
    named("last weights times 30", &outcome.verdicts, "initial-loss", Warning, &[]);
    // Targets around 500 whose spread is 10.
    let rows: Vec<([f64; 1], f64)> = (0..64).map(|i| ([f64::from(i)], 500.0 + 0.5 * f64::from(i))).collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    let config = TrainConfig { standardize_targets: false, loss: Loss::MeanSquaredError, ..adam(0.003, 10) };
    let outcome = Trainer::new(models::linear(1), config).unwrap().fit(&table(&rows), None).unwrap();
    named(
        "targets around 500, not standardized",
        &outcome.verdicts,
        "initial-loss",
        Warning,
        &["rate-too-low"],
    );
}

#[test]
fn inputs_that_never_change() {
    let rows: Vec<([f64; 3], f64)> =
        (0..60).map(|i| ([f64::from(i), 7.0, f64::from(i % 5)], f64::from(2 * i))).collect();
    let rows: Vec<(&[f64], f64)> = rows.iter().map(|(x, y)| (&x[..], *y)).collect();
    let data = table(&rows);
    let config = TrainConfig { loss: Loss::MeanSquaredError, ..adam(0.01, 20) };
    let model = Trainer::new(models::linear(1), config.clone()).unwrap().fit(&data, None).unwrap().model;
    let diagnosis = examine(&model, &data, None, &quick(&config)).unwrap();
    let found = named("one input of three is constant", &diagnosis.verdicts, "constant-inputs", Notice, &[]);
    assert_eq!(found.place.as_deref(), Some("x1"));
}

#[test]
fn a_rare_class_that_is_never_seen() {
    // One in twenty, and the inputs say nothing about which.
    let numbers: Vec<f64> = (0..400).map(|i| (1.7 * f64::from(i * i % 1009)).sin()).collect();
    let labels = (0..200).map(|i| i64::from(i % 20 == 7)).collect();
    let target = Target::Classes { labels, names: vec!["usual".into(), "rare".into()] };
    let data = InMemory::new(InputSchema::numeric(["a", "b"]), Features::F64(numbers), target, "y").unwrap();
    let config = adam(0.003, 10);
    let model = Trainer::new(models::mlp(&[8], 2, Activation::Relu), config.clone()).unwrap();
    let model = { model }.fit(&data, None).unwrap().model;
    let diagnosis = examine(&model, &data, None, &quick(&config)).unwrap();
    named("1 in 20, inputs that say nothing", &diagnosis.verdicts, "constant-prediction", Failure, &[]);
    named("the same", &diagnosis.verdicts, "class-imbalance", Warning, &["constant-prediction"]);
}

#[test]
fn a_batch_that_cannot_be_learned_by_heart() {
    let data = iris();
    let frozen = TrainConfig {
        groups: vec![ParameterGroup { frozen: true, ..ParameterGroup::matching("*") }],
        ..adam(0.003, 10)
    };
    let model = fit(iris_network(), adam(0.003, 10), &data).model;
    let options = ExamineOptions { config: Some(frozen), curvature: false, ..ExamineOptions::default() };
    let diagnosis = examine(&model, &data.0, Some(&data.1), &options).unwrap();
    let follows = ["targets-independent-of-inputs"];
    named("all parameters frozen", &diagnosis.verdicts, "cannot-overfit-one-batch", Failure, &follows);
    // A linear model of exclusive or.
    let xor = common::xor();
    let model = Trainer::new(models::linear(2), adam(0.01, 20)).unwrap().fit(&xor, None).unwrap().model;
    let options = ExamineOptions { curvature: false, ..ExamineOptions::default() };
    let diagnosis = examine(&model, &xor, None, &options).unwrap();
    let found = diagnosis.verdict("cannot-overfit-one-batch").unwrap();
    assert!(found.severity >= Warning && found.number > 0.5, "{found}");
    println!(
        "| exclusive or, linear | {} {} | {:.3e} | {:.1e} | |",
        found.severity.name(),
        found.name,
        found.number,
        found.threshold
    );
}

#[test]
fn healthy_runs_on_real_data_are_called_healthy() {
    for (name, classes) in [("iris", 3), ("wine", 3), ("breast_cancer", 2), ("digits", 10)] {
        let data = split(name);
        let layers =
            || Sequential::new().with(Flatten {}).with(models::mlp(&[32], classes, Activation::Relu));
        let configs = [("Adam", adam(0.003, 30)), ("descent", sgd(0.1, 30))];
        for (optimizer, config) in configs {
            let outcome = fit(layers(), config.clone(), &data);
            let rate = outcome.history.last().map(|record| record.learning_rate);
            let options =
                ExamineOptions { config: Some(config), learning_rate: rate, ..ExamineOptions::default() };
            let diagnosis = examine(&outcome.model, &data.0, Some(&data.1), &options).unwrap();
            let all: Vec<Verdict> = outcome.verdicts.iter().chain(&diagnosis.verdicts).cloned().collect();
            healthy(&format!("{name}, {optimizer}"), &all);
        }
    }
}

#[test]
fn healthy_regressions_are_called_healthy() {
    let data = generators::generate("line", 400, 0.1, 1).unwrap().split(PartSize::Fraction(0.2), 1).unwrap();
    let networks = [("linear", models::linear(1)), ("tanh", models::mlp(&[16], 1, Activation::Tanh))];
    for (name, layers) in networks {
        let config = TrainConfig { loss: Loss::MeanSquaredError, ..sgd(0.05, 20) };
        let outcome = fit(layers, config.clone(), &data);
        let options = ExamineOptions { config: Some(config), ..ExamineOptions::default() };
        let diagnosis = examine(&outcome.model, &data.0, Some(&data.1), &options).unwrap();
        let all: Vec<Verdict> = outcome.verdicts.iter().chain(&diagnosis.verdicts).cloned().collect();
        healthy(&format!("line, {name}"), &all);
    }
}

#[test]
fn a_diagnosis_is_the_same_each_time_and_comes_back_from_json() {
    let data = iris();
    let model = fit(iris_network(), adam(0.003, 5), &data).model;
    let options = ExamineOptions { curvature: false, ..ExamineOptions::default() };
    let one = examine(&model, &data.0, Some(&data.1), &options).unwrap();
    assert_eq!(one, examine(&model, &data.0, Some(&data.1), &options).unwrap());
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), one);
    assert!(one.verdicts.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
}
