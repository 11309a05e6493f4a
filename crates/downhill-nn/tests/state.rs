//! What is carried from step to step, what is drawn anew in each, and what is shared.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_close, random};
use downhill_autograd::{Data, Interpreter, Program, Type, Var};
use downhill_nn::*;
use downhill_tensor::{Key, Tensor};

fn run(program: &Program, inputs: &[&[f64]], key: Key) -> Vec<Vec<f64>> {
    let data: Vec<_> = inputs.iter().map(|x| Data::Float(x)).collect();
    Interpreter.outputs(program, &data, key).unwrap().iter().map(Tensor::to_vec).collect()
}

#[test]
fn batch_norm_normalizes_by_the_batch_and_remembers_it() {
    // Two channels of 2 * 3 values each.
    let input = Type::float([2, 2, 3]);
    let layer = BatchNorm { affine: false, ..BatchNorm::default() };
    let network = Network::new(Sequential::new().with(layer), input).unwrap();
    assert_eq!(network.initial_state::<f64>(), [0.0, 0.0, 1.0, 1.0]);
    let names: Vec<_> = network.state_layout().entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["0.running_mean", "0.running_variance"]);

    let program = network.training_program(input, input, &Loss::MeanSquaredError).unwrap();
    let x = random([2, 2, 3], "x").to_vec();
    let before = [0.5, -0.5, 2.0, 3.0];
    let results = run(&program, &[&[], &before, &x, &x], Key::new(0));
    let (mut state, mut output) = (before, vec![0.0; 12]);
    for channel in 0..2 {
        let at: Vec<usize> = (0..12).filter(|i| i / 3 % 2 == channel).collect();
        let mean = at.iter().map(|&i| x[i]).sum::<f64>() / 6.0;
        let squares = at.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>();
        state[channel] = 0.9 * before[channel] + 0.1 * mean;
        state[2 + channel] = 0.9 * before[2 + channel] + 0.1 * squares / 5.0;
        at.iter().for_each(|&i| output[i] = (x[i] - mean) / (squares / 6.0 + 1e-5).sqrt());
    }
    assert_close(&results[2], &state);
    assert_close(&results[3], &output);

    let inference = network.inference_program(input).unwrap();
    let expected: Vec<f64> =
        (0..12).map(|i| (x[i] - before[i / 3 % 2]) / (before[2 + i / 3 % 2] + 1e-5).sqrt()).collect();
    assert_close(&run(&inference, &[&[], &before, &x], Key::new(0))[0], &expected);
}

#[test]
fn a_batch_of_one_value_cannot_be_normalized_in_training_but_used() {
    let (one, two) = (Type::float([1, 3]), Type::float([2, 3]));
    let network = Network::new(models::linear(2), one).unwrap();
    assert!(network.inference_program(one).is_ok());
    let network = Network::new(Sequential::new().with(BatchNorm::default()), one).unwrap();
    assert!(network.training_program(two, two, &Loss::MeanSquaredError).is_ok());
    assert!(network.evaluation_program(one, one, &Loss::MeanSquaredError).is_ok());
    let error = network.training_program(one, one, &Loss::MeanSquaredError).unwrap_err().to_string();
    assert!(error.contains("more than one value for each channel") && error.contains("layer `0`"), "{error}");
}

#[test]
fn a_bias_before_batch_norm_gets_a_gradient_of_zero_and_no_error() {
    let (input, target) = (Type::float([4, 2]), Type::float([4, 3]));
    let layers = Sequential::new().with(Linear::new(3)).with(BatchNorm::default());
    let network = Network::new(layers, input).unwrap();
    let program = network.training_program(input, target, &Loss::MeanSquaredError).unwrap();
    let (theta, state) = (common::parameters(&network), network.initial_state::<f64>());
    let (x, t) = (random([4, 2], "x").to_vec(), random([4, 3], "t").to_vec());
    let gradient = &run(&program, &[&theta, &state, &x, &t], Key::new(0))[1];
    let bias = network.layout().get("0.bias").unwrap().range();
    assert!(gradient[bias].iter().all(|g| g.abs() < 1e-12));
}

#[test]
fn dropout_keeps_the_expectation_and_draws_anew_from_each_key() {
    let input = Type::float([100, 100]);
    let network = Network::new(Sequential::new().with(Dropout::new(0.25)), input).unwrap();
    let program = network.training_program(input, input, &Loss::MeanSquaredError).unwrap();
    let x = vec![3.0; 10_000];
    let output = |key| run(&program, &[&[], &[], &x, &x], Key::new(key)).remove(3);
    let first = output(1);
    assert!(first.iter().all(|&y| y == 0.0 || y == 4.0));
    let dropped = first.iter().filter(|&&y| y == 0.0).count() as f64 / 10_000.0;
    // Five standard errors.
    assert!((dropped - 0.25).abs() < 5.0 * (0.25f64 * 0.75 / 10_000.0).sqrt(), "{dropped}");
    assert_eq!(first, output(1));
    assert_ne!(first, output(2));
    assert_eq!(run(&network.inference_program(input).unwrap(), &[&[], &[], &x], Key::new(1))[0], x);
}

/// The same linear layer twice, and a counter of the steps.
struct Twice;

impl Layer for Twice {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let steps = scope.state("steps", [1], 0.0);
        scope.update_state("steps", steps + 1.0);
        let layer = Linear::new(x.dim(-1));
        scope.layer("shared", &layer, scope.layer("shared", &layer, x).tanh())
    }
}

