//! Why a run learned, or did not: what `diagnose` says, what `train` says at its end, and runs that diverge.

use crate::program::Folder;
use serde_json::Value;

const USAGE: i32 = 2;
const DATA: i32 = 4;
const DIVERGED: i32 = 5;
const INPUT_OUTPUT: i32 = 7;

/// The names of the verdicts of at least this severity.
fn names<'a>(diagnosis: &'a Value, severities: &[&str]) -> Vec<&'a str> {
    let verdicts = diagnosis["verdicts"].as_array().unwrap();
    let wanted = |verdict: &&Value| severities.contains(&verdict["severity"].as_str().unwrap());
    verdicts.iter().filter(wanted).map(|verdict| verdict["name"].as_str().unwrap()).collect()
}

const BAD: [&str; 2] = ["failure", "warning"];

#[test]
fn a_healthy_run_is_called_healthy() {
    let folder = Folder::new();
    let ended = folder.succeed("train iris --model mlp:16 --epochs 40");
    assert!(!ended.stderr.contains("diagnose"), "{}", ended.stderr);
    let diagnosis = folder.json("diagnose runs/iris --json");
    assert_eq!(names(&diagnosis, &BAD), Vec::<&str>::new(), "{diagnosis}");
    let healthy = names(&diagnosis, &["healthy"]);
    for name in
        ["loss-falls", "live-units", "overfits-one-batch", "targets-depend-on-inputs", "examples-apart"]
    {
        assert!(healthy.contains(&name), "{name} is missing in {healthy:?}");
    }
    for verdict in diagnosis["verdicts"].as_array().unwrap() {
        for field in ["finding", "formula", "source"] {
            assert!(!verdict[field].as_str().unwrap().is_empty(), "{field} of {verdict}");
        }
    }
    let text = folder.succeed("diagnose runs/iris").stdout;
    for part in
        ["runs/iris on iris: ", " healthy", "The run completed all 40 epochs.", "measured", "gradient norm"]
    {
        assert!(text.contains(part), "'{part}' is missing in:\n{text}");
    }
    assert_eq!(text, folder.succeed("diagnose runs/iris").stdout);
}

#[test]
fn what_is_wrong_is_said_after_the_training_and_in_the_diagnosis() {
    let folder = Folder::new();
    let ended = folder.succeed("train iris --optimizer sgd --learning-rate 1e-6 --epochs 20 --out low");
    assert!(ended.stderr.contains("failure: rate-too-low."), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("`downhill diagnose low` says more\n"), "{}", ended.stderr);
    assert!(folder.succeed("train iris --epochs 1 --quiet").stderr.is_empty());
    let diagnosis = folder.json("diagnose low --quick --json");
    assert_eq!(diagnosis["severity"], "failure");
    assert_eq!(diagnosis["verdicts"][0]["name"], "rate-too-low");
    let text = folder.succeed("diagnose low --quick").stdout;
    assert!(text.contains("measured") && text.contains("against 0.0001: "), "{text}");
}

#[test]
fn a_page_holds_all_verdicts_and_numbers() {
    let folder = Folder::new();
    folder.succeed("train wine --epochs 5 -q --out run");
    folder.succeed("diagnose run --quick --html page.html");
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    for part in ["Diagnosis of run", "inputs-scaled", "gradient norm", "</html>"] {
        assert!(page.contains(part), "'{part}' is missing");
    }
    let ended = folder.run("diagnose run --quick --html nowhere/page.html");
    assert_eq!(ended.code, Some(INPUT_OUTPUT), "{}", ended.stderr);
}

