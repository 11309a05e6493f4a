//! The element types of `.npy` files and their bytes.
#![forbid(unsafe_code)]

use super::invalid;
use crate::{DType, Element, Result};
use std::any::Any;
use std::fmt;

/// An element type as a file declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    class: Class,
    size: usize,
    big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Float,
    Signed,
    Unsigned,
    Bool,
}

impl Kind {
    /// The type of a description such as `<f4`: byte order, class, size in bytes.
    pub fn parse(description: &str) -> Option<Kind> {
        let mut characters = description.chars();
        let order = characters.next()?;
        let class = characters.next()?;
        let (class, sizes): (Class, &[usize]) = match class {
            'f' => (Class::Float, &[4, 8]),
            'i' => (Class::Signed, &[1, 2, 4, 8]),
            'u' => (Class::Unsigned, &[1, 2, 4]),
            'b' => (Class::Bool, &[1]),
            _ => return None,
        };
        let size = characters.as_str().parse().ok().filter(|size| sizes.contains(size))?;
        match order {
            '<' | '>' => Some(Kind { class, size, big_endian: order == '>' }),
            '|' if size == 1 => Some(Kind { class, size, big_endian: false }),
            _ => None,
        }
    }

    /// The description that NumPy gives to one of our element types.
    pub fn description(dtype: DType) -> &'static str {
        match dtype {
            DType::F32 => "<f4",
            DType::F64 => "<f8",
            DType::I64 => "<i8",
            DType::U8 => "|u1",
            DType::Bool => "|b1",
        }
    }

    pub fn size(self) -> usize {
        self.size
    }

    /// Whether every number of this type is one of the other.
    pub fn fits(self, dtype: DType) -> bool {
        match self.class {
            Class::Float => dtype == DType::F64 || (dtype == DType::F32 && self.size == 4),
            Class::Signed => dtype == DType::I64,
            Class::Unsigned => dtype == DType::I64 || (dtype == DType::U8 && self.size == 1),
            Class::Bool => dtype == DType::Bool,
        }
    }

    /// The type of ours that holds every number of this type exactly, and is the closest.
    pub fn closest(self) -> DType {
        match (self.class, self.size) {
            (Class::Float, 4) => DType::F32,
            (Class::Float, _) => DType::F64,
            (Class::Unsigned, 1) => DType::U8,
            (Class::Signed | Class::Unsigned, _) => DType::I64,
            (Class::Bool, _) => DType::Bool,
        }
    }

    /// What to do where it does not fit.
    pub fn advice(self) -> &'static str {
        match self.class {
            Class::Float => "read it as f64 and cast",
            Class::Signed | Class::Unsigned => "read it as i64 and cast",
            Class::Bool => "read it as bool and cast",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = 8 * self.size;
        match self.class {
            Class::Float => write!(f, "float{bits}"),
            Class::Signed => write!(f, "int{bits}"),
            Class::Unsigned => write!(f, "uint{bits}"),
            Class::Bool => f.write_str("bool"),
        }
    }
}

/// The elements of bytes whose number is a multiple of the size.
pub(crate) fn decode<T: Element>(kind: Kind, bytes: &[u8]) -> Result<Vec<T>> {
    let decoded: Box<dyn Any> = match (T::DTYPE, kind.class, kind.size) {
        (DType::F32, Class::Float, 4) => Box::new(numbers(kind, bytes, f32::from_le_bytes)),
        (DType::F64, Class::Float, 4) => Box::new(numbers(kind, bytes, |b| f64::from(f32::from_le_bytes(b)))),
        (DType::F64, Class::Float, 8) => Box::new(numbers(kind, bytes, f64::from_le_bytes)),
        (DType::I64, Class::Signed, 1) => Box::new(numbers(kind, bytes, |b| i64::from(i8::from_le_bytes(b)))),
        (DType::I64, Class::Signed, 2) => {
            Box::new(numbers(kind, bytes, |b| i64::from(i16::from_le_bytes(b))))
        }
        (DType::I64, Class::Signed, 4) => {
            Box::new(numbers(kind, bytes, |b| i64::from(i32::from_le_bytes(b))))
        }
        (DType::I64, Class::Signed, 8) => Box::new(numbers(kind, bytes, i64::from_le_bytes)),
        (DType::I64, Class::Unsigned, 1) => Box::new(numbers(kind, bytes, |[b]| i64::from(b))),
        (DType::I64, Class::Unsigned, 2) => {
            Box::new(numbers(kind, bytes, |b| i64::from(u16::from_le_bytes(b))))
        }
        (DType::I64, Class::Unsigned, 4) => {
            Box::new(numbers(kind, bytes, |b| i64::from(u32::from_le_bytes(b))))
        }
        (DType::U8, Class::Unsigned, 1) => Box::new(bytes.to_vec()),
        (DType::Bool, Class::Bool, 1) => {
            if let Some(other) = bytes.iter().find(|&&byte| byte > 1) {
                return Err(invalid(format!("a truth value is {other}, which is neither 0 nor 1")));
            }
            Box::new(bytes.iter().map(|&byte| byte == 1).collect::<Vec<bool>>())
        }
        _ => return Err(invalid(format!("it holds {kind}, which {} cannot hold exactly", T::DTYPE))),
    };
    let vector = decoded.downcast::<Vec<T>>().map_err(|_| invalid(format!("it holds {kind}")))?;
    Ok(*vector)
}

fn numbers<T, const N: usize>(kind: Kind, bytes: &[u8], from_little: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    let number = |&chunk: &[u8; N]| {
        let mut chunk = chunk;
        if kind.big_endian {
            chunk.reverse();
        }
        from_little(chunk)
    };
    chunks.iter().map(number).collect()
}

/// Appends the little-endian bytes of an element.
#[inline]
pub(crate) fn encode<T: Element>(element: T, buffer: &mut Vec<u8>) {
    // The comparisons of types below are decided when this is compiled.
    let any: &dyn Any = &element;
    if let Some(x) = any.downcast_ref::<f32>() {
        buffer.extend_from_slice(&x.to_le_bytes());
    } else if let Some(x) = any.downcast_ref::<f64>() {
        buffer.extend_from_slice(&x.to_le_bytes());
    } else if let Some(x) = any.downcast_ref::<i64>() {
        buffer.extend_from_slice(&x.to_le_bytes());
    } else if let Some(&x) = any.downcast_ref::<u8>() {
        buffer.push(x);
    } else if let Some(&x) = any.downcast_ref::<bool>() {
        buffer.push(u8::from(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_name_order_class_and_size() {
        for (description, text) in
            [("<f4", "float32"), (">f8", "float64"), ("|i1", "int8"), (">u4", "uint32"), ("|b1", "bool")]
        {
            assert_eq!(Kind::parse(description).unwrap().to_string(), text);
        }
        for description in ["", "<", "<f", "<f3", "|f4", "f4", "<c8", "<u8", "|O", "<f4 ", "<U3", "=f4"] {
            assert!(Kind::parse(description).is_none(), "{description}");
        }
    }

    #[test]
    fn only_types_that_lose_nothing_fit() {
        let fits = |description, dtype| Kind::parse(description).unwrap().fits(dtype);
        assert!(fits("<f4", DType::F64) && !fits("<f8", DType::F32));
        assert!(fits("<u4", DType::I64) && !fits("<i4", DType::F64) && !fits("|i1", DType::U8));
        assert!(!fits("|b1", DType::U8));
    }
}
