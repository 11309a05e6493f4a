//! Trains a multilayer perceptron on the embedded digits, with a callback that tells how it goes.
#![allow(clippy::print_stdout)]

use downhill_data::{PartSize, embedded};
use downhill_nn::Activation;
use downhill_train::{Event, ModelSpec, Result, TrainConfig, Trainer};
use std::ops::ControlFlow;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = embedded::load("digits")?;
    let (train, held_out) = digits.split(PartSize::Fraction(0.2), 42)?;

    let spec: ModelSpec = "mlp:128".parse()?;
    let loss = spec.default_loss(digits.target_kind());
    let network = spec.build(digits.input_shape(), digits.target_kind(), &loss, Activation::Relu)?;

    let started = Instant::now();
    let config = TrainConfig { loss, ..TrainConfig::default() };
    let outcome = Trainer::new(network, config)?
        .on_event(|event| {
            match event {
                Event::Started { summary, .. } => println!("{summary}"),
                Event::Epoch(record) => {
                    if let Some(validation) = &record.validation {
                        println!(
                            "epoch {:>2}: training loss {:.4}, held out: {validation}",
                            record.epoch, record.train.loss
                        );
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        })
        .fit(&train, Some(&held_out))?;

    println!("\n{} in {:.2} s", outcome.stop, started.elapsed().as_secs_f64());
    println!("held out: {}", outcome.model.evaluate(&held_out)?);
    println!("baseline: {}", outcome.model.baseline(&held_out)?);
    Ok(())
}
