//! Factorizations: Cholesky, QR, singular values, symmetric eigenvalues.
#![forbid(unsafe_code)]

use super::{Real, matrix, square};
use crate::{Element, Error, Float, Result, Tensor};
use nalgebra::{DMatrix, SVD, SymmetricEigen as Eigen};

/// The lower triangular matrix `l` with `l lᵀ = a`.
///
/// # Errors
/// A matrix that is not square, not symmetric or not positive definite, or numbers that are not finite.
pub fn cholesky<T: Real>(a: &Tensor<T>) -> Result<Tensor<T>> {
    let matrix = symmetric("cholesky", a)?;
    let factor = matrix.cholesky().ok_or(Error::Singular {
        operation: "cholesky",
        reason: "the matrix is not positive definite: it has an eigenvalue that is not above 0",
    })?;
    Ok(factor.l().into())
}

/// What [`qr`] returns.
#[derive(Clone, Debug)]
pub struct Qr<T: Element> {
    /// `[m, min(m, n)]`, with orthonormal columns.
    pub q: Tensor<T>,
    /// `[min(m, n), n]`, upper triangular.
    pub r: Tensor<T>,
}

/// The orthonormal and the upper triangular matrix with `q r = a`, by Householder reflections. The diagonal
/// of `r` is not negative.
///
/// # Errors
/// Numbers that are not finite.
pub fn qr<T: Real>(a: &Tensor<T>) -> Result<Qr<T>> {
    let (mut q, mut r) = matrix("qr", a)?.qr().unpack();
    for i in 0..r.nrows() {
        if r[(i, i)] < T::ZERO {
            r.row_mut(i).neg_mut();
            q.column_mut(i).neg_mut();
        }
    }
    Ok(Qr { q: q.into(), r: r.into() })
}

/// What [`svd`] returns.
#[derive(Clone, Debug)]
pub struct Svd<T: Element> {
    /// `[m, min(m, n)]`, with orthonormal columns.
    pub u: Tensor<T>,
    /// `[min(m, n)]`, not negative, the largest first.
    pub singular_values: Tensor<T>,
    /// `[min(m, n), n]`, with orthonormal rows.
    pub v_transposed: Tensor<T>,
}

/// The singular value decomposition `u diag(singular_values) v_transposed = a`.
///
/// `nalgebra` usually gives the matrix back to a few times the machine epsilon; for rare nearly singular ones
/// some digits fewer (in double precision, relative errors of 3e-12 have been seen).
///
/// # Errors
/// Numbers that are not finite, or an iteration that does not converge.
pub fn svd<T: Real>(a: &Tensor<T>) -> Result<Svd<T>> {
    let (matrix, scale) = scaled(matrix("svd", a)?);
    let rounds = iterations(&matrix);
    let (u, values, v_t) = SVD::try_new_unordered(matrix, true, true, <T as Float>::EPSILON, rounds)
        .and_then(|svd| Some((svd.u?, svd.singular_values, svd.v_t?)))
        .ok_or(no_convergence("svd"))?;
    let order = sorted("svd", values.as_slice(), |x, y| y.total_cmp(&x))?;
    Ok(Svd {
        u: Tensor::from(u).index_select(1, &order)?,
        singular_values: (Tensor::from(values) * scale).index_select(0, &order)?,
        v_transposed: Tensor::from(v_t).index_select(0, &order)?,
    })
}

/// What [`symmetric_eigen`] returns.
#[derive(Clone, Debug)]
pub struct SymmetricEigen<T: Element> {
    /// `[n]`, the smallest first.
    pub values: Tensor<T>,
    /// `[n, n]`: column `i` is the eigenvector of value `i`, of length 1.
    pub vectors: Tensor<T>,
}

/// The eigenvalues and eigenvectors of a symmetric matrix: `vectors diag(values) vectorsᵀ = a`.
///
/// # Errors
/// A matrix that is not square or not symmetric (beyond rounding), numbers that are not finite, or an
/// iteration that does not converge.
pub fn symmetric_eigen<T: Real>(a: &Tensor<T>) -> Result<SymmetricEigen<T>> {
    let (matrix, scale) = scaled(symmetric("symmetric_eigen", a)?);
    let rounds = iterations(&matrix);
    let eigen =
        Eigen::try_new(matrix, <T as Float>::EPSILON, rounds).ok_or(no_convergence("symmetric_eigen"))?;
    let order = sorted("symmetric_eigen", eigen.eigenvalues.as_slice(), |x, y| x.total_cmp(&y))?;
    Ok(SymmetricEigen {
        values: (Tensor::from(eigen.eigenvalues) * scale).index_select(0, &order)?,
        vectors: Tensor::from(eigen.eigenvectors).index_select(1, &order)?,
    })
}

/// A square matrix that is symmetric up to rounding.
fn symmetric<T: Real>(operation: &'static str, a: &Tensor<T>) -> Result<DMatrix<T>> {
    let matrix = square(operation, a)?;
    let allowed = Float::sqrt(<T as Float>::EPSILON) * matrix.amax();
    for row in 0..matrix.nrows() {
        for column in 0..row {
            let (x, y) = (matrix[(row, column)], matrix[(column, row)]);
            if Float::abs(x - y) > allowed {
                return Err(Error::InvalidArgument {
                    operation,
                    argument: "matrix",
                    expected: "symmetric",
                    actual: format!("one with {x} at [{row}, {column}] and {y} at [{column}, {row}]"),
                });
            }
        }
    }
    Ok(matrix)
}

/// The matrix divided by a power of two that brings its largest element near 1, so that no square over- or
/// underflows on the way, and that power.
fn scaled<T: Real>(matrix: DMatrix<T>) -> (DMatrix<T>, T) {
    let largest = matrix.amax().to_f64();
    let scale = if largest > 0.0 { <T as Float>::from_f64(largest.log2().floor().exp2()) } else { T::ONE };
    (matrix.map(|x| x / scale), scale)
}

