//! The loop of `06_mnist`, made by the trainer.
//!
//! What was written out there, `Trainer` does: preprocessing that is fitted on the training part alone,
//! batches, steps, measuring after every epoch, and going back to the best epoch at the end. Callbacks see
//! all that happens and can end the run. The outcome is a model that can be saved, with all that it takes to
//! use it: layers, parameters, preprocessing, names of the classes.
//!
//! `cargo run --release --example 07_trainer`
#![allow(clippy::print_stdout)]

use downhill::data::{InMemory, PartSize, embedded};
use downhill::nn::{Activation, Flatten, Sequential, models};
use downhill::optim::Adam;
use downhill::train::{Event, Model, Outcome, TrainConfig, Trainer};
use std::error::Error;
use std::ops::ControlFlow;

const ENOUGH: f64 = 0.98;

/// All it takes to train: a network, a configuration, data, and here a callback that prints and stops.
fn train(train: &InMemory, validation: &InMemory) -> Result<Outcome, Box<dyn Error>> {
    let layers = Sequential::new().with(Flatten {}).with(models::mlp(&[128], 10, Activation::Relu));
    let optimizer = Adam { learning_rate: 0.003, ..Adam::default() }.into();
    let config = TrainConfig { epochs: 50, optimizer, ..TrainConfig::default() };
    let watch = |event: &Event<'_>| {
        let Event::Epoch(record) = event else { return ControlFlow::Continue(()) };
        let accuracy = record.validation.as_ref().and_then(|validation| validation.accuracy).unwrap_or(0.0);
        println!("{:>5} {:>13.4} {:>21.2}%", record.epoch, record.train.loss, 100.0 * accuracy);
        if accuracy >= ENOUGH { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = Trainer::new(layers, config)?.on_event(watch).fit(train, Some(validation))?;
    // That a run diverged is an outcome, not a failure of the program. Here it is one.
    Ok(outcome.converged()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Three parts: one to learn from, one by which to decide when to stop, and one to measure the result, on
    // which nothing was decided.
    let (rest, test) = embedded::load("digits")?.split(PartSize::Fraction(0.2), 42)?;
    let (learn, validation) = rest.split(PartSize::Fraction(0.2), 42)?;
    println!(
        "{} digits to learn from, {} to validate, {} to test\n",
        learn.len(),
        validation.len(),
        test.len()
    );

    println!("{:>5} {:>13} {:>22}", "epoch", "training loss", "validation accuracy");
    let outcome = train(&learn, &validation)?;
    let model = outcome.model;
    println!(
        "\nThe run was {}; the model is that of epoch {}.",
        outcome.stop,
        outcome.best_epoch.unwrap_or(0)
    );

    let evaluation = model.evaluate(&test)?;
    println!("\n{:<36} {}", format!("test, {} parameters", model.parameter_count()), evaluation);
    println!("{:<36} {}", "test, always the most frequent digit", model.baseline(&test)?);

    // A model is a file. It loads without the code above.
    let folder = std::env::temp_dir().join(format!("downhill-trainer-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("model.bin");
    model.save(&path)?;
    let loaded = Model::load(&path)?;
    let bytes = std::fs::metadata(&path)?.len();
    std::fs::remove_dir_all(&folder)?;

    let (before, after) = (model.predict(&test)?, loaded.predict(&test)?);
    println!("\nSaved ({bytes} bytes) and loaded, it says the same of every image: {}.", before == after);
    println!(
        "The first image is a {} with probability {:.4}.",
        after.class(0).unwrap_or("?"),
        largest(after.row(0))
    );

    if before != after || evaluation.accuracy < Some(0.96) {
        return Err(format!("the model reached {evaluation} and not the 96% promised").into());
    }
    Ok(())
}

fn largest(probabilities: &[f64]) -> f64 {
    probabilities.iter().copied().fold(0.0, f64::max)
}
