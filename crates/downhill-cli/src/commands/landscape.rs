//! `downhill landscape`: the loss around a trained model, and the path of its training through it.

use crate::exit::Result;
use crate::options::positive;
use crate::pictures::PictureArguments;
use crate::report::{Table, count, number};
use crate::run_config::RunConfig;
use crate::source::OtherSourceArguments;
use crate::{defaults, output, run_path};
use clap::Args;
use downhill::engine::Engine;
use downhill::train::TrainConfig;
use downhill::train::landscape::{Landscape, LandscapeOptions, Surface, replay};
use downhill::train::page::Chart;
use serde::Serialize;
use std::path::PathBuf;

/// The rows of the table of the path that are shown.
const ROWS: usize = 12;

/// Draw the loss around a trained model, and the path of its training.
///
/// The training is made once more, which leads along the same path to the same model, bit for bit; whether it did is
/// told. The loss is drawn on the plane that holds most of the path, along the line from the first parameters to the
/// last, and along two random directions.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill landscape runs/iris --html landscape.html
  downhill landscape runs/digits --grid 15 --subset 300 --svg path.svg
  downhill landscape runs/mnist --no-path --csv losses.csv")]
pub struct Arguments {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    source: OtherSourceArguments,
    /// How many places each axis of a plane has: the loss is computed at as many times as many
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 25)]
    grid: u64,
    /// How far the random directions are followed, in lengths of the parameters
    #[arg(long, value_name = "R", allow_negative_numbers = true, default_value_t = 1.0)]
    range: f64,
    /// On how many training examples the loss is computed, at most
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 1000)]
    subset: u64,
    /// What the random directions and the examples are drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many points of the path are kept, at most
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 100)]
    points: u64,
    /// Draw the random directions alone, without training once more
    #[arg(long)]
    no_path: bool,
    /// How many threads compute; the result is the same with any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = positive)]
    threads: Option<u64>,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pictures: PictureArguments,
}

#[derive(Serialize)]
struct Drawn<'a> {
    run: &'a str,
    #[serde(flatten)]
    landscape: &'a Landscape,
    verdicts: Vec<downhill::train::diagnosis::Verdict>,
}

/// Draws the loss around the model of a run.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.pictures.check()?;
    let directory = run_path::open(&arguments.run)?;
    let model = directory.model()?;
    let config: RunConfig = directory.config()?;
    let parts = config.parts_or(&arguments.source, model.schema())?;
    let as_size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let threads = defaults::threads(arguments.threads);
    let replayed = if arguments.no_path {
        None
    } else {
        output::note("training once more, to see the path");
        let train = TrainConfig { threads, ..config.train().clone() };
        let epochs = Some(directory.metrics()?.len() as u64).filter(|&epochs| epochs > 0);
        let points = as_size(arguments.points);
        Some(replay(model.layers(), &train, &parts.train, parts.validation.as_ref(), points, epochs)?)
    };
    let options = LandscapeOptions {
        grid: as_size(arguments.grid),
        range: arguments.range,
        examples: as_size(arguments.subset),
        seed: arguments.seed,
    };
    let engine = Engine::with_threads(threads);
    let landscape = Landscape::of(&model, &parts.train, replayed.as_ref(), options, &engine)?;
    arguments.pictures.write(
        || landscape.page().to_string(),
        || landscape.chart().svg(),
        || landscape.csv(),
    )?;
    let run = arguments.run.display().to_string();
    if arguments.json {
        return output::json(&Drawn { run: &run, landscape: &landscape, verdicts: landscape.verdicts() });
    }
    output::text(&in_words(&run, &landscape))
}

/// The result for people.
fn in_words(run: &str, landscape: &Landscape) -> String {
    let mut text = format!(
        "{run}: {}; loss {}\n{}\n\n",
        count(landscape.parameters as u64, "parameter"),
        number(landscape.loss),
        landscape.scope()
    );
    let mut surfaces = Table::new(["picture", "places", "lowest loss", "highest loss"], 1..4);
    let mut add = |name: &str, surface: &Surface| {
        let places = format!("{} x {}", surface.columns, surface.rows());
        let [low, high] = surface.ends().map_or(["-".into(), "-".into()], |ends| ends.map(number));
        surfaces.row([name.into(), places, low, high]);
    };
    add("two random directions", &landscape.random);
    if let Some(path) = &landscape.path {
        add("the plane of the path", &path.surface);
    }
    text += &surfaces.to_string();
    if let Some(path) = &landscape.path {
        let points = path.table().thinned(ROWS);
        text += &format!("\n{}\n{}", points.caption, Table::of(&points));
    }
    for verdict in landscape.verdicts() {
        text += &format!("\n{verdict}");
    }
    if landscape.path.is_some() { text + "\n" } else { text }
}
