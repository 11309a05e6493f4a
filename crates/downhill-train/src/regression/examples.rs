//! The rows, targets and weights of a regression, borrowed and checked.

use super::RegressionError;
use crate::Result;
use downhill_tensor::Float;

/// The largest number that rows and targets may hold: its square, and sums of such, can be represented.
const LARGEST: f64 = 1e150;

/// Rows of numbers, one after the other, in single or double precision. Computing is in double precision; no copy is
/// made but of a block at a time.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// In single precision.
    F32(&'a [f32]),
    /// In double precision.
    F64(&'a [f64]),
}

impl Rows<'_> {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Rows::F32(x) => x.len(),
            Rows::F64(x) => x.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, index: usize) -> f64 {
        match self {
            Rows::F32(x) => f64::from(x[index]),
            Rows::F64(x) => x[index],
        }
    }

    /// The first number that nothing can be computed with.
    fn first_bad(&self) -> Option<usize> {
        fn find<T: Float>(x: &[T]) -> Option<usize> {
            let bad = |x: &T| x.to_f64().is_nan() || x.to_f64().abs() > LARGEST;
            // In pieces, whose inner loop has no way out and so goes by vectors.
            let piece = x.chunks(4096).position(|piece| piece.iter().fold(false, |any, x| any | bad(x)))?;
            x[piece * 4096..].iter().position(bad).map(|at| piece * 4096 + at)
        }
        match self {
            Rows::F32(x) => find(x),
            Rows::F64(x) => find(x),
        }
    }
}

impl<'a> From<&'a [f32]> for Rows<'a> {
    fn from(x: &'a [f32]) -> Self {
        Rows::F32(x)
    }
}

impl<'a> From<&'a [f64]> for Rows<'a> {
    fn from(x: &'a [f64]) -> Self {
        Rows::F64(x)
    }
}

impl<'a> From<&'a Vec<f32>> for Rows<'a> {
    fn from(x: &'a Vec<f32>) -> Self {
        Rows::F32(x)
    }
}

impl<'a> From<&'a Vec<f64>> for Rows<'a> {
    fn from(x: &'a Vec<f64>) -> Self {
        Rows::F64(x)
    }
}

impl<'a, const N: usize> From<&'a [f32; N]> for Rows<'a> {
    fn from(x: &'a [f32; N]) -> Self {
        Rows::F32(x)
    }
}

impl<'a, const N: usize> From<&'a [f64; N]> for Rows<'a> {
    fn from(x: &'a [f64; N]) -> Self {
        Rows::F64(x)
    }
}

/// What a regression is fitted to: `n` rows of `p` numbers, `n` targets, and perhaps `n` weights and `p` names.
///
/// ```
/// use downhill_train::regression::{Examples, OrdinaryLeastSquares};
/// let rows = [1.0, 2.0, 3.0, 4.0];
/// let examples = Examples::new(&rows, &[2.0, 4.0, 6.0, 100.0])?.weighted(&[1.0, 1.0, 1.0, 0.0])?.named(["size"])?;
/// let line = OrdinaryLeastSquares::default().fit_examples(&examples)?;
/// assert!((line.coefficients[0] - 2.0).abs() < 1e-12);
/// assert_eq!(line.names, ["size"]);
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Examples<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) columns: usize,
    pub(crate) targets: &'a [f64],
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) names: Vec<String>,
}

impl<'a> Examples<'a> {
    /// As many examples as there are targets. Targets that are classes are their positions: 0, 1, and so on.
    ///
    /// # Errors
    /// No examples, rows of unequal length, or a number that is not finite or larger than 1e150; the error names row
    /// and column.
    pub fn new(rows: impl Into<Rows<'a>>, targets: &'a [f64]) -> Result<Self> {
        let rows = rows.into();
        let n = targets.len();
        if n == 0 {
            return Err(RegressionError::Empty { examples: 0, columns: 0 }.into());
        }
        let columns = columns_of(rows, n)?;
        if let Some(row) = targets.iter().position(|y| y.is_nan() || y.abs() > LARGEST) {
            let expected = "a finite number of size at most 1e150";
            return Err(RegressionError::Target { row, value: targets[row], expected }.into());
        }
        let names = (1..=columns).map(|column| format!("x{column}")).collect();
        let examples = Examples { rows, columns, targets, weights: None, names };
        examples.check_rows()?;
        Ok(examples)
    }

