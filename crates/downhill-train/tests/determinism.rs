//! The same seed gives the same bits, however many threads there are.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network};
use downhill_data::{BatchSize, PartSize, embedded};
use downhill_nn::{Activation, BatchNorm, Dropout, Flatten, Linear, Sequential, models};
use downhill_train::{RunDirectory, TrainConfig, Trainer};

/// The bytes of the files of a run, in the order of their names.
fn files(network: &Sequential, config: &TrainConfig, data: &str) -> Vec<Vec<u8>> {
    let (train, held_out) = embedded::load(data).unwrap().split(PartSize::Count(97), 3).unwrap();
    let outcome =
        Trainer::new(network.clone(), config.clone()).unwrap().fit(&train, Some(&held_out)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut run = RunDirectory::create(folder.path().join("run"), false).unwrap();
    // Threads are the one thing that may differ.
    run.save(&TrainConfig { threads: 1, ..config.clone() }, &outcome).unwrap();
    ["config.toml", "metrics.jsonl", "model.bin"]
        .map(|name| std::fs::read(run.path().join(name)).unwrap())
        .into()
}

#[test]
fn threads_change_no_bit_of_a_run() {
    // Wide enough that products and the optimizer's step are divided among the threads.
    let wide = Sequential::new()
        .with(Flatten {})
        .with(Linear::new(384))
        .with(BatchNorm::default())
        .with(Activation::Gelu)
        .with(Dropout::new(0.3))
        .with(Linear::new(256))
        .with(Activation::Tanh)
        .with(Linear::new(10));
    let wide_config =
        TrainConfig { clip_norm: Some(0.5), batch_size: BatchSize::Examples(150), ..adam(0.003, 2) };
    let image_config = TrainConfig { batch_size: BatchSize::Examples(150), ..adam(0.003, 1) };
    for (network, config) in [(wide, wide_config), (models::cnn(10), image_config)] {
        let one = files(&network, &config, "digits");
        for threads in [1, 2, 4] {
            let several = files(&network, &TrainConfig { threads, ..config.clone() }, "digits");
            assert!(one == several, "{threads} threads differ from 1");
        }
    }
}

#[test]
fn the_seed_decides_the_model() {
    let config = adam(0.01, 3);
    let same =
        [42, 42, 43].map(|seed| files(&iris_network(), &TrainConfig { seed, ..config.clone() }, "iris"));
    assert!(same[0] == same[1]);
    assert!(same[0][2] != same[2][2]);
}

#[test]
fn callbacks_and_validation_data_change_nothing() {
    let (train, held_out) = iris();
    let config = TrainConfig { restore_best: false, ..adam(0.01, 5) };
    let fit = |validation| {
        let outcome = Trainer::new(iris_network(), config.clone()).unwrap().fit(&train, validation).unwrap();
        outcome.model.parameters().to_vec()
    };
    assert_eq!(fit(None), fit(Some(&held_out)));
}

#[test]
fn filling_batches_ahead_changes_no_bit() {
    // 64 numbers in 1024 examples are enough to be filled on a thread of their own, unless all cores compute.
    let config = TrainConfig { batch_size: BatchSize::Examples(1024), ..adam(0.01, 3) };
    let network = Sequential::new().with(Flatten {}).with(Linear::new(10));
    let cores = std::thread::available_parallelism().unwrap().get();
    let ahead = files(&network, &config, "digits");
    assert!(ahead == files(&network, &TrainConfig { threads: cores, ..config }, "digits"));
}
