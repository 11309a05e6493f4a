//! Evaluating, predicting, and the list of data.

use crate::program::Folder;

/// A table whose number is a sum of its columns, and a class that follows from it.
fn sums() -> String {
    let mut text = String::from("first,second,where,total,size\n");
    for row in 0..60 {
        let (first, second) = (row % 10, row / 7);
        let north = row % 3 == 0;
        let total = f64::from(first + 2 * second) + if north { 5.0 } else { 0.0 };
        let size = if total > 12.0 { "large, very" } else { "small" };
        text += &format!("{first},{second},{},{total},\"{size}\"\n", if north { "north" } else { "south" });
    }
    text
}

#[test]
fn numbers_are_predicted_in_their_own_unit_and_in_the_order_of_the_rows() {
    let folder = Folder::new();
    folder.write("sums.csv", sums());
    folder.succeed(
        "train sums.csv --target total --ignore size --model linear --batch-size 8 --epochs 200 --out mine",
    );
    // Other columns, another order, and no target.
    folder.write("new.csv", "where,extra,second,first\nsouth,x,8,9\nnorth,y,0,0\nsouth,z,0,0\n");
    let table = folder.succeed("predict mine new.csv").stdout;
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("total"));
    let numbers: Vec<f64> = lines.map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 3);
    for (number, expected) in numbers.iter().zip([25.0, 5.0, 0.0]) {
        assert!((number - expected).abs() < 0.1, "{numbers:?}");
    }
    let json = folder.json("predict mine new.csv --json");
    assert_eq!(json["target"], "total");
    assert_eq!(json["predictions"][1]["value"].as_f64(), Some(numbers[1]));
}

#[test]
fn classes_are_predicted_with_their_probabilities() {
    let folder = Folder::new();
    folder.write("sums.csv", sums());
    let trained = folder.json("train sums.csv --target size --ignore total --out mine --json --validation 0");
    let table = folder.succeed("predict mine sums.csv").stdout;
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("size,\"probability of large, very\",probability of small"));
    let known: Vec<bool> = sums().lines().skip(1).map(|line| line.contains("large")).collect();
    let mut right = 0;
    for (line, large) in lines.zip(&known) {
        let cells: Vec<&str> = line.rsplitn(3, ',').collect();
        let share = |index: usize| cells[index].parse::<f64>().unwrap();
        assert!((share(0) + share(1) - 1.0).abs() < 1e-9);
        assert_eq!(cells[2] == "\"large, very\"", share(1) > share(0));
        right += usize::from((cells[2] == "\"large, very\"") == *large);
    }
    let accuracy = trained["train"]["accuracy"].as_f64().unwrap();
    assert_eq!(right as f64 / known.len() as f64, accuracy);
    let evaluated = folder.json("eval mine sums.csv --json");
    assert_eq!(evaluated["evaluation"], trained["train"]);
}

#[test]
fn a_run_is_evaluated_with_a_table_of_what_was_taken_for_what() {
    let folder = Folder::new();
    folder.succeed("train iris --out mine");
    let ended = folder.succeed("eval mine iris");
    for part in ["mine on iris", "accuracy", "baseline", "true \\ predicted", "versicolor", "recall"] {
        assert!(ended.stdout.contains(part), "'{part}' is missing in:\n{}", ended.stdout);
    }
    assert!(
        ended.stderr.starts_with("note: the model was trained on a part of this data"),
        "{}",
        ended.stderr
    );
    folder.succeed("train moons --out moons --epochs 1");
    assert_eq!(folder.succeed("eval moons moons --seed 1").stderr, "", "another seed is other data");
}

#[test]
fn a_model_is_exported_in_every_format() {
    let folder = Folder::new();
    folder.succeed("train iris --epochs 2 --out mine --model mlp:4");
    for (format, begins) in [("npz", &b"PK"[..]), ("onnx", b"\x08\x08"), ("rust", b"//! A network")] {
        let file = format!("iris.{format}");
        let ended = folder.succeed(&format!("export mine --to {format} --out {file}"));
        assert!(ended.stdout.starts_with(&format!("Wrote {file}: ")), "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
        let bytes = folder.read(&file);
        assert!(bytes.starts_with(begins), "{file}: {:?}", &bytes[..16]);
    }
    folder.succeed("export mine --to safetensors --out iris.safetensors");
    assert_eq!(folder.read("iris.safetensors")[8], b'{');
    let said = folder.json("export mine --to onnx --out iris.onnx --force --json");
    assert_eq!((&said["format"], &said["file"]), (&"onnx".into(), &"iris.onnx".into()));
    assert_eq!(said["about"], "operator set 17, input float32 [batch, 4], probabilities float32 [batch, 3]");
}

#[test]
fn the_list_of_data_names_what_can_be_trained_on() {
    let folder = Folder::new();
    let list = folder.json("data list --json");
    let names: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(
        ["digits", "iris", "wine", "breast-cancer", "line", "moons"].iter().all(|name| names.contains(name))
    );
    for name in &names {
        folder.succeed(&format!("train {name} --epochs 1 --quiet --model mlp:4"));
    }
    let table = folder.succeed("data list").stdout;
    assert!(names.iter().all(|name| table.lines().any(|line| line.starts_with(name))), "{table}");
}

#[test]
fn every_command_has_help_with_examples() {
    let folder = Folder::new();
    for command in [
        "",
        "demo",
        "train",
        "lr-find",
        "race",
        "eval",
        "predict",
        "regress",
        "landscape",
        "diagnose",
        "export",
        "report",
        "explain",
        "minimize",
        "data",
    ] {
        let help = folder.succeed(&format!("{command} --help"));
        assert!(help.stdout.contains("Examples:\n  downhill"), "{command}: {}", help.stdout);
        assert_eq!(help.stderr, "");
    }
}