    /// The same with a weight for each example: an example of weight 2 counts as two.
    ///
    /// # Errors
    /// Another number of weights, negative ones or such that are not finite, or nothing but zeros.
    pub fn weighted(mut self, weights: &'a [f64]) -> Result<Self> {
        let expected = self.targets.len();
        if weights.len() != expected {
            return Err(RegressionError::Length { what: "weights", expected, actual: weights.len() }.into());
        }
        if let Some(row) = weights.iter().position(|&w| !(0.0..=LARGEST).contains(&w)) {
            return Err(RegressionError::Weight { row, value: weights[row] }.into());
        }
        if weights.iter().all(|&w| w == 0.0) {
            return Err(RegressionError::NoWeight.into());
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The same with names for the columns, which are `x1`, `x2` and so on else.
    ///
    /// # Errors
    /// Another number of names.
    pub fn named<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.columns {
            let (expected, actual) = (self.columns, names.len());
            return Err(RegressionError::Length { what: "names", expected, actual }.into());
        }
        self.names = names;
        Ok(self)
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The sum of the weights.
    pub(crate) fn total_weight(&self) -> f64 {
        self.weights.map_or(self.len() as f64, |weights| weights.iter().sum())
    }

    /// The number of examples that count.
    pub(crate) fn counted(&self) -> usize {
        self.weights.map_or(self.len(), |weights| weights.iter().filter(|&&w| w > 0.0).count())
    }

    /// The weighted mean of a function of the targets.
    pub(crate) fn mean(&self, of: impl Fn(f64) -> f64) -> f64 {
        let total = self.total_weight();
        self.targets.iter().enumerate().map(|(row, &y)| self.weight(row) / total * of(y)).sum()
    }

    fn check_rows(&self) -> Result<()> {
        check_finite(self.rows, self.columns, |column| self.names[column].clone())
    }
}

/// How many numbers each of `n` rows has.
pub(crate) fn columns_of(rows: Rows<'_>, n: usize) -> Result<usize> {
    if n == 0 || !rows.len().is_multiple_of(n) {
        return Err(RegressionError::Ragged { elements: rows.len(), examples: n }.into());
    }
    Ok(rows.len() / n)
}

/// Refuses numbers that nothing can be computed with, by row and name.
pub(crate) fn check_finite(rows: Rows<'_>, columns: usize, name: impl Fn(usize) -> String) -> Result<()> {
    match rows.first_bad() {
        None => Ok(()),
        Some(at) => {
            Err(RegressionError::Input { row: at / columns, column: name(at % columns), value: rows.get(at) }
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn refused(result: Result<Examples<'_>>) -> RegressionError {
        match result.unwrap_err() {
            Error::Regression(error) => error,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_number_that_is_none_is_named_by_row_and_column() {
        let mut rows = vec![1.0f32; 3 * 5000];
        rows[3 * 4321 + 2] = f32::NAN;
        let targets = vec![0.0; 5000];
        let error = refused(Examples::new(&rows, &targets));
        assert!(
            matches!(&error, RegressionError::Input { row: 4321, column, value } if column == "x3" && value.is_nan())
        );
        assert!(error.to_string().starts_with("row 4321 (from 0), column 'x3': expected a finite number"));
        assert!(matches!(
            refused(Examples::new(&[1.0, 1e151], &[1.0, 2.0])),
            RegressionError::Input { row: 1, .. }
        ));
        assert!(matches!(
            refused(Examples::new(&[1.0, 2.0], &[f64::NAN, 2.0])),
            RegressionError::Target { row: 0, .. }
        ));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(matches!(
            refused(Examples::new(&[1.0, 2.0, 3.0], &[1.0, 2.0])),
            RegressionError::Ragged { elements: 3, examples: 2 }
        ));
        assert!(matches!(refused(Examples::new(&[1.0; 0], &[])), RegressionError::Empty { .. }));
        let examples = Examples::new(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert!(matches!(refused(examples.clone().weighted(&[1.0])), RegressionError::Length { .. }));
        assert!(matches!(
            refused(examples.clone().weighted(&[1.0, -1.0])),
            RegressionError::Weight { row: 1, .. }
        ));
        assert!(matches!(refused(examples.clone().weighted(&[0.0, 0.0])), RegressionError::NoWeight));
        assert!(matches!(refused(examples.named(["a", "b"])), RegressionError::Length { .. }));
    }
}
