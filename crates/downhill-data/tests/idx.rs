//! IDX files, plain and compressed, whole and broken, and the folder of MNIST.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::idx::{self, IdxArray};
use downhill_data::{Dataset, Error, mnist};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The message for a file of this name with these contents.
fn message(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let message = idx::read(&path).unwrap_err().to_string();
    assert!(message.starts_with(path.to_str().unwrap()), "the path comes first: {message}");
    message[path.to_str().unwrap().len()..].to_owned()
}

proptest! {
    #[test]
    fn what_was_written_is_read_plain_and_in_any_number_of_gzip_members(
        dims in proptest::collection::vec(0usize..6, 0..5), seed: u8, cuts in proptest::collection::vec(0.0..1.0f64, 0..5),
    ) {
        let size = dims.iter().product::<usize>();
        let data: Vec<u8> = (0..size).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
        let file = idx::encode(&dims, &data).unwrap();
        let expected = IdxArray { dims, data };
        prop_assert_eq!(&idx::read_bytes(&file, Path::new("plain")).unwrap(), &expected);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * file.len() as f64) as usize).collect();
        cuts.extend([0, file.len()]);
        cuts.sort_unstable();
        let members: Vec<u8> = cuts.windows(2).flat_map(|cut| gzip(&file[cut[0]..cut[1]])).collect();
        prop_assert_eq!(&idx::read_bytes(&members, Path::new("members")).unwrap(), &expected);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = idx::read_bytes(&bytes, Path::new("x"));
        let _ = idx::read_bytes(&[&[0x1f, 0x8b, 8, 0], &bytes[..]].concat(), Path::new("x"));
        let _ = idx::read_bytes(&[&[0, 0, 8, 2], &bytes[..]].concat(), Path::new("x"));
        let _ = idx::read_bytes(&gzip(&[&[0, 0, 8, 3], &bytes[..]].concat()), Path::new("x"));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error(cut in 0.0..1.0f64) {
        let file = idx::encode(&[7, 3], &[9; 21]).unwrap();
        let compressed = gzip(&file);
        for bytes in [&file, &compressed] {
            let cut = (cut * bytes.len() as f64) as usize;
            prop_assert!(idx::read_bytes(&bytes[..cut], Path::new("x")).is_err());
        }
    }
}

#[test]
fn a_file_that_was_cut_off_says_how_much_is_missing() {
    let file = idx::encode(&[10, 4], &[1; 40]).unwrap();
    let text = message("images", &file[..30]);
    assert!(
        text.contains("the header promises 52 bytes in all, but there are 30: the file was cut off"),
        "{text}"
    );
    let text = message("images", &file[..9]);
    assert!(text.contains("promises 12 bytes in all, but there are 9"), "{text}");
    let text = message("images.gz", &gzip(&file[..30]));
    assert!(text.contains("promises 52 bytes in all, but there are 30"), "{text}");
}

#[test]
fn a_truncated_gzip_is_told_from_a_damaged_one() {
    let data: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let compressed = gzip(&idx::encode(&[100_000], &data).unwrap());
    let text = message("labels.gz", &compressed[..compressed.len() / 2]);
    assert!(
        text.contains("the gzip data ends in the middle") && text.contains("the download was cut off"),
        "{text}"
    );
    let mut damaged = compressed.clone();
    let middle = damaged.len() - 6;
    damaged[middle] ^= 0xff;
    let text = message("labels.gz", &damaged);
    assert!(text.contains("the gzip data is damaged"), "{text}");
}

#[test]
fn other_files_are_recognized() {
    let html = b"\n<!DOCTYPE html><html><body>404</body></html>";
    assert!(
        message("images.gz", html)
            .contains("this is an HTML page, probably the error message of a failed download")
    );
    assert!(
        message("images", b"\x89PNG....").contains("begins with the bytes 00 00 08, but found 89 50 4e 47")
    );
    assert!(message("images.gz", &gzip(b"PK\x03\x04")).contains("but found 50 4b 03 04"));
    assert!(message("images", &[0, 0, 0x0d, 1, 0, 0, 0, 1]).contains("type 0d (32-bit floating point)"));
    assert!(message("images", b"").contains("the file is empty"));
    assert!(message("images", &[0, 0]).contains("but found 00 00; is this the right file?"));
}

#[test]
fn what_goes_on_after_its_data_is_refused() {
    let mut file = idx::encode(&[4], &[1; 4]).unwrap();
    file.push(0);
    assert!(
        message("labels", &file)
            .contains("the header promises 12 bytes in all, but the file goes on after them")
    );
    assert!(message("labels.gz", &gzip(&file)).contains("goes on after them"));
}

