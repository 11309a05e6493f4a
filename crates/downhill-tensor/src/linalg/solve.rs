//! Systems of linear equations, inverses and determinants.
#![forbid(unsafe_code)]

use super::{Real, matrix, square, svd};
use crate::{Error, Float, Result, Tensor};
use nalgebra::{DMatrix, Dyn, LU};

/// The solution `x` of `a x = b`, by LU factorization with row pivoting.
///
/// # Shape
/// `[n, n]` and `[n]` to `[n]`; `[n, n]` and `[n, k]` to `[n, k]`.
///
/// # Errors
/// A matrix that is not square or is singular: one with a pivot not above n times the machine epsilon times
/// the largest element of its column. Another number of equations in `b`. Numbers that are not finite.
pub fn solve<T: Real>(a: &Tensor<T>, b: &Tensor<T>) -> Result<Tensor<T>> {
    let lu = regular("solve", a)?;
    let right = right_side("solve", a, b)?;
    let solution = lu.solve(&right).ok_or(singular("solve"))?;
    finite("solve", solution.into(), b)
}

/// The `x` that makes `|a x - b|` smallest; among several, the one with the smallest norm. By the singular
/// value decomposition, so that `a` may have any shape and rank; singular values not above
/// max(m, n) times the machine epsilon times the largest one count as 0.
///
/// # Shape
/// `[m, n]` and `[m]` to `[n]`; `[m, n]` and `[m, k]` to `[n, k]`.
///
/// # Errors
/// Another number of rows in `b`, or numbers that are not finite.
///
/// ```
/// use downhill_tensor::{Tensor, linalg};
/// // The line through (0, 1), (1, 3), (2, 5): one column of ones, one of abscissas.
/// let design = Tensor::from([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]);
/// let line = linalg::least_squares(&design, &Tensor::from([1.0, 3.0, 5.0]))?;
/// line.check_close(&Tensor::from([1.0, 2.0]), 1e-12, 0.0)?;
/// # Ok::<(), downhill_tensor::Error>(())
/// ```
pub fn least_squares<T: Real>(a: &Tensor<T>, b: &Tensor<T>) -> Result<Tensor<T>> {
    let decomposition = svd(a)?;
    let right = right_side("least_squares", a, b)?;
    let values = &decomposition.singular_values;
    let largest = values.get(&[0])?;
    let order = <T as Float>::from_usize(a.shape()[0].max(a.shape()[1]));
    let negligible = order * <T as Float>::EPSILON * largest;
    let inverse = values.map(|value| if value > negligible { T::ONE / value } else { T::ZERO });
    let coefficients = decomposition.u.transpose()?.matmul(&Tensor::from(right))?;
    let scaled = coefficients.mul(&inverse.unsqueeze(1)?)?;
    finite("least_squares", decomposition.v_transposed.transpose()?.matmul(&scaled)?, b)
}

/// The inverse of a square matrix. To solve equations, [`solve`] is faster and more accurate.
///
/// # Errors
/// A matrix that is not square or is singular (see [`solve`]), or numbers that are not finite.
pub fn inverse<T: Real>(a: &Tensor<T>) -> Result<Tensor<T>> {
    let inverse = regular("inverse", a)?.try_inverse().ok_or(singular("inverse"))?;
    finite("inverse", inverse.into(), a)
}

/// The determinant of a square matrix; 0 or nearly 0 for a singular one.
///
/// # Errors
/// A matrix that is not square, or numbers that are not finite.
pub fn determinant<T: Real>(a: &Tensor<T>) -> Result<T> {
    Ok(square("determinant", a)?.lu().determinant())
}

fn singular(operation: &'static str) -> Error {
    Error::Singular {
        operation,
        reason: "the matrix is singular to working precision: a row is a combination of others",
    }
}

/// The factorization of a matrix that is not singular to working precision.
fn regular<T: Real>(operation: &'static str, a: &Tensor<T>) -> Result<LU<T, Dyn, Dyn>> {
    let matrix = square(operation, a)?;
    let largest: Vec<T> = matrix.column_iter().map(|column| column.amax()).collect();
    let negligible = <T as Float>::from_usize(matrix.nrows()) * <T as Float>::EPSILON;
    let lu = matrix.lu();
    let upper = lu.u();
    let regular =
        largest.iter().enumerate().all(|(i, &largest)| Float::abs(upper[(i, i)]) > negligible * largest);
    if regular { Ok(lu) } else { Err(singular(operation)) }
}

