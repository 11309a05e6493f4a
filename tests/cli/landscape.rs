//! Pictures of the loss around a trained model.

use crate::program::Folder;
use serde_json::Value;

const SMALL: &str = "--grid 5 --points 9";

fn trained(arguments: &str) -> Folder {
    let folder = Folder::new();
    folder.succeed(&format!("train {arguments} --model mlp:6 --epochs 6 --quiet --out run"));
    folder
}

fn names(result: &Value) -> Vec<&str> {
    result["verdicts"].as_array().unwrap().iter().map(|verdict| verdict["name"].as_str().unwrap()).collect()
}

#[test]
fn the_path_of_a_run_is_its_own_and_told_with_what_the_plane_leaves_out() {
    let folder = trained("iris --seed 5");
    let before = folder.read("run/model.bin");
    let result = folder.json(&format!("landscape run {SMALL} --json"));
    assert_eq!(names(&result), ["replay-is-the-run", "path-in-its-plane", "straight-line"]);
    let path = &result["path"];
    assert_eq!(path["differs"], Value::Null);
    assert_eq!((result["examples"].as_u64(), result["of"].as_u64()), (Some(120), Some(120)));
    let (steps, distances) = (path["steps"].as_array().unwrap(), path["distances"].as_array().unwrap());
    assert!(steps.len() <= 9 && steps.len() == distances.len());
    assert_eq!((steps[0].as_u64(), steps.last().unwrap().as_u64()), (Some(0), Some(24)));
    for surface in [&path["surface"], &result["random"]] {
        assert_eq!(surface["losses"].as_array().unwrap().len(), 25);
    }
    assert_eq!(result["random"]["losses"][12], result["loss"]);

    let text = folder.succeed(&format!("landscape run {SMALL}")).stdout;
    for part in
        ["The loss is the mean over all 120", "from the plane", "bit for bit", "% of the path's variance"]
    {
        assert!(text.contains(part), "'{part}' is missing in:\n{text}");
    }
    assert_eq!(folder.read("run/model.bin"), before);
}

#[test]
fn the_same_command_gives_the_same_files_with_any_number_of_threads() {
    let folder = trained("moons --examples 80");
    let files = "--html page.html --svg picture.svg --csv numbers.csv";
    let written = |threads: u8| {
        folder.succeed(&format!("landscape run {SMALL} --subset 40 --threads {threads} {files}"));
        ["page.html", "picture.svg", "numbers.csv"].map(|name| String::from_utf8(folder.read(name)).unwrap())
    };
    let [page, picture, numbers] = written(1);
    assert_eq!([&page, &picture, &numbers].map(String::len), written(2).each_ref().map(String::len));
    assert_eq!([page.clone(), picture.clone(), numbers.clone()], written(2));
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("40 of the 64 training examples"));
    assert!(picture.starts_with("<svg"));
    let rows: Vec<&str> = numbers.lines().collect();
    assert_eq!(rows[0], "picture,step,x,y,loss,distance_from_plane");
    let count = |name: &str| rows.iter().filter(|row| row.starts_with(&format!("{name},"))).count();
    assert_eq!(["random directions", "plane of the path", "line"].map(count), [25, 25, 41]);
}

#[test]
fn other_data_leads_elsewhere_and_that_is_told() {
    let folder = trained("moons --examples 80 --seed 3");
    let result = folder.json(&format!("landscape run moons --examples 90 {SMALL} --json"));
    assert_eq!(names(&result)[0], "replay-is-not-the-run");
    assert!(result["path"]["differs"][0].as_u64() > Some(0));
    let same = folder.json(&format!("landscape run moons --examples 80 {SMALL} --json"));
    assert_eq!(names(&same)[0], "replay-is-the-run");
}

#[test]
fn without_the_path_nothing_is_trained() {
    let folder = trained("iris");
    let ended = folder.succeed("landscape run --no-path --grid 3 --range 0.5 --seed 4");
    assert!(!ended.stderr.contains("training once more") && !ended.stdout.contains("the plane of the path"));
    assert!(ended.stdout.contains("two random directions   3 x 3"), "{}", ended.stdout);
    let result = folder.json("landscape run --no-path --grid 3 --range 0.5 --seed 4 --json");
    assert_eq!(result["random"]["x"], serde_json::json!([-0.5, 0.5]));
    assert_ne!(
        result["random"],
        folder.json("landscape run --no-path --grid 3 --range 0.5 --json")["random"]
    );
}

#[test]
fn options_outside_their_domain_are_refused_before_anything_is_computed() {
    let folder = trained("iris");
    let refused = |arguments: &str| {
        let ended = folder.run(&format!("landscape {arguments}"));
        assert!(ended.stdout.is_empty());
        (ended.code, ended.stderr)
    };
    let (code, message) = refused("run --no-path --range -1");
    assert_eq!(
        (code, message.contains("range must be above 0 and finite, but is -1")),
        (Some(3), true),
        "{message}"
    );
    let (code, message) = refused("run --no-path --grid 1");
    assert_eq!(
        (code, message.contains("grid must be from 2 to 1000, but is 1")),
        (Some(3), true),
        "{message}"
    );
    assert_eq!(refused("nowhere").0, Some(7));
    assert_eq!(refused("run wine --no-path").0, Some(4));
    assert_eq!(refused("run --svg nowhere/picture.svg").0, Some(7));
}

#[test]
fn a_grid_beyond_measure_is_refused() {
    let folder = Folder::new();
    folder.succeed("train iris --epochs 2 --quiet");
    for grid in ["1", "100000"] {
        let ended = folder.run(&format!("landscape runs/iris --no-path --grid {grid}"));
        assert_eq!(ended.code, Some(3));
        assert!(
            ended.stderr.contains(&format!("grid must be from 2 to 1000, but is {grid}")),
            "{}",
            ended.stderr
        );
    }
}
