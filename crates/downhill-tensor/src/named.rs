//! Tensors of any element type under names: what files of several tensors hold.
#![forbid(unsafe_code)]

use crate::{DType, Element, Error, Float, Result, Shape, Tensor};
use std::any::Any;

/// A tensor whose element type is known when the program runs.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyTensor {
    /// Single precision.
    F32(Tensor<f32>),
    /// Double precision.
    F64(Tensor<f64>),
    /// Whole numbers.
    I64(Tensor<i64>),
    /// Bytes.
    U8(Tensor<u8>),
    /// Truth values.
    Bool(Tensor<bool>),
}

/// Evaluates an expression with the tensor inside, whatever its element type.
macro_rules! with_tensor {
    ($any:expr, $tensor:ident => $result:expr) => {
        match $any {
            $crate::AnyTensor::F32($tensor) => $result,
            $crate::AnyTensor::F64($tensor) => $result,
            $crate::AnyTensor::I64($tensor) => $result,
            $crate::AnyTensor::U8($tensor) => $result,
            $crate::AnyTensor::Bool($tensor) => $result,
        }
    };
}
#[cfg(any(feature = "safetensors", feature = "npz"))]
pub(crate) use with_tensor;

impl AnyTensor {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            AnyTensor::F32(_) => DType::F32,
            AnyTensor::F64(_) => DType::F64,
            AnyTensor::I64(_) => DType::I64,
            AnyTensor::U8(_) => DType::U8,
            AnyTensor::Bool(_) => DType::Bool,
        }
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        with_tensor!(self, tensor => tensor.shape())
    }

    /// The tensor, if its elements are of this type.
    pub fn as_tensor<T: Element>(&self) -> Option<&Tensor<T>> {
        with_tensor!(self, tensor => (tensor as &dyn Any).downcast_ref())
    }

    /// The real numbers in this precision, if it holds all of them exactly: `f32` in both, `f64` in `f64` alone.
    pub fn exact_floats<T: Float>(&self) -> Option<Tensor<T>> {
        match self {
            AnyTensor::F32(tensor) => Some(tensor.map(|x| T::from_f64(f64::from(x)))),
            AnyTensor::F64(_) => self.as_tensor().cloned(),
            _ => None,
        }
    }
}

macro_rules! from_tensor {
    ($($element:ty => $variant:ident),*) => {$(
        impl From<Tensor<$element>> for AnyTensor {
            fn from(tensor: Tensor<$element>) -> Self {
                AnyTensor::$variant(tensor)
            }
        }
    )*};
}

from_tensor!(f32 => F32, f64 => F64, i64 => I64, u8 => U8, bool => Bool);

/// Tensors under names, in the order in which they were put in or stand in a file. No two have the same name.
///
/// ```
/// use downhill_tensor::{NamedTensors, Tensor};
/// let mut tensors = NamedTensors::default();
/// tensors.insert("weight", Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]))?;
/// tensors.insert("steps", Tensor::scalar(7i64))?;
/// assert_eq!(tensors.names().collect::<Vec<_>>(), ["weight", "steps"]);
/// assert!(tensors.insert("steps", Tensor::scalar(8i64)).is_err());
/// # Ok::<(), downhill_tensor::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedTensors {
    entries: Vec<(String, AnyTensor)>,
    /// Where each name stands, so that files of many tensors are not searched through.
    positions: std::collections::HashMap<String, usize>,
}

impl NamedTensors {
    /// Puts a tensor behind the others.
    ///
    /// # Errors
    /// A name that is already there.
    pub fn insert(&mut self, name: impl Into<String>, tensor: impl Into<AnyTensor>) -> Result<()> {
        let name = name.into();
        if self.positions.contains_key(&name) {
            return Err(Error::InvalidArgument {
                operation: "named tensors",
                argument: "name",
                expected: "a name that no other tensor has",
                actual: name,
            });
        }
        self.positions.insert(name.clone(), self.entries.len());
        self.entries.push((name, tensor.into()));
        Ok(())
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&AnyTensor> {
        self.positions.get(name).map(|&position| &self.entries[position].1)
    }

    /// Names and tensors, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AnyTensor)> {
        self.entries.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The names, in their order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_precision_holds_exactly_is_taken_over() {
        let single = AnyTensor::from(Tensor::from([0.1f32, 2.0]));
        assert_eq!(single.exact_floats::<f32>(), Some(Tensor::from([0.1f32, 2.0])));
        assert_eq!(single.exact_floats::<f64>(), Some(Tensor::from([f64::from(0.1f32), 2.0])));
        let double = AnyTensor::from(Tensor::from([0.1f64]));
        assert_eq!(double.exact_floats::<f64>(), Some(Tensor::from([0.1f64])));
        assert_eq!(double.exact_floats::<f32>(), None);
        assert_eq!(AnyTensor::from(Tensor::from([1i64])).exact_floats::<f64>(), None);
    }

    #[test]
    fn a_tensor_is_found_by_its_name_and_type() {
        let mut tensors = NamedTensors::default();
        tensors.insert("a", Tensor::from([true])).unwrap();
        tensors.insert("b", Tensor::from([3u8])).unwrap();
        let b = tensors.get("b").unwrap();
        assert_eq!((b.dtype(), b.shape()), (DType::U8, Shape::from([1])));
        assert_eq!(b.as_tensor::<u8>(), Some(&Tensor::from([3u8])));
        assert_eq!(b.as_tensor::<i64>(), None);
        assert_eq!((tensors.get("c"), tensors.len()), (None, 2));
    }
}
