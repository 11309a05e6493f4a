//! `downhill lr-find`: what it prints, where, and what it refuses.

use crate::program::Folder;

#[test]
fn a_rate_is_suggested_with_a_command_that_trains() {
    let folder = Folder::new();
    let ended = folder.succeed("lr-find iris --model mlp:16 --batch-size 16 --epochs 20");
    for part in [
        "mlp:16 on iris by adam on batches of 16: ",
        "where it diverged",
        "steepest descent",
        "a tenth of the minimum",
        "healthy: suggested-rate. ",
        "stability-limit",
        "To train with it:\n",
    ] {
        assert!(ended.stdout.contains(part), "'{part}' is missing in:\n{}", ended.stdout);
    }
    assert_eq!(ended.stderr, "");
    assert!(folder.contents().is_empty(), "nothing is saved");
    let command = ended.stdout.lines().last().unwrap().trim();
    let words = command.split_once(' ').unwrap().1;
    assert!(
        words.starts_with("train iris --model mlp:16 --batch-size 16 --epochs 20 --learning-rate "),
        "{command}"
    );
    let trained = folder.json(&format!("{words} --json"));
    assert!(trained["validation"]["accuracy"].as_f64().unwrap() > 0.8, "{trained}");
}

#[test]
fn the_result_is_one_object_and_the_same_again() {
    let folder = Folder::new();
    let arguments = "lr-find iris --optimizer sgd --from 1e-5 --to 100 --steps 150 --json";
    let found = folder.json(&format!("{arguments} --threads 1"));
    assert_eq!((found["optimizer"].as_str(), found["batch_size"].as_u64()), (Some("sgd"), Some(32)));
    let points = found["points"].as_array().unwrap();
    assert!(points.len() > 50 && points.len() <= 150);
    assert_eq!(points[0]["learning_rate"].as_f64(), Some(1e-5));
    assert!(found["diverged_at"].as_f64().unwrap() < 100.0);
    let suggestions = found["suggestions"].as_array().unwrap();
    assert_eq!(suggestions[0]["method"], "steepest_descent");
    assert!(suggestions.iter().all(|suggestion| !suggestion["explanation"].as_str().unwrap().is_empty()));
    let command = found["command"].as_str().unwrap();
    assert!(command.contains("train iris --optimizer sgd") && !command.contains("--json"), "{command}");
    let again = folder.json(&format!("{arguments} --threads 2"));
    assert_eq!((&again["points"], &again["suggestions"]), (&found["points"], &found["suggestions"]));
}

#[test]
fn a_page_a_picture_and_a_table_are_written() {
    let folder = Folder::new();
    let found = folder.json("lr-find wine --html a.html --svg a.svg --csv a.csv --json");
    let text = |name: &str| String::from_utf8(folder.read(name)).unwrap();
    assert!(text("a.html").starts_with("<!DOCTYPE html>") && text("a.html").contains("steepest descent"));
    assert!(text("a.svg").starts_with("<svg"));
    let csv = text("a.csv");
    assert_eq!(csv.lines().next(), Some("learning_rate,loss,smoothed_loss"));
    assert_eq!(csv.lines().count(), found["points"].as_array().unwrap().len() + 1);
}

#[test]
fn where_no_loss_falls_there_is_no_suggestion() {
    let folder = Folder::new();
    let ended = folder.succeed("lr-find iris --to 1e-6");
    assert!(ended.stdout.contains("warning: no-rate. ") && ended.stdout.contains("notice: no-divergence. "));
    assert!(!ended.stdout.contains("To train with it"), "{}", ended.stdout);
}

#[test]
fn nonsense_is_refused() {
    let folder = Folder::new();
    for (arguments, code, part) in [
        ("lr-find iris --optimizer adamm", 2, "a similar value exists: 'adam'"),
        ("lr-find iris --batch-size 0", 2, "at least 1, or 'full'"),
        ("lr-find irsi", 2, "'irsi'"),
        ("lr-find iris --steps 2", 3, "steps must be from 5"),
        ("lr-find iris --from 0", 3, "lowest must be above 0"),
        ("lr-find iris --from 1 --to 0.1", 3, "highest must be above the lowest"),
        ("lr-find iris --momentum 0.9", 3, "adam has no momentum"),
        ("lr-find iris --learning-rate 0", 3, "learning_rate must be above 0"),
        ("lr-find iris --csv .", 7, "a directory"),
    ] {
        let ended = folder.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments}: {}", ended.stderr);
    }
    folder.write("table.csv", "a,b\n1,2\n3,4\n");
    let ended = folder.run("lr-find table.csv");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--target"), "{}", ended.stderr);
    assert_eq!(folder.contents(), ["table.csv"]);
}
