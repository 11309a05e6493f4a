//! Safetensors: the files in which weights of networks are exchanged (feature `safetensors`).
//!
//! A file is a list of tensors under names: eight bytes with the length of a header, the header in JSON, and all
//! elements one after the other, little-endian and row-major. What a file holds becomes the closest type that
//! holds it exactly:
//!
//! | in the file | here |
//! |---|---|
//! | `F16`, `BF16`, `F32` | `f32` |
//! | `F64` | `f64` |
//! | `I8`, `I16`, `I32`, `I64`, `U16`, `U32` | `i64` |
//! | `U8` | `u8` |
//! | `BOOL` | `bool` |
//!
//! Nothing in a file is trusted: the header must describe the rest of the file byte by byte, without gaps, and
//! memory is taken for what is there, not for what the header claims.
//!
//! Source: the format's description, <https://huggingface.co/docs/safetensors>. Headers are read and written by the
//! crate of its makers.
//!
//! ```
//! use downhill_tensor::{NamedTensors, Tensor, safetensors};
//! let mut tensors = NamedTensors::default();
//! tensors.insert("0.weight", Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]))?;
//! let bytes = safetensors::to_bytes(&tensors, &[("format", "pt")])?;
//! assert_eq!(safetensors::from_bytes(&bytes)?, tensors);
//! assert!(safetensors::from_bytes(&bytes[..50]).is_err());
//! # Ok::<(), downhill_tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

use crate::named::with_tensor;
use crate::npy::elements::{self, Kind};
use crate::{AnyTensor, DType, Element, Error, NamedTensors, Result, Tensor, write_atomically};
use ::safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use std::path::Path;

/// The tensors of a file, in the order of their names.
///
/// # Errors
/// A file that cannot be read, is no safetensors file, or holds an element type that is not in the table above.
pub fn read(path: impl AsRef<Path>) -> Result<NamedTensors> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    from_bytes(&bytes).map_err(|error| error.at(path))
}

/// Writes a file: whole or not at all, as [`write_atomically`] does. `metadata` is a list of texts under keys;
/// readers of PyTorch's world expect `format` to be `pt`.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn write(path: impl AsRef<Path>, tensors: &NamedTensors, metadata: &[(&str, &str)]) -> Result<()> {
    let bytes = to_bytes(tensors, metadata)?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// The tensors in the bytes of a file.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<NamedTensors> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| describe(error, bytes))?;
    let mut views: Vec<_> = file.iter().collect();
    views.sort_by_key(|(name, _)| *name);
    let mut tensors = NamedTensors::default();
    for (name, view) in views {
        let named = |error: Error| match error {
            Error::Format { reason, .. } => invalid(format!("the tensor '{name}': {reason}")),
            other => invalid(format!("the tensor '{name}': {other}")),
        };
        tensors.insert(name, tensor(&view).map_err(named)?)?;
    }
    Ok(tensors)
}

/// The bytes of a file: see [`write()`].
///
/// # Errors
/// More than what a header can hold: 100 MB.
pub fn to_bytes(tensors: &NamedTensors, metadata: &[(&str, &str)]) -> Result<Vec<u8>> {
    let shapes: Vec<Vec<usize>> = tensors.iter().map(|(_, tensor)| tensor.shape().dims().to_vec()).collect();
    let data: Vec<(Dtype, Vec<u8>)> = tensors.iter().map(|(_, tensor)| encoded(tensor)).collect();
    let views = tensors.names().zip(shapes).zip(&data).map(|((name, shape), (dtype, bytes))| {
        TensorView::new(*dtype, shape, bytes).map(|view| (name, view)).map_err(|error| describe(error, &[]))
    });
    let metadata = metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    ::safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))
        .map_err(|error| describe(error, &[]))
}

fn encoded(tensor: &AnyTensor) -> (Dtype, Vec<u8>) {
    let dtype = match tensor.dtype() {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
        DType::I64 => Dtype::I64,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    };
    let mut bytes = Vec::new();
    with_tensor!(tensor, tensor => tensor.iter().for_each(|element| elements::encode(element, &mut bytes)));
    (dtype, bytes)
}

fn tensor(view: &TensorView<'_>) -> Result<AnyTensor> {
    fn decoded<T: Element>(view: &TensorView<'_>, kind: &str) -> Result<AnyTensor>
    where
        AnyTensor: From<Tensor<T>>,
    {
        let kind = Kind::parse(kind).ok_or_else(|| invalid("an element type of no size"))?;
        let data = elements::decode::<T>(kind, view.data())?;
        Ok(Tensor::from_vec(data, crate::Shape::new(view.shape())?)?.into())
    }
    let halves = |widen: fn(u16) -> f32| -> Result<AnyTensor> {
        let (halves, _) = view.data().as_chunks::<2>();
        let data = halves.iter().map(|half| widen(u16::from_le_bytes(*half))).collect();
        Ok(Tensor::from_vec(data, crate::Shape::new(view.shape())?)?.into())
    };
    match view.dtype() {
        Dtype::F16 => halves(half),
        Dtype::BF16 => halves(|bits| f32::from_bits(u32::from(bits) << 16)),
        Dtype::F32 => decoded::<f32>(view, "<f4"),
        Dtype::F64 => decoded::<f64>(view, "<f8"),
        Dtype::I8 => decoded::<i64>(view, "|i1"),
        Dtype::I16 => decoded::<i64>(view, "<i2"),
        Dtype::I32 => decoded::<i64>(view, "<i4"),
        Dtype::I64 => decoded::<i64>(view, "<i8"),
        Dtype::U8 => decoded::<u8>(view, "|u1"),
        Dtype::U16 => decoded::<i64>(view, "<u2"),
        Dtype::U32 => decoded::<i64>(view, "<u4"),
        Dtype::BOOL => decoded::<bool>(view, "|b1"),
        other => Err(invalid(format!(
            "its element type is {other}; F16, BF16, F32, F64, I8 to I64, U8 to U32 and BOOL can be read"
        ))),
    }
}

/// A number of IEEE 754's half precision in single precision, which holds them all.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // Below the smallest normal number: multiples of 2^-24.
        0 => fraction as f32 * 2f32.powi(-24),
        0x1f => f32::from_bits(0x7f80_0000 | fraction << 13),
        _ => f32::from_bits((exponent + 127 - 15) << 23 | fraction << 13),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::Format { path: None, format: "safetensors", reason: reason.into() }
}

/// What is wrong with these bytes, in words.
fn describe(error: SafeTensorError, bytes: &[u8]) -> Error {
    let length = || bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    invalid(match error {
        SafeTensorError::HeaderTooSmall => {
            format!("it is {} bytes long; the length of the header alone takes 8", bytes.len())
        }
        SafeTensorError::HeaderTooLarge => {
            format!("its header should be {} bytes long, and 100,000,000 are allowed", length())
        }
        SafeTensorError::InvalidHeaderLength => format!(
            "its header should be {} bytes long, but the file has only {} behind the first 8: it was cut off, \
             or is something else",
            length(),
            bytes.len().saturating_sub(8)
        ),
        SafeTensorError::MetadataIncompleteBuffer => {
            "its header does not describe the rest of the file byte by byte: it was cut off or damaged".into()
        }
        SafeTensorError::InvalidOffset(name) => {
            format!("the tensor '{name}' does not begin where the one before it ends")
        }
        SafeTensorError::TensorInvalidInfo => {
            "a tensor of its header takes another number of bytes than its shape and element type say".into()
        }
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_widened_exactly() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), number, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan() && half(0x8000).is_sign_negative());
    }
}
