//! NumPy's `.npy` files: one array each, in both directions.
//!
//! Written are versions 1.0, little-endian and row-major, byte for byte what NumPy writes. Read are
//! versions 1.0, 2.0 and 3.0, either byte order, row-major or column-major. A file is read as the element
//! type that the caller names, if that holds every number of the file's type exactly:
//!
//! | as | from NumPy's |
//! |---|---|
//! | `f32` | float32 |
//! | `f64` | float64, float32 |
//! | `i64` | int8 to int64, uint8 to uint32 |
//! | `u8` | uint8 |
//! | `bool` | bool |
//!
//! Nothing in a file is trusted: the header is parsed, not evaluated, and memory is taken for what is
//! there, not for what the header claims. Structured types and pickled objects are not read; archives (`.npz`)
//! are read by `npz`, with the feature of that name.
//!
//! Source: NumPy Enhancement Proposal 1 and the documentation of `numpy.lib.format`.
//!
//! ```
//! use downhill_tensor::{Tensor, npy};
//! let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
//! let mut file = Vec::new();
//! npy::to_writer(&mut file, &x)?;
//! assert_eq!(npy::from_reader::<f32>(&file[..])?, x);
//! // Single precision fits into double precision, but not into integers.
//! assert_eq!(npy::from_reader::<f64>(&file[..])?, x.cast());
//! assert!(npy::from_reader::<i64>(&file[..]).is_err());
//! # Ok::<(), downhill_tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

pub(crate) mod elements;
mod header;

use crate::{AnyTensor, DType, Element, Error, Layout, Result, Tensor, write_atomically};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// The array of a file.
///
/// # Errors
/// A file that cannot be read, is not a `.npy` file, holds another element type (see the table above), or
/// is shorter or longer than its header says.
pub fn read<T: Element>(path: impl AsRef<Path>) -> Result<Tensor<T>> {
    let path = path.as_ref();
    read_file(path).map_err(|error| match error {
        Error::Format { format, reason, .. } => Error::Format { path: Some(path.into()), format, reason },
        Error::Io { source, .. } => Error::Io { path: path.into(), source },
        other => other,
    })
}

fn read_file<T: Element>(path: &Path) -> Result<Tensor<T>> {
    let file = File::open(path).map_err(io_error)?;
    let mut reader = BufReader::new(file);
    let tensor = from_reader(&mut reader)?;
    match reader.read(&mut [0]).map_err(io_error)? {
        0 => Ok(tensor),
        _ => Err(invalid("there are bytes after the array's last element")),
    }
}

/// Writes an array to a file: whole or not at all, as [`write_atomically`] does.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn write<T: Element>(path: impl AsRef<Path>, tensor: &Tensor<T>) -> Result<()> {
    write_atomically(path, |file| write_to(file, tensor))
}

/// The array at the reader's position. What follows it is left unread.
///
/// # Errors
/// As [`read`].
pub fn from_reader<T: Element>(mut reader: impl Read) -> Result<Tensor<T>> {
    let header = header::read(&mut reader)?;
    read_elements(&header, reader)
}

/// The array at the reader's position, in the element type that holds it exactly and comes closest: integers but
/// bytes become `i64`. What follows it is left unread.
///
/// # Errors
/// As [`read`].
pub fn any_from_reader(mut reader: impl Read) -> Result<AnyTensor> {
    let header = header::read(&mut reader)?;
    Ok(match header.kind.closest() {
        DType::F32 => read_elements::<f32>(&header, reader)?.into(),
        DType::F64 => read_elements::<f64>(&header, reader)?.into(),
        DType::I64 => read_elements::<i64>(&header, reader)?.into(),
        DType::U8 => read_elements::<u8>(&header, reader)?.into(),
        DType::Bool => read_elements::<bool>(&header, reader)?.into(),
    })
}

fn read_elements<T: Element>(header: &header::Header, reader: impl Read) -> Result<Tensor<T>> {
    let kind = header.kind;
    if !kind.fits(T::DTYPE) {
        let reason = format!("it holds {kind}, which {} cannot hold exactly; {}", T::DTYPE, kind.advice());
        return Err(invalid(reason));
    }
    let expected = (header.shape.size() as u64).saturating_mul(kind.size() as u64);
    let mut bytes = Vec::new();
    // Grows with what arrives, so that a header alone cannot make it large.
    let found = reader.take(expected).read_to_end(&mut bytes).map_err(io_error)?;
    if found as u64 != expected {
        let shape = header.shape;
        return Err(invalid(format!(
            "{shape} elements of {kind} take {expected} bytes, but {found} are there"
        )));
    }
    let data = elements::decode::<T>(kind, &bytes)?;
    if !header.column_major {
        return Tensor::from_vec(data, header.shape);
    }
    let reversed: Vec<usize> = header.shape.iter().rev().copied().collect();
    let order: Vec<usize> = (0..reversed.len()).rev().collect();
    let layout = Layout::contiguous(reversed.try_into()?).permute(&order)?;
    Tensor::from_storage(data.into(), layout)
}

/// Writes an array in `.npy` format.
///
/// # Errors
/// Whatever the writer refuses.
pub fn to_writer<T: Element>(mut writer: impl Write, tensor: &Tensor<T>) -> Result<()> {
    write_to(&mut writer, tensor).map_err(io_error)
}

fn write_to<T: Element>(writer: &mut dyn Write, tensor: &Tensor<T>) -> io::Result<()> {
    writer.write_all(&header::bytes(T::DTYPE, tensor.shape()))?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    for element in tensor.iter() {
        elements::encode(element, &mut buffer);
        if buffer.len() + 8 > 64 * 1024 {
            writer.write_all(&buffer)?;
            buffer.clear();
        }
    }
    writer.write_all(&buffer)
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::Format { path: None, format: ".npy", reason: reason.into() }
}

fn io_error(source: io::Error) -> Error {
    Error::Io { path: PathBuf::from("<stream>"), source }
}