#[test]
fn a_name_used_twice_is_one_parameter_and_its_gradients_add_up() {
    let input = Type::float([2, 2]);
    let network = Network::new(Twice, input).unwrap();
    assert_eq!(network.parameter_count(), 6);
    let program = network.training_program(input, input, &Loss::MeanSquaredError).unwrap();
    let theta = common::parameters(&network);
    let results = run(&program, &[&theta, &[7.0], &[1.0; 4], &[0.0; 4]], Key::new(0));
    assert_eq!(results[2], [8.0]);
    downhill_autograd::check_gradients(
        |v| {
            let tape = v[0].tape();
            network.apply(Mode::Training, v[0], tape.zeros([1]), tape.ones([2, 2]))
        },
        &[Tensor::from(theta)],
        Default::default(),
    )
    .unwrap();
}

#[test]
fn sharing_with_another_shape_is_an_error_with_both() {
    let layer = layer_fn(|scope, x| {
        scope.layer("shared", &Linear::new(3), x).sum() + scope.layer("shared", &Linear::new(4), x).sum()
    });
    let error = Network::new(layer, Type::float([1, 2])).unwrap_err().to_string();
    let start =
        "`parameter shared.weight` cannot take float[2, 3] and float[2, 4]: asked for twice, it is shared";
    assert!(error.starts_with(start), "{error}");
    assert!(error.contains("in layer `shared`, at ") && error.contains("linear.rs"), "{error}");
}

#[test]
fn state_must_be_declared_and_keep_its_shape() {
    let undeclared = layer_fn(|scope, x| {
        scope.update_state("count", x);
        x
    });
    let input = Type::float([1, 2]);
    let network = Network::new(undeclared, input).unwrap();
    let error = network.training_program(input, input, &Loss::MeanSquaredError).unwrap_err().to_string();
    assert!(error.contains("`state count`") && error.contains("before updating it"), "{error}");
    let reshaped = layer_fn(|scope, x| {
        scope.state("count", [3], 0.0);
        scope.update_state("count", x);
        x
    });
    let network = Network::new(reshaped, input).unwrap();
    let error = network.training_program(input, input, &Loss::MeanSquaredError).unwrap_err().to_string();
    assert!(error.contains("`state count` cannot take float[1, 2]: it was declared as float[3]"), "{error}");
}

#[test]
fn an_input_that_needs_other_parameters_is_an_error_that_names_the_first() {
    let network = Network::new(models::mlp(&[8], 2, Activation::Relu), Type::float([5, 3])).unwrap();
    assert!(network.inference_program(Type::float([9, 3])).is_ok());
    assert_eq!(
        network.inference_program(Type::float([9, 4])).unwrap_err().to_string(),
        "this program would have parameter `0.weight` [4, 8], but the network has `0.weight` [3, 8]: parameters \
         may depend on the input's features, never on the batch or on the mode; make another network for an \
         input of float[9, 4]"
    );
}

#[test]
fn a_parameter_that_the_loss_does_not_see_is_an_error_that_names_it() {
    let layer = layer_fn(|scope, x| {
        let _unused = scope.layer("unused", &Linear::new(3), x);
        scope.layer("used", &Linear::new(1), x)
    });
    let (input, target) = (Type::float([2, 2]), Type::float([2]));
    let network = Network::new(layer, input).unwrap();
    let error = network.training_program(input, target, &Loss::MeanSquaredError).unwrap_err().to_string();
    assert!(error.contains("does not depend on `unused.weight`"), "{error}");
}

#[test]
fn the_start_of_a_parameter_depends_on_its_name_alone() {
    let input = Type::float([1, 4]);
    let theta = |layers: Sequential, name: &str| {
        let network = Network::new(layers, input).unwrap();
        let range = network.layout().get(name).unwrap().range();
        let double = network.initialize::<f64>(Key::new(9));
        let single = network.initialize::<f32>(Key::new(9));
        assert!(double.iter().zip(single).all(|(d, s)| *d as f32 == s));
        double[range].to_vec()
    };
    let alone = Sequential::new().with_named("head", Linear::new(3));
    let behind = Sequential::new().with(Linear::new(4)).with_named("head", Linear::new(3));
    assert_eq!(theta(alone.clone(), "head.weight"), theta(behind.clone(), "head.weight"));
    assert_ne!(theta(behind.clone(), "0.weight")[..12], theta(behind, "head.weight")[..]);
    assert!(theta(alone, "head.bias").iter().all(|b| b.abs() <= 0.5 && *b != 0.0));
}

#[test]
fn embeddings_are_marked_as_sparse() {
    let layers = Sequential::new().with(Embedding::new(1000, 8)).with(Linear::new(1));
    let network = Network::new(layers, Type::index([16])).unwrap();
    let sparse: Vec<_> = network.layout().entries().iter().map(|entry| entry.sparse).collect();
    assert_eq!(sparse, [true, false, false]);
}

#[test]
fn the_summary_shows_every_layer_with_its_output_and_parameters() {
    let network = Network::new(models::cnn(10), Type::float([64, 1, 28, 28])).unwrap();
    let table = network.summary().to_string();
    for line in [
        "(network)  Sequential   [64, 10]                   -",
        "0            Conv2d     [64, 16, 28, 28]         160",
        "2            MaxPool2d  [64, 16, 14, 14]           -",
        "7            Linear     [64, 10]              15,690",
        "total                                         20,490",
    ] {
        assert!(table.lines().any(|l| l == line), "{line}\n{table}");
    }
    assert_eq!(network.parameter_count(), 160 + 4_640 + 15_690);
}
