//! Other views of the same elements: parts, other orders, other shapes.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Element, Error, MAX_RANK, Result, Shape, Slice};

impl<T: Element> Tensor<T> {
    /// The view of a part of one axis: a range, or a [`Slice`] with a step and bounds from the end. Bounds
    /// are clamped, as in Python. Negative axes count from the end, here and below.
    ///
    /// ```
    /// use downhill_tensor::{Slice, Tensor};
    /// let x = Tensor::from([0i64, 1, 2, 3, 4, 5]);
    /// assert_eq!(x.slice(0, 1..3)?, Tensor::from([1i64, 2]));
    /// let every_other_from_the_end = Slice { start: None, end: None, step: -2 };
    /// assert_eq!(x.slice(0, every_other_from_the_end)?, Tensor::from([5i64, 3, 1]));
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// No such axis, or a step of 0.
    pub fn slice(&self, axis: isize, slice: impl Into<Slice>) -> Result<Self> {
        Ok(self.view(self.layout.slice(self.shape().axis(axis)?, slice.into())?))
    }

    /// The view at one position of an axis, which disappears.
    ///
    /// # Errors
    /// No such axis, or a position beyond its end.
    pub fn select(&self, axis: isize, index: usize) -> Result<Self> {
        Ok(self.view(self.layout.select(self.shape().axis(axis)?, index)?))
    }

    /// The view with the order of one axis reversed.
    ///
    /// # Errors
    /// No such axis.
    pub fn flip(&self, axis: isize) -> Result<Self> {
        self.slice(axis, Slice { start: None, end: None, step: -1 })
    }

    /// The view whose axis `i` is axis `order[i]` of this array.
    ///
    /// # Errors
    /// An order that is not a permutation of the axes.
    pub fn permute(&self, order: &[isize]) -> Result<Self> {
        let order = order.iter().map(|&axis| self.shape().axis(axis)).collect::<Result<Vec<_>>>()?;
        Ok(self.view(self.layout.permute(&order)?))
    }

    /// The view with the last two axes exchanged: the transpose of a matrix, or of each of a batch.
    ///
    /// # Errors
    /// Fewer than two axes.
    pub fn transpose(&self) -> Result<Self> {
        let rank = self.rank();
        if rank < 2 {
            return Err(Error::InvalidShape {
                operation: "transpose",
                shape: self.shape(),
                expected: "at least two dimensions".into(),
            });
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 1, rank - 2);
        Ok(self.view(self.layout.permute(&order)?))
    }

    /// The same elements in the same row-major order under another shape: a view where the strides allow
    /// it, a copy otherwise.
    ///
    /// # Errors
    /// A shape with another number of elements.
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        Ok(match self.layout.reshape(shape)? {
            Some(layout) => self.view(layout),
            None => Tensor::from_counted(self.to_vec(), shape),
        })
    }

    /// All elements as one axis, in row-major order.
    pub fn flatten(&self) -> Self {
        let shape = Shape::from([self.size()]);
        self.reshape(shape).unwrap_or_else(|_| Tensor::from_counted(self.to_vec(), shape))
    }

    /// The view without this axis of length 1.
    ///
    /// # Errors
    /// No such axis, or one of another length.
    pub fn squeeze(&self, axis: isize) -> Result<Self> {
        let axis = self.shape().axis(axis)?;
        if self.shape()[axis] != 1 {
            return Err(Error::InvalidShape {
                operation: "squeeze",
                shape: self.shape(),
                expected: format!("axis {axis} must have length 1"),
            });
        }
        Ok(self.view(self.layout.select(axis, 0)?))
    }

    /// The view with a new axis of length 1 at position `axis` of the result.
    ///
    /// # Errors
    /// A position beyond the new rank, or too many dimensions.
    pub fn unsqueeze(&self, axis: isize) -> Result<Self> {
        let rank = self.rank() + 1;
        let at = if axis < 0 { axis + rank as isize } else { axis };
        if !(0..rank as isize).contains(&at) {
            return Err(Error::AxisOutOfRange { axis, rank });
        }
        if rank > MAX_RANK {
            return Err(Error::RankTooLarge { rank });
        }
        let mut dims = self.shape().to_vec();
        dims.insert(0, 1);
        // A leading axis by broadcasting, then moved to its place: no element moves for either.
        let lead = self.layout.broadcast_to(Shape::new(&dims)?)?;
        let mut order: Vec<usize> = (1..rank).collect();
        order.insert(at as usize, 0);
        Ok(self.view(lead.permute(&order)?))
    }

    /// The view that repeats this array along new or length-1 axes; no element is copied.
    ///
    /// # Errors
    /// A target that this shape does not broadcast to.
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Result<Self> {
        Ok(self.view(self.layout.broadcast_to(shape.into())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn views_share_their_storage() {
        let x = Tensor::<f32>::zeros([2, 3, 4]);
        let views = [
            x.slice(-1, 1..3).unwrap(),
            x.select(1, 2).unwrap(),
            x.permute(&[2, 0, -2]).unwrap(),
            x.transpose().unwrap(),
            x.reshape([6, 4]).unwrap(),
            x.unsqueeze(-1).unwrap(),
            x.flip(0).unwrap(),
            x.broadcast_to([5, 2, 3, 4]).unwrap(),
            x.flatten(),
        ];
        assert!(views.iter().all(|view| Arc::ptr_eq(view.storage(), x.storage())));
        assert!(!Arc::ptr_eq(x.transpose().unwrap().flatten().storage(), x.storage()));
    }

    #[test]
    fn axes_of_length_one_come_and_go() {
        let x = Tensor::from([[1i64, 2], [3, 4]]);
        for (axis, dims) in [(0, [1, 2, 2]), (1, [2, 1, 2]), (-1, [2, 2, 1])] {
            let y = x.unsqueeze(axis).unwrap();
            assert_eq!(y.shape(), Shape::from(dims));
            assert_eq!(y.squeeze(axis).unwrap(), x);
        }
        assert!(x.unsqueeze(3).is_err() && x.unsqueeze(-4).is_err() && x.squeeze(0).is_err());
        assert!(Tensor::<u8>::zeros([1; 8]).unsqueeze(0).is_err());
    }

    #[test]
    fn the_transpose_of_a_vector_is_an_error() {
        let message = Tensor::from([1.0]).transpose().err().unwrap().to_string();
        assert_eq!(message, "transpose: the shape [1] does not fit: at least two dimensions");
    }
}
