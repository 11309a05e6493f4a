//! Linear algebra on `nalgebra`: systems of equations, factorizations, eigenvalues, and the bridge between
//! [`Tensor`]s and `nalgebra`'s matrices.
//!
//! The functions take tensors of rank 2 (right-hand sides also of rank 1) whatever their strides. They
//! refuse, with an error, what has no answer: matrices that are empty, not square, singular, not positive
//! definite, or hold numbers that are not finite. Batches, sparse matrices and complex numbers are not
//! here.
//!
//! ```
//! use downhill_tensor::{Tensor, linalg};
//! let a = Tensor::from([[4.0f64, 1.0], [1.0, 3.0]]);
//! let b = Tensor::from([1.0, 2.0]);
//! let x = linalg::solve(&a, &b)?;
//! a.matmul(&x)?.check_close(&b, 1e-12, 0.0)?;
//! let eigen = linalg::symmetric_eigen(&a)?;
//! let determinant = eigen.values.prod(.., false)?.item()?;
//! assert!((determinant - linalg::determinant(&a)?).abs() < 1e-12);
//! # Ok::<(), downhill_tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bridge;
mod factor;
mod solve;

pub use factor::{Qr, Svd, SymmetricEigen, cholesky, qr, svd, symmetric_eigen};
pub use solve::{determinant, inverse, least_squares, solve};

use crate::{Error, Float, Result, Tensor};
use nalgebra::{DMatrix, RealField};

/// The numbers that both this crate and `nalgebra` can compute with: `f32` and `f64`.
pub trait Real: Float + RealField {}

impl<T: Float + RealField> Real for T {}

/// A copy of a tensor of rank 2 as a matrix, if it has elements and all of them are finite.
fn matrix<T: Real>(operation: &'static str, tensor: &Tensor<T>) -> Result<DMatrix<T>> {
    let shape = tensor.shape();
    if shape.rank() != 2 || shape.size() == 0 {
        let expected = "a matrix: two dimensions, neither of them 0".into();
        return Err(Error::InvalidShape { operation, shape, expected });
    }
    if let Some(value) = tensor.iter().find(|&x| !Float::is_finite(x)) {
        return Err(Error::InvalidArgument {
            operation,
            argument: "matrix",
            expected: "of finite numbers",
            actual: format!("one that holds {value}"),
        });
    }
    Ok(DMatrix::from_row_iterator(shape[0], shape[1], tensor.iter()))
}

/// The same for a square matrix.
fn square<T: Real>(operation: &'static str, tensor: &Tensor<T>) -> Result<DMatrix<T>> {
    let matrix = matrix(operation, tensor)?;
    if matrix.is_square() {
        return Ok(matrix);
    }
    Err(Error::InvalidShape { operation, shape: tensor.shape(), expected: "a square matrix".into() })
}
