//! `downhill race`: what it prints, where, and what it refuses.

use crate::program::Folder;
use serde_json::Value;

const SMALL: &str = "race iris --batch-sizes full,16 --seeds 2 --budget 3epochs --model logistic";

#[test]
fn a_race_is_told_in_words_and_what_it_rests_on_too() {
    let folder = Folder::new();
    let ended = folder.succeed(SMALL);
    for part in [
        "logistic on iris: 15 parameters, cross-entropy; 3 epochs each",
        "What was spent until the loss was at ",
        "sgd, full batch",
        "momentum, batch of 16",
        "adam, batch of 16",
        "notice: first-in-steps. ",
        "notice: first-in-examples. ",
        "notice: first-in-seconds. ",
        "13 rates from 10⁻⁵ to 10, then 2 refinements around the best",
        "trials of 1.5 epochs with seed 0",
        "the smallest that two thirds of the entrants reach with every seed",
    ] {
        assert!(ended.stdout.contains(part), "'{part}' is missing in:\n{}", ended.stdout);
    }
    // Each step has one gradient here, so that these are no currency of their own.
    assert!(!ended.stdout.contains("first-in-gradient-evaluations"), "{}", ended.stdout);
    let progress: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(progress.len(), 6 + 12, "a line for each search and each run: {}", ended.stderr);
    assert!(progress[0].starts_with("rate of sgd, full batch: "), "{}", ended.stderr);
    assert!(progress[17].starts_with("run 12/12  "), "{}", ended.stderr);
    assert!(folder.contents().is_empty(), "a race saves nothing unasked");
    assert_eq!(folder.succeed(&format!("{SMALL} --quiet")).stderr, "");
}

/// The object with the seconds, and what follows from them, taken out.
fn timeless(mut value: Value) -> Value {
    for entrant in value["entrants"].as_array_mut().unwrap() {
        for course in entrant["courses"].as_array_mut().unwrap() {
            for point in course["points"].as_array_mut().unwrap() {
                point["seconds"] = Value::Null;
            }
        }
    }
    value["verdicts"] = Value::Null;
    value["standings"].as_array_mut().unwrap().retain(|standing| standing["currency"] != "seconds");
    value["threads"] = Value::Null;
    value
}

#[test]
fn the_result_is_one_object_and_the_same_but_for_the_seconds() {
    let folder = Folder::new();
    let result = folder.json(&format!("{SMALL} --json --threads 1"));
    assert_eq!((result["source"].as_str(), result["model"].as_str()), (Some("iris"), Some("logistic")));
    assert_eq!(
        (result["train_examples"].as_u64(), result["held_out_examples"].as_u64()),
        (Some(120), Some(30))
    );
    assert_eq!(result["seeds"], serde_json::json!([1, 2]));
    assert_eq!(result["interrupted"], false);
    assert_eq!(result["target"]["given"], false);
    let entrants = result["entrants"].as_array().unwrap();
    assert_eq!(entrants.len(), 6);
    assert_eq!(entrants[1]["label"], "sgd, batch of 16");
    assert_eq!(entrants[1]["tuning"]["trials"].as_array().unwrap().len(), 17);
    let last = &entrants[1]["courses"][0]["points"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["steps"].as_u64(), last["examples"].as_u64()), (Some(24), Some(360)));
    let currencies: Vec<_> =
        result["standings"].as_array().unwrap().iter().map(|standing| standing["currency"].clone()).collect();
    assert_eq!(currencies, ["steps", "examples", "seconds"]);
    assert_eq!(timeless(result), timeless(folder.json(&format!("{SMALL} --json --threads 2"))));
}

#[test]
fn a_page_a_picture_and_a_table_are_written() {
    let folder = Folder::new();
    let result = folder.json(&format!("{SMALL} --json --html a.html --svg a.svg --csv a.csv"));
    let text = |name: &str| String::from_utf8(folder.read(name)).unwrap();
    let page = text("a.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Who was first"));
    assert!(text("a.svg").starts_with("<svg") && text("a.svg").contains("over examples"));
    let points: usize = result["entrants"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|entrant| entrant["courses"].as_array().unwrap())
        .map(|course| course["points"].as_array().unwrap().len())
        .sum();
    assert_eq!(text("a.csv").lines().count(), points + 1);
    folder.succeed(&format!("{SMALL} --svg a.svg --over steps"));
    assert!(text("a.svg").contains("over steps"));
}

