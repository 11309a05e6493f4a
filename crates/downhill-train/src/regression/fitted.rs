//! A fitted regression: what it found, how sure that is, and what it predicts.

use super::certificate::Certificate;
use super::examples::{Examples, Rows, check_finite};
use super::inference::Inference;
use super::loss::Loss;
use super::quality::{Quality, measure, most_probable};
use super::stream::{Frame, each_block, padded};
use super::{Regression, RegressionError};
use crate::Result;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a solver ended. `Display` says it in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FitStop {
    /// No element of the gradient is larger than was asked for.
    Gradient {
        /// The largest.
        largest: f64,
        /// What was asked for, in the unit of the target.
        tolerance: f64,
    },
    /// The duality gap is as small as was asked for.
    Gap {
        /// The gap.
        gap: f64,
        /// What was asked for.
        tolerance: f64,
    },
    /// No step makes the objective smaller in double precision.
    NoProgress {
        /// The largest element of the gradient, or the duality gap.
        largest: f64,
    },
    /// All steps that were allowed are made.
    Iterations {
        /// Their number.
        most: u64,
    },
}

impl FitStop {
    /// Whether more steps might come nearer to the minimum.
    pub fn is_early(&self) -> bool {
        matches!(self, FitStop::Iterations { .. })
    }
}

impl fmt::Display for FitStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FitStop::Gradient { largest, tolerance } => {
                write!(f, "converged: the gradient is {largest:.1e}, and {tolerance:.1e} was asked for")
            }
            FitStop::Gap { gap, tolerance } => {
                write!(f, "converged: the duality gap is {gap:.1e}, and {tolerance:.1e} was asked for")
            }
            FitStop::NoProgress { largest } => write!(
                f,
                "ended where no step makes the objective smaller in double precision, with {largest:.1e} left"
            ),
            FitStop::Iterations { most } => {
                write!(f, "stopped early, after {most} steps; allow more, or take another solver")
            }
        }
    }
}

/// Why a column has no coefficient of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The name of the column.
    pub column: String,
    /// Why.
    pub because: Because,
}

/// Why a column is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It never changes, and the intercept explains it.
    Constant,
    /// It is a combination of the columns before it, to eleven digits.
    Combination,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.because {
            Because::Constant => write!(f, "'{}' never changes", self.column),
            Because::Combination => write!(f, "'{}' is a combination of the columns before it", self.column),
        }
    }
}

/// A fitted regression.
///
/// Each of `k` outputs is `ηₖ = bₖ + Σⱼ βₖⱼ xⱼ`. There is one output, and for three and more classes one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// What was fitted, and how.
    pub model: Regression,
    /// The names of the columns.
    pub names: Vec<String>,
    /// The number of classes; 0 for numbers and counts.
    pub classes: usize,
    /// `[outputs, columns]`, row-major, in the units of the columns.
    pub coefficients: Vec<f64>,
    /// `[outputs]`; 0 without an intercept.
    pub intercepts: Vec<f64>,
    /// σ, where Huber's regression estimates it.
    pub scale: Option<f64>,
    /// Columns whose coefficient is 0 because others say the same.
    pub left_out: Vec<LeftOut>,
    /// The objective where it ended, with the penalty; the model's documentation has the formula.
    pub objective: f64,
    /// The Euclidean norm of the objective's gradient there, in centred and scaled columns; with an l1 penalty, of its
    /// smallest subgradient.
    pub gradient_norm: f64,
    /// The solver that was taken.
    pub solver: String,
    /// The steps that it made.
    pub iterations: u64,
    /// How often the rows were read for it.
    pub passes: u64,
    /// Why it ended.
    pub stop: FitStop,
    /// How far the objective can be above its minimum.
    pub certificate: Certificate,
    /// How sure the coefficients are.
    pub inference: Inference,
    /// How well it explains the examples that it was fitted to.
    pub quality: Quality,
}

