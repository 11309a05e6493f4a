//! The program on real MNIST. The images are not in the repository: set `DOWNHILL_MNIST` to the folder that
//! holds the four files, and `DOWNHILL_MNIST_SEEDS` to the number of seeds (1 if it is not set).
//!
//! `DOWNHILL_MNIST=... cargo test --release -p downhill-cli --test mnist -- --ignored`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use serde_json::Value;
use std::process::Command;

/// Trains with these arguments and each seed, and holds the accuracy on the 10,000 test images to a bound.
fn train(name: &str, arguments: &[&str], at_least: f64, parameters: Option<u64>) {
    let Some(folder) = std::env::var_os("DOWNHILL_MNIST") else {
        println!("skipped: DOWNHILL_MNIST is not set");
        return;
    };
    let seeds = std::env::var("DOWNHILL_MNIST_SEEDS").map_or(1, |n| n.parse().unwrap());
    let runs = tempfile::tempdir().unwrap();
    for seed in 0..seeds {
        let out = runs.path().join(format!("{name}-{seed}"));
        let output = Command::new(env!("CARGO_BIN_EXE_downhill"))
            .args(["train", "mnist", "--json", "--data"])
            .arg(&folder)
            .arg("--out")
            .arg(&out)
            .args(["--seed", &seed.to_string()])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let accuracy = result["test"]["accuracy"].as_f64().unwrap();
        println!(
            "{name}, seed {seed}: {:.2} % of the test images, {} parameters, {:.1} s",
            accuracy * 100.0,
            result["parameters"],
            result["seconds"].as_f64().unwrap()
        );
        assert!(accuracy >= at_least, "{accuracy} is below {at_least}");
        if let Some(parameters) = parameters {
            assert_eq!(result["parameters"].as_u64(), Some(parameters));
        }
    }
}

#[test]
#[ignore = "needs MNIST and half a minute"]
fn a_network_with_one_hidden_layer_reads_97_5_percent() {
    train("mlp:128", &["--model", "mlp:128", "--epochs", "5"], 0.975, Some(101_770));
}

#[test]
#[ignore = "needs MNIST and minutes"]
fn a_convolutional_network_reads_98_7_percent() {
    train("cnn", &["--model", "cnn", "--epochs", "3"], 0.987, None);
}

#[test]
#[ignore = "needs MNIST and a minute"]
fn the_network_of_the_well_known_video_reads_93_percent() {
    let options = "--model mlp:16,16 --activation sigmoid --loss mse --optimizer sgd --batch-size 10 \
                   --epochs 10 --learning-rate 10";
    train("video", &options.split_whitespace().collect::<Vec<_>>(), 0.93, Some(13_002));
}
