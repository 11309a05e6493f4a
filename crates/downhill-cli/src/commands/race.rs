//! `downhill race`: which optimizer and which batch size get the loss down first, and by what measure.

use crate::exit::{Error, Result};
use crate::options::{ModelOptions, batch_size, hyphens, names, optimizers, positive, share};
use crate::pictures::PictureArguments;
use crate::report::{Table, count, number, seconds};
use crate::source::{SourceArguments, TableArguments};
use crate::{defaults, interrupt, output};
use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use downhill::data::BatchSize;
use downhill::train::diagnosis::Verdict;
use downhill::train::page::Chart;
use downhill::train::race::{
    Budget, Criterion, Currency, End, Entrant, Measure, Race, RaceEvent, RaceResult, RateSearch, Standing,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::ops::ControlFlow;

/// Let optimizers and batch sizes compete on data.
///
/// Each optimizer runs with each batch size, from the same first parameters. A learning rate is searched for each of
/// them, at the same cost. Who is first is told in steps, gradient evaluations, examples and seconds, which need not
/// agree; where the seeds leave a doubt, nobody is called the first.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill race digits --html race.html
  downhill race moons --optimizers momentum,adam,lbfgs --batch-sizes full,64,1 --target-loss 0.1
  downhill race wine --optimizers adam@0.01,adam@0.001 --batch-sizes 16 --budget 2000steps
  downhill race house.csv --target price --seeds 3 --csv race.csv --json")]
pub struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    race: RaceOptions,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    pictures: PictureArguments,
}

#[derive(Args)]
#[command(next_help_heading = "Race")]
struct RaceOptions {
    /// The optimizers, with commas between; `adam@0.01` runs with that rate, and none is searched for; lbfgs,
    /// conjugate-gradient and steepest-descent have no rate, and run once, on full batches
    #[arg(long, value_name = "NAME[@RATE]", value_delimiter = ',', value_parser = OptimizerParser,
        default_values_t = ["sgd", "momentum", "adam"].map(String::from))]
    optimizers: Vec<String>,
    /// Examples in a step, with commas between: numbers, or `full` for all of them
    #[arg(long, value_name = "N|full", value_delimiter = ',', value_parser = batch_size,
        default_values = ["full", "64", "1"])]
    batch_sizes: Vec<BatchSize>,
    /// How many runs each of them makes, with different first parameters and orders of the examples
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 5)]
    seeds: u64,
    /// What each run may spend: 20epochs, 2000steps, 5seconds, or several of them, of which the first that is
    /// used up ends it
    #[arg(long, value_name = "BUDGET", default_value = "20epochs")]
    budget: Budget,
    /// The training loss to reach [default: the smallest that two thirds of them reach with every seed]
    #[arg(long, value_name = "LOSS", allow_negative_numbers = true)]
    target_loss: Option<f64>,
    /// On how many training examples the loss is evaluated, at most
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 5000)]
    evaluate: u64,
}

#[derive(Args)]
#[command(next_help_heading = "Search for the learning rates")]
struct SearchOptions {
    /// The smallest and the largest rate that are tried
    #[arg(long, value_name = "FROM:TO", value_parser = range, default_value = "1e-5:10")]
    rates: (f64, f64),
    /// The part of the budget that each trial of a rate gets
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    trial_share: f64,
    /// What decides between rates: the loss at the end, or the examples until --target-loss is reached
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    best_by: CriterionName,
}

#[derive(Args)]
#[command(next_help_heading = "Run")]
struct RunOptions {
    /// The share of the data to hold out [default: 0.2; 0 for mnist, whose test images are held out]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    validation: Option<f64>,
    /// What all randomness follows from: the trials have this seed, the runs those after it
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many threads compute; nothing but the seconds depends on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = positive)]
    threads: Option<u64>,
    /// What the picture of --svg counts
    #[arg(long, value_enum, value_name = "CURRENCY", default_value_t)]
    over: CurrencyName,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum CriterionName {
    /// The smallest loss at the end of a trial
    #[default]
    FinalLoss,
    /// The fewest examples until the target
    TimeToTarget,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum CurrencyName {
    /// Moves of the parameters
    Steps,
    /// Gradients of a batch
    GradientEvaluations,
    /// Gradients of an example
    #[default]
    Examples,
    /// Time
    Seconds,
}

/// A result as a program reads it.
#[derive(Serialize)]
struct Raced<'a> {
    source: &'a str,
    model: String,
    #[serde(flatten)]
    result: &'a RaceResult,
    standings: Vec<Standing>,
    verdicts: Vec<Verdict>,
}

