//! Inputs and targets from NumPy's files.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::{Features, InMemory, TargetKind, Task, npy};
use downhill_tensor::{Element, Shape, Tensor, npy as file};
use std::path::{Path, PathBuf};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write<T: Element>(&self, name: &str, dims: &[usize], data: Vec<T>) -> PathBuf {
        let path = self.0.path().join(name);
        file::write(&path, &Tensor::from_vec(data, Shape::new(dims).unwrap()).unwrap()).unwrap();
        path
    }
}

fn read(inputs: &Path, targets: &Path, task: Task) -> Result<InMemory, String> {
    npy::read(inputs, Some(targets), task).map_err(|error| error.to_string())
}

#[test]
fn matrices_become_columns_and_numbers() {
    let folder = Folder::new();
    let inputs = folder.write("x.npy", &[3, 2], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let targets = folder.write("y.npy", &[3], vec![0.5f64, 1.5, 2.5]);
    let data = read(&inputs, &targets, Task::Auto).unwrap();
    assert_eq!(data.schema().inputs.names(), ["x0", "x1"]);
    assert_eq!((data.input(1).unwrap(), data.values().unwrap()), (vec![3.0, 4.0], vec![0.5, 1.5, 2.5]));
    assert_eq!(data.title(), "x.npy");
    let alone = npy::read(&inputs, None, Task::Auto).unwrap();
    assert_eq!(alone.target_kind(), TargetKind::None);
}

#[test]
fn images_of_bytes_stay_bytes_and_whole_numbers_become_classes() {
    let folder = Folder::new();
    let inputs = folder.write("x.npy", &[4, 2, 2], (0..16u8).collect());
    let targets = folder.write("y.npy", &[4, 1], vec![7i64, 3, 7, 3]);
    let data = read(&inputs, &targets, Task::Auto).unwrap();
    assert_eq!(data.input_shape().dims(), [2, 2]);
    assert!(matches!(data.features(), Features::Bytes { maximum: 255, .. }));
    assert_eq!(
        (data.class_names(), data.labels().unwrap()),
        (&["3".into(), "7".into()][..], vec![1, 0, 1, 0])
    );
    assert_eq!(read(&inputs, &targets, Task::Regress).unwrap().values().unwrap(), [7.0, 3.0, 7.0, 3.0]);
    let wide = folder.write("wide.npy", &[4, 3], vec![1.0f32; 12]);
    assert_eq!(read(&inputs, &wide, Task::Auto).unwrap().target_kind(), TargetKind::Values { width: 3 });
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let inputs = folder.write("x.npy", &[3, 2], vec![1.0f64; 6]);
    let short = folder.write("y.npy", &[2], vec![1.0f64, 2.0]);
    let message = read(&inputs, &short, Task::Auto).unwrap_err();
    assert!(
        message.contains("x.npy holds 3 examples") && message.contains("y.npy holds 2 targets"),
        "{message}"
    );
    let constant = folder.write("c.npy", &[3], vec![1i64; 3]);
    let message = read(&inputs, &constant, Task::Classify).unwrap_err();
    assert!(message.contains("is '1' in every row: at least two different classes"), "{message}");
    let cube = folder.write("cube.npy", &[3, 1, 1], vec![1.0f64; 3]);
    assert!(read(&inputs, &cube, Task::Auto).unwrap_err().contains("targets of one or two axes"));
    let scalar = folder.write("scalar.npy", &[], vec![1.0f64]);
    assert!(
        npy::read(&scalar, None, Task::Auto).unwrap_err().to_string().contains("one axis for the examples")
    );
    let infinite = folder.write("inf.npy", &[3], vec![1.0f64, f64::NAN, 2.0]);
    for task in [Task::Auto, Task::Classify] {
        assert!(read(&inputs, &infinite, task).is_err());
    }
    let missing = npy::read(&folder.0.path().join("none.npy"), None, Task::Auto).unwrap_err().to_string();
    assert!(missing.contains("there is no such file"), "{missing}");
    let page = folder.0.path().join("page.npy");
    std::fs::write(&page, "<!DOCTYPE html>").unwrap();
    assert!(npy::read(&page, None, Task::Auto).unwrap_err().to_string().contains("this is an HTML page"));
    std::fs::write(&page, "something else").unwrap();
    let message = npy::read(&page, None, Task::Auto).unwrap_err().to_string();
    assert!(message.contains("page.npy") && message.contains(".npy file"), "{message}");
}
