//! Ctrl-C and readers that go away.
#![cfg(unix)]

use crate::program::Folder;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn ctrl_c_finishes_the_step_saves_and_exits_130() {
    let folder = Folder::new();
    let mut child = folder.command("train digits --epochs 1000000 --threads 1 --json").spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    progress.read_line(&mut line).unwrap();
    assert!(line.starts_with("epoch       1/1000000  train "), "{line}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // The pipe must be emptied, or the program could not go on to its end.
    let mut rest = String::new();
    progress.read_to_string(&mut rest).unwrap();
    let mut result = String::new();
    child.stdout.take().unwrap().read_to_string(&mut result).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["stop_reason"], "interrupted");
    let run = result["run"].as_str().unwrap();
    let evaluation = folder.json(&format!("eval {run} digits --json"));
    assert_eq!(evaluation["evaluation"]["examples"], 1797);
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let folder = Folder::new();
    for arguments in ["data list", "--help", "train iris --epochs 1"] {
        let mut child = folder.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments}: {errors}");
        assert!(!errors.contains("panicked") && !errors.contains("error"), "{arguments}: {errors}");
    }
}
