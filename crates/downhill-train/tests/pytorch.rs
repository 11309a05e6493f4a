//! Agreement with what PyTorch computed; `oracles/losses.py` wrote the losses.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "common/streams.rs"]
mod streams;

use downhill_autograd::{Kind, Type};
use downhill_engine::Engine;
use downhill_nn::{Activation, AnyLayer, Loss, Network, models};
use downhill_optim::{Adam, AdamW, OptimizerConfig, Sgd};
use downhill_train::TrainingStep;
use serde::Deserialize;
use std::collections::HashMap;
use streams::{around_zero, start, whole};

#[derive(Deserialize)]
struct File {
    losses: HashMap<String, Vec<f32>>,
}

/// The losses of the first steps.
fn losses(
    layer: impl Into<AnyLayer>,
    input: Type,
    classes: usize,
    optimizer: impl Into<OptimizerConfig>,
    threads: usize,
) -> Vec<f32> {
    let network = Network::new(layer.into(), input).unwrap();
    let output = network.output().shape;
    let target = Type::index(downhill_tensor::Shape::new(&output[..output.rank() - 1]).unwrap());
    let (optimizer, engine) = (optimizer.into(), Engine::with_threads(threads));
    let loss = Loss::CrossEntropy;
    let mut step = TrainingStep::<f32>::new(&network, input, target, &loss, optimizer, &engine).unwrap();
    start(network.layout(), step.parameters_mut());
    let batch = |number: u64| {
        let key = streams::batch(number);
        let labels = whole(key.named("target"), target.shape.size(), classes);
        (key.named("input"), labels)
    };
    (0..20)
        .map(|number| {
            let (key, labels) = batch(number);
            match input.kind {
                Kind::Index => step.step(&whole(key, input.shape.size(), classes), &labels).unwrap(),
                Kind::Float => {
                    let mut x = vec![0.0f32; input.shape.size()];
                    around_zero(key, &mut x);
                    step.step(&x, &labels).unwrap()
                }
            }
        })
        .collect()
}

/// Compares the first losses with those of PyTorch, and those of two threads with those of one.
fn agree(
    name: &str,
    layer: impl Into<AnyLayer>,
    input: Type,
    classes: usize,
    optimizer: impl Into<OptimizerConfig>,
) {
    let file: File = serde_json::from_str(include_str!("oracles/losses.json")).unwrap();
    let (layer, optimizer) = (layer.into(), optimizer.into());
    let ours = losses(layer.clone(), input, classes, optimizer.clone(), 2);
    let theirs = &file.losses[name];
    assert_eq!(theirs.len(), ours.len());
    for (step, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= 1e-4 * theirs, "{name}, step {step}: {ours} is not {theirs}");
    }
    assert_eq!(ours, losses(layer, input, classes, optimizer, 1), "{name}: threads changed a loss");
}

#[test]
fn a_multilayer_perceptron_has_the_losses_of_pytorch() {
    let descent = Sgd { learning_rate: 0.1, ..Sgd::default() };
    agree("mlp", models::mlp(&[128], 10, Activation::Relu), Type::float([32, 784]), 10, descent);
}

#[test]
fn a_convolutional_network_has_the_losses_of_pytorch() {
    agree("cnn", models::cnn(10), Type::float([64, 1, 28, 28]), 10, Adam::default());
}

#[test]
fn a_decoder_has_the_losses_of_pytorch() {
    let sizes = models::Decoder { vocabulary: 64, context: 64, width: 128, heads: 4, blocks: 2 };
    let optimizer = AdamW { learning_rate: 3e-4, ..AdamW::default() };
    agree("decoder", models::decoder(sizes), Type::index([16, 64]), 64, optimizer);
}

#[test]
fn a_recurrent_network_has_the_losses_of_pytorch() {
    agree("lstm", models::lstm(128, 10), Type::float([32, 64, 32]), 10, Adam::default());
}
