//! Whatever is wrong with the input: one clear message, the right exit code, and nothing left behind.

use crate::program::Folder;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;
const DATA: i32 = 4;
const DIVERGED: i32 = 5;
const INPUT_OUTPUT: i32 = 7;

/// Runs the program and expects this exit code, an error with these parts, and nothing new in the folder.
#[track_caller]
fn refused(folder: &Folder, arguments: &str, code: i32, parts: &[&str]) {
    let before = folder.contents();
    let ended = folder.run(arguments);
    let message = &ended.stderr;
    assert_eq!(ended.code, Some(code), "{arguments}: {message}");
    assert_eq!(ended.stdout, "", "{arguments}: a failure has no result");
    assert!(message.starts_with("error: "), "{arguments}: {message}");
    assert_eq!(message.matches("error:").count(), 1, "{arguments}: one message, not several: {message}");
    for part in parts {
        assert!(message.contains(part), "{arguments}: '{part}' is missing in: {message}");
    }
    assert_eq!(folder.contents(), before, "{arguments}: something was left behind");
}

#[test]
fn a_file_that_is_missing() {
    let folder = Folder::new();
    refused(&folder, "train nothing.csv --target y", INPUT_OUTPUT, &["nothing.csv", "no such file"]);
    refused(&folder, "train nothing.csv", INPUT_OUTPUT, &["nothing.csv", "no such file"]);
    refused(&folder, "train mnist --data nowhere", INPUT_OUTPUT, &["nowhere"]);
    refused(&folder, "predict nowhere nothing.csv", INPUT_OUTPUT, &["nowhere", "there is none"]);
    refused(&folder, "eval nowhere digits", INPUT_OUTPUT, &["nowhere", "there is none"]);
    folder.write("file", "");
    refused(&folder, "eval file digits", INPUT_OUTPUT, &["file", "directory of a run"]);
    folder.write("empty/other", "");
    refused(&folder, "eval empty digits", INPUT_OUTPUT, &["empty", "holds no run"]);
}

#[test]
fn a_name_that_is_neither_data_nor_file() {
    refused(&Folder::new(), "train irsi", USAGE, &["'irsi'", "iris", "moons", "mnist"]);
}

#[test]
fn a_directory_for_a_file() {
    let folder = Folder::new();
    folder.write("table.csv/inside", "");
    refused(&folder, "train table.csv --target y", INPUT_OUTPUT, &["table.csv", "this is a directory"]);
}

/// The four files of a tiny collection of images of 2 by 2 pixels, as names and contents.
fn collection() -> Vec<(&'static str, Vec<u8>)> {
    let images = |count: u8| {
        let pixels = (0..count * 4).map(|byte| byte.wrapping_mul(37));
        [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 2].into_iter().chain(pixels).collect()
    };
    let labels =
        |count: u8| [0, 0, 8, 1, 0, 0, 0, count].into_iter().chain((0..count).map(|i| i % 2)).collect();
    vec![
        ("train-images-idx3-ubyte", images(20)),
        ("train-labels-idx1-ubyte", labels(20)),
        ("t10k-images-idx3-ubyte", images(6)),
        ("t10k-labels-idx1-ubyte", labels(6)),
    ]
}

/// A folder `images` with a collection, of which one file is replaced.
fn collection_with(name: &str, replaced_by: Option<(&str, Vec<u8>)>) -> Folder {
    let folder = Folder::new();
    for (file, contents) in collection() {
        match &replaced_by {
            Some((other, contents)) if file == name => folder.write(&format!("images/{other}"), contents),
            None if file == name => continue,
            _ => folder.write(&format!("images/{file}"), contents),
        };
    }
    folder
}

const TRAIN: &str = "train mnist --data images --epochs 1";

#[test]
fn a_good_collection_is_taken() {
    let folder = collection_with("", None);
    let result = folder.json(&format!("{TRAIN} --json"));
    assert_eq!(
        (result["train"]["examples"].as_u64(), result["test"]["examples"].as_u64()),
        (Some(20), Some(6))
    );
    assert!(result.get("validation").is_none());
}

#[test]
fn a_truncated_gzip() {
    let (name, images) = collection().remove(0);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&images).unwrap();
    let whole = encoder.finish().unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let folder = collection_with(name, Some(("train-images-idx3-ubyte.gz", half)));
    refused(&folder, TRAIN, DATA, &["train-images-idx3-ubyte.gz", "cut off"]);
}

#[test]
fn a_wrong_magic() {
    let name = "train-images-idx3-ubyte";
    let folder = collection_with(name, Some((name, b"PNG, perhaps".to_vec())));
    refused(&folder, TRAIN, DATA, &[name, "expected an IDX file", "50 4e 47 2c"]);
}

