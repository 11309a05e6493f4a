//! Models as source files in Rust: they compile without a warning, and predict what the model does.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod exported;

use downhill_data::embedded;
use downhill_nn::{Linear, Lstm, Sequential};
use downhill_train::export::{Format, rust};
use downhill_train::{ErrorKind, TrainConfig, Trainer};
use exported::{predictions, raw_inputs, whole_models};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The compiler of the toolchain that runs this test, if it can be found.
fn compiler() -> Option<String> {
    let name = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let answers = Command::new(&name).arg("--version").output().is_ok_and(|output| output.status.success());
    answers.then_some(name)
}

/// A program that prints what `predict` makes of each of these examples, in full digits.
fn program(inputs: &[f32], examples: usize) -> String {
    let width = inputs.len() / examples;
    let rows: String = inputs.chunks(width).map(|row| format!("    {row:?},\n")).collect();
    format!(
        "mod model;\nstatic ROWS: [[f32; {width}]; {examples}] = [\n{rows}];\nfn main() {{\n    for row in &ROWS {{\n        \
         for y in model::predict(row) {{\n            println!(\"{{y:?}}\");\n        }}\n    }}\n}}\n"
    )
}

fn run(compiler: &str, folder: &Path) -> Vec<f64> {
    let binary = folder.join("program");
    let output = Command::new(compiler)
        .args(["--edition=2021", "-O", "-D", "warnings", "-A", "dead_code", "main.rs", "-o"])
        .arg(&binary)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = Command::new(binary).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn an_exported_source_file_predicts_what_the_model_does() {
    let Some(compiler) = compiler() else {
        println!("skipped: there is no rustc, neither by that name nor in RUSTC");
        return;
    };
    for (name, model, data) in whole_models() {
        let folder = tempfile::tempdir().unwrap();
        let said = model.export(Format::Rust, folder.path().join("model.rs")).unwrap();
        assert!(said.contains("pub fn predict(input: &[f32; "), "{said}");
        fs::write(folder.path().join("main.rs"), program(&raw_inputs(&data), data.len())).unwrap();
        let (theirs, ours) = (run(&compiler, folder.path()), predictions(&model, &data));
        assert_eq!(theirs.len(), ours.len(), "{name}");
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert!((theirs - ours).abs() <= 1e-5 * ours.abs().max(1.0), "{name}: {theirs} is not {ours}");
        }
    }
}

#[test]
fn names_of_columns_categories_and_classes_stand_in_the_file() {
    let models = whole_models();
    let text = |name: &str| {
        let (_, model, _) = models.iter().find(|(other, ..)| *other == name).unwrap();
        rust::model(model).unwrap().text
    };
    let kinds = text("kinds");
    for part in [
        "pub fn predict(input: &[f32; 5]) -> [f32; 2] {",
        "pub const COLUMNS: [&str; 5] = [\n    \"year\",\n    \"colour\",\n",
        "pub const CLASSES: [&str; 2] = [\n    \"cheap\",\n    \"dear\",\n];",
        "/// In \"colour\" that is 0 for \"blue\", 1 for \"green\", 2 for \"red\".",
        "f32::from(u8::from(input[1] == 2.0)); // colour",
        "/// The weight of layer `0`.\nstatic WEIGHT_0: [f32; ",
        "[logistic(-x3[0]), logistic(x3[0])]",
    ] {
        assert!(kinds.contains(part), "{part} is missing in:\n{kinds}");
    }
    assert!(!kinds.contains("fn convolve"), "functions that are not called have no place in it");
    let digits = text("digits");
    assert!(digits.contains("/// The input is an array [1, 8, 8] in row-major order, numbers from 0 to 16."));
    assert!(digits.contains("*x = input / 16.0"));
}

#[test]
fn layers_that_a_source_file_cannot_have_are_named() {
    let data = embedded::load("digits").unwrap().subset(&(0..40).collect::<Vec<_>>()).unwrap();
    // Rows of images as steps of a sequence.
    let network = Sequential::new()
        .with_named("rows", downhill_nn::Conv2d::new(1, 1))
        .with(downhill_nn::Flatten {})
        .with(Linear::new(10));
    let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
    let good = Trainer::new(network, config.clone()).unwrap().fit(&data, None).unwrap().model;
    assert!(rust::model(&good).is_ok());

    let sentences = downhill_data::InMemory::new(
        downhill_data::InputSchema::Array { shape: [4, 3].into(), names: Vec::new(), maximum: None },
        downhill_data::Features::F64((0..120).map(|x| f64::from(x % 7)).collect()),
        downhill_data::Target::Classes {
            labels: (0..10).map(|x| x % 2).collect(),
            names: vec!["a".into(), "b".into()],
        },
        "sentences",
    )
    .unwrap();
    let network = Sequential::new().with_named("memory", Lstm::new(3)).with(Linear::new(2));
    let model = Trainer::new(network, config).unwrap().fit(&sentences, None).unwrap().model;
    let error = rust::model(&model).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(
        error.to_string().starts_with("the layer 'memory' (Lstm) cannot be written as Rust: "),
        "{error}"
    );
}