/// Runs the race.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { source, table, model: model_options, race: options, search, run, pictures } = arguments;
    pictures.check()?;
    let parts = source.parts(table, run.validation, run.seed)?;
    let target = parts.train.target_kind();
    let model = model_options.model()?;
    let loss = model_options.loss()?.unwrap_or_else(|| model.default_loss(target));
    let network = model.build(parts.train.input_shape(), target, &loss, model_options.activation()?)?;
    if search.best_by == CriterionName::TimeToTarget && options.target_loss.is_none() {
        return Err(Error::Usage("--best-by time-to-target needs a --target-loss to reach".into()));
    }
    // As many examples as there are is all of them.
    let sizes = options.batch_sizes.iter().map(|&size| match size {
        BatchSize::Examples(count) if count >= parts.train.len() => BatchSize::Full,
        size => size,
    });
    let entrants = Entrant::all(&options.optimizers, &sizes.collect::<Vec<_>>())?;
    let (lowest, highest) = search.rates;
    let as_size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let race = Race {
        seeds: (1..=options.seeds).map(|number| run.seed.wrapping_add(number)).collect(),
        budget: options.budget,
        target_loss: options.target_loss,
        loss,
        evaluated_examples: as_size(options.evaluate),
        threads: defaults::threads(run.threads),
        search: RateSearch {
            lowest,
            highest,
            budget_share: search.trial_share,
            seed: run.seed,
            criterion: match search.best_by {
                CriterionName::FinalLoss => Criterion::FinalLoss,
                CriterionName::TimeToTarget => Criterion::TimeToTarget,
            },
            ..RateSearch::default()
        },
        ..Race::of(entrants)
    };
    interrupt::listen();
    let mut progress = Progress::new(run.quiet, &race);
    let held_out = parts.validation.as_ref().or(parts.test.as_ref());
    let result = race.run(network, &parts.train, held_out, |event| {
        progress.see(event);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    progress.finish();

    let over = match run.over {
        CurrencyName::Steps => Currency::Steps,
        CurrencyName::GradientEvaluations => Currency::GradientEvaluations,
        CurrencyName::Examples => Currency::Examples,
        CurrencyName::Seconds => Currency::Seconds,
    };
    pictures.write(
        || result.page().to_string(),
        || result.chart(over, Measure::Loss).svg(),
        || result.csv(),
    )?;
    if run.json {
        output::json(&Raced {
            source: &parts.name,
            model: model.to_string(),
            standings: result.standings(),
            verdicts: result.verdicts(),
            result: &result,
        })?;
    } else {
        output::text(&in_words(&parts.name, &model.to_string(), &result))?;
    }
    if result.interrupted {
        return Err(Error::Interrupted);
    }
    let mut courses = result.entrants.iter().flat_map(|entrant| &entrant.courses).peekable();
    if courses.peek().is_some() && courses.all(|course| course.end == End::Diverged) {
        return Err(Error::Diverged("every run diverged: take smaller learning rates".into()));
    }
    Ok(())
}

/// The result for people.
fn in_words(source: &str, model: &str, result: &RaceResult) -> String {
    let mut text = format!(
        "{model} on {source}: {}, {}; {} each\n\n",
        count(result.parameters as u64, "parameter"),
        hyphens(result.loss.name()),
        result.budget
    );
    if !result.standings().is_empty() {
        let arrivals = result.arrivals();
        text += &format!("{}\n{}\n", arrivals.caption, Table::of(&arrivals));
    }
    let ends = result.ends();
    text += &format!("{}\n{}\n", ends.caption, Table::of(&ends));
    for verdict in result.verdicts() {
        text += &format!("{verdict}\n");
    }
    text += "\nHow it was measured:\n";
    for (name, what) in result.conditions() {
        text += &format!("  {}: {what}\n", name.to_lowercase());
    }
    text
}

/// What a race shows while it runs: a bar on a terminal, a line for each search and each run elsewhere.
enum Progress {
    Quiet,
    Bar(ProgressBar),
    Lines { made: u64, all: u64 },
}

impl Progress {
    fn new(quiet: bool, race: &Race) -> Self {
        if quiet {
            return Progress::Quiet;
        }
        let runs = (race.entrants.len() * race.seeds.len()) as u64;
        if !std::io::stderr().is_terminal() {
            return Progress::Lines { made: 0, all: runs };
        }
        let tuned = race.entrants.iter().filter(|entrant| entrant.tuned).count() as u64;
        let trials = race.search.grid().len() as u64 + 2 * u64::from(race.search.refinements);
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(runs + tuned * trials), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:10} {percent:>3} %  {eta:>3} left  {wide_msg}")
        {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Progress::Bar(bar)
    }

    fn see(&mut self, event: &RaceEvent<'_>) {
        match (self, event) {
            (Progress::Bar(bar), RaceEvent::Tried { entrant, trial, .. }) => {
                bar.inc(1);
                bar.set_message(format!("{entrant}: a rate of {}", number(trial.learning_rate)));
            }
            (Progress::Bar(bar), RaceEvent::Ran { entrant, course, .. }) => {
                bar.inc(1);
                bar.set_message(format!("{entrant}: seed {}", course.seed));
            }
            (Progress::Lines { .. }, RaceEvent::Tuned { entrant, tuning, .. }) => {
                let found = tuning.learning_rate.map_or_else(|| "none".into(), number);
                let trials = count(tuning.trials.len() as u64, "trial");
                output::note(&format!(
                    "rate of {entrant}: {found}, by {trials}, {} diverged",
                    tuning.diverged()
                ));
            }
            (Progress::Lines { made, all }, RaceEvent::Ran { entrant, course, .. }) => {
                *made += 1;
                let width = all.to_string().len();
                let end = match (course.end, course.points.last()) {
                    (End::Diverged, _) => "diverged".into(),
                    (_, Some(last)) => format!(
                        "loss {} after {} in {}",
                        number(last.loss),
                        count(last.steps, "step"),
                        seconds(last.seconds)
                    ),
                    _ => String::new(),
                };
                output::note(&format!("run {made:>width$}/{all}  {entrant}, seed {}: {end}", course.seed));
            }
            _ => {}
        }
    }

    fn finish(&self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Takes the name of a method, perhaps with a rate behind an @.
#[derive(Clone)]
struct OptimizerParser;

impl TypedValueParser for OptimizerParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> std::result::Result<String, clap::Error> {
        let text = value.to_string_lossy();
        let (name, rate) = match text.split_once('@') {
            Some((name, rate)) => (name, Some(rate)),
            None => (&*text, None),
        };
        let name = names(methods()).parse_ref(command, argument, OsStr::new(name))?;
        let Some(rate) = rate else { return Ok(name) };
        let whole = format!("{name}@{rate}");
        // The library says what is wrong with a rate.
        let check = |text: &str| Entrant::from_name(text, BatchSize::Full).map(|_| text.to_owned());
        check.parse_ref(command, argument, OsStr::new(&whole))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        let values: Vec<_> = names(methods()).possible_values()?.collect();
        Some(Box::new(values.into_iter()))
    }
}

/// The optimizers, and the methods that search along lines.
fn methods() -> Vec<&'static str> {
    optimizers().into_iter().chain(Entrant::minimizers()).collect()
}

/// Two rates with a colon between.
fn range(text: &str) -> std::result::Result<(f64, f64), String> {
    let rates = text.split_once(':').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    rates
        .filter(|(from, to): &(f64, f64)| *from > 0.0 && from <= to && to.is_finite())
        .ok_or_else(|| "expected two rates above 0, the smaller first, as in 1e-4:1".into())
}
