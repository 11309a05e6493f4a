//! `downhill report`: the page of a run, with everything that there is to see of it.

use crate::defaults;
use crate::exit::{Error, Result};
use crate::output;
use crate::run_config::RunConfig;
use crate::run_path;
use crate::run_report::{self, Evaluations, Story};
use crate::source::OtherSourceArguments;
use clap::Args;
use downhill::tensor::write_atomically;
use downhill::train;
use serde::Serialize;
use std::path::PathBuf;

/// Write the page of a run: its curves, what its model takes for what, and where it errs most.
///
/// `downhill train` writes it as well. It is one file of HTML that needs nothing else.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill report runs/digits
  downhill report runs/house new-houses.csv --html new-houses.html
  downhill report runs/mnist mnist --data DIRECTORY")]
pub struct Arguments {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    data: OtherSourceArguments,
    /// Where to write the page [default: report.html in the directory of the run]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print where it was written as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    run: String,
    report: String,
    title: String,
    lead: String,
}

/// Writes the page of a run.
pub fn run(arguments: &Arguments) -> Result<()> {
    let directory = run_path::open(&arguments.run)?;
    let path = arguments.html.clone().unwrap_or_else(|| directory.report_path());
    if path.is_dir() {
        let (what, advice) = ("a directory", "name a file in it");
        return Err(Error::OutExists { path, what, advice });
    }
    let config: RunConfig = directory.config()?;
    let mut model = directory.model()?;
    model.set_threads(defaults::threads(None));
    let history = directory.metrics()?;
    let parts = config.parts_or(&arguments.data, model.schema())?;
    let evaluations = Evaluations::of(&model, &parts)?;
    // Runs of the first versions do not say how they ended.
    let ending = directory.ending()?;
    let story = Story {
        config: &config,
        model: &model,
        history: &history,
        ended: ending.as_ref().map(|ending| ending.stop.to_string()),
        verdicts: ending.as_ref().map_or(&[], |ending| &ending.verdicts[..]),
    };
    let page = run_report::page(&story, &parts, &evaluations)?;
    let html = page.to_string();
    write_atomically(&path, |file| file.write_all(html.as_bytes())).map_err(train::Error::from)?;
    let (run, report) = (arguments.run.display().to_string(), path.display().to_string());
    if arguments.json {
        return output::json(&Written { run, report, title: page.title, lead: page.lead });
    }
    output::text(&format!("Wrote {report}\n"))
}
