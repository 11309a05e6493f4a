//! Arrays from values, formulas and nested Rust arrays.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Element, Error, Float, Layout, MAX_RANK, Result, Shape};
use std::sync::Arc;

impl<T: Element> Tensor<T> {
    /// The array of this shape with these elements, in row-major order; the vector becomes the storage.
    ///
    /// # Errors
    /// A number of elements that the shape does not have.
    pub fn from_vec(data: Vec<T>, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if data.len() != shape.size() {
            return Err(Error::LengthMismatch { shape, len: data.len() });
        }
        Ok(Tensor::from_counted(data, shape))
    }

    /// The array of this shape with a copy of these elements, in row-major order.
    ///
    /// # Errors
    /// A number of elements that the shape does not have.
    pub fn from_slice(data: &[T], shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if data.len() != shape.size() {
            return Err(Error::LengthMismatch { shape, len: data.len() });
        }
        Ok(Tensor::from_counted(data.to_vec(), shape))
    }

    /// The array of this shape, filled with one value.
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        Tensor { storage: Arc::new(vec![value; shape.size()]), layout: Layout::contiguous(shape) }
    }

    /// The array of this shape, filled with 0 (`false` for truth values).
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Tensor::full(shape, T::default())
    }

    /// The array of rank 0 that holds one value.
    pub fn scalar(value: T) -> Self {
        Tensor::full(Shape::SCALAR, value)
    }

    /// The array of this shape whose element at each index is a function of the index, called in row-major
    /// order.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let table = Tensor::from_fn([2, 3], |index| (10 * index[0] + index[1]) as i64);
    /// assert_eq!(table, Tensor::from([[0, 1, 2], [10, 11, 12]]));
    /// ```
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> T) -> Self {
        let shape = shape.into();
        let mut index = [0; MAX_RANK];
        let data = (0..shape.size())
            .map(|_| {
                let value = f(&index[..shape.rank()]);
                for axis in (0..shape.rank()).rev() {
                    index[axis] += 1;
                    if index[axis] < shape[axis] {
                        break;
                    }
                    index[axis] = 0;
                }
                value
            })
            .collect();
        Tensor::from_counted(data, shape)
    }
}

impl<T: Float> Tensor<T> {
    /// The array of this shape, filled with 1.
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Tensor::full(shape, T::ONE)
    }

    /// The numbers `start + i * step` that lie before `end`, each computed from `i` and so without
    /// accumulated rounding.
    ///
    /// # Errors
    /// A step of 0, bounds that are not finite, or more numbers than can be addressed.
    pub fn arange(start: T, end: T, step: T) -> Result<Self> {
        let count = ((end.to_f64() - start.to_f64()) / step.to_f64()).ceil();
        if !count.is_finite() || !step.is_finite() {
            return Err(Error::InvalidArgument {
                operation: "arange",
                argument: "start, end and step",
                expected: "finite numbers, and the step not 0",
                actual: format!("{start}, {end}, {step}"),
            });
        }
        let shape = Shape::new(&[count.max(0.0) as usize])?;
        let data = (0..shape.size()).map(|i| start + T::from_usize(i) * step).collect();
        Ok(Tensor::from_counted(data, shape))
    }

    /// `count` numbers at equal distances from `start` to `end`, both included; the one number is `start`.
    pub fn linspace(start: T, end: T, count: usize) -> Self {
        let last = T::from_usize(count.saturating_sub(1));
        Tensor::from_fn([count], |index| {
            let i = T::from_usize(index[0]);
            if index[0] == 0 {
                start
            } else if i == last {
                end
            } else {
                start + (end - start) * (i / last)
            }
        })
    }

    /// The identity matrix of this order.
    pub fn eye(order: usize) -> Self {
        Tensor::from_fn([order, order], |index| if index[0] == index[1] { T::ONE } else { T::ZERO })
    }
}