#[test]
fn a_run_that_diverged_is_saved_and_can_be_diagnosed() {
    let folder = Folder::new();
    for (number, rest) in
        ["digits", "iris --optimizer sgd", "line --model linear --optimizer sgd"].into_iter().enumerate()
    {
        let out = format!("run-{number}");
        let ended = folder.run(&format!("train {rest} --quiet --learning-rate 1e6 --out {out}"));
        assert_eq!(ended.code, Some(DIVERGED), "{}", ended.stderr);
        assert_eq!(ended.stdout, "", "a failure has no result");
        for part in
            ["error: diverged at step ", "lower the learning rate", &format!("`downhill diagnose {out}`")]
        {
            assert!(ended.stderr.contains(part), "'{part}' is missing in: {}", ended.stderr);
        }
        let diagnosis = folder.json(&format!("diagnose {out} --quick --json"));
        assert!(diagnosis["stop"].as_str().unwrap().starts_with("diverged at step"));
        assert_eq!(diagnosis["verdicts"][0]["name"], "rate-too-high", "{diagnosis}");
    }
}

#[test]
fn bad_steps_can_be_made_good() {
    let folder = Folder::new();
    let train = "train iris --optimizer sgd --learning-rate 100 --schedule constant --epochs 5 --seed 1";
    assert_eq!(folder.run(&format!("{train} -q --out stop")).code, Some(DIVERGED));
    let ended = folder.succeed(&format!("{train} --bad-steps roll-back:20 --out back"));
    assert!(ended.stderr.contains("warning: bad-steps"), "{}", ended.stderr);
    let config = String::from_utf8(folder.read("back/config.toml")).unwrap();
    assert!(config.contains("up_to = 20"), "{config}");
    for policy in ["skip", "skip:x", "never"] {
        let ended = folder.run(&format!("train iris --bad-steps {policy}"));
        assert_eq!(ended.code, Some(USAGE));
        assert!(ended.stderr.contains("'stop', 'skip:N' or 'roll-back:N'"), "{}", ended.stderr);
    }
}

#[test]
fn the_data_of_a_run_is_found_again_or_it_is_said_why_not() {
    let folder = Folder::new();
    let mut csv = String::from("a,b,y\n");
    for i in 0..60 {
        csv += &format!("{},{},{}\n", i, (i * i) % 17, 3 * i + 1);
    }
    folder.write("table.csv", &csv);
    folder.succeed("train table.csv --target y --epochs 5 -q --out run");
    folder.succeed("diagnose run --quick");

    // Changed.
    folder.write("table.csv", csv.replacen("\n5,", "\n5.5,", 1));
    let ended = folder.run("diagnose run --quick");
    assert_eq!(ended.code, Some(DATA), "{}", ended.stderr);
    assert!(ended.stderr.contains("is not what it was"), "{}", ended.stderr);
    // Taken as it is.
    folder.succeed("diagnose run table.csv --quick");

    // Gone.
    std::fs::remove_file(folder.path().join("table.csv")).unwrap();
    let ended = folder.run("diagnose run --quick");
    assert_eq!(ended.code, Some(INPUT_OUTPUT), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot be loaded again"), "{}", ended.stderr);

    // A run of an older version does not say, and names can still be given.
    folder.succeed("train iris --epochs 1 -q --out old");
    let config = String::from_utf8(folder.read("old/config.toml")).unwrap();
    let (before, rest) = config.split_once("[origin]").unwrap();
    let (_, after) = rest.split_once("\n[train]").unwrap();
    folder.write("old/config.toml", format!("{before}[train]{after}"));
    std::fs::remove_file(folder.path().join("old/outcome.json")).unwrap();
    let ended = folder.run("diagnose old --quick");
    assert_eq!(ended.code, Some(DATA), "{}", ended.stderr);
    assert!(ended.stderr.contains("older version"), "{}", ended.stderr);
    folder.succeed("diagnose old iris --quick");
}

#[test]
fn of_three_examples_it_is_not_said_that_targets_are_chance() {
    let folder = Folder::new();
    folder.write("few.csv", "a,b,y\n1,2,x\n2,1,z\n3,4,x\n");
    folder.succeed("train few.csv --target y --epochs 3 --quiet");
    let ended = folder.succeed("diagnose runs/few");
    assert!(!ended.stdout.contains("targets-"), "{}", ended.stdout);
}
