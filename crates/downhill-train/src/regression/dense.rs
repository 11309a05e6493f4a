//! Cholesky's factorization of small matrices, and what follows from it.

use crate::vectors::dot;

/// The lower triangular `L` with `L Lᵀ = A`, row-major.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    n: usize,
    lower: Vec<f64>,
}

impl Factor {
    /// The factor of a symmetric matrix of `n` rows, with `shift` added to its diagonal; `None` if a pivot is not above
    /// `least` times the diagonal element that it comes from.
    pub fn of(matrix: &[f64], n: usize, shift: f64, least: f64) -> Option<Factor> {
        let mut lower = matrix.to_vec();
        for i in 0..n {
            lower[i * n + i] += shift;
        }
        for i in 0..n {
            let (above, rest) = lower.split_at_mut(i * n);
            let row = &mut rest[..n];
            for j in 0..i {
                let other = &above[j * n..j * n + j + 1];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let diagonal = row[i];
            let pivot = diagonal - dot(&row[..i], &row[..i]);
            if !(pivot > least * diagonal && pivot.is_finite()) {
                return None;
            }
            row[i] = pivot.sqrt();
            row[i + 1..].fill(0.0);
        }
        Some(Factor { n, lower })
    }

    /// The factor with the smallest shift of the diagonal, of powers of ten times its largest element, that makes the
    /// matrix safely positive definite.
    pub fn shifted(matrix: &[f64], n: usize) -> Option<Factor> {
        const LEAST: f64 = 1e-13;
        if let Some(factor) = Factor::of(matrix, n, 0.0, LEAST) {
            return Some(factor);
        }
        let largest = (0..n).map(|i| matrix[i * n + i].abs()).fold(0.0, f64::max);
        (-12..=0).find_map(|power| Factor::of(matrix, n, largest * 10f64.powi(power), 0.0))
    }

    /// The solution of `L x = b`.
    pub fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..self.n {
            let row = &self.lower[i * self.n..];
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        x
    }

    /// The solution of `A x = b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for i in (0..self.n).rev() {
            x[i] /= self.lower[i * self.n + i];
            let (before, solved) = x.split_at_mut(i);
            let row = &self.lower[i * self.n..];
            before.iter_mut().zip(row).for_each(|(x, l)| *x -= l * solved[0]);
        }
        x
    }

    /// At least the condition number of `A`: the product of the traces of `A` and of its inverse.
    pub fn condition(&self) -> f64 {
        let of = |x: &[f64]| dot(x, x);
        of(&self.lower) * of(&self.inverse_lower())
    }

    /// The inverse of `A`, row-major.
    pub fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        let mut inverse = vec![0.0; n * n];
        for j in 0..n {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            for (i, x) in self.solve(&unit).into_iter().enumerate() {
                inverse[i * n + j] = x;
            }
        }
        inverse
    }

    /// The inverse of `L`, row-major.
    pub fn inverse_lower(&self) -> Vec<f64> {
        let n = self.n;
        let mut inverse = vec![0.0; n * n];
        for j in 0..n {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            for (i, x) in self.forward(&unit).into_iter().enumerate() {
                inverse[i * n + j] = x;
            }
        }
        inverse
    }
}

/// Rows of a positive semidefinite matrix that are combinations of earlier ones: whose part that the earlier ones do
/// not explain is at most `least` of the diagonal.
pub(crate) fn dependent_rows(matrix: &[f64], n: usize, least: f64) -> Vec<usize> {
    let mut lower = matrix.to_vec();
    let mut dependent = Vec::new();
    for i in 0..n {
        let (above, rest) = lower.split_at_mut(i * n);
        let row = &mut rest[..n];
        for j in 0..i {
            let other = &above[j * n..j * n + j + 1];
            // A dependent row explains nothing.
            row[j] = if other[j] == 0.0 { 0.0 } else { (row[j] - dot(&row[..j], &other[..j])) / other[j] };
        }
        let diagonal = row[i];
        let pivot = diagonal - dot(&row[..i], &row[..i]);
        row[i] = if pivot > least * diagonal {
            pivot.sqrt()
        } else {
            dependent.push(i);
            0.0
        };
    }
    dependent
}

pub(crate) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest, x| if x.abs() > largest || x.is_nan() { x.abs() } else { largest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_solves_and_inverts() {
        let a = [4.0, 2.0, 0.4, 2.0, 5.0, 1.0, 0.4, 1.0, 3.0];
        let factor = Factor::of(&a, 3, 0.0, 0.0).unwrap();
        let x = factor.solve(&[1.0, -2.0, 0.5]);
        for (i, b) in [1.0, -2.0, 0.5].into_iter().enumerate() {
            assert!((dot(&a[i * 3..i * 3 + 3], &x) - b).abs() < 1e-14);
        }
        let (inverse, lower) = (factor.inverse(), factor.inverse_lower());
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| a[i * 3 + k] * inverse[k * 3 + j]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-14);
                let again: f64 = (0..3).map(|k| lower[k * 3 + i] * lower[k * 3 + j]).sum();
                assert!((again - inverse[i * 3 + j]).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn the_condition_is_bounded_from_above() {
        let factor = Factor::of(&[4.0, 0.0, 0.0, 0.25], 2, 0.0, 0.0).unwrap();
        assert!((factor.condition() - 4.25 * 4.25).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_positive_definite_is_shifted_or_refused() {
        let singular = [1.0, 1.0, 1.0, 1.0];
        assert!(Factor::of(&singular, 2, 0.0, 1e-13).is_none());
        assert!(Factor::shifted(&singular, 2).is_some());
        assert!(Factor::of(&[f64::NAN], 1, 0.0, 0.0).is_none());
    }

    #[test]
    fn rows_that_others_explain_are_found() {
        // The columns a, b, a + b and c.
        let columns =
            [[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 1.0, 3.0], [1.0, 3.0, 1.0, 4.0], [1.0, 0.0, 0.0, 5.0]];
        let gram: Vec<f64> = columns.iter().flat_map(|a| columns.iter().map(|b| dot(a, b))).collect();
        assert_eq!(dependent_rows(&gram, 4, 1e-12), [2]);
    }
}
