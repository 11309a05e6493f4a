//! `downhill eval`: how good a trained model is on data.

use crate::defaults;
use crate::exit::Result;
use crate::measures::{self, Measures};
use crate::output;
use crate::run_config::RunConfig;
use crate::run_path;
use crate::source::SourceArguments;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// The most classes for which a table of what was taken for what is readable.
const MOST_CLASSES: usize = 12;

/// Evaluate a trained model on data.
///
/// Of mnist these are the test images, of other sources all examples.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill eval runs/house house.csv
  downhill eval runs/moons moons --seed 1
  downhill eval runs/mnist mnist --data DIRECTORY --json")]
pub struct Arguments {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    source: SourceArguments,
    /// The seed of generated data
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Evaluated<'a> {
    run: String,
    source: &'a str,
    evaluation: Measures,
    baseline: Measures,
}

/// Evaluates the model of a run.
pub fn run(arguments: &Arguments) -> Result<()> {
    let directory = run_path::open(&arguments.run)?;
    let mut model = directory.model()?;
    model.set_threads(defaults::threads(None));
    let data = arguments.source.whole(model.schema(), arguments.seed)?;
    let evaluation = model.evaluate(&data)?;
    let (measures, baseline) = (Measures::of(&evaluation), Measures::of(&model.baseline(&data)?));
    // Without the settings of the run only this remark is missing.
    if directory.config().is_ok_and(|config: RunConfig| config.was_trained_on(&data)) {
        output::note("note: the model was trained on a part of this data, so these numbers flatter it");
    }
    let run = arguments.run.display().to_string();
    if arguments.json {
        return output::json(&Evaluated { run, source: data.title(), evaluation: measures, baseline });
    }
    let mut text = format!("{run} on {}\n\n", data.title());
    text += &measures::table(&[("model", measures, ""), ("baseline", baseline, "")]).to_string();
    if let Some(confusion) = evaluation.confusion.filter(|confusion| confusion.classes() <= MOST_CLASSES) {
        text += &format!("\n{}", measures::confusion(&confusion, model.schema().target.classes()));
    }
    output::text(&text)
}
