//! How good a model is on some data, in numbers.

use downhill_nn::metrics::ConfusionMatrix;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How good a model is on some data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// The number of examples.
    pub examples: usize,
    /// The mean loss, as it was trained on: for numbers in units of their standard deviation where they were
    /// standardized.
    pub loss: f64,
    /// The share of examples whose class is right; for classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The root mean square error in the target's own units; for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// The mean absolute error in the target's own units; for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// The share of the targets' variance that is explained; for numbers, unless they are all equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// What was taken for what; for classes, where it was counted: not for the epochs of a run. It is not
    /// written to files.
    #[serde(skip)]
    pub confusion: Option<ConfusionMatrix>,
}

impl fmt::Display for Evaluation {
    /// One line: `loss 0.1234, accuracy 97.2 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.4}", self.loss)?;
        if let Some(accuracy) = self.accuracy {
            write!(f, ", accuracy {:.1} %", 100.0 * accuracy)?;
        }
        if let Some(rmse) = self.rmse {
            write!(f, ", rmse {rmse:.4}")?;
        }
        if let Some(r2) = self.r2 {
            write!(f, ", r2 {r2:.4}")?;
        }
        Ok(())
    }
}
