//! A folder with the four files of MNIST, or of a collection in the same form such as Fashion-MNIST.

use crate::idx::{self, IdxArray};
use crate::{Error, Features, InMemory, InputSchema, Result, Target};
use downhill_tensor::Shape;
use std::path::{Path, PathBuf};

/// The two parts of the collection.
#[derive(Clone, Debug)]
pub struct Mnist {
    /// The images to learn from; 60,000 in MNIST.
    pub train: InMemory,
    /// The images to test with; 10,000 in MNIST.
    pub test: InMemory,
}

/// Reads the images and labels in `directory`: the files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
/// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, with or without `.gz`, also spelled with a point
/// before `idx`.
///
/// The inputs have the shape `[1, height, width]` and stay bytes in memory; a batch holds byte / 255.
///
/// # Errors
/// A directory or file that is not there, a file that is not what it should be (see [`idx::read`]), images
/// and labels of different counts, or training and test images of different shapes.
pub fn mnist(directory: &Path) -> Result<Mnist> {
    if !directory.is_dir() {
        let path = directory.to_owned();
        return Err(if directory.exists() {
            Error::Io { path, source: std::io::ErrorKind::NotADirectory.into() }
        } else {
            Error::NotFound { path }
        });
    }
    let train = Part::read(directory, "train")?;
    let test = Part::read(directory, "t10k")?;
    let (train_shape, test_shape) = (train.shape()?, test.shape()?);
    if train_shape != test_shape {
        let directory = directory.to_owned();
        return Err(Error::MnistShapes { directory, train: train_shape.to_vec(), test: test_shape.to_vec() });
    }
    // One list of classes for both parts, though one of them may lack the last.
    let last = train.labels.iter().chain(&test.labels).max().copied().unwrap_or(0);
    let names: Vec<String> = (0..=last).map(|class| class.to_string()).collect();
    let source = directory.display().to_string();
    Ok(Mnist {
        train: train.into_data(names.clone())?.with_title("mnist (train)").with_source(&source),
        test: test.into_data(names)?.with_title("mnist (test)").with_source(&source),
    })
}

struct Part {
    images: IdxArray,
    labels: Vec<u8>,
}

impl Part {
    fn read(directory: &Path, part: &str) -> Result<Self> {
        let images_path = find(directory, part, "images", 3)?;
        let labels_path = find(directory, part, "labels", 1)?;
        let images = idx::read(&images_path)?;
        let labels = idx::read(&labels_path)?;
        let wrong_rank = |path, expected, dims| Err(Error::WrongIdxRank { path, expected, dims });
        if images.dims.len() != 3 {
            return wrong_rank(images_path, "images, with 3 dimensions", images.dims);
        }
        if labels.dims.len() != 1 {
            return wrong_rank(labels_path, "labels, with 1 dimension", labels.dims);
        }
        if images.dims[0] != labels.dims[0] {
            return Err(Error::CountMismatch {
                inputs: images_path,
                input_count: images.dims[0],
                targets: labels_path,
                target_count: labels.dims[0],
            });
        }
        if images.data.is_empty() {
            return Err(Error::EmptyFile { path: images_path, expected: "at least one image" });
        }
        Ok(Part { images, labels: labels.data })
    }

    fn shape(&self) -> Result<Shape> {
        Ok(Shape::new(&[1, self.images.dims[1], self.images.dims[2]])?)
    }

    fn into_data(self, names: Vec<String>) -> Result<InMemory> {
        let inputs = InputSchema::Array { shape: self.shape()?, names: Vec::new(), maximum: Some(255) };
        let features = Features::Bytes { values: self.images.data, maximum: 255 };
        let labels = self.labels.into_iter().map(i64::from).collect();
        InMemory::new(inputs, features, Target::Classes { labels, names }, "digit")
    }
}

fn find(directory: &Path, part: &str, what: &str, rank: usize) -> Result<PathBuf> {
    let candidates: Vec<String> = ["-idx", ".idx"]
        .iter()
        .flat_map(|separator| ["", ".gz"].map(|end| format!("{part}-{what}{separator}{rank}-ubyte{end}")))
        .collect();
    match candidates.iter().map(|name| directory.join(name)).find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => Err(Error::MnistFileMissing { directory: directory.to_owned(), candidates }),
    }
}