#[test]
fn a_rate_that_is_given_is_not_searched_for_and_lbfgs_has_none() {
    let folder = Folder::new();
    let arguments = "race iris --optimizers adam@0.01,adam@0.1,lbfgs --batch-sizes 16 --seeds 2 --budget 5epochs \
                     --target-loss 0.6 --json";
    let result = folder.json(arguments);
    let labels: Vec<_> =
        result["entrants"].as_array().unwrap().iter().map(|it| it["label"].clone()).collect();
    assert_eq!(labels, ["adam at 0.01, batch of 16", "adam at 0.1, batch of 16", "lbfgs, full batch"]);
    assert!(result["entrants"].as_array().unwrap().iter().all(|it| it.get("tuning").is_none()));
    let last = result["entrants"][2]["courses"][0]["points"].as_array().unwrap().last().unwrap();
    assert!(last["gradient_evaluations"].as_u64() > last["steps"].as_u64(), "{last}");
    // Now gradient evaluations are other than steps.
    assert_eq!(result["standings"].as_array().unwrap().len(), 4);
    assert_eq!(result["target"]["given"], true);
}

/// Expects this exit code, nothing on standard output, and an error with these parts.
#[track_caller]
fn refused(arguments: &str, code: i32, parts: &[&str]) {
    let folder = Folder::new();
    let ended = folder.run(arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments}: {}", ended.stderr);
    assert!(ended.stderr.starts_with("error: "), "{arguments}: {}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{arguments}: '{part}' is missing in: {}", ended.stderr);
    }
    assert!(folder.contents().is_empty());
}

#[test]
fn nonsense_is_refused_before_anything_runs() {
    refused("race iris --optimizers sgd,adamm", 2, &["'adamm'", "a similar value exists: 'adam'", "lbfgs"]);
    refused("race iris --optimizers adam@fast", 2, &["adam@fast", "'fast'"]);
    refused("race iris --optimizers lbfgs@0.1", 2, &["searches along lines"]);
    refused("race iris --batch-sizes 16,0", 2, &["'0'", "at least 1, or 'full'"]);
    refused("race iris --seeds 0", 2, &["'0'", "at least 1"]);
    refused("race iris --budget 20", 2, &["'20'", "20epochs, 2000steps or 5seconds"]);
    refused("race iris --budget 0epochs", 2, &["'0epochs'"]);
    refused("race iris --rates 1:0.1", 2, &["'1:0.1'", "the smaller first"]);
    refused("race iris --best-by time-to-target", 2, &["--target-loss"]);
    refused("race irsi", 2, &["'irsi'", "iris"]);
    refused("race iris --trial-share 2", 3, &["budget_share", "2"]);
    refused("race iris --target-loss 50", 3, &["target loss of 50", "begins at a loss of"]);
    refused("race iris --model cnn", 3, &["`cnn`", "needs images"]);
    refused("race iris --html nowhere/a.html", 7, &["nowhere"]);
    let folder = Folder::new();
    folder.write("table.csv", "a,b\n1,2\n3,4\n");
    let ended = folder.run("race table.csv");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--target") && ended.stderr.contains("a, b"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_race_and_shows_what_was_there() {
    use std::io::{BufRead, BufReader, Read};
    let folder = Folder::new();
    let arguments =
        "race digits --optimizers sgd@0.1,adam@0.001 --batch-sizes 16 --seeds 1000 --threads 1 --json";
    let mut child = folder.command(arguments).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    progress.read_line(&mut line).unwrap();
    assert!(line.starts_with("run    1/2000  sgd at 0.1, batch of 16, seed 1: loss "), "{line}");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // Both pipes must be emptied, or the program could not go on to its end.
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        progress.read_to_string(&mut rest).unwrap();
    });
    let mut result = String::new();
    child.stdout.take().unwrap().read_to_string(&mut result).unwrap();
    reader.join().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["interrupted"], true);
    assert!(result["standings"].as_array().unwrap().is_empty());
    assert_eq!(result["entrants"][0]["courses"][0]["end"], "budget_spent");
}

#[test]
fn where_all_diverge_nobody_is_said_to_have_arrived() {
    let folder = Folder::new();
    let ended = folder
        .run("race iris --optimizers sgd@1e10,sgd@1e11 --batch-sizes 16 --seeds 2 --budget 2epochs --quiet");
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("every run diverged"), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("diverged") && !ended.stdout.contains("until the loss was"),
        "{}",
        ended.stdout
    );
}

#[test]
fn who_is_named_twice_takes_part_once() {
    let folder = Folder::new();
    let race = "race iris --optimizers adam@0.01,adam@0.01 --batch-sizes full,16,5000 --seeds 1 --budget 2epochs --json --quiet";
    let found = folder.json(race);
    let labels: Vec<&str> =
        found["entrants"].as_array().unwrap().iter().map(|it| it["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["adam at 0.01, full batch", "adam at 0.01, batch of 16"]);
}
