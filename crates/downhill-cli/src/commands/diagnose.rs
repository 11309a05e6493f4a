//! `downhill diagnose`: why a model learns, or does not.

use crate::exit::Result;
use crate::report::{Table, number};
use crate::run_config::RunConfig;
use crate::source::OtherSourceArguments;
use crate::{defaults, output, pictures, run_path, verdicts};
use clap::Args;
use downhill::train::diagnosis::{Diagnosis, ExamineOptions, Measurement, Severity, Verdict, examine};
use downhill::train::page::{self, Page, Section};
use serde::Serialize;
use std::path::PathBuf;

/// Say why a run learned, or did not.
///
/// It looks at what the run itself showed, and measures the model on the data that it was trained on: dead and saturated
/// units, gradients by layer, the sizes of the inputs, duplicates, the curvature against the learning rate, and, by small
/// trainings, whether one batch can be learned by heart and whether the labels have anything to do with the inputs. Each
/// verdict says what was measured, against what, and what to try; the worst come first.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill diagnose runs/iris
  downhill diagnose runs/house --quick
  downhill diagnose runs/house newer-houses.csv --html diagnosis.html")]
pub struct Arguments {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    data: OtherSourceArguments,
    /// Make no small trainings, and do not measure the curvature
    #[arg(long)]
    quick: bool,
    /// Write the diagnosis as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the diagnosis as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Diagnosed<'a> {
    run: String,
    data: &'a str,
    stop: Option<String>,
    severity: Severity,
    verdicts: &'a [Verdict],
    measurements: &'a [Measurement],
}

/// Diagnoses a run.
pub fn run(arguments: &Arguments) -> Result<()> {
    pictures::check(arguments.html.as_deref())?;
    let directory = run_path::open(&arguments.run)?;
    let config: RunConfig = directory.config()?;
    let mut model = directory.model()?;
    model.set_threads(defaults::threads(None));
    let parts = config.parts_or(&arguments.data, model.schema())?;
    let options = ExamineOptions {
        config: Some(config.train().clone()),
        learning_rate: directory.metrics()?.last().map(|record| record.learning_rate),
        trainings: !arguments.quick,
        curvature: !arguments.quick,
        seed: config.train().seed,
        ..ExamineOptions::default()
    };
    let mut diagnosis = examine(&model, &parts.train, parts.validation.as_ref(), &options)?;
    let ending = directory.ending()?;
    let stop = ending.as_ref().map(|ending| ending.stop.to_string());
    // What the run has said itself is not said again, but for what is worse now.
    let said: Vec<Verdict> = ending.map_or(Vec::new(), |ending| ending.verdicts);
    let new = |verdict: &Verdict| {
        let worse = |said: &&Verdict| said.name == verdict.name && said.place == verdict.place;
        said.iter().find(worse).is_none_or(|said| verdict.severity > said.severity)
    };
    diagnosis.verdicts.retain(new);
    diagnosis.extend(said);

    let run = arguments.run.display().to_string();
    let title = parts.train.title();
    pictures::write(arguments.html.as_deref(), || {
        page(&run, title, stop.as_deref(), &diagnosis).to_string()
    })?;
    let Diagnosis { verdicts: all, measurements, .. } = &diagnosis;
    if arguments.json {
        let severity = diagnosis.severity();
        return output::json(&Diagnosed { run, data: title, stop, severity, verdicts: all, measurements });
    }
    let stop = stop.map_or(String::new(), |stop| format!("The run {stop}.\n"));
    let mut table = Table::new(["measured", "where", "value"], 2..3);
    for Measurement { name, place, value } in measurements {
        table.row([name.clone(), place.clone().unwrap_or_default(), number(*value)]);
    }
    output::text(&format!(
        "{run} on {title}: {}\n{stop}\n{}\n{table}",
        verdicts::counts(all),
        verdicts::text(all)
    ))
}

/// The diagnosis as a page.
fn page(run: &str, data: &str, stop: Option<&str>, diagnosis: &Diagnosis) -> Page {
    let all = &diagnosis.verdicts;
    let bad = verdicts::bad(all).next();
    let lead = match bad {
        Some(worst) => format!("On {data}: {}. First of all: {}", verdicts::counts(all), worst.finding),
        None => format!("On {data}: {}.", verdicts::counts(all)),
    };
    let mut table = page::Table::new("What was measured", ["measured", "where", "value"]);
    for Measurement { name, place, value } in &diagnosis.measurements {
        let place = place.clone().unwrap_or_default();
        table.push([page::Cell::from(name.clone()), place.into(), (*value).into()]);
    }
    let mut found = Section::new("Verdicts").verdicts(all);
    if let Some(stop) = stop {
        found = Section::new("Verdicts").paragraph(format!("The run {stop}.")).verdicts(all);
    }
    Page::new(format!("Diagnosis of {run}"), lead)
        .section(found)
        .section(Section::new("Measurements").table(table))
}
