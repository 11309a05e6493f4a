//! A residual network that reads handwritten digits: 99.2 % of those it has not seen.
//!
//! The network of `06_mnist` looks at pixels without knowing which are neighbours. Here small windows of
//! 3 x 3 slide over the image, each looking for one pattern, in layers: strokes, then corners and bows, then
//! digits. Two things let such a stack learn fast:
//!
//! - *Residual blocks* (He et al., 2015, arXiv:1512.03385). A block adds what it finds to what is there. The
//!   gradient passes by unhindered, so that depth does no harm.
//! - *Batch normalization* (Ioffe and Szegedy, 2015, arXiv:1502.03167). What a window finds is brought to mean
//!   0 and variance 1 over the batch, so that the layers after it need not follow every change of those
//!   before, and the steps can be large. The running means that are used after training are the network's
//!   state: they are no parameters, no gradient moves them.
//!
//! It needs the four files of MNIST: `cargo run --release --example 12_resnet_mnist -- FOLDER`, or with the
//! folder in `DOWNHILL_MNIST`. A second argument is the seed.
#![allow(clippy::print_stdout)]

use downhill::autograd::{Data, DataMut, Run, Type};
use downhill::data::{BatchSize, InMemory, Loader, LoaderOptions, mnist};
use downhill::engine::{Engine, Plan};
use downhill::nn::metrics::accuracy;
use downhill::nn::{
    Activation, BatchNorm, Conv2d, GlobalAveragePool2d, Linear, Loss, MaxPool2d, Network, Residual,
    Sequential,
};
use downhill::optim::{AdamW, OneCycle, ParameterGroup, Schedule};
use downhill::tensor::Key;
use downhill::train::{StepOptions, TrainingStep};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const SIDE: usize = 28;
const BATCH: usize = 125;
const EPOCHS: u64 = 4;
/// By how many pixels an image is moved at most, in each direction.
const SHIFT: usize = 2;
const PROMISED: f64 = 0.992;

/// A 3 x 3 convolution, what it finds normalized over the batch. A bias would be normalized away.
fn convolution(channels: usize, stride: usize) -> Sequential {
    let windows = Conv2d { stride: [stride; 2], padding: [1; 2], bias: false, ..Conv2d::new(channels, 3) };
    Sequential::new().with(windows).with(BatchNorm::default())
}

/// Two convolutions beside the identity.
fn block(channels: usize) -> Residual {
    Residual::new(
        Sequential::new()
            .with(convolution(channels, 1))
            .with(Activation::Relu)
            .with(convolution(channels, 1)),
    )
}

/// Images `[n, 1, 28, 28]` to ten logits each. Where the image gets smaller, there are more patterns.
fn resnet() -> Sequential {
    Sequential::new()
        .with_named("strokes", convolution(32, 1))
        .with(Activation::Relu)
        .with(MaxPool2d::new(2))
        .with_named("block_1", block(32))
        .with(Activation::Relu)
        .with_named("halve", convolution(64, 2))
        .with(Activation::Relu)
        .with_named("block_2", block(64))
        .with(Activation::Relu)
        .with(GlobalAveragePool2d {})
        .with_named("logits", Linear::new(10))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().or_else(|| std::env::var_os("DOWNHILL_MNIST")) else {
        println!(
            "This example needs the four files of MNIST, as Yann LeCun, Corinna Cortes and Chris Burges made\n\
             them and many mirrors distribute them: train-images-idx3-ubyte, train-labels-idx1-ubyte,\n\
             t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz. Name their folder as the first\n\
             argument or in the environment variable DOWNHILL_MNIST. Without it there is nothing to do."
        );
        return Ok(());
    };
    let seed: u64 = match arguments.next() {
        Some(seed) => seed.to_string_lossy().parse()?,
        None => 1,
    };
    let images = mnist(Path::new(&folder))?;
    println!(
        "{} images to learn from, {} to test with; seed {seed}\n",
        images.train.len(),
        images.test.len()
    );

    let (pixels, labels) = (Type::float([BATCH, 1, SIDE, SIDE]), Type::index([BATCH]));
    let network = Network::new(resnet(), pixels)?;
    println!("{}", network.summary());

    let options =
        LoaderOptions { drop_last: true, ..LoaderOptions::shuffled(BatchSize::Examples(BATCH), seed) };
    let mut loader = Loader::<f32>::new(&images.train, options)?;
    let steps = EPOCHS * loader.steps() as u64;

    // One cycle (Smith and Topin, 2018, arXiv:1708.07120): the rate rises to one that is too large to settle
    // with, and falls to almost nothing, all within few epochs.
    let schedule = Schedule::OneCycle(OneCycle { rise: 0.2, ..OneCycle::over(steps) });
    let undecayed =
        |names: &str| ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::matching(names) };
    let options = StepOptions {
        optimizer: AdamW { learning_rate: 0.01, weight_decay: 0.05, ..AdamW::default() }.into(),
        groups: vec![undecayed("*bias")],
        seed,
        ..StepOptions::default()
    };
    let engine =
        Engine::with_threads(std::thread::available_parallelism().map_or(1, |threads| threads.get()));
    let mut step = TrainingStep::<f32>::new(&network, pixels, labels, &Loss::CrossEntropy, options, &engine)?;
    let mut examiner = Examiner::new(&network, &engine)?;

    println!(
        "{:>5} {:>6} {:>14} {:>18} {:>10} {:>14} {:>8}",
        "epoch", "steps", "training loss", "training accuracy", "test loss", "test accuracy", "seconds"
    );
    let key = Key::new(seed).named("shifts");
    let clock = Instant::now();
    let mut batch = loader.batch();
    let mut right = 0.0;
    for epoch in 0..EPOCHS {
        let (mut losses, mut accuracies) = (0.0, 0.0);
        loader.begin(epoch);
        for at in 0..loader.steps() {
            loader.fill(at, &mut batch)?;
            shift(&mut batch.inputs, key.fold(step.steps()));
            step.set_learning_rate_factor(schedule.factor(step.steps()))?;
            losses += f64::from(step.step(&batch.inputs, batch.labels())?);
            accuracies += accuracy(step.output(), batch.labels())?;
        }
        let made = loader.steps() as f64;
        let (test_loss, test_accuracy) = examiner.examine(&step, &images.test)?;
        right = test_accuracy;
        println!(
            "{:>5} {:>6} {:>14.4} {:>17.2}% {test_loss:>10.4} {:>13.2}% {:>8.1}",
            epoch + 1,
            step.steps(),
            losses / made,
            100.0 * accuracies / made,
            100.0 * right,
            clock.elapsed().as_secs_f64()
        );
    }

    // Nothing was chosen by the test images: not the epoch, and not the seed. They only measure.
    if right < PROMISED {
        return Err(format!("{:.2}% is less than the {}% promised", 100.0 * right, 100.0 * PROMISED).into());
    }
    Ok(())
}

