//! Metrics: how good a network is, in terms that people use. On slices of numbers, batch by batch.
//!
//! An accumulator is fed with [`add`](ConfusionMatrix::add) as often as there are batches; its results are
//! those of all of them together.

mod classification;
mod regression;

pub use classification::{ConfusionMatrix, accuracy, predicted_classes};
pub use regression::RegressionMetrics;
