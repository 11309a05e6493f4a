//! A table of inputs with its targets, prepared for descent along columns.

use crate::minimize::vectors::dot;
use crate::{Error, Result};

/// Inputs and targets of a least-squares problem, with the inputs column by column.
///
/// Examples with weights w and, if there is an intercept, with the weighted means taken out:
///
/// ```text
/// x̃_ij = √(w_i / Σw) (x_ij - x̄_j)        ỹ_i = √(w_i / Σw) (y_i - ȳ)
/// ```
///
/// so that `Σ (ỹ_i - Σ_j x̃_ij b_j)²` is the weighted mean of the squared errors. It is made once, a copy of the
/// inputs, and can be used for many penalties.
#[derive(Clone, Debug)]
pub struct Design {
    /// The columns, one after the other.
    columns: Vec<f64>,
    targets: Vec<f64>,
    /// The sum of the squares of each column.
    squares: Vec<f64>,
    /// The means that were taken out; empty without an intercept.
    means: Vec<f64>,
    target_mean: f64,
    examples: usize,
}

impl Design {
    /// The problem of `inputs`, row-major of shape `[examples, columns]`, `targets` of shape `[examples]`, and a weight
    /// for each example, or equal ones.
    ///
    /// # Errors
    /// Lengths that do not fit, numbers that are not finite, weights that are negative or all 0.
    pub fn new(inputs: &[f64], targets: &[f64], weights: Option<&[f64]>, intercept: bool) -> Result<Self> {
        let examples = targets.len();
        Error::check(examples > 0, "Design", "targets", "at least one number", 0.0)?;
        if !inputs.len().is_multiple_of(examples) {
            let expected = inputs.len().next_multiple_of(examples);
            return Err(Error::Length { owner: "Design", what: "inputs", expected, actual: inputs.len() });
        }
        finite("inputs", inputs)?;
        finite("targets", targets)?;
        let weights = normalized(weights, examples)?;
        let count = inputs.len() / examples;

        let (mut means, mut target_mean) = (vec![0.0; count], 0.0);
        if intercept {
            for ((row, target), weight) in rows(inputs, count).zip(targets).zip(&weights) {
                means.iter_mut().zip(row).for_each(|(mean, x)| *mean += weight * x);
                target_mean += weight * target;
            }
        }
        let mut columns = vec![0.0; inputs.len()];
        for (i, (row, weight)) in rows(inputs, count).zip(&weights).enumerate() {
            for (j, (x, mean)) in row.iter().zip(&means).enumerate() {
                columns[j * examples + i] = weight.sqrt() * (x - mean);
            }
        }
        let scaled = |(target, weight): (&f64, &f64)| weight.sqrt() * (target - target_mean);
        let targets = targets.iter().zip(&weights).map(scaled).collect();
        let squares = columns.chunks(examples).map(|column| dot(column, column)).collect();
        let means = if intercept { means } else { Vec::new() };
        Ok(Design { columns, targets, squares, means, target_mean, examples })
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.squares.len()
    }

    /// The number of examples.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The weakest λ₁ at which every coefficient is 0: the largest `|Σ_i x̃_ij ỹ_i|`, and of those above 0 if
    /// coefficients must not be negative.
    pub fn strongest(&self, nonnegative: bool) -> f64 {
        let products = (0..self.columns()).map(|j| dot(self.column(j), &self.targets));
        products.map(|product| if nonnegative { product } else { product.abs() }).fold(0.0, f64::max)
    }

    /// What must be added to the prediction of these coefficients; 0 without an intercept.
    pub fn intercept(&self, coefficients: &[f64]) -> f64 {
        self.target_mean - self.means.iter().zip(coefficients).map(|(mean, b)| mean * b).sum::<f64>()
    }

    pub(super) fn column(&self, j: usize) -> &[f64] {
        &self.columns[j * self.examples..][..self.examples]
    }

    pub(super) fn square(&self, j: usize) -> f64 {
        self.squares[j]
    }

    pub(super) fn targets(&self) -> &[f64] {
        &self.targets
    }
}

/// The rows of a row-major matrix; as many as wanted of a matrix without columns.
fn rows(inputs: &[f64], count: usize) -> impl Iterator<Item = &[f64]> {
    (0..).map_while(move |i| if count == 0 { Some(&[][..]) } else { inputs.get(i * count..(i + 1) * count) })
}

/// Weights that sum to 1.
fn normalized(weights: Option<&[f64]>, examples: usize) -> Result<Vec<f64>> {
    let Some(weights) = weights else {
        return Ok(vec![1.0 / examples as f64; examples]);
    };
    if weights.len() != examples {
        return Err(Error::Length {
            owner: "Design",
            what: "weights",
            expected: examples,
            actual: weights.len(),
        });
    }
    for &weight in weights {
        Error::check_at_least_zero("Design", "weights", weight)?;
    }
    let sum: f64 = weights.iter().sum();
    Error::check(sum > 0.0 && sum.is_finite(), "Design", "sum of the weights", "finite and above 0", sum)?;
    Ok(weights.iter().map(|weight| weight / sum).collect())
}

fn finite(field: &'static str, values: &[f64]) -> Result<()> {
    values.iter().try_for_each(|&value| Error::check(value.is_finite(), "Design", field, "finite", value))
}