/// Far more rounds than the iterations need; without a bound, bad luck could keep them busy for ever.
fn iterations<T: Real>(matrix: &DMatrix<T>) -> usize {
    1000 + 100 * matrix.nrows().max(matrix.ncols())
}

fn no_convergence(operation: &'static str) -> Error {
    Error::Singular { operation, reason: "the iteration did not converge" }
}

/// The order of these values, all of which must be numbers.
fn sorted<T: Real>(
    operation: &'static str,
    values: &[T],
    compare: impl Fn(f64, f64) -> std::cmp::Ordering,
) -> Result<Vec<usize>> {
    if values.iter().any(|x| !Float::is_finite(*x)) {
        return Err(no_convergence(operation));
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| compare(values[i].to_f64(), values[j].to_f64()));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn random(shape: [usize; 2], number: u64) -> Tensor<f64> {
        Tensor::normal(Key::new(4).fold(number), shape, 0.0, 1.0).unwrap()
    }

    fn assert_orthonormal_columns(x: &Tensor<f64>) {
        let products = x.transpose().unwrap().matmul(x).unwrap();
        products.check_close(&Tensor::eye(x.shape()[1]), 0.0, 1e-12).unwrap();
    }

    const SHAPES: [[usize; 2]; 5] = [[1, 1], [4, 4], [6, 3], [3, 6], [1, 5]];

    #[test]
    fn qr_gives_the_matrix_back() {
        for (i, shape) in SHAPES.into_iter().enumerate() {
            let a = random(shape, i as u64);
            let Qr { q, r } = qr(&a).unwrap();
            assert_orthonormal_columns(&q);
            q.matmul(&r).unwrap().check_close(&a, 1e-12, 1e-12).unwrap();
            for row in 0..r.shape()[0] {
                assert!(r.get(&[row, row]).unwrap() >= 0.0);
                assert!((0..row).all(|column| r.get(&[row, column]).unwrap() == 0.0));
            }
        }
    }

    #[test]
    fn singular_values_come_sorted_and_give_the_matrix_back() {
        for scale in [1.0, 1e-200, 1e200] {
            for (i, shape) in SHAPES.into_iter().enumerate() {
                let a = random(shape, i as u64) * scale;
                let Svd { u, singular_values, v_transposed } = svd(&a).unwrap();
                assert_orthonormal_columns(&u);
                assert_orthonormal_columns(&v_transposed.transpose().unwrap());
                let values = singular_values.to_vec();
                assert!(values.is_sorted_by(|x, y| x >= y) && values.iter().all(|&x| x >= 0.0));
                let again = u.mul(&singular_values).unwrap().matmul(&v_transposed).unwrap();
                again.check_close(&a, 1e-10, 1e-12 * scale).unwrap();
            }
        }
    }

    #[test]
    fn eigenvectors_are_stretched_by_their_eigenvalues() {
        let half = random([5, 5], 9);
        let a = half.add(&half.transpose().unwrap()).unwrap();
        let SymmetricEigen { values, vectors } = symmetric_eigen(&a).unwrap();
        assert_orthonormal_columns(&vectors);
        assert!(values.to_vec().is_sorted());
        let stretched = vectors.mul(&values).unwrap();
        a.matmul(&vectors).unwrap().check_close(&stretched, 1e-10, 1e-12).unwrap();
        let known = symmetric_eigen(&Tensor::from([[2.0f32, 1.0], [1.0, 2.0]])).unwrap();
        known.values.check_close(&Tensor::from([1.0f32, 3.0]), 1e-6, 0.0).unwrap();
    }

    #[test]
    fn cholesky_wants_positive_definite_matrices() {
        let half = random([4, 4], 2);
        let a = half.matmul(&half.transpose().unwrap()).unwrap();
        let l = cholesky(&a).unwrap();
        l.matmul(&l.transpose().unwrap()).unwrap().check_close(&a, 1e-12, 1e-12).unwrap();
        assert_eq!(l.get(&[0, 3]).unwrap(), 0.0);
        let indefinite = Tensor::from([[1.0, 2.0], [2.0, 1.0]]);
        assert!(matches!(cholesky(&indefinite), Err(Error::Singular { .. })));
        assert!(cholesky(&Tensor::<f64>::zeros([2, 2])).is_err());
    }

    #[test]
    fn matrices_that_are_not_symmetric_are_refused() {
        let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        let message = symmetric_eigen(&a).unwrap_err().to_string();
        assert!(message.ends_with("symmetric, but is one with 3 at [1, 0] and 2 at [0, 1]"), "{message}");
        assert!(cholesky(&a).is_err() && symmetric_eigen(&random([2, 3], 0)).is_err());
    }

    #[test]
    fn matrices_with_nan_are_refused_rather_than_iterated_for_ever() {
        let a = Tensor::from([[1.0, f64::NAN], [f64::NAN, 1.0]]);
        assert!(svd(&a).is_err() && qr(&a).is_err() && symmetric_eigen(&a).is_err() && cholesky(&a).is_err());
    }

    #[test]
    fn zero_and_repeated_values_are_no_trouble() {
        assert_eq!(svd(&Tensor::<f64>::zeros([3, 2])).unwrap().singular_values, Tensor::zeros([2]));
        let ones = svd(&Tensor::<f32>::eye(4)).unwrap().singular_values;
        ones.check_close(&Tensor::ones([4]), 1e-6, 0.0).unwrap();
        assert_eq!(symmetric_eigen(&Tensor::<f64>::eye(3)).unwrap().values, Tensor::ones([3]));
    }
}
