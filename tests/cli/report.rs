//! The page of a run.

use crate::program::Folder;

fn read(folder: &Folder, name: &str) -> String {
    String::from_utf8(folder.read(name)).unwrap()
}

#[test]
fn a_training_leaves_a_page_and_says_where() {
    let folder = Folder::new();
    let ended = folder.succeed("train iris --epochs 4 --out mine --quiet");
    assert!(ended.stdout.contains("Saved in mine; to look at: mine/report.html"), "{}", ended.stdout);
    let page = read(&folder, "mine/report.html");
    for part in [
        "<!DOCTYPE html>",
        "<code>downhill train iris --epochs 4</code>",
        "completed all 4 epochs",
        "always &#39;",
        "What was taken for what",
        "virginica",
        "Where it errs most",
        "petal",
        "learning_rate = 0.005",
    ] {
        assert!(page.contains(part), "'{part}' is missing in {page}");
    }
    assert!(!page.contains("http") && !page.contains("<script"), "it needs nothing else");
    let json = folder.json("train iris --epochs 1 --out other --json");
    assert_eq!(json["report"], "other/report.html");
}

#[test]
fn equal_runs_have_equal_pages_and_a_page_can_be_written_again() {
    let folder = Folder::new();
    folder.write("table.csv", table());
    for (out, threads) in [("one", 1), ("two", 2)] {
        folder.succeed(&format!(
            "train table.csv --target y --epochs 3 --quiet --out {out} --threads {threads}"
        ));
    }
    let page = read(&folder, "one/report.html");
    assert_eq!(page, read(&folder, "two/report.html"));
    std::fs::remove_file(folder.path().join("one/report.html")).unwrap();
    let ended = folder.succeed("report one");
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("Wrote one/report.html\n", ""));
    assert_eq!(page, read(&folder, "one/report.html"));
    assert!(page.contains("How far it is off") && page.contains("R²"));
}

#[test]
fn a_page_of_other_data_says_so() {
    let folder = Folder::new();
    folder.write("table.csv", table());
    folder.succeed("train table.csv --target y --epochs 3 --quiet --out mine");
    folder.write("new.csv", table().replace("\n1,", "\n11,"));
    let json = folder.json("report mine new.csv --html new.html --json");
    assert_eq!((json["run"].as_str(), json["report"].as_str()), (Some("mine"), Some("new.html")));
    let page = read(&folder, "new.html");
    assert!(page.contains("measured on other data") && page.contains(json["lead"].as_str().unwrap()));
    assert!(!read(&folder, "mine/report.html").contains("measured on other data"));
}

#[test]
fn what_cannot_be_reported_is_refused_in_words() {
    let folder = Folder::new();
    let ended = folder.run("report nowhere");
    assert_eq!(ended.code, Some(7));
    assert!(ended.stderr.contains("expected the directory of a run"), "{}", ended.stderr);
    folder.write("table.csv", table());
    folder.succeed("train table.csv --target y --epochs 1 --quiet --out mine");
    let ended = folder.run("report mine --html mine");
    assert_eq!(ended.code, Some(7));
    assert!(ended.stderr.contains("name a file in it"), "{}", ended.stderr);
    std::fs::remove_file(folder.path().join("table.csv")).unwrap();
    let ended = folder.run("report mine");
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("table.csv"), "{}", ended.stderr);
}

#[test]
fn a_run_that_replaces_another_replaces_its_page() {
    let folder = Folder::new();
    folder.succeed("train iris --epochs 1 --quiet --out mine");
    let before = read(&folder, "mine/report.html");
    folder.succeed("train iris --epochs 2 --quiet --out mine --force");
    assert_ne!(before, read(&folder, "mine/report.html"));
}

/// A table whose last column follows from the others.
fn table() -> String {
    let mut text = String::from("a,<b> & \"c\",y\n").replace("<b> & \"c\"", "\"<b> & \"\"c\"\"\"");
    for row in 0..60 {
        let (a, kind) = (row % 12, if row % 3 == 0 { "x<y" } else { "z" });
        text += &format!("{a},{kind},{}\n", 2.5 * f64::from(a) + f64::from(row % 3));
    }
    text
}