#[test]
fn images_and_labels_of_different_counts() {
    let name = "train-labels-idx1-ubyte";
    let labels = vec![0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 0];
    let folder = collection_with(name, Some((name, labels)));
    refused(&folder, TRAIN, DATA, &["20 examples", "3 targets", name]);
}

#[test]
fn a_collection_with_a_missing_file() {
    let folder = collection_with("t10k-labels-idx1-ubyte", None);
    refused(&folder, TRAIN, INPUT_OUTPUT, &["images", "t10k-labels-idx1-ubyte"]);
    refused(&folder, "train mnist", USAGE, &["--data"]);
}

/// A folder with a table of 40 rows that could be learned from, but for what `change` does to a row.
fn table(change: impl Fn(usize, &mut Vec<String>)) -> Folder {
    let mut text = String::from("width,height,colour,kind\n");
    for row in 0..40 {
        let colour = ["red", "green"][row % 2];
        let mut cells = vec![format!("{}.5", row), (row * row % 7).to_string(), colour.into()];
        cells.push(["small", "large"][row / 20].into());
        change(row, &mut cells);
        text += &(cells.join(",") + "\n");
    }
    let folder = Folder::new();
    folder.write("table.csv", text);
    folder
}

#[test]
fn a_good_table_is_taken() {
    let result = table(|_, _| {}).json("train table.csv --target kind --epochs 2 --json");
    assert_eq!(result["run"], "runs/table");
}

#[test]
fn a_ragged_row() {
    let folder = table(|row, cells| {
        if row == 5 {
            cells.push("1".into())
        }
    });
    let parts = ["table.csv", "line 7", "expected 4 cells", "found 5"];
    refused(&folder, "train table.csv --target kind", DATA, &parts);
}

#[test]
fn an_unknown_column() {
    let folder = table(|_, _| {});
    refused(&folder, "train table.csv --target kinds", DATA, &["'kinds'", "'kind'", "width, height, colour"]);
    refused(&folder, "train table.csv --target kind --ignore color", DATA, &["'color'", "'colour'"]);
}

#[test]
fn a_table_without_a_target() {
    let folder = table(|_, _| {});
    refused(&folder, "train table.csv", USAGE, &["--target", "width, height, colour, kind"]);
}

#[test]
fn a_text_in_a_number_column() {
    let folder = table(|row, cells| {
        if row == 3 {
            cells[1] = "tall".into()
        }
    });
    let parts = ["line 5", "'height'", "expected a number", "'tall'"];
    refused(&folder, "train table.csv --target kind", DATA, &parts);
}

#[test]
fn a_missing_value() {
    let folder = table(|row, cells| {
        if row == 3 {
            cells[0].clear()
        }
    });
    let parts = ["line 5", "'width'", "missing", "--ignore width"];
    refused(&folder, "train table.csv --target kind", DATA, &parts);
}

#[test]
fn a_constant_column() {
    let folder = table(|_, cells| cells[1] = "7".into());
    let parts = ["'height'", "'7' in every row", "--ignore height"];
    refused(&folder, "train table.csv --target kind", DATA, &parts);
    folder.succeed("train table.csv --target kind --ignore height --epochs 1");
}

#[test]
fn one_class_only() {
    let folder = table(|_, cells| cells[3] = "small".into());
    refused(&folder, "train table.csv --target kind", DATA, &["'kind'", "'small' in every row"]);
}

#[test]
fn an_unknown_flag() {
    let folder = Folder::new();
    refused(&folder, "train iris --epoch 3", USAGE, &["--epoch", "--epochs"]);
    refused(&folder, "train iris --optimizer adamm", USAGE, &["adamm", "adam"]);
    refused(&folder, "train iris --model resnet", USAGE, &["resnet", "mlp:128,64"]);
    refused(&folder, "train iris --batch-size all", USAGE, &["'all'", "full"]);
    refused(&folder, "train iris --validation 1", USAGE, &["below 1"]);
    refused(&folder, "train iris --threads 0", USAGE, &["at least 1"]);
}

#[test]
fn an_option_that_has_no_meaning_here() {
    let folder = Folder::new();
    refused(&folder, "train iris --noise 0.5", USAGE, &["--noise", "generated"]);
    refused(&folder, "train iris --target class", USAGE, &["--target", "CSV"]);
    refused(&folder, "train moons --data images", USAGE, &["--data", "mnist"]);
}

