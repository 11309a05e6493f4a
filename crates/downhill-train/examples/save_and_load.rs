//! Trains on the embedded wines, saves the run, loads the model again as another program would, and predicts.
#![allow(clippy::print_stdout)]

use downhill_data::{PartSize, embedded};
use downhill_nn::{Activation, models};
use downhill_train::{EarlyStopping, RunDirectory, TrainConfig, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, held_out) = embedded::load("wine")?.split(PartSize::Fraction(0.2), 42)?;
    let config = TrainConfig {
        epochs: 200,
        early_stopping: Some(EarlyStopping { patience: 10, min_delta: 0.0 }),
        ..TrainConfig::default()
    };

    // A path that cannot be written is found out before the training, not after it.
    let folder = tempfile::tempdir()?;
    let mut run = RunDirectory::create(folder.path().join("wine"), false)?;
    let network = models::mlp(&[32], 3, Activation::Relu);
    let outcome = Trainer::new(network, config.clone())?.fit(&train, Some(&held_out))?;
    run.save(&config, &outcome)?;
    println!("{}; the model is that of epoch {}", outcome.stop, outcome.best_epoch.unwrap_or_default());

    // The file holds the network, its parameters and the preprocessing, so data goes in as it is.
    let run = RunDirectory::open(run.path())?;
    let model = run.model()?;
    println!("{}", model.summary());
    println!("held out: {}", model.evaluate(&held_out)?);
    println!("baseline: {}", model.baseline(&held_out)?);
    assert_eq!(model.predict(&held_out)?, outcome.model.predict(&held_out)?);

    let predictions = model.predict(&held_out.subset(&[0, 1, 2])?)?;
    for example in 0..predictions.len() {
        let probability = predictions.row(example).iter().copied().fold(0.0, f64::max);
        println!(
            "wine {example}: {} with {:.1} %",
            predictions.class(example).unwrap_or("?"),
            100.0 * probability
        );
    }
    println!("\nits configuration:\n{}", run.config::<TrainConfig>()?.to_toml()?);
    Ok(())
}
