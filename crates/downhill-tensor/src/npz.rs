//! NumPy's archives, `.npz`: arrays under names (feature `npz`).
//!
//! An archive is a ZIP file with one `.npy` file for each array, as it is (`numpy.savez`) or compressed
//! (`numpy.savez_compressed`). Both are read; [`write()`] does not compress, since weights hardly shrink. Arrays
//! are read as [`npy::any_from_reader`] does.
//!
//! Nothing in a file is trusted: memory is taken for what is there, not for what a header claims. A compressed
//! array can be about a thousand times as large as its bytes in the file, which is the most that its compression
//! can do.
//!
//! Source: the documentation of `numpy.savez`.
//!
//! ```
//! use downhill_tensor::{NamedTensors, Tensor, npz};
//! let mut arrays = NamedTensors::default();
//! arrays.insert("x", Tensor::from([1.0f32, 2.0]))?;
//! arrays.insert("labels", Tensor::from([3i64]))?;
//! let bytes = npz::to_bytes(&arrays)?;
//! assert_eq!(npz::from_bytes(&bytes)?, arrays);
//! # Ok::<(), downhill_tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

use crate::named::with_tensor;
use crate::{Error, NamedTensors, Result, npy, write_atomically};
use std::io::{Cursor, Read};
use std::path::Path;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// What NumPy adds to the name of an array.
const SUFFIX: &str = ".npy";

/// The arrays of a file, in its order.
///
/// # Errors
/// A file that cannot be read, is no archive of `.npy` files, is damaged, or holds an element type that
/// [`npy`] does not read.
pub fn read(path: impl AsRef<Path>) -> Result<NamedTensors> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    from_bytes(&bytes).map_err(|error| error.at(path))
}

/// Writes a file: whole or not at all, as [`write_atomically`] does.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn write(path: impl AsRef<Path>, arrays: &NamedTensors) -> Result<()> {
    let bytes = to_bytes(arrays)?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// The arrays in the bytes of a file.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<NamedTensors> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(describe)?;
    let mut arrays = NamedTensors::default();
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(describe)?;
        let file = entry.name().map_err(describe)?.into_owned();
        let Some(name) = file.strip_suffix(SUFFIX) else {
            return Err(invalid(format!("it holds '{file}', and should hold nothing but {SUFFIX} files")));
        };
        let named = |error: Error| match error {
            Error::Format { reason, .. } => invalid(format!("the array '{name}': {reason}")),
            Error::Io { source, .. } => invalid(format!("the array '{name}': {source}")),
            other => invalid(format!("the array '{name}': {other}")),
        };
        let array = npy::any_from_reader(&mut entry).map_err(named)?;
        // The checksum is compared at the end.
        let rest =
            entry.read(&mut [0]).map_err(|source| named(Error::Io { path: file.clone().into(), source }))?;
        if rest > 0 {
            return Err(invalid(format!("the array '{name}' has bytes after its last element")));
        }
        arrays.insert(name, array)?;
    }
    Ok(arrays)
}

/// The bytes of a file: see [`write()`].
///
/// # Errors
/// A name that ZIP cannot hold: one of more than 65,535 bytes.
pub fn to_bytes(arrays: &NamedTensors) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays.iter() {
        let large = array.shape().size() >= u32::MAX as usize / 16;
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        archive.start_file(format!("{name}{SUFFIX}"), options).map_err(describe)?;
        with_tensor!(array, array => npy::to_writer(&mut archive, array))?;
    }
    Ok(archive.finish().map_err(describe)?.into_inner())
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::Format { path: None, format: ".npz", reason: reason.into() }
}

fn describe(error: ZipError) -> Error {
    invalid(error.to_string())
}
