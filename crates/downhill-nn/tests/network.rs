//! Networks as a whole: what is found by recording, and what the programs deliver.

use downhill_autograd::{Data, Interpreter, Type};
use downhill_nn::{
    Activation, AnyLayer, BatchNorm, Linear, Loss, Network, Sequential, from_description, layer_fn, models,
    to_description,
};
use downhill_tensor::Key;

fn xor() -> (Vec<f64>, Vec<i64>) {
    (vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], vec![0, 1, 1, 0])
}

#[test]
fn gradient_descent_on_the_training_program_learns_xor() {
    let (input, target) = (Type::float([4, 2]), Type::index([4]));
    let network = Network::new(models::mlp(&[8], 2, Activation::Tanh), input).unwrap();
    let program = network.training_program(input, target, &Loss::CrossEntropy).unwrap();
    let names = |ports: &[downhill_autograd::Port]| ports.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(program.inputs()), ["parameters", "state", "input", "target"]);
    assert_eq!(names(program.outputs()), ["loss", "gradient", "state", "output"]);

    let mut theta: Vec<f64> = network.initialize(Key::new(1));
    let (x, t) = xor();
    let mut losses = Vec::new();
    for _ in 0..300 {
        let data = [Data::Float(&theta), Data::Float(&[]), Data::Float(&x), Data::Index(&t)];
        let results = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
        losses.push(results[0].to_vec()[0]);
        for (p, g) in theta.iter_mut().zip(results[1].to_vec()) {
            *p -= g;
        }
    }
    assert!(losses[0] > 0.5 && losses[299] < 0.05, "{} {}", losses[0], losses[299]);
}

#[test]
fn the_video_network_has_13002_parameters() {
    let network = models::mlp(&[16, 16], 10, Activation::Sigmoid);
    let network = Network::new(network, Type::float([10, 784])).unwrap();
    assert_eq!(network.parameter_count(), 13_002);
    let names: Vec<_> = network.layout().entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]);
    assert_eq!(network.output(), Type::float([10, 10]));
}

#[test]
fn the_known_networks_have_the_sizes_that_their_layers_add_up_to() {
    let parameters = |layers: Sequential, input| Network::new(layers, input).unwrap().parameter_count();
    let vgg = (3 * 9 + 1) * 64 + (64 * 9 + 1) * 64 + (64 * 9 + 1) * 128 + 129 * 10;
    assert_eq!(parameters(models::small_vgg(10), Type::float([2, 3, 32, 32])), vgg);
    let lstm = 4 * 128 * (32 + 128 + 2) + 129 * 10;
    assert_eq!(parameters(models::lstm(128, 10), Type::float([2, 64, 32])), lstm);
    let sizes = models::Decoder { vocabulary: 64, context: 64, width: 128, heads: 4, blocks: 2 };
    let attention = 129 * 3 * 128 + 129 * 128;
    let block = 4 * 128 + attention + 129 * 512 + 513 * 128;
    let decoder = 64 * 128 + 64 * 128 + 2 * block + 129 * 64;
    let network = Network::new(models::decoder(sizes), Type::index([3, 64])).unwrap();
    assert_eq!(network.parameter_count(), decoder);
    assert_eq!(network.output(), Type::float([3, 64, 64]));
}

#[test]
fn a_wrong_shape_is_reported_with_its_layer_and_its_line() {
    let network = Sequential::new()
        .with(Linear::new(4))
        .with_named("body", Sequential::new().with_named("broken", models::linear(3)));
    let broken = layer_fn(move |scope, x| {
        scope.layer("network", &network, x) + scope.layer("skip", &Linear::new(2), x)
    });
    let error = Network::new(broken, Type::float([5, 2])).unwrap_err().to_string();
    let start = "`add` cannot take float[5, 3] and float[5, 2]: the shapes must broadcast";
    assert!(error.starts_with(start) && error.contains("tests/network.rs:"), "{error}");

    let error = Network::new(models::mlp(&[3], 1, Activation::Relu), Type::index([5, 2])).unwrap_err();
    assert!(error.to_string().contains("in layer `0`, at "), "{error}");
}

#[test]
fn a_network_loaded_from_its_description_is_the_same_function() {
    let input = Type::float([2, 1, 8, 8]);
    let layers = models::cnn(3).with_named("norm", BatchNorm::default()).with(Activation::Silu);
    let network = Network::new(AnyLayer::from(layers), input).unwrap();
    let loaded = Network::new(from_description(&to_description(network.layer())).unwrap(), input).unwrap();
    assert_eq!(network, loaded);
    let (theta, state) = (network.initialize::<f32>(Key::new(3)), network.initial_state::<f32>());
    assert_eq!(theta, loaded.initialize::<f32>(Key::new(3)));
    let x: Vec<f32> = (0..128).map(|i| (i as f32 * 0.7).sin()).collect();
    let output = |network: &Network<AnyLayer>| {
        let data = [Data::Float(&theta), Data::Float(&state), Data::Float(&x)];
        let program = network.inference_program(input).unwrap();
        Interpreter.outputs(&program, &data, Key::new(0)).unwrap()[0].to_vec()
    };
    assert_eq!(output(&network), output(&loaded));
}

#[test]
fn evaluation_uses_the_running_statistics_and_agrees_with_inference() {
    let (input, target) = (Type::float([3, 2]), Type::float([3]));
    let network = Network::new(models::linear(1).with(BatchNorm::default()), input).unwrap();
    let (theta, state) = (network.initialize::<f64>(Key::new(3)), [0.5, 2.0]);
    let (x, t) = ([1.0, -1.0, 0.5, 2.0, 0.0, 1.0], [1.0, 0.0, -1.0]);
    let evaluation = network.evaluation_program(input, target, &Loss::MeanSquaredError).unwrap();
    let data = [Data::Float(&theta[..]), Data::Float(&state), Data::Float(&x), Data::Float(&t)];
    let measured = Interpreter.outputs(&evaluation, &data, Key::new(0)).unwrap();
    let inference = network.inference_program(input).unwrap();
    let output = Interpreter.outputs(&inference, &data[..3], Key::new(0)).unwrap()[0].to_vec();
    assert_eq!(measured[1].to_vec(), output);
    let loss = output.iter().zip(t).map(|(y, t)| (y - t).powi(2)).sum::<f64>() / 3.0;
    assert!((measured[0].to_vec()[0] - loss).abs() < 1e-12);
}
