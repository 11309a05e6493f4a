//! Values as bytes and back, through serde and bincode: little-endian, integers at their full width, so
//! that the length of a value's bytes depends on its shape alone.
//!
//! There is no header, no version and no checksum here; files put their own around these bytes.
#![forbid(unsafe_code)]

use crate::{Error, Result};
use bincode::config::{Configuration, Fixint, LittleEndian};
use serde::{Serialize, de::DeserializeOwned};

fn configuration() -> Configuration<LittleEndian, Fixint> {
    bincode::config::standard().with_fixed_int_encoding()
}

fn failed(reason: String) -> Error {
    Error::Format { path: None, format: "bincode", reason }
}

/// The bytes of a value.
///
/// # Errors
/// A type that bincode cannot write, such as a map of unknown length.
///
/// ```
/// use downhill_tensor::{Tensor, bytes};
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let written = bytes::encode(&x)?;
/// assert_eq!(bytes::decode::<Tensor<f32>>(&written, 1024)?, x);
/// # Ok::<(), downhill_tensor::Error>(())
/// ```
pub fn encode<V: Serialize + ?Sized>(value: &V) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(value, configuration()).map_err(|error| failed(error.to_string()))
}

/// The value of these bytes, of which there may be at most `limit`. Reading allocates in proportion to the
/// bytes that are really there, whatever lengths they claim.
///
/// # Errors
/// Too many bytes, bytes that are not such a value, or bytes left over.
pub fn decode<V: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<V> {
    if bytes.len() > limit {
        return Err(failed(format!("{} bytes, where at most {limit} are allowed", bytes.len())));
    }
    let (value, read) = decode_within(bytes).map_err(|error| failed(error.to_string()))?;
    match bytes.len() - read {
        0 => Ok(value),
        rest => Err(failed(format!("{rest} bytes are left over after the value's {read}"))),
    }
}

/// Reads a value under the smallest of some fixed limits that leaves room for a value of these bytes. A text
/// that claims to be longer than all there is would otherwise be allocated before it is read.
fn decode_within<V: DeserializeOwned>(bytes: &[u8]) -> Result<(V, usize), bincode::error::DecodeError> {
    macro_rules! smallest {
        ($($limit:literal)*) => {
            match bytes.len().saturating_mul(4) {
                $(needed if needed <= 1 << $limit => {
                    bincode::serde::decode_from_slice(bytes, configuration().with_limit::<{ 1 << $limit }>())
                })*
                _ => bincode::serde::decode_from_slice(bytes, configuration()),
            }
        };
    }
    smallest!(10 14 18 22 26 30)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    #[test]
    fn a_text_that_claims_to_be_huge_is_refused() {
        for claim in [1u64 << 20, 1 << 40, u64::MAX] {
            let mut bytes = encode("a short text").unwrap();
            bytes[..8].copy_from_slice(&claim.to_le_bytes());
            assert!(decode::<String>(&bytes, 1000).is_err());
        }
        let text = "long ".repeat(100_000);
        assert_eq!(decode::<String>(&encode(&text).unwrap(), 1 << 20).unwrap(), text);
        let bytes = vec![7u8; 3_000_000];
        assert_eq!(decode::<Vec<u8>>(&encode(&bytes).unwrap(), 1 << 22).unwrap(), bytes);
        let flags = vec![true; 100_000];
        assert_eq!(decode::<Vec<bool>>(&encode(&flags).unwrap(), 1 << 22).unwrap(), flags);
    }

    #[test]
    fn a_view_is_written_as_its_elements_in_row_major_order() {
        let x = Tensor::from([[1i64, 2], [3, 4]]).transpose().unwrap();
        let bytes = encode(&x).unwrap();
        assert_eq!(bytes, encode(&x.contiguous()).unwrap());
        assert_eq!(decode::<Tensor<i64>>(&bytes, bytes.len()).unwrap(), x);
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let bytes = encode(&Tensor::from([1.0f32, 2.0, 3.0])).unwrap();
        assert!(decode::<Tensor<f32>>(&bytes, bytes.len() - 1).is_err());
        assert!(decode::<Tensor<f32>>(&bytes[..bytes.len() - 1], 1000).is_err());
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode::<Tensor<f32>>(&longer, 1000).unwrap_err().to_string().contains("left over"));
        // A shape of four over three elements.
        let mut other_shape = bytes;
        other_shape[8] = 4;
        assert!(decode::<Tensor<f32>>(&other_shape, 1000).unwrap_err().to_string().contains("3 were given"));
    }

    #[test]
    fn a_claimed_length_alone_allocates_nothing() {
        let mut bytes = encode(&Tensor::<u8>::zeros([0])).unwrap();
        let data_length = bytes.len() - 8;
        bytes[data_length..].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        assert!(decode::<Tensor<u8>>(&bytes, 1000).is_err());
    }
}
