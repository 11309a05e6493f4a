//! Linear equations with a few unknowns.

/// The factors of a square matrix: Gaussian elimination with the largest pivot of each column.
///
/// # Source
/// G. Golub, C. Van Loan, *Matrix Computations* (2013), algorithm 3.4.1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Factors {
    size: usize,
    elements: Vec<f64>,
    swaps: Vec<usize>,
}

impl Factors {
    /// Memory for matrices up to this size.
    pub fn with_capacity(size: usize) -> Self {
        Factors { size: 0, elements: Vec::with_capacity(size * size), swaps: Vec::with_capacity(size) }
    }

    /// Factors the matrix whose element `(row, column)` is given; says whether it is regular.
    pub fn factor(&mut self, size: usize, element: impl Fn(usize, usize) -> f64) -> bool {
        self.size = size;
        self.elements.clear();
        self.elements.extend((0..size * size).map(|index| element(index / size, index % size)));
        self.swaps.clear();
        for column in 0..size {
            let mut pivot = column;
            for row in column + 1..size {
                if self.elements[row * size + column].abs() > self.elements[pivot * size + column].abs() {
                    pivot = row;
                }
            }
            self.swaps.push(pivot);
            for index in 0..size {
                self.elements.swap(column * size + index, pivot * size + index);
            }
            let diagonal = self.elements[column * size + column];
            if diagonal == 0.0 || !diagonal.is_finite() {
                return false;
            }
            for row in column + 1..size {
                let factor = self.elements[row * size + column] / diagonal;
                self.elements[row * size + column] = factor;
                for index in column + 1..size {
                    self.elements[row * size + index] -= factor * self.elements[column * size + index];
                }
            }
        }
        true
    }

    /// Replaces the right side by the solution.
    pub fn solve(&self, right: &mut [f64]) {
        let size = self.size;
        for (row, &swap) in self.swaps.iter().enumerate() {
            right.swap(row, swap);
        }
        for row in 0..size {
            let known: f64 = (0..row).map(|column| self.elements[row * size + column] * right[column]).sum();
            right[row] -= known;
        }
        for row in (0..size).rev() {
            let known: f64 =
                (row + 1..size).map(|column| self.elements[row * size + column] * right[column]).sum();
            right[row] = (right[row] - known) / self.elements[row * size + row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn solutions_satisfy_their_equations(
            elements in prop::collection::vec(-1.0..1.0_f64, 25), x in prop::collection::vec(-1.0..1.0_f64, 5),
        ) {
            // An indefinite matrix, dominated by what lies beside its diagonal.
            let element = |row: usize, column: usize| {
                elements[row * 5 + column] + if (row + 2) % 5 == column { 5.0 } else { 0.0 }
            };
            let mut right: Vec<f64> = (0..5).map(|row| (0..5).map(|c| element(row, c) * x[c]).sum()).collect();
            let mut factors = Factors::with_capacity(5);
            prop_assert!(factors.factor(5, element));
            factors.solve(&mut right);
            for (found, x) in right.iter().zip(&x) {
                prop_assert!((found - x).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        assert!(!Factors::default().factor(2, |row, column| (row + 1) as f64 * (column + 1) as f64));
        assert!(!Factors::default().factor(1, |_, _| f64::NAN));
        assert!(Factors::default().factor(0, |_, _| 0.0));
    }
}