#[test]
fn a_header_is_not_believed() {
    let huge = [0, 0, 8, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7, 7];
    assert!(message("images", &huge).contains("which no file can hold"));
    let large = [0, 0, 8, 2, 0, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 7, 7];
    assert!(message("images", &large).contains("but there are 14"));
    assert!(message("images.gz", &gzip(&large)).contains("but there are 14"));
    let hidden =
        [0, 0, 8, 4, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(message("images", &hidden).contains("which no file can hold"), "a zero hides no overflow");
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = idx::read(&folder.path().join("nothing")).unwrap_err();
    assert!(matches!(&error, Error::NotFound { .. }) && error.to_string().contains("there is no such file"));
    let text = idx::read(folder.path()).unwrap_err().to_string();
    assert!(text.contains("expected an IDX file, plain or gzip, but this is a directory"), "{text}");
}

/// Writes the four files of a tiny collection: some plain, some compressed, in both spellings.
fn tiny_mnist(folder: &Path, train_labels: &[u8], test_shape: [usize; 2]) {
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
    write(
        "train-images-idx3-ubyte.gz",
        gzip(&idx::encode(&[3, 2, 2], &[0, 51, 102, 255, 0, 0, 0, 0, 1, 2, 3, 4]).unwrap()),
    );
    write("train-labels.idx1-ubyte", idx::encode(&[train_labels.len()], train_labels).unwrap());
    let pixels = vec![255; test_shape.iter().product()];
    write("t10k-images.idx3-ubyte", idx::encode(&[1, test_shape[0], test_shape[1]], &pixels).unwrap());
    write("t10k-labels-idx1-ubyte.gz", gzip(&idx::encode(&[1], &[4]).unwrap()));
}

#[test]
fn mnist_is_found_in_every_spelling() {
    let folder = tempfile::tempdir().unwrap();
    tiny_mnist(folder.path(), &[2, 0, 1], [2, 2]);
    let data = mnist(folder.path()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (3, 1));
    assert_eq!(data.train.input_shape().dims(), [1, 2, 2]);
    assert_eq!(data.train.class_names(), ["0", "1", "2", "3", "4"], "both parts have the classes of both");
    let mut pixels = [0.0f32; 4];
    data.train.fill_inputs(&[0], &mut pixels).unwrap();
    assert_eq!(pixels, [0.0, 0.2, 0.4, 1.0]);
    assert_eq!(data.train.labels(), Some(vec![2, 0, 1]));
}

#[test]
fn a_collection_that_does_not_fit_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    tiny_mnist(folder.path(), &[2, 0], [2, 2]);
    let text = mnist(folder.path()).unwrap_err().to_string();
    assert!(
        text.contains("train-images-idx3-ubyte.gz holds 3 examples") && text.contains("holds 2 targets"),
        "{text}"
    );
    tiny_mnist(folder.path(), &[2, 0, 1], [2, 1]);
    let text = mnist(folder.path()).unwrap_err().to_string();
    assert!(
        text.contains("the training images have the shape [1, 2, 2], the test images [1, 2, 1]"),
        "{text}"
    );
    std::fs::copy(
        folder.path().join("train-images-idx3-ubyte.gz"),
        folder.path().join("train-labels-idx1-ubyte"),
    )
    .unwrap();
    let text = mnist(folder.path()).unwrap_err().to_string();
    assert!(
        text.contains("expected labels, with 1 dimension, but the file has the dimensions [3, 2, 2]"),
        "{text}"
    );
}

#[test]
fn a_folder_without_the_files_is_told_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let text = mnist(folder.path()).unwrap_err().to_string();
    assert!(
        text.contains("train-images-idx3-ubyte, train-images-idx3-ubyte.gz, train-images.idx3-ubyte"),
        "{text}"
    );
    let missing = mnist(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains("there is no such file"), "{missing}");
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let text = mnist(&folder.path().join("file")).unwrap_err().to_string();
    assert!(text.contains("not a directory"), "{text}");
}

#[test]
fn the_real_mnist_has_its_published_counts() {
    let Ok(folder) = std::env::var("DOWNHILL_MNIST") else {
        println!("skipped: DOWNHILL_MNIST does not name the folder of MNIST");
        return;
    };
    let data = mnist(folder.as_ref()).unwrap();
    assert_eq!(data.train.class_counts(), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(data.test.len(), 10_000);
    assert_eq!(data.train.input_shape().dims(), [1, 28, 28]);
    assert_eq!(data.test.labels().unwrap()[..5], [7, 2, 1, 0, 4]);
}