/// `b` as a matrix with as many rows as `a`.
fn right_side<T: Real>(operation: &'static str, a: &Tensor<T>, b: &Tensor<T>) -> Result<DMatrix<T>> {
    let columns = if b.rank() == 1 { b.unsqueeze(1)? } else { b.clone() };
    let right = matrix(operation, &columns)?;
    if right.nrows() == a.shape()[0] {
        return Ok(right);
    }
    Err(Error::ShapeMismatch {
        operation,
        left: a.shape(),
        right: b.shape(),
        expected: "the right-hand side must have as many rows as the matrix",
    })
}

/// The solution with the rank of the right-hand side, unless it overflowed.
fn finite<T: Real>(operation: &'static str, solution: Tensor<T>, b: &Tensor<T>) -> Result<Tensor<T>> {
    if solution.iter().any(|x| !Float::is_finite(x)) {
        return Err(Error::Singular { operation, reason: "the solution is too large to be represented" });
    }
    if b.rank() == 1 { solution.squeeze(1) } else { Ok(solution) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn random(shape: [usize; 2]) -> Tensor<f64> {
        Tensor::normal(Key::new(3).named("matrix"), shape, 0.0, 1.0).unwrap()
    }

    #[test]
    fn solutions_fulfil_their_equations() {
        let a = random([6, 6]);
        for b in [random([6, 2]), random([6, 1]).squeeze(1).unwrap()] {
            let x = solve(&a, &b).unwrap();
            assert_eq!(x.shape(), b.shape());
            a.matmul(&x).unwrap().check_close(&b, 1e-10, 1e-10).unwrap();
        }
        let identity = a.matmul(&inverse(&a).unwrap()).unwrap();
        identity.check_close(&Tensor::eye(6), 0.0, 1e-10).unwrap();
    }

    #[test]
    fn singular_matrices_have_no_solution() {
        let a = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
        assert!(matches!(solve(&a, &Tensor::from([1.0, 2.0, 3.0])), Err(Error::Singular { .. })));
        assert!(matches!(inverse(&Tensor::<f32>::zeros([2, 2])), Err(Error::Singular { .. })));
        // Small is not singular.
        let tiny = Tensor::from([[1.0, 0.0], [0.0, 2f64.powi(-100)]]);
        assert_eq!(inverse(&tiny).unwrap().get(&[1, 1]).unwrap(), 2f64.powi(100));
        let nearly_zero: f64 = determinant(&a).unwrap();
        assert!(nearly_zero.abs() < 1e-12);
    }

    #[test]
    fn the_residual_of_least_squares_is_orthogonal_to_the_columns() {
        let (a, b) = (random([7, 3]), random([7, 2]));
        let residual = a.matmul(&least_squares(&a, &b).unwrap()).unwrap().sub(&b).unwrap();
        let products = a.transpose().unwrap().matmul(&residual).unwrap();
        products.check_close(&Tensor::zeros([3, 2]), 0.0, 1e-12).unwrap();
    }

    #[test]
    fn least_squares_finds_the_smallest_of_many_solutions() {
        let wide = Tensor::from([[1.0, 1.0]]);
        let x = least_squares(&wide, &Tensor::from([2.0])).unwrap();
        x.check_close(&Tensor::from([1.0, 1.0]), 1e-12, 0.0).unwrap();
        let zero = least_squares(&Tensor::<f64>::zeros([2, 2]), &Tensor::from([1.0, 2.0])).unwrap();
        assert_eq!(zero, Tensor::from([0.0, 0.0]));
    }

    #[test]
    fn determinants_follow_the_sign_of_row_exchanges() {
        assert_eq!(determinant(&Tensor::from([[0.0, 1.0], [1.0, 0.0]])).unwrap(), -1.0);
        assert_eq!(determinant(&Tensor::from([[2.0f32, 7.0], [0.0, 3.0]])).unwrap(), 6.0);
    }

    #[test]
    fn wrong_shapes_and_numbers_are_errors() {
        let a = Tensor::<f64>::eye(2);
        assert!(solve(&a, &Tensor::from([1.0, 2.0, 3.0])).is_err());
        assert!(solve(&random([2, 3]), &Tensor::from([1.0, 2.0])).is_err());
        assert!(solve(&a, &Tensor::from([1.0, f64::NAN])).is_err());
        assert!(determinant(&Tensor::<f64>::zeros([0, 0])).is_err());
        assert!(inverse(&Tensor::from([1.0, 2.0])).is_err());
    }
}
