//! What a training prints and saves.

use crate::program::Folder;
use serde_json::Value;

#[test]
fn without_a_command_digits_are_learned() {
    let folder = Folder::new();
    let ended = folder.succeed("");
    for part in
        ["mlp:128 on digits", "train", "validation", "baseline", "Saved in runs/digits", "To try next:"]
    {
        assert!(ended.stdout.contains(part), "'{part}' is missing in:\n{}", ended.stdout);
    }
    assert!(ended.stderr.starts_with("epoch  1/67  train "), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 67);
    let files = [
        "runs",
        "runs/digits",
        "runs/digits/config.toml",
        "runs/digits/metrics.jsonl",
        "runs/digits/model.bin",
        "runs/digits/outcome.json",
        "runs/digits/report.html",
    ];
    assert_eq!(folder.contents(), files);

    // The commands that it recommends really work.
    let next: Vec<_> = ended.stdout.lines().skip_while(|line| *line != "To try next:").skip(1).collect();
    assert_eq!(next.len(), 2);
    for line in next {
        let (command, _) = line.trim().split_once("   ").unwrap();
        let (program, arguments) = command.split_once(' ').unwrap();
        assert_eq!(program, env!("CARGO_BIN_EXE_downhill"));
        let short = if arguments.starts_with("train") { " --epochs 1" } else { "" };
        folder.succeed(&format!("{arguments}{short}"));
    }
}

#[test]
fn the_demo_reaches_96_percent_with_any_seed() {
    for seed in 0..3 {
        let result = Folder::new().json(&format!("demo --json --quiet --seed {seed}"));
        assert!(result["validation"]["accuracy"].as_f64() >= Some(0.96), "{result}");
    }
}

/// The value at this path, which must be a finite number.
#[track_caller]
fn number(result: &Value, path: &str) -> f64 {
    result.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number in {result}"))
}

#[test]
fn the_json_of_classes_has_all_its_fields() {
    let folder = Folder::new();
    let ended =
        folder.succeed("train iris --json --epochs 3 --batch-size 10 --seed 7 --threads 2 --model mlp:8");
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    for part in ["train", "validation", "baseline"] {
        let accuracy = number(&result, &format!("/{part}/accuracy"));
        assert!((0.0..=1.0).contains(&accuracy) && number(&result, &format!("/{part}/loss")) > 0.0);
    }
    for (path, expected) in [
        ("/epochs", 3.0),
        ("/steps", 36.0),
        ("/seed", 7.0),
        ("/threads", 2.0),
        ("/parameters", (4.0 + 1.0) * 8.0 + (8.0 + 1.0) * 3.0),
        ("/train/examples", 120.0),
        ("/validation/examples", 30.0),
    ] {
        assert_eq!(number(&result, path), expected, "{path}");
    }
    assert!(number(&result, "/seconds") > 0.0);
    let texts = ["/stop_reason", "/run", "/source", "/model", "/loss", "/optimizer"].map(|path| {
        result.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} is no text")).to_owned()
    });
    assert_eq!(texts, ["completed", "runs/iris", "iris", "mlp:8", "cross-entropy", "adam"]);
}

#[test]
fn the_json_of_numbers_has_errors_in_the_unit_of_the_target() {
    let result = Folder::new().json("train line --noise 0.05 --model linear --json");
    for part in ["train", "validation"] {
        let rmse = number(&result, &format!("/{part}/rmse"));
        assert!((0.04..0.06).contains(&rmse), "{rmse}");
        assert!(number(&result, &format!("/{part}/r2")) > 0.99);
        assert!(result[part].get("accuracy").is_none());
    }
    assert!(number(&result, "/baseline/rmse") > 0.5);
    assert_eq!(number(&result, "/parameters"), 2.0);
}

#[test]
fn the_same_seed_gives_the_same_files_with_any_number_of_threads() {
    let folder = Folder::new();
    for (name, options) in [("one", "--threads 1"), ("two", "--threads 2"), ("other", "--threads 1 --seed 1")]
    {
        folder.succeed(&format!("train digits --epochs 3 --batch-size 100 --out {name} {options}"));
    }
    assert_eq!(folder.read("one/model.bin"), folder.read("two/model.bin"));
    assert_eq!(folder.read("one/metrics.jsonl"), folder.read("two/metrics.jsonl"));
    assert_ne!(folder.read("one/model.bin"), folder.read("other/model.bin"));
}

#[test]
fn runs_are_numbered_and_nothing_is_held_out_when_asked() {
    let folder = Folder::new();
    let runs = [0, 1, 2].map(|_| folder.json("train moons --epochs 1 --json --validation 0")["run"].clone());
    assert_eq!(runs, ["runs/moons", "runs/moons-2", "runs/moons-3"]);
    let result = folder.json("train moons --epochs 1 --json --validation 0");
    assert_eq!(result["train"]["examples"], 1000);
    assert!(result.get("validation").is_none());
}

#[test]
fn patience_ends_a_run_that_no_longer_gets_better() {
    let result =
        Folder::new().json("train blobs --noise 1 --epochs 200 --patience 3 --schedule constant --json");
    assert_eq!(result["stop_reason"], "early_stopped");
    let (epochs, best) = (number(&result, "/epochs"), number(&result, "/best_epoch"));
    assert_eq!(epochs, best + 3.0);
}

#[test]
fn every_option_is_written_to_the_configuration() {
    let folder = Folder::new();
    folder.succeed(
        "train wine --model mlp:16 --activation leaky-relu --optimizer sgd --momentum 0.8 --learning-rate 0.05 \
         --weight-decay 0.001 --schedule step --warm-up 4 --clip-norm 2 --batch-size full --epochs 10 --seed 3 \
         --threads 1 --validation 0.25 --patience 9 --loss cross-entropy --out mine --quiet",
    );
    let config = String::from_utf8(folder.read("mine/config.toml")).unwrap();
    for line in [
        "model = \"mlp:16\"",
        "activation = \"leaky_relu\"",
        "momentum = 0.8",
        "learning_rate = 0.05",
        "weight_decay = 0.001",
        "period = 2",
        "steps = 4",
        "clip_norm = 2.0",
        "batch_size = \"full\"",
        "epochs = 10",
        "seed = 3",
        "threads = 1",
        "patience = 9",
        "train_examples = 133",
        "validation_examples = 45",
    ] {
        assert!(config.lines().any(|found| found == line), "'{line}' is missing in:\n{config}");
    }
}

#[test]
fn quiet_is_quiet() {
    let ended = Folder::new().succeed("train iris --epochs 2 --quiet");
    assert_eq!(ended.stderr, "");
    assert!(ended.stdout.contains("baseline"));
}
