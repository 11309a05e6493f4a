//! Data sets from NumPy's `.npy` files: one array of inputs, and one of targets.
//!
//! The first axis of both counts the examples. Inputs of shape `[n]` or `[n, columns]` become numeric columns
//! `x0`, `x1`, ...; bytes, and arrays with more axes, become arrays of the shape behind the first axis, bytes
//! with the maximum 255. Targets of shape `[n]` or `[n, 1]` are classes or numbers as
//! [`Task`] says, where floating point is never taken for classes unasked; those of shape `[n, width]` are
//! numbers.

use crate::task::{Distinct, MOST_CLASSES, Task};
use crate::{Error, Features, InMemory, InputSchema, Result, Target, source};
use downhill_tensor::{Shape, Tensor, npy};
use std::path::Path;

const EXPECTED: &str = "a .npy file";
const TARGET_NAME: &str = "y";

/// Reads inputs and, where given, targets.
///
/// # Errors
/// A file that is not there or not of this format, numbers of examples that differ, a number that is not
/// finite, a target that never changes, or more than 1,000 classes.
pub fn read(inputs: &Path, targets: Option<&Path>, task: Task) -> Result<InMemory> {
    let input_array = Array::read(inputs)?;
    let dims = input_array.dims();
    let [len, rest @ ..] = &dims[..] else {
        let path = inputs.to_owned();
        return Err(Error::WrongArrayShape { path, expected: "one axis for the examples at least", dims });
    };
    let target = match targets {
        None => Target::None,
        Some(path) => {
            let array = Array::read(path)?;
            let target_count = array.dims().first().copied().unwrap_or(0);
            if target_count != *len {
                let (inputs, targets) = (inputs.to_owned(), path.to_owned());
                return Err(Error::CountMismatch { inputs, input_count: *len, targets, target_count });
            }
            target(array, path, task)?
        }
    };
    let is_bytes = matches!(input_array, Array::Bytes(_));
    let schema = if is_bytes || rest.len() > 1 {
        let shape = if rest.is_empty() { Shape::from([1]) } else { Shape::new(rest)? };
        InputSchema::Array { shape, names: Vec::new(), maximum: is_bytes.then_some(255) }
    } else {
        InputSchema::numeric((0..rest.first().copied().unwrap_or(1)).map(|column| format!("x{column}")))
    };
    let title = inputs.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(InMemory::new(schema, input_array.into_features(), target, TARGET_NAME)?
        .with_title(&title)
        .with_source(&inputs.display().to_string()))
}

/// An array in the narrowest type that holds it.
enum Array {
    Bytes(Tensor<u8>),
    Whole(Tensor<i64>),
    Single(Tensor<f32>),
    Double(Tensor<f64>),
}

impl Array {
    fn read(path: &Path) -> Result<Self> {
        // Says what is wrong with a path, or with a web page under its name, as for every other format.
        source::open(path, EXPECTED)?;
        if let Ok(array) = npy::read::<f32>(path) {
            return Ok(Array::Single(array));
        }
        if let Ok(array) = npy::read::<u8>(path) {
            return Ok(Array::Bytes(array));
        }
        if let Ok(array) = npy::read::<i64>(path) {
            return Ok(Array::Whole(array));
        }
        Ok(Array::Double(npy::read::<f64>(path)?))
    }

    fn dims(&self) -> Vec<usize> {
        match self {
            Array::Bytes(array) => array.shape().to_vec(),
            Array::Whole(array) => array.shape().to_vec(),
            Array::Single(array) => array.shape().to_vec(),
            Array::Double(array) => array.shape().to_vec(),
        }
    }

    fn into_features(self) -> Features {
        match self {
            Array::Bytes(array) => Features::Bytes { values: array.to_vec(), maximum: 255 },
            Array::Single(array) => Features::F32(array.to_vec()),
            Array::Whole(_) | Array::Double(_) => Features::F64(self.into_f64()),
        }
    }

    fn into_f64(self) -> Vec<f64> {
        match self {
            Array::Bytes(array) => array.to_vec().into_iter().map(f64::from).collect(),
            Array::Whole(array) => array.to_vec().into_iter().map(|x| x as f64).collect(),
            Array::Single(array) => array.to_vec().into_iter().map(f64::from).collect(),
            Array::Double(array) => array.to_vec(),
        }
    }
}

fn target(array: Array, path: &Path, task: Task) -> Result<Target> {
    let dims = array.dims();
    let width = match dims[..] {
        [_] => 1,
        [_, width] if width > 0 => width,
        _ => {
            let expected = "targets of one or two axes";
            return Err(Error::WrongArrayShape { path: path.to_owned(), expected, dims });
        }
    };
    let may_be_classes = matches!(array, Array::Bytes(_) | Array::Whole(_));
    let values = array.into_f64();
    if width > 1 || task == Task::Regress {
        return Ok(Target::Values { values, width });
    }
    let mut distinct = Distinct::new();
    // Numbers that are not finite are refused when the data set is put together.
    values.iter().filter(|value| value.is_finite()).for_each(|&value| distinct.see(value + 0.0));
    let unasked = may_be_classes && distinct.look_like_classes(values.len());
    if task == Task::Auto && !unasked {
        return Ok(Target::Values { values, width });
    }
    let (path, column) = (path.to_owned(), TARGET_NAME.to_owned());
    if distinct.too_many() {
        return Err(Error::TooManyClasses { path, column, most: MOST_CLASSES });
    }
    if distinct.len() < 2 {
        let value = distinct.names().pop().unwrap_or_default();
        return Err(Error::ConstantTarget { path, column, value, expected: "classes" });
    }
    let label = |&value: &f64| distinct.position(value + 0.0).map_or(-1, |position| position as i64);
    Ok(Target::Classes { labels: values.iter().map(label).collect(), names: distinct.names() })
}
