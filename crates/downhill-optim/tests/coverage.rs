//! Everything with a name has an oracle: a new optimizer or schedule fails here until it has a case.
#![allow(clippy::unwrap_used)]

use downhill_optim::coverage::{Covered, rows};
use downhill_optim::{OptimizerConfig, Schedule};
use serde_json::Value;
use std::collections::BTreeSet;

fn oracle(file: &str) -> Value {
    let path = format!("{}/tests/oracles/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The name of an optimizer or schedule as it is written: a word, or the only key.
fn name(written: &Value) -> &str {
    written.as_str().unwrap_or_else(|| written.as_object().unwrap().keys().next().unwrap())
}

/// The fields of an optimizer with all defaults.
fn fields(config: &OptimizerConfig) -> Value {
    serde_json::to_value(config).unwrap().as_object().unwrap().values().next().unwrap().clone()
}

#[test]
fn every_optimizer_has_cases_on_both_problems_and_under_a_schedule() {
    let file = oracle("optimizers.json");
    let cases = file["cases"].as_array().unwrap();
    for asked in OptimizerConfig::names() {
        let config = OptimizerConfig::from_name(asked).unwrap();
        let written = serde_json::to_value(&config).unwrap();
        let row = name(&written);
        // A name for a setting asks for a case that differs from the defaults of its row in the same fields.
        let (ours, plain) = (fields(&config), fields(&OptimizerConfig::from_name(row).unwrap()));
        let set: Vec<_> =
            ours.as_object().unwrap().iter().filter(|(key, value)| plain[key] != **value).collect();
        let own: Vec<_> = cases
            .iter()
            .filter(|case| name(&case["config"]) == row)
            .filter(|case| {
                set.iter().all(|(key, _)| {
                    let theirs = &case["config"][row][key.as_str()];
                    !theirs.is_null() && *theirs != plain[key.as_str()]
                })
            })
            .collect();
        for problem in ["rosenbrock", "network"] {
            let count = own.iter().filter(|case| case["problem"] == problem).count();
            assert!(count > 0, "{asked} has no case on {problem} in oracles/optimizers.json");
        }
        if row == asked {
            let scheduled = own.iter().filter(|case| case.get("schedule").is_some()).count();
            assert!(scheduled > 0, "{asked} has no case under a schedule in oracles/optimizers.json");
        }
    }
}

#[test]
fn every_schedule_has_a_case() {
    let file = oracle("schedules.json");
    let there: BTreeSet<_> =
        file["cases"].as_array().unwrap().iter().map(|case| name(&case["schedule"])).collect();
    for schedule in Schedule::NAMES.iter().filter(|&&name| name != "function") {
        assert!(there.contains(schedule), "{schedule} has no case in oracles/schedules.json");
    }
    assert!(!file["plateaus"].as_array().unwrap().is_empty());
}

#[test]
fn the_list_names_tests_and_files_that_exist() {
    let mut names = BTreeSet::new();
    for Covered { kind, name, oracle: file, test } in rows() {
        assert!(names.insert((kind, name)), "{kind} {name} stands twice");
        let snake_case = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(snake_case), "{name}");
        let (source, function) = test.split_once("::").unwrap();
        let path = format!("{}/tests/{source}.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        assert!(source.contains(&format!("fn {function}()")), "{test}");
        if !file.is_empty() {
            let file = oracle(file);
            let part = if matches!(kind, "clipping" | "wrapper") && name != "rows" { name } else { "cases" };
            assert!(!file[part].is_null(), "{kind} {name}");
        }
    }
    let count = |kind: &str| names.iter().filter(|(other, _)| *other == kind).count();
    assert_eq!(count("optimizer"), OptimizerConfig::names().count());
    assert_eq!(count("schedule"), Schedule::NAMES.len() + 1, "those, and the plateau");
}
