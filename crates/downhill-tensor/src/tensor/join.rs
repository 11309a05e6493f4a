//! Several arrays into one, and back.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Element, Error, Result, Shape, Slice};

impl<T: Element> Tensor<T> {
    /// The arrays one after the other along an axis.
    ///
    /// # Errors
    /// No arrays, no such axis, or shapes that differ in another dimension.
    pub fn concatenate(parts: &[Tensor<T>], axis: isize) -> Result<Tensor<T>> {
        let first = parts.first().ok_or_else(|| no_parts("concatenate"))?.shape();
        let axis = first.axis(axis)?;
        let mut length = 0usize;
        for part in parts {
            let shape = part.shape();
            if shape.rank() != first.rank() || shape.with(axis, first[axis])? != first {
                return Err(Error::ShapeMismatch {
                    operation: "concatenate",
                    left: first,
                    right: shape,
                    expected: "all dimensions but the one along the axis must be equal",
                });
            }
            length = length.saturating_add(shape[axis]);
        }
        let shape = first.with(axis, length)?;
        let outer: usize = first[..axis].iter().product();
        let inner: usize = first[axis + 1..].iter().product();
        let parts: Vec<Tensor<T>> = parts.iter().map(Tensor::contiguous).collect();
        let mut data = Vec::with_capacity(shape.size());
        for block in 0..outer {
            for part in &parts {
                let size = part.shape()[axis] * inner;
                data.extend_from_slice(
                    &part.as_slice().unwrap_or_default()[block * size..(block + 1) * size],
                );
            }
        }
        Ok(Tensor::from_counted(data, shape))
    }

    /// The arrays, all of one shape, along a new axis at position `axis` of the result.
    ///
    /// # Errors
    /// No arrays, shapes that differ, or a position beyond the new rank.
    pub fn stack(parts: &[Tensor<T>], axis: isize) -> Result<Tensor<T>> {
        let first = parts.first().ok_or_else(|| no_parts("stack"))?.shape();
        if let Some(part) = parts.iter().find(|part| part.shape() != first) {
            return Err(Error::ShapeMismatch {
                operation: "stack",
                left: first,
                right: part.shape(),
                expected: "all shapes must be equal",
            });
        }
        let parts = parts.iter().map(|part| part.unsqueeze(axis)).collect::<Result<Vec<_>>>()?;
        Tensor::concatenate(&parts, axis)
    }

    /// Views of parts with these lengths along an axis; [`Tensor::concatenate`] puts them together again.
    ///
    /// # Errors
    /// No such axis, or lengths that do not add up to its length.
    pub fn split(&self, axis: isize, lengths: &[usize]) -> Result<Vec<Tensor<T>>> {
        let at = self.shape().axis(axis)?;
        let total = lengths.iter().try_fold(0usize, |total, &length| total.checked_add(length));
        if total != Some(self.shape()[at]) {
            return Err(Error::InvalidArgument {
                operation: "split",
                argument: "lengths",
                expected: "lengths that add up to the length of the axis",
                actual: format!("{lengths:?} for axis {axis} of shape {}", self.shape()),
            });
        }
        let mut start = 0;
        let part = |&length: &usize| {
            start += length;
            self.slice(axis, Slice::range(start - length, start))
        };
        lengths.iter().map(part).collect()
    }
}

fn no_parts(operation: &'static str) -> Error {
    Error::InvalidShape { operation, shape: Shape::from([0]), expected: "at least one array".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_split_can_be_put_together_again() {
        let x = Tensor::from_fn([3, 5, 2], |i| (i[0] * 10 + i[1] * 2 + i[2]) as i64);
        let flipped = x.transpose().unwrap();
        for (tensor, axis, lengths) in [(&x, 1, [2, 0, 3]), (&x, 0, [1, 1, 1]), (&flipped, -1, [4, 1, 0])] {
            let parts = tensor.split(axis, &lengths).unwrap();
            assert_eq!(parts.len(), 3);
            assert_eq!(&Tensor::concatenate(&parts, axis).unwrap(), tensor);
        }
        assert!(x.split(1, &[2, 2]).is_err() && x.split(1, &[usize::MAX, 6]).is_err());
    }

    #[test]
    fn stacking_adds_an_axis_where_asked() {
        let (a, b) = (Tensor::from([1.0, 2.0]), Tensor::from([3.0, 4.0]));
        let parts = [a, b];
        assert_eq!(Tensor::stack(&parts, 0).unwrap(), Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(Tensor::stack(&parts, -1).unwrap(), Tensor::from([[1.0, 3.0], [2.0, 4.0]]));
    }

    #[test]
    fn parts_that_do_not_fit_are_errors() {
        let parts = [Tensor::<f32>::zeros([2, 3]), Tensor::zeros([2, 4])];
        assert!(Tensor::concatenate(&parts, 1).is_ok());
        assert!(Tensor::concatenate(&parts, 0).is_err());
        assert!(Tensor::stack(&parts, 0).is_err());
        assert!(Tensor::<f32>::concatenate(&[], 0).is_err() && Tensor::<f32>::stack(&[], 0).is_err());
        assert!(Tensor::concatenate(&[Tensor::scalar(1.0)], 0).is_err());
    }
}