impl Tensor<i64> {
    /// The integers `start + i * step` that lie before `end`.
    ///
    /// # Errors
    /// A step of 0, or more numbers than can be addressed.
    pub fn arange(start: i64, end: i64, step: i64) -> Result<Self> {
        if step == 0 {
            return Err(Error::InvalidArgument {
                operation: "arange",
                argument: "step",
                expected: "different from 0",
                actual: "0".into(),
            });
        }
        let (start, end, step) = (i128::from(start), i128::from(end), i128::from(step));
        let span = if step > 0 { end - start } else { start - end }.max(0).unsigned_abs();
        let count = span.div_ceil(step.unsigned_abs());
        let shape = Shape::new(&[usize::try_from(count).unwrap_or(usize::MAX)])?;
        let data = (0..shape.size()).map(|i| (start + i as i128 * step) as i64).collect();
        Ok(Tensor::from_counted(data, shape))
    }
}

macro_rules! from_nested {
    ($($type:ty: [$($dim:ident),*] $($flatten:ident)*;)*) => {$(
        impl<T: Element, $(const $dim: usize),*> From<$type> for Tensor<T> {
            /// The array with the elements and the shape of nested Rust arrays.
            fn from(nested: $type) -> Self {
                let data = nested.as_slice()$(.$flatten())*.to_vec();
                // Only nested arrays without elements can have lengths whose product overflows.
                let shape = Shape::new(&[$($dim),*]).unwrap_or(Shape::from([0]));
                Tensor::from_counted(data, shape)
            }
        }
    )*};
}

// Written out for each depth, and not by recursion over a trait, so that the type of the elements can be
// inferred from what the tensor is used for.
from_nested! {
    [T; A]: [A];
    [[T; B]; A]: [A, B] as_flattened;
    [[[T; C]; B]; A]: [A, B, C] as_flattened as_flattened;
    [[[[T; D]; C]; B]; A]: [A, B, C, D] as_flattened as_flattened as_flattened;
    [[[[[T; E]; D]; C]; B]; A]: [A, B, C, D, E] as_flattened as_flattened as_flattened as_flattened;
}

impl<T: Element> From<Vec<T>> for Tensor<T> {
    /// The vector with these elements, which are not copied.
    fn from(data: Vec<T>) -> Self {
        let shape = Shape::from([data.len()]);
        Tensor::from_counted(data, shape)
    }
}

impl<T: Element> FromIterator<T> for Tensor<T> {
    /// The vector of these elements.
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Tensor::from(elements.into_iter().collect::<Vec<T>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_arrays_give_their_shape_even_when_empty() {
        assert_eq!(Tensor::from([[[1u8, 2], [3, 4], [5, 6]]]).shape(), Shape::from([1, 3, 2]));
        assert_eq!(Tensor::from([[0.0f32; 0]; 2]).shape(), Shape::from([2, 0]));
        assert_eq!(Tensor::from([[true, false]]).to_vec(), [true, false]);
    }

    #[test]
    fn the_wrong_number_of_elements_is_an_error() {
        let error = Tensor::from_vec(vec![1.0; 5], [2, 3]).unwrap_err();
        assert_eq!(error.to_string(), "shape [2, 3] holds 6 elements, but 5 were given");
        assert!(Tensor::from_slice(&[1i64], ()).is_ok());
    }

    #[test]
    fn ranges_stop_before_the_end() {
        assert_eq!(Tensor::<i64>::arange(1, 8, 3).unwrap(), Tensor::from([1i64, 4, 7]));
        assert_eq!(Tensor::<i64>::arange(3, 0, -2).unwrap(), Tensor::from([3i64, 1]));
        assert!(Tensor::<i64>::arange(3, 0, 1).unwrap().is_empty());
        assert!(Tensor::<i64>::arange(i64::MIN, i64::MAX, 1).is_err());
        assert!(Tensor::<i64>::arange(0, 1, 0).is_err());
        assert_eq!(Tensor::<f64>::arange(0.0, 1.0, 0.25).unwrap(), Tensor::from([0.0, 0.25, 0.5, 0.75]));
        assert!(Tensor::<f32>::arange(0.0, f32::NAN, 1.0).is_err());
        assert!(Tensor::<f32>::arange(0.0, 1.0, 0.0).is_err());
    }

    #[test]
    fn linspace_meets_both_ends_exactly() {
        let points = Tensor::<f32>::linspace(-0.1, 0.7, 9).to_vec();
        assert_eq!((points[0], points[8], points.len()), (-0.1, 0.7, 9));
        assert_eq!(Tensor::linspace(3.0, 9.0, 1).to_vec(), [3.0]);
        assert!(Tensor::linspace(3.0, 9.0, 0).is_empty());
    }
}
