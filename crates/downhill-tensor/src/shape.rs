//! The dimensions of an array.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// The largest number of dimensions of a [`Shape`].
pub const MAX_RANK: usize = 8;

/// The dimensions of an array, outermost first, at most [`MAX_RANK`] of them.
///
/// A shape is a small `Copy` value and reads as a slice of its dimensions. The shape of rank 0 is that of
/// a scalar, with one element.
///
/// ```
/// use downhill_tensor::Shape;
/// let batch = Shape::from([32, 1, 28, 28]);
/// assert_eq!(batch.size(), 25_088);
/// assert_eq!(batch.broadcast(Shape::from([16, 1, 1]))?, Shape::from([32, 16, 28, 28]));
/// # Ok::<(), downhill_tensor::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Shape {
    rank: u8,
    // Unused dimensions stay zero, so that the derived comparisons hold.
    dims: [usize; MAX_RANK],
}

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Shape = Shape { rank: 0, dims: [0; MAX_RANK] };

    /// The shape with these dimensions.
    ///
    /// # Errors
    /// More than [`MAX_RANK`] dimensions, or an element count that overflows.
    pub fn new(dims: &[usize]) -> Result<Self> {
        if dims.len() > MAX_RANK {
            return Err(Error::RankTooLarge { rank: dims.len() });
        }
        // Zero-sized dimensions must not hide an overflow of the others: strides are products as well.
        dims.iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d.max(1)))
            .filter(|&n| n <= isize::MAX as usize / 16)
            .ok_or_else(|| Error::SizeOverflow { dims: dims.to_vec() })?;
        Ok(Self::from_checked(dims))
    }

    fn from_checked(dims: &[usize]) -> Self {
        let mut shape = Self::SCALAR;
        shape.rank = dims.len() as u8;
        shape.dims[..dims.len()].copy_from_slice(dims);
        shape
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The number of elements: the product of the dimensions, 1 for a scalar.
    pub fn size(&self) -> usize {
        self.dims().iter().product()
    }

    /// The position of `axis`, where negative axes count from the end (-1 is the last).
    ///
    /// # Errors
    /// No such axis.
    pub fn axis(&self, axis: isize) -> Result<usize> {
        let rank = self.rank() as isize;
        let position = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&position) {
            Ok(position as usize)
        } else {
            Err(Error::AxisOutOfRange { axis, rank: self.rank() })
        }
    }

    /// The positions of `axes`, sorted, each once.
    ///
    /// # Errors
    /// No such axis, or one that is named twice.
    pub fn axes(&self, axes: &[isize]) -> Result<Vec<usize>> {
        let mut positions = axes.iter().map(|&axis| self.axis(axis)).collect::<Result<Vec<_>>>()?;
        positions.sort_unstable();
        if positions.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::InvalidArgument {
                operation: "axes",
                argument: "axes",
                expected: "different from each other",
                actual: format!("{axes:?}"),
            });
        }
        Ok(positions)
    }

    /// The shape that both broadcast to by NumPy's rule: aligned at the last dimension, dimensions must be
    /// equal or one of them 1.
    ///
    /// # Errors
    /// Dimensions that differ, neither being 1.
    pub fn broadcast(self, other: Shape) -> Result<Shape> {
        let rank = self.rank().max(other.rank());
        let mut dims = [0; MAX_RANK];
        for back in 1..=rank {
            let left = if back <= self.rank() { self[self.rank() - back] } else { 1 };
            let right = if back <= other.rank() { other[other.rank() - back] } else { 1 };
            dims[rank - back] = match (left, right) {
                (l, r) if l == r => l,
                (1, r) => r,
                (l, 1) => l,
                _ => {
                    return Err(Error::ShapeMismatch {
                        operation: "broadcast",
                        left: self,
                        right: other,
                        expected: "aligned at the last dimension, dimensions must be equal or one of them 1",
                    });
                }
            };
        }
        Shape::new(&dims[..rank])
    }

    /// Whether this shape broadcasts to `target` without changing `target`.
    pub fn broadcasts_to(self, target: Shape) -> bool {
        self.broadcast(target).is_ok_and(|shape| shape == target)
    }

    /// The axes of `target` along which a value of this shape is repeated when broadcast to it.
    pub fn broadcast_axes(self, target: Shape) -> Vec<usize> {
        let lead = target.rank().saturating_sub(self.rank());
        (0..target.rank())
            .filter(|&axis| axis < lead || (self[axis - lead] == 1 && target[axis] != 1))
            .collect()
    }

    /// This shape with `axes` removed, or kept with length 1.
    pub fn reduced(self, axes: &[usize], keep: bool) -> Shape {
        let mut dims = [0; MAX_RANK];
        let mut rank = 0;
        for (axis, &dim) in self.dims().iter().enumerate() {
            if !axes.contains(&axis) {
                dims[rank] = dim;
                rank += 1;
            } else if keep {
                dims[rank] = 1;
                rank += 1;
            }
        }
        Self::from_checked(&dims[..rank])
    }

    /// This shape with the dimension at `axis` replaced.
    ///
    /// # Errors
    /// No such axis, or an element count that overflows.
    pub fn with(self, axis: usize, dim: usize) -> Result<Shape> {
        let mut dims = self.dims().to_vec();
        *dims.get_mut(axis).ok_or(Error::AxisOutOfRange { axis: axis as isize, rank: self.rank() })? = dim;
        Shape::new(&dims)
    }

    /// The strides, in elements, of a contiguous array of this shape in row-major order.
    pub fn contiguous_strides(&self) -> [isize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1isize;
        for axis in (0..self.rank()).rev() {
            strides[axis] = stride;
            stride *= self.dims[axis].max(1) as isize;
        }
        strides
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        self.dims()
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    /// The shape with these dimensions; more than [`MAX_RANK`] of them do not compile. Dimensions whose
    /// product overflows are cut to the largest size there is, which no buffer can match.
    fn from(dims: [usize; N]) -> Self {
        const { assert!(N <= MAX_RANK, "a shape has at most 8 dimensions") };
        Shape::new(&dims).unwrap_or_else(|_| Self::from_checked(&[isize::MAX as usize / 16]))
    }
}

