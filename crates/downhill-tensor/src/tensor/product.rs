//! Products of matrices.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::kernels::matmul::{Product, Update, matmul, matmul_scratch_len};
use crate::{Error, Float, Result, Shape, Slice};

impl<T: Float> Tensor<T> {
    /// The product of matrices over the last two axes, the axes before them broadcast as batches.
    ///
    /// A vector on the left counts as a row, a vector on the right as a column, and the axis added for it
    /// is taken away from the result, so that two vectors give a scalar.
    ///
    /// # Shape
    /// `[.., m, k]` and `[.., k, n]` to `[.., m, n]`; `[k]` and `[.., k, n]` to `[.., n]`; `[.., m, k]`
    /// and `[k]` to `[.., m]`.
    ///
    /// # Errors
    /// A scalar, inner dimensions that differ, or batches that do not broadcast.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&a)?, Tensor::from([[7.0, 10.0], [15.0, 22.0]]));
    /// assert_eq!(a.matmul(&Tensor::from([1.0, -1.0]))?, Tensor::from([-1.0, -1.0]));
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    pub fn matmul(&self, other: &Tensor<T>) -> Result<Tensor<T>> {
        let mismatch = |expected| Error::ShapeMismatch {
            operation: "matmul",
            left: self.shape(),
            right: other.shape(),
            expected,
        };
        if self.rank() == 0 || other.rank() == 0 {
            return Err(mismatch("both must have at least one dimension"));
        }
        let left = if self.rank() == 1 { self.unsqueeze(0)? } else { self.clone() };
        let right = if other.rank() == 1 { other.unsqueeze(1)? } else { other.clone() };
        let (left_rank, right_rank) = (left.rank(), right.rank());
        let (m, k) = (left.shape()[left_rank - 2], left.shape()[left_rank - 1]);
        let n = right.shape()[right_rank - 1];
        if right.shape()[right_rank - 2] != k {
            return Err(mismatch(
                "the last dimension of the left one must be the last but one of the right one",
            ));
        }
        let batch = Shape::new(&left.shape()[..left_rank - 2])?
            .broadcast(Shape::new(&right.shape()[..right_rank - 2])?)
            .map_err(|_| mismatch("the dimensions before the last two must be equal or one of them 1"))?;
        let with = |tail: &[usize]| Shape::new(&[batch.dims(), tail].concat());
        let shape = with(&[m, n])?;
        let mut out = vec![T::ZERO; shape.size()];
        if k > 0 && !out.is_empty() {
            let (left, right) = (left.contiguous(), right.contiguous());
            let left_starts = left.matrix_starts(with(&[m, k])?)?;
            let right_starts = right.matrix_starts(with(&[k, n])?)?;
            let product = Product::row_major(m, n, k);
            let mut scratch = vec![T::ZERO; matmul_scratch_len::<T>(&product)];
            for ((out, l), r) in out.chunks_exact_mut(m * n).zip(left_starts).zip(right_starts) {
                let (a, b) = (&left.storage[l..l + m * k], &right.storage[r..r + k * n]);
                matmul(&product, 0..m, 0..n, a, b, out, Update::SET, &mut scratch);
            }
        }
        let out = Tensor::from_counted(out, shape);
        match (self.rank(), other.rank()) {
            (1, 1) => out.squeeze(-1)?.squeeze(-1),
            (1, _) => out.squeeze(-2),
            (_, 1) => out.squeeze(-1),
            _ => Ok(out),
        }
    }

    /// The positions in the storage of the first element of each matrix, batches broadcast to `shape`.
    fn matrix_starts(&self, shape: Shape) -> Result<impl Iterator<Item = usize>> {
        let first = Slice::range(0, 1);
        let rank = shape.rank();
        Ok(self.layout.broadcast_to(shape)?.slice(rank - 1, first)?.slice(rank - 2, first)?.positions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_follow_numpy() {
        let a = Tensor::from_fn([2, 3, 4], |i| (i[0] * 12 + i[1] * 4 + i[2]) as f64);
        let shape = |x: &Tensor<f64>, y: &Tensor<f64>| x.matmul(y).unwrap().shape();
        let vector = |n: usize| Tensor::<f64>::ones([n]);
        assert_eq!(shape(&a, &vector(4)), Shape::from([2, 3]));
        assert_eq!(shape(&vector(3), &a), Shape::from([2, 4]));
        assert_eq!(vector(3).matmul(&vector(3)).unwrap().item().unwrap(), 3.0);
        assert_eq!(a.matmul(&vector(4)).unwrap(), a.sum(-1, false).unwrap());
        assert_eq!(vector(3).matmul(&a).unwrap(), a.sum(1, false).unwrap());
    }

    #[test]
    fn an_empty_inner_dimension_gives_zeros() {
        let x = Tensor::<f32>::zeros([2, 0]).matmul(&Tensor::zeros([0, 3])).unwrap();
        assert_eq!(x, Tensor::zeros([2, 3]));
        assert!(Tensor::<f32>::zeros([0, 2]).matmul(&Tensor::zeros([2, 3])).unwrap().is_empty());
    }

    #[test]
    fn inner_dimensions_and_batches_must_agree() {
        let error = |a: &[usize], b: &[usize]| {
            let (a, b) = (Shape::new(a).unwrap(), Shape::new(b).unwrap());
            Tensor::<f32>::zeros(a).matmul(&Tensor::zeros(b)).unwrap_err().to_string()
        };
        assert!(error(&[2, 3], &[2, 3]).contains("matmul: the shapes [2, 3] and [2, 3]"));
        assert!(error(&[2, 2, 3], &[3, 3, 2]).contains("before the last two"));
        assert!(error(&[], &[3]).contains("at least one dimension"));
    }
}