/// Moves each image by up to [`SHIFT`] pixels in each direction; what comes in from outside is black, as the
/// margin is. A digit that stands elsewhere is the same digit: so each epoch sees new images.
fn shift(images: &mut [f32], key: Key) {
    let mut moved = [0.0; SIDE * SIDE];
    for (number, image) in images.chunks_exact_mut(SIDE * SIDE).enumerate() {
        let offset = |axis: u64| (key.uniform(2 * number as u64 + axis) * (2 * SHIFT + 1) as f32) as usize;
        let (down, right) = (offset(0), offset(1));
        // Pixel (row, column) comes from (row + SHIFT - down, column + SHIFT - right), where there is one.
        let source = |to: usize, by: usize| (to + SHIFT).checked_sub(by).filter(|&from| from < SIDE);
        for (at, pixel) in moved.iter_mut().enumerate() {
            *pixel = match (source(at / SIDE, down), source(at % SIDE, right)) {
                (Some(row), Some(column)) => image[row * SIDE + column],
                _ => 0.0,
            };
        }
        image.copy_from_slice(&moved);
    }
}

/// Measures loss and accuracy, batch after batch, with the running means in place of those of the batch.
struct Examiner {
    plan: Plan<f32>,
}

impl Examiner {
    fn new(network: &Network<Sequential>, engine: &Engine) -> Result<Self, Box<dyn Error>> {
        let types = (Type::float([BATCH, 1, SIDE, SIDE]), Type::index([BATCH]));
        let program = network.evaluation_program(types.0, types.1, &Loss::CrossEntropy)?;
        Ok(Examiner { plan: engine.compile(&program)? })
    }

    /// The mean loss and the share of right answers. The count of images has to be a multiple of the batch's,
    /// as it is for the 10,000 of MNIST: a plan has fixed shapes.
    fn examine(&mut self, step: &TrainingStep, test: &InMemory) -> Result<(f64, f64), Box<dyn Error>> {
        let options = LoaderOptions::in_order(BatchSize::Examples(BATCH));
        let loader = Loader::<f32>::new(test, options)?;
        let (mut batch, mut logits) = (loader.batch(), [0.0; BATCH * 10]);
        let (mut losses, mut accuracies) = (0.0, 0.0);
        for at in 0..loader.steps() {
            loader.fill(at, &mut batch)?;
            let mut loss = [0.0];
            self.plan.run(
                &[
                    Data::Float(step.parameters()),
                    Data::Float(step.state()),
                    Data::Float(&batch.inputs),
                    Data::Index(batch.labels()),
                ],
                &mut [DataMut::Float(&mut loss), DataMut::Float(&mut logits)],
                Key::new(0),
            )?;
            losses += f64::from(loss[0]);
            accuracies += accuracy(&logits, batch.labels())?;
        }
        let count = loader.steps() as f64;
        Ok((losses / count, accuracies / count))
    }
}