#[test]
fn a_model_and_data_that_do_not_fit() {
    let folder = Folder::new();
    refused(&folder, "train iris --model cnn", CONFIGURATION, &["`cnn`", "needs images"]);
    refused(&folder, "train iris --model linear", CONFIGURATION, &["`linear`", "`logistic`"]);
    refused(&folder, "train line --model logistic", CONFIGURATION, &["`logistic`", "`linear`"]);
    refused(&folder, "train line --loss cross-entropy", CONFIGURATION, &["cross_entropy", "numbers"]);
    refused(&folder, "train iris --loss bce", CONFIGURATION, &["bce", "two classes"]);
}

#[test]
fn settings_outside_their_domain() {
    let folder = Folder::new();
    refused(&folder, "train iris --learning-rate -1", CONFIGURATION, &["learning_rate", "-1"]);
    refused(&folder, "train iris --momentum 0.9", CONFIGURATION, &["adam has no momentum"]);
    refused(&folder, "train iris --optimizer sgd --momentum -1", CONFIGURATION, &["momentum", "-1"]);
    refused(&folder, "train iris --clip-norm 0", CONFIGURATION, &["clip_norm"]);
}

#[test]
fn a_run_is_not_overwritten_unasked() {
    let folder = Folder::new();
    folder.succeed("train iris --epochs 1 --out mine");
    let before = folder.read("mine/model.bin");
    refused(&folder, "train iris --epochs 2 --out mine", INPUT_OUTPUT, &["mine", "--force"]);
    refused(&folder, "train iris --learning-rate 1e6 -q --out mine --force", DIVERGED, &[]);
    assert_eq!(folder.read("mine/model.bin"), before, "a run that fails must not harm the one before");
    folder.succeed("train iris --epochs 2 --out mine --force");
    assert_ne!(folder.read("mine/model.bin"), before);
}

#[test]
fn a_directory_with_other_things_is_never_replaced() {
    let folder = Folder::new();
    folder.write("mine/thesis.txt", "");
    refused(&folder, "train iris --out mine --force -q", INPUT_OUTPUT, &["mine"]);
    folder.write("file", "");
    refused(&folder, "train iris --out file -q", INPUT_OUTPUT, &["file"]);
    refused(&folder, "train iris --out file/below -q", INPUT_OUTPUT, &["file"]);
}

#[test]
fn a_damaged_model() {
    let folder = Folder::new();
    folder.succeed("train iris --epochs 1 --out mine");
    let mut model = folder.read("mine/model.bin");
    let middle = model.len() / 2;
    model[middle] ^= 1;
    folder.write("mine/model.bin", &model);
    refused(&folder, "eval mine iris", INPUT_OUTPUT, &["model.bin", "checksum"]);
    folder.write("mine/model.bin", &model[..middle]);
    refused(&folder, "eval mine iris", INPUT_OUTPUT, &["model.bin", "cut off"]);
    std::fs::remove_file(folder.path().join("mine/model.bin")).unwrap();
    refused(&folder, "eval mine iris", INPUT_OUTPUT, &["mine", "model.bin"]);
}

#[test]
fn data_that_is_not_what_the_model_was_trained_on() {
    let folder = Folder::new();
    folder.succeed("train iris --epochs 1 --out mine");
    folder.write("other.csv", "sepal_length,sepal_width,class\n1,2,setosa\n");
    refused(&folder, "predict mine other.csv", DATA, &["petal_length, petal_width", "missing"]);
    folder.write("text.csv", "sepal_length,sepal_width,petal_length,petal_width\n1,2,3,wide\n");
    refused(&folder, "predict mine text.csv", DATA, &["line 2", "petal_width", "'wide'"]);
    refused(&folder, "eval mine wine", DATA, &["does not fit the training data"]);
}

#[test]
fn an_export_that_cannot_be_written() {
    let folder = Folder::new();
    refused(&folder, "export nowhere --to onnx --out a.onnx", INPUT_OUTPUT, &["nowhere", "there is none"]);
    folder.succeed("train iris --epochs 1 --out mine");
    refused(&folder, "export mine --to onxx --out a.onnx", USAGE, &["onxx", "onnx"]);
    refused(&folder, "export mine --out a.onnx", USAGE, &["--to"]);
    refused(&folder, "export mine --to rust", USAGE, &["--out"]);
    folder.write("a.onnx", "something else");
    refused(&folder, "export mine --to onnx --out a.onnx", INPUT_OUTPUT, &["a.onnx", "--force"]);
    assert_eq!(folder.read("a.onnx"), b"something else");
    refused(&folder, "export mine --to onnx --out mine --force", INPUT_OUTPUT, &["mine", "a directory"]);
    refused(&folder, "export mine --to npz --out no/such/a.npz", INPUT_OUTPUT, &["no/such/a.npz"]);
    folder.write("empty/other", "");
    refused(&folder, "export empty --to onnx --out b.onnx", INPUT_OUTPUT, &["empty", "holds no run"]);
}
