//! Elements by their index. Indices count from 0; negative ones are errors, since in data they are nearly
//! always mistakes.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Element, Error, Float, Result, Shape};

fn checked(operation: &'static str, index: i64, length: usize) -> Result<usize> {
    usize::try_from(index).ok().filter(|&index| index < length).ok_or(Error::IndexOutOfRange {
        operation,
        index,
        length,
    })
}

impl<T: Element> Tensor<T> {
    /// The parts of this array at `indices` along an axis, in their order: NumPy's `take`.
    ///
    /// # Shape
    /// The axis is replaced by the axes of `indices`.
    ///
    /// # Errors
    /// No such axis, or an index beyond it.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let words = Tensor::from([[0.1, 0.2], [1.1, 1.2], [2.1, 2.2]]);
    /// let sentence = Tensor::from([2i64, 0]);
    /// assert_eq!(words.gather(0, &sentence)?, Tensor::from([[2.1, 2.2], [0.1, 0.2]]));
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    pub fn gather(&self, axis: isize, indices: &Tensor<i64>) -> Result<Tensor<T>> {
        let axis = self.shape().axis(axis)?;
        let length = self.shape()[axis];
        let positions =
            indices.iter().map(|index| checked("gather", index, length)).collect::<Result<Vec<_>>>()?;
        let (before, after) = (&self.shape()[..axis], &self.shape()[axis + 1..]);
        let shape = Shape::new(&[before, indices.shape().dims(), after].concat())?;
        let inner: usize = after.iter().product();
        let outer: usize = before.iter().product();
        let source = self.contiguous();
        let source = source.as_slice().unwrap_or_default();
        let mut data = Vec::with_capacity(shape.size());
        for block in 0..outer {
            for position in &positions {
                let start = (block * length + position) * inner;
                data.extend_from_slice(&source[start..start + inner]);
            }
        }
        Ok(Tensor::from_counted(data, shape))
    }

    /// The parts of this array at these positions along an axis, in their order.
    ///
    /// # Errors
    /// No such axis, or a position beyond it.
    pub fn index_select(&self, axis: isize, positions: &[usize]) -> Result<Tensor<T>> {
        let index = |&position: &usize| i64::try_from(position).unwrap_or(i64::MAX);
        self.gather(axis, &positions.iter().map(index).collect::<Tensor<i64>>())
    }

    /// The element whose coordinate along an axis is given by `indices` at every position of the result:
    /// PyTorch's `gather`. With the result of [`Tensor::argmax`] (kept) it gives the maxima.
    ///
    /// # Shape
    /// That of `indices`, which must agree with this array's in all dimensions but the one of the axis.
    ///
    /// # Errors
    /// No such axis, shapes that differ elsewhere, or an index beyond the axis.
    pub fn take_along_axis(&self, axis: isize, indices: &Tensor<i64>) -> Result<Tensor<T>> {
        let axis = self.shape().axis(axis)?;
        let length = self.shape()[axis];
        let shape = indices.shape();
        if shape.rank() != self.rank() || shape.with(axis, length)? != self.shape() {
            return Err(Error::ShapeMismatch {
                operation: "take_along_axis",
                left: self.shape(),
                right: shape,
                expected: "the indices must have the same dimensions but for the one along the axis",
            });
        }
        if shape.size() == 0 {
            return Ok(Tensor::zeros(shape));
        }
        if length == 0 {
            // There are indices, and none of them can be right.
            let index = indices.iter().next().unwrap_or_default();
            return Err(Error::IndexOutOfRange { operation: "take_along_axis", index, length });
        }
        // Where each line along the axis begins, repeated for all of the line's indices.
        let starts = self.layout.select(axis, 0)?;
        let starts = self.view(starts).unsqueeze(axis as isize)?.layout.broadcast_to(shape)?;
        let stride = self.layout.strides()[axis];
        let element = |(start, index): (usize, i64)| {
            let position = checked("take_along_axis", index, length)? as isize;
            Ok(self.storage[(start as isize + stride * position) as usize])
        };
        let data = starts.positions().zip(indices.iter()).map(element).collect::<Result<Vec<T>>>()?;
        Ok(Tensor::from_counted(data, shape))
    }
}

impl Tensor<i64> {
    /// For each index a vector of `classes` numbers, 1 at the index and 0 elsewhere.
    ///
    /// # Shape
    /// `[..]` to `[.., classes]`.
    ///
    /// # Errors
    /// An index that is not in `0..classes`, or too many dimensions.
    pub fn one_hot<T: Float>(&self, classes: usize) -> Result<Tensor<T>> {
        let shape = Shape::new(&[self.shape().dims(), &[classes]].concat())?;
        let mut data = vec![T::ZERO; shape.size()];
        for (row, index) in self.iter().enumerate() {
            data[row * classes + checked("one_hot", index, classes)?] = T::ONE;
        }
        Ok(Tensor::from_counted(data, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathering_replaces_the_axis_by_the_shape_of_the_indices() {
        let x = Tensor::from_fn([2, 3, 4], |i| (i[0] * 100 + i[1] * 10 + i[2]) as i64);
        let indices = Tensor::from([[2i64, 0], [1, 1]]);
        let y = x.gather(1, &indices).unwrap();
        assert_eq!(y.shape(), Shape::from([2, 2, 2, 4]));
        assert_eq!(y.get(&[1, 0, 0, 3]).unwrap(), 123);
        assert_eq!(x.index_select(-1, &[3]).unwrap(), x.slice(-1, 3..4).unwrap());
        assert_eq!(x.gather(0, &Tensor::scalar(1)).unwrap(), x.select(0, 1).unwrap());
    }

    #[test]
    fn indices_beyond_the_axis_are_named() {
        let x = Tensor::from([1.0, 2.0]);
        let message = x.gather(0, &Tensor::from([0i64, -1])).unwrap_err().to_string();
        assert_eq!(message, "gather: index -1 is out of range for an axis of length 2");
        assert!(x.index_select(0, &[usize::MAX]).is_err());
        assert!(Tensor::from([3i64]).one_hot::<f32>(3).is_err());
        assert!(x.take_along_axis(0, &Tensor::from([2i64])).is_err());
        assert!(Tensor::<f32>::zeros([0]).take_along_axis(0, &Tensor::from([0i64])).is_err());
    }

    #[test]
    fn the_largest_are_found_where_argmax_points() {
        let x = Tensor::from([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]]);
        for axis in [0, 1] {
            let largest = x.take_along_axis(axis, &x.argmax(axis, true).unwrap()).unwrap();
            assert_eq!(largest, x.max(axis, true).unwrap());
        }
        assert!(x.take_along_axis(0, &Tensor::from([[0i64]])).is_err());
    }

    #[test]
    fn one_hot_vectors_point_at_their_class() {
        let labels = Tensor::from([[2i64], [0]]);
        let expected = Tensor::from([[[0.0f32, 0.0, 1.0]], [[1.0, 0.0, 0.0]]]);
        assert_eq!(labels.one_hot::<f32>(3).unwrap(), expected);
        assert!(Tensor::<i64>::zeros([0]).one_hot::<f32>(0).unwrap().is_empty());
    }
}
