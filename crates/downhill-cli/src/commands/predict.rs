//! `downhill predict`: what a trained model says of new data.

use crate::defaults;
use crate::exit::Result;
use crate::output;
use crate::report::csv_cell;
use crate::run_path;
use clap::Args;
use downhill::data::{Schema, TargetUse, csv};
use downhill::train::Predictions;
use downhill::train::regression::FittedTable;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Predict for the rows of a CSV file.
///
/// The file needs the columns that the model was trained on, by their names and in any order; others are
/// passed over. The predictions come as CSV on standard output, in the order of the rows: the class and the
/// probability of each class, or the number.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill predict runs/house new.csv > predictions.csv
  downhill predict runs/iris flowers.csv --json
  downhill predict visits.json new.csv       with what `downhill regress --out visits.json` has found")]
pub struct Arguments {
    /// The directory of the run, or the file of a regression
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A CSV file with the columns of the training data
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON object instead of CSV
    #[arg(long)]
    json: bool,
}

/// Predicts.
pub fn run(arguments: &Arguments) -> Result<()> {
    let read = |schema: &Schema| csv::read_with_schema(&arguments.file, schema, TargetUse::Ignored);
    let (predictions, schema) = if is_regression(&arguments.run) {
        let fitted = FittedTable::load(&arguments.run)?;
        (fitted.predict(&read(fitted.schema())?)?, fitted.schema().clone())
    } else {
        let mut model = run_path::open(&arguments.run)?.model()?;
        model.set_threads(defaults::threads(None));
        (model.predict(&read(model.schema())?)?, model.schema().clone())
    };
    let target = schema.target.name().unwrap_or("prediction");
    if arguments.json {
        let rows: Vec<_> = (0..predictions.len()).map(|row| object(&predictions, row)).collect();
        return output::json(&json!({
            "run": arguments.run.display().to_string(),
            "target": target,
            "predictions": rows,
        }));
    }
    output::text(&table(&predictions, target))
}

/// Whether this is a file as `downhill regress --out` writes it, by its name.
fn is_regression(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json") && !path.is_dir()
}

/// CSV with a header: the target, and for classes a column with the probability of each.
fn table(predictions: &Predictions, target: &str) -> String {
    let mut header = vec![csv_cell(target)];
    if let Predictions::Classes { names, .. } = predictions {
        header.extend(names.iter().map(|name| csv_cell(&format!("probability of {name}"))));
    }
    let mut text = header.join(",") + "\n";
    for row in 0..predictions.len() {
        let class = predictions.class(row).map(csv_cell);
        let numbers = predictions.row(row).iter().map(f64::to_string);
        text += &class.into_iter().chain(numbers).collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    text
}

/// `{"class": .., "probabilities": {..}}` or `{"value": ..}`.
fn object(predictions: &Predictions, row: usize) -> Value {
    let numbers = predictions.row(row);
    match (predictions, predictions.class(row)) {
        (Predictions::Classes { names, .. }, Some(class)) => {
            let probabilities: Map<_, _> =
                names.iter().cloned().zip(numbers.iter().map(|&share| share.into())).collect();
            json!({ "class": class, "probabilities": probabilities })
        }
        _ => json!({ "value": numbers.first() }),
    }
}
