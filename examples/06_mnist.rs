//! Handwritten digits, with the training loop written out.
//!
//! An image is a row of numbers, one for each pixel. The network turns it into ten, one logit for each digit;
//! the largest is its answer. Nothing about images is built in: all it knows it learns by walking downhill.
//!
//! With the folder of MNIST (the four files of its distribution, plain or .gz) it trains on 60,000 images of
//! 28 x 28 pixels and is tested on 10,000. Without, it takes the 1,797 digits of 8 x 8 pixels that come with
//! the library, and holds out a fifth.
//!
//! `cargo run --release --example 06_mnist -- FOLDER`, or with the folder in `DOWNHILL_MNIST`.
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::data::{BatchSize, InMemory, Loader, LoaderOptions, PartSize, embedded, mnist};
use downhill::engine::Engine;
use downhill::nn::metrics::accuracy;
use downhill::nn::{Activation, Flatten, Loss, Network, Sequential, models};
use downhill::optim::{Adam, Optimizer};
use downhill::tensor::Key;
use std::error::Error;
use std::path::Path;

const SEED: u64 = 42;
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).or_else(|| std::env::var_os("DOWNHILL_MNIST"));
    let (train, test, epochs, promised) = match folder {
        Some(folder) => {
            let images = mnist(Path::new(&folder))?;
            (images.train, images.test, 3, 0.965)
        }
        None => {
            println!("No folder of MNIST was given, so this trains on the embedded 8 x 8 digits.\n");
            let (train, test) = embedded::load("digits")?.split(PartSize::Fraction(0.2), SEED)?;
            (train, test, 20, 0.96)
        }
    };
    let classes = train.class_names().len();
    println!("{}: {} images to learn from, {} to test with", train.title(), train.len(), test.len());

    // The network: the pixels in a row, 128 units that each look at all of them, and a logit for each class.
    let layers = Sequential::new().with(Flatten {}).with(models::mlp(&[128], classes, Activation::Relu));
    let image = train.input_shape();
    let batch_of = |n: usize| Type::float([n, image[0], image[1], image[2]]);
    let network = Network::new(layers, batch_of(BATCH))?;
    println!("\n{}", network.summary());

    // All parameters are one vector θ. Random at first: units that start equal would stay equal.
    let key = Key::new(SEED);
    let mut theta: Vec<f32> = network.initialize(key.named("parameters"));
    let mut optimizer = Optimizer::new(Adam { learning_rate: 0.003, ..Adam::default() }, theta.len())?;

    // The program of a step is recorded and compiled once, and run for every batch. Each program has fixed
    // shapes, so batches are of one size; the few images left over each time come earlier in another epoch.
    let program = network.training_program(batch_of(BATCH), Type::index([BATCH]), &Loss::CrossEntropy)?;
    let mut step = Engine::default().compile::<f32>(&program)?;

    let options =
        LoaderOptions { drop_last: true, ..LoaderOptions::shuffled(BatchSize::Examples(BATCH), SEED) };
    let mut loader = Loader::<f32>::new(&train, options)?;
    let mut batch = loader.batch();
    let (mut loss, mut gradient, mut logits) = ([0.0], vec![0.0; theta.len()], vec![0.0; BATCH * classes]);
    let mut number = 0;

    println!(
        "{:>5} {:>7} {:>12} {:>14} {:>10} {:>14}",
        "epoch", "steps", "loss", "accuracy", "test loss", "test accuracy"
    );
    let mut test_accuracy = 0.0;
    for epoch in 0..epochs {
        let (mut loss_sum, mut accuracy_sum) = (0.0, 0.0);
        // Every image once, in an order that is new in every epoch.
        loader.begin(epoch);
        for at in 0..loader.steps() {
            // 1. The next batch: pixels and right answers.
            loader.fill(at, &mut batch)?;
            // 2. Forward and backward: the loss on this batch, and its slope by every parameter.
            step.run(
                &[
                    Data::Float(&theta),
                    Data::Float(&[]),
                    Data::Float(&batch.inputs),
                    Data::Index(batch.labels()),
                ],
                &mut [
                    DataMut::Float(&mut loss),
                    DataMut::Float(&mut gradient),
                    DataMut::Float(&mut []),
                    DataMut::Float(&mut logits),
                ],
                key.named("step").fold(number),
            )?;
            // 3. Downhill: every parameter by a small step against its slope.
            optimizer.step(&mut theta, &gradient)?;

            number += 1;
            loss_sum += f64::from(loss[0]);
            accuracy_sum += accuracy(&logits, batch.labels())?;
        }
        // The loss of an epoch is the mean over its steps, while the network was still changing.
        let steps = loader.steps() as f64;
        let (test_loss, share) = evaluate(&network, &theta, &test, &batch_of)?;
        test_accuracy = share;
        println!(
            "{:>5} {number:>7} {:>12.4} {:>13.2}% {test_loss:>10.4} {:>13.2}%",
            epoch + 1,
            loss_sum / steps,
            100.0 * accuracy_sum / steps,
            100.0 * test_accuracy
        );
    }

    if test_accuracy < promised {
        return Err(
            format!("{:.2}% is less than the {}% promised", 100.0 * test_accuracy, 100.0 * promised).into()
        );
    }
    Ok(())
}

/// The loss and the accuracy on images that were not learned from, all in one batch.
fn evaluate(
    network: &Network<Sequential>,
    theta: &[f32],
    test: &InMemory,
    batch_of: &dyn Fn(usize) -> Type,
) -> Result<(f32, f64), Box<dyn Error>> {
    let labels = test.labels().ok_or("the images have no labels")?;
    let pixels = test.inputs_tensor::<f32>()?.to_vec();
    let program =
        network.evaluation_program(batch_of(test.len()), Type::index([test.len()]), &Loss::CrossEntropy)?;
    let mut plan = Engine::default().compile::<f32>(&program)?;
    let (mut loss, mut logits) = ([0.0], vec![0.0; program.outputs()[1].len()]);
    plan.run(
        &[Data::Float(theta), Data::Float(&[]), Data::Float(&pixels), Data::Index(&labels)],
        &mut [DataMut::Float(&mut loss), DataMut::Float(&mut logits)],
        Key::new(0),
    )?;
    Ok((loss[0], accuracy(&logits, &labels)?))
}