impl Fitted {
    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// What is predicted for rows: the mean of the target.
    ///
    /// For numbers and counts it is one number for each row; for classes the probabilities of all of them,
    /// `[rows, classes]`.
    ///
    /// # Errors
    /// Rows of another length, or numbers that are not finite.
    pub fn predict<'a>(&self, rows: impl Into<Rows<'a>>) -> Result<Vec<f64>> {
        let mut eta = self.linear_predictors(rows)?;
        match self.model.loss(self.classes) {
            Loss::Poisson => eta.iter_mut().for_each(|eta| *eta = eta.exp()),
            Loss::Logistic => {
                return Ok(eta.iter().flat_map(|&eta| [sigmoid(-eta), sigmoid(eta)]).collect());
            }
            Loss::Softmax { classes } => {
                for row in eta.chunks_exact_mut(classes) {
                    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    row.iter_mut().for_each(|x| *x = (*x - top).exp());
                    let sum: f64 = row.iter().sum();
                    row.iter_mut().for_each(|x| *x /= sum);
                }
            }
            _ => {}
        }
        Ok(eta)
    }

    /// The most probable class of each row; of two, class 1 where its probability is above a half.
    ///
    /// # Errors
    /// A model that is not of classes, rows of another length, or numbers that are not finite.
    pub fn predict_classes<'a>(&self, rows: impl Into<Rows<'a>>) -> Result<Vec<usize>> {
        if self.classes == 0 {
            let (expected, actual) = ("models of classes", "numbers");
            return Err(RegressionError::NoSuchPrediction { what: "classes", expected, actual }.into());
        }
        let eta = self.linear_predictors(rows)?;
        Ok(match self.outputs() {
            1 => eta.iter().map(|&eta| usize::from(eta > 0.0)).collect(),
            outputs => eta.chunks_exact(outputs).map(most_probable).collect(),
        })
    }

    /// The outputs `η` themselves, `[rows, outputs]`: for classes the log-odds of class 1, or logits.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    pub fn linear_predictors<'a>(&self, rows: impl Into<Rows<'a>>) -> Result<Vec<f64>> {
        let rows = rows.into();
        let (columns, outputs) = (self.names.len(), self.outputs());
        if columns == 0 || !rows.len().is_multiple_of(columns) {
            let expected = rows.len().next_multiple_of(columns.max(1));
            return Err(RegressionError::Length { what: "whole rows", expected, actual: rows.len() }.into());
        }
        check_finite(rows, columns, |column| self.names[column].clone())?;
        let examples = rows.len() / columns;
        let frame = Frame::plain(columns, true);
        let parameters: Vec<Vec<f64>> = self
            .coefficients
            .chunks_exact(columns)
            .zip(&self.intercepts)
            .map(|(own, &intercept)| padded(&[own, &[intercept]].concat(), &frame))
            .collect();
        let threads = self.model.options().threads();
        let chunks = each_block(rows, examples, &frame, threads, outputs, Vec::new, |all, block| {
            let mut eta = vec![0.0; block.rows * outputs];
            for (k, parameters) in parameters.iter().enumerate() {
                block.product(parameters, &mut eta[k * block.rows..(k + 1) * block.rows]);
            }
            all.extend((0..block.rows * outputs).map(|at| eta[at % outputs * block.rows + at / outputs]));
        });
        Ok(chunks.concat())
    }

    /// How well it explains other examples.
    ///
    /// # Errors
    /// Rows of another length, or targets that the model cannot explain.
    pub fn evaluate(&self, examples: &Examples<'_>) -> Result<Quality> {
        if examples.columns() != self.names.len() {
            let (expected, actual) = (self.names.len(), examples.columns());
            return Err(RegressionError::Length { what: "columns", expected, actual }.into());
        }
        let loss = self.model.loss(self.classes);
        super::fit::check_targets(loss, examples)?;
        Ok(measure(loss, &self.linear_predictors(examples.rows)?, examples))
    }
}

fn sigmoid(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}
