//! How good a model is on data, as a row of a table and as JSON.

use crate::report::{Table, decimals, grouped, number, percent};
use downhill::nn::metrics::ConfusionMatrix;
use downhill::train::Evaluation;
use serde::Serialize;

/// The measures of one evaluation; which there are depends on the target.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measures {
    /// The mean loss of an example.
    pub loss: f64,
    /// The share of right classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The root of the mean squared error, in the unit of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// The mean absolute error, in the unit of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// The share of the target's variance that is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// How many examples there were.
    pub examples: usize,
}

impl Measures {
    /// The measures that the library computed.
    pub fn of(evaluation: &Evaluation) -> Self {
        Measures {
            loss: evaluation.loss,
            accuracy: evaluation.accuracy,
            rmse: evaluation.rmse,
            mae: evaluation.mae,
            r2: evaluation.r2,
            examples: evaluation.examples,
        }
    }
}

/// A table with a row for each evaluation: its name, its measures, and what is to be said of it.
pub fn table(rows: &[(&str, Measures, &str)]) -> Table {
    let classes = rows.iter().any(|(_, measures, _)| measures.accuracy.is_some());
    let special: &[&str] = if classes { &["accuracy"] } else { &["rmse", "r2"] };
    let header = [&["", "examples", "loss"], special, &[""]].concat();
    let mut table = Table::new(header, 1..3 + special.len());
    for (name, measures, remark) in rows {
        let shown = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".into(), show);
        let mut cells = vec![(*name).to_owned(), grouped(measures.examples as u64), number(measures.loss)];
        if classes {
            cells.push(shown(measures.accuracy, percent));
        } else {
            cells.extend([shown(measures.rmse, number), shown(measures.r2, decimals)]);
        }
        cells.push((*remark).to_owned());
        table.row(cells);
    }
    table
}

/// What was taken for what: a row for each true class, a column for each predicted one.
pub fn confusion(confusion: &ConfusionMatrix, names: &[String]) -> Table {
    let header =
        std::iter::once("true \\ predicted").chain(names.iter().map(String::as_str)).chain(["recall"]);
    let mut table = Table::new(header, 1..names.len() + 2);
    for (class, name) in names.iter().enumerate() {
        let counts = (0..names.len()).map(|predicted| grouped(confusion.count(class, predicted)));
        let recall = match confusion.recall(class) {
            recall if recall.is_nan() => "-".into(),
            recall => percent(recall),
        };
        table.row(std::iter::once(name.clone()).chain(counts).chain([recall]));
    }
    table
}
