//! `downhill lr-find`: the loss while the learning rate grows, and which rate it suggests.

use super::train::configure;
use crate::exit::Result;
use crate::options::{DescentOptions, ModelOptions, hyphens, positive, share};
use crate::pictures::PictureArguments;
use crate::report::{Table, count, number, shell};
use crate::source::{SourceArguments, TableArguments};
use crate::{defaults, output};
use clap::Args;
use downhill::data::BatchSize;
use downhill::optim::Rule;
use downhill::train::diagnosis::Verdict;
use downhill::train::page::Chart;
use downhill::train::rate_range::{RateCurve, RateRange, Suggestion};
use serde::Serialize;

/// Find a learning rate: make steps with a rate that grows, and look at the loss.
///
/// Too small a rate leaves the loss where it is, a fitting one takes it down, too large a one lets it grow. The test
/// takes seconds and saves nothing. It takes the options of `train`; of these --epochs, --schedule, --warm-up and
/// --patience are for the command that it ends with.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill lr-find digits
  downhill lr-find digits --model cnn --optimizer sgd --batch-size 64 --html rates.html
  downhill lr-find house.csv --target price --from 1e-5 --to 1 --json

The test is that of L. N. Smith, Cyclical learning rates for training neural networks (2017), section 3.3.")]
pub struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    descent: DescentOptions,
    #[command(flatten)]
    range: RangeOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    pictures: PictureArguments,
}

#[derive(Args)]
#[command(next_help_heading = "Range of learning rates")]
struct RangeOptions {
    /// The smallest rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-7, allow_negative_numbers = true)]
    from: f64,
    /// The largest rate
    #[arg(long, value_name = "RATE", default_value_t = 10.0, allow_negative_numbers = true)]
    to: f64,
    /// How many rates are tried, one in each step
    #[arg(long, value_name = "N", default_value_t = 200)]
    steps: u32,
}

#[derive(Args)]
#[command(next_help_heading = "Run")]
struct RunOptions {
    /// The share of the data to hold out, which takes no part [default: 0.2; 0 for mnist]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    validation: Option<f64>,
    /// What all randomness follows from: the same seed gives the same curve
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many threads compute; the result is the same with any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = positive)]
    threads: Option<u64>,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

/// A result as a program reads it.
#[derive(Serialize)]
struct Found<'a> {
    source: &'a str,
    model: String,
    optimizer: String,
    batch_size: usize,
    #[serde(flatten)]
    curve: &'a RateCurve,
    suggestions: Vec<Suggestion>,
    verdicts: Vec<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// Makes the test.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { source, table, model, descent, range, run, pictures } = arguments;
    pictures.check()?;
    let parts = source.parts(table, run.validation, run.seed)?;
    let threads = defaults::threads(run.threads);
    let (network, config) = configure(&parts, model, descent, run.seed, threads)?;
    let RangeOptions { from: lowest, to: highest, steps } = *range;
    let range = RateRange { lowest, highest, steps, ..RateRange::default() };
    let curve = range.run_on(network.clone(), &config, &parts.train)?;
    let mut verdicts = curve.verdicts();
    if let Some(suggestion) = curve.suggestion() {
        // Operations without a second derivative have no sharpness; the curve is what was asked for.
        match RateRange::sharpness_on(network, &config, &parts.train, suggestion.learning_rate) {
            Ok(sharpness) => verdicts.extend(sharpness.map(|sharpness| sharpness.verdict())),
            Err(error) => output::note(&format!("note: no stability limit was computed: {error}")),
        }
    }

    let examples = parts.train.len();
    let batch_size = match config.batch_size {
        BatchSize::Examples(size) => size.min(examples),
        BatchSize::Full => examples,
    };
    let model = model.model()?.to_string();
    let optimizer = hyphens(config.optimizer.name());
    let title = format!("A learning rate for {model} on {}", parts.name);
    pictures.write(|| curve.page(&title, &verdicts).to_string(), || curve.chart().svg(), || curve.csv())?;
    let command = curve.suggestion().map(|suggestion| train_with(suggestion.learning_rate));
    if run.json {
        return output::json(&Found {
            source: &parts.name,
            model,
            optimizer,
            batch_size,
            suggestions: curve.suggestions(),
            verdicts,
            command,
            curve: &curve,
        });
    }
    let mut text = format!(
        "{model} on {} by {optimizer} on batches of {batch_size}: {} from {} on, {}\n\n",
        parts.name,
        count(curve.points.len() as u64, "rate"),
        format_args!("{lowest:e}"),
        match curve.diverged_at {
            Some(rate) => format!("to {}, where it diverged", number(rate)),
            None => format!("to {}", number(highest)),
        }
    );
    if command.is_some() {
        text += &format!("{}\n", Table::of(&curve.suggestions_table()));
    }
    for verdict in verdicts {
        text += &format!("{verdict}\n");
    }
    if let Some(command) = command {
        text += &format!("\nTo train with it:\n  {command}\n");
    }
    output::text(&text)
}

/// The command line that trains as this one tested, with this rate.
fn train_with(rate: f64) -> String {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_else(|| "downhill".into());
    let words: Vec<String> = arguments.collect();
    let words = train_words(&words, rate);
    std::iter::once(program).chain(words).map(|word| shell(&word)).collect::<Vec<_>>().join(" ")
}

/// The words behind the name of the program: without what only the test understands, and with the rate, in two
/// digits.
fn train_words(words: &[String], rate: f64) -> Vec<String> {
    const WITH_VALUE: [&str; 7] =
        ["--from", "--to", "--steps", "--html", "--svg", "--csv", "--learning-rate"];
    let mut kept = vec!["train".to_owned()];
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, v)| (name, Some(v)));
        if WITH_VALUE.contains(&name) {
            if value.is_none() {
                rest.next();
            }
        } else if name != "--json" {
            kept.push(word.clone());
        }
    }
    let rounded: f64 = format!("{rate:.1e}").parse().unwrap_or(rate);
    kept.extend(["--learning-rate".into(), rounded.to_string()]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_trains_has_the_options_of_the_test_but_its_own() {
        let words = "lr-find digits --model cnn --from 1e-5 --json --learning-rate=3 --svg a.svg --seed 4";
        let words: Vec<String> = words.split(' ').map(String::from).collect();
        let expected = "train digits --model cnn --seed 4 --learning-rate 0.0032";
        assert_eq!(train_words(&words, 0.0031622).join(" "), expected);
    }
}