impl From<()> for Shape {
    fn from((): ()) -> Self {
        Self::SCALAR
    }
}

impl TryFrom<&[usize]> for Shape {
    type Error = Error;
    fn try_from(dims: &[usize]) -> Result<Self> {
        Shape::new(dims)
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = Error;
    fn try_from(dims: Vec<usize>) -> Result<Self> {
        Shape::new(&dims)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Self {
        shape.dims().to_vec()
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        type Case<'a> = (&'a [usize], &'a [usize], Option<&'a [usize]>);
        let cases: [Case<'_>; 6] = [
            (&[], &[2, 3], Some(&[2, 3])),
            (&[3], &[2, 3], Some(&[2, 3])),
            (&[2, 1], &[1, 3], Some(&[2, 3])),
            (&[0], &[1], Some(&[0])),
            (&[2], &[3], None),
            (&[0], &[2], None),
        ];
        for (left, right, expected) in cases {
            let (left, right) = (Shape::new(left).unwrap(), Shape::new(right).unwrap());
            assert_eq!(left.broadcast(right).ok().as_deref(), expected);
            assert_eq!(right.broadcast(left).ok().as_deref(), expected);
        }
    }

    #[test]
    fn negative_axes_count_from_the_end() {
        let shape = Shape::from([2, 3, 4]);
        assert_eq!(shape.axis(-1).unwrap(), 2);
        assert_eq!(
            shape.axis(3).unwrap_err().to_string(),
            "axis 3 does not exist in a shape of 3 dimensions (allowed: -3 to 2)"
        );
    }

    #[test]
    fn sizes_that_overflow_are_refused_even_beside_a_zero() {
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[0, usize::MAX, 2]).is_err());
        assert!(Shape::new(&[1; 9]).is_err());
    }

    #[test]
    fn broadcast_axes_name_what_was_repeated() {
        assert_eq!(Shape::from([3]).broadcast_axes(Shape::from([2, 3])), [0]);
        assert_eq!(Shape::from([2, 1]).broadcast_axes(Shape::from([4, 2, 3])), [0, 2]);
        assert!(Shape::from([2, 1]).broadcast_axes(Shape::from([2, 1])).is_empty());
    }
}
