//! The IDX format of the MNIST collection: arrays of bytes, plain or compressed with gzip.
//!
//! A file is two zero bytes, a byte for the type of the numbers (08: unsigned bytes, the only one read
//! here), a byte for the number of dimensions, the dimensions as big-endian 32-bit numbers, and the data in
//! row-major order. A gzip file may consist of several members, one after the other.
//!
//! Nothing that a header claims is allocated before it is known to be there: a plain file's length is
//! compared with the header first, and compressed data is read in steps that grow with what has come.

use crate::source::{self, Source};
use crate::{Error, Result};
use std::io::BufRead;
use std::path::Path;

const EXPECTED: &str = "an IDX file, plain or gzip";

/// The contents of an IDX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxArray {
    /// The dimensions, outermost first.
    pub dims: Vec<usize>,
    /// The bytes in row-major order.
    pub data: Vec<u8>,
}

/// Reads an IDX file of bytes, plain or compressed.
///
/// # Errors
/// A file that is not there, not of this format, cut off, damaged or longer than its header says.
pub fn read(path: &Path) -> Result<IdxArray> {
    decode(source::open(path, EXPECTED)?)
}

/// Reads an IDX file from memory; `path` is its name in messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], path: &Path) -> Result<IdxArray> {
    decode(source::from_bytes(bytes, path, EXPECTED)?)
}

/// The bytes of an uncompressed IDX file.
///
/// # Errors
/// Dimensions that the format cannot say (more than 255 of them, or one above 32 bits), or another number of
/// bytes than they have.
///
/// ```
/// use downhill_data::idx;
/// let file = idx::encode(&[2, 3], &[1, 2, 3, 4, 5, 6])?;
/// let array = idx::read_bytes(&file, "memory".as_ref())?;
/// assert_eq!((array.dims, array.data[5]), (vec![2, 3], 6));
/// # Ok::<(), downhill_data::Error>(())
/// ```
pub fn encode(dims: &[usize], data: &[u8]) -> Result<Vec<u8>> {
    let rank = u8::try_from(dims.len()).ok();
    let words = dims.iter().map(|&dim| u32::try_from(dim)).collect::<Result<Vec<_>, _>>().ok();
    let size = dims.iter().try_fold(1usize, |size, &dim| size.checked_mul(dim));
    let (Some(rank), Some(words), Some(size)) = (rank, words, size) else {
        return Err(Error::InvalidArgument {
            operation: "idx::encode",
            argument: "the dimensions",
            expected: "at most 255 numbers of 32 bits whose product fits into memory".into(),
            actual: format!("{dims:?}"),
        });
    };
    if size != data.len() {
        return Err(Error::LengthMismatch { what: "IDX data", expected: size, actual: data.len() });
    }
    let mut file = vec![0, 0, 8, rank];
    words.iter().for_each(|word| file.extend(word.to_be_bytes()));
    file.extend(data);
    Ok(file)
}

fn decode<R: BufRead>(mut source: Source<R>) -> Result<IdxArray> {
    let mut magic = [0; 4];
    let count = source.fill(&mut magic)?;
    let path = source.path.clone();
    let rank = match magic {
        [0, 0, 8, rank] if count == 4 => usize::from(rank),
        [0, 0, code, _] if count == 4 && type_name(code).is_some() => {
            let name = type_name(code).unwrap_or_default();
            return Err(Error::UnsupportedIdxType { path, code, name });
        }
        _ => return Err(Error::WrongMagic { path, actual: magic[..count].to_vec() }),
    };
    let header_len = 4 + 4 * rank;
    let mut words = [0; 4 * 255];
    let words = &mut words[..4 * rank];
    let count = source.fill(words)?;
    if count < words.len() {
        let (expected, actual) = (header_len as u64, 4 + count as u64);
        return Err(Error::TooShort { path, expected, actual });
    }
    let dims: Vec<u64> = words
        .chunks_exact(4)
        .map(|word| u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]])))
        .collect();
    // Zero-sized dimensions must not hide an overflow of the others.
    let fits = dims.iter().try_fold(1u64, |size, &dim| size.checked_mul(dim.max(1)));
    if fits.is_none_or(|size| size > isize::MAX as u64 / 2) {
        return Err(Error::ImpossibleSize { path, dims });
    }
    let size: u64 = dims.iter().product();
    let expected = header_len as u64 + size;
    if let Some(actual) = source.known_len {
        if actual < expected {
            return Err(Error::TooShort { path, expected, actual });
        }
        if actual > expected {
            return Err(Error::TrailingBytes { path, expected });
        }
    }
    let data = source.read_up_to(size as usize)?;
    if (data.len() as u64) < size {
        let actual = header_len as u64 + data.len() as u64;
        return Err(Error::TooShort { path, expected, actual });
    }
    if source.fill(&mut [0])? > 0 {
        return Err(Error::TrailingBytes { path, expected });
    }
    Ok(IdxArray { dims: dims.into_iter().map(|dim| dim as usize).collect(), data })
}

fn type_name(code: u8) -> Option<&'static str> {
    Some(match code {
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floating point",
        0x0e => "64-bit floating point",
        _ => return None,
    })
}
