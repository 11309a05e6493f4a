//! `downhill explain`: backpropagation for one example, step by step.

mod object;
mod subject;
mod text;

use crate::exit::{Error, Result};
use crate::output;
use crate::pictures::PictureArguments;
use crate::report::{count, grouped};
use crate::source::OtherSourceArguments;
use clap::Args;
use downhill::autograd::explain::Detail;
use downhill::train::explain::{Question, StepByStep, step_by_step};
use subject::Subject;

/// The most numbers that are shown where nothing else is said.
const LIMIT: u64 = 100;

/// Show backpropagation for one example, step by step.
///
/// The values of the forward pass; going back from the loss each local derivative, the gradient that arrives, their
/// product and the sum over all paths, beside a finite difference; the step of gradient descent, and the loss after it.
/// Either for a run, which has its data, or for a small network of which the numbers are given here.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill explain mlp:2 --input 0.5,-1 --target 1
  downhill explain mlp:2 --input 0.5,-1 --target 1 --activation relu --learning-rate 0.5 --html explained.html
  downhill explain linear --input 1,2 --target 3 --parameters 0.5,-1,0
  downhill explain logistic --input 1,2 --target 0 --classes 3
  downhill explain runs/iris --example 0 --layer 2

In the drawing of --html and --svg values are circles, and weights stand on the lines between them; --csv has the
terms of the backward pass.")]
pub struct Arguments {
    /// The directory of a run, or a network: linear, logistic or mlp:WIDTH[,WIDTH...]
    #[arg(value_name = "RUN|MODEL")]
    what: String,
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    model: ModelArguments,
    /// The learning rate of the step [default: 0.1; that of the run]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Show only the values of the layer of this path, `loss` for those of the loss
    #[arg(long, value_name = "PATH")]
    layer: Option<String>,
    /// The most numbers to show; larger values are summarized
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pictures: PictureArguments,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Of a run")]
struct RunArguments {
    /// Which of the examples that were learned from, from 0
    #[arg(long, value_name = "N")]
    example: Option<usize>,
    #[command(flatten)]
    other: OtherSourceArguments,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Of a network")]
struct ModelArguments {
    /// The input, separated by commas
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true, value_parser = subject::numbers)]
    input: Option<subject::Numbers>,
    /// What it should come to: numbers, or with a loss for classes the class, from 0
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true, value_parser = subject::numbers)]
    target: Option<subject::Numbers>,
    /// How many classes there are, with a loss for classes [default: 2, or as many as the target needs]
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
    /// What hidden layers end with [default: tanh]
    #[arg(long, value_name = "NAME", value_parser = crate::options::names(crate::options::activations()))]
    activation: Option<String>,
    /// What is made small [default: mse; cross-entropy for logistic]
    #[arg(long, value_name = "NAME", value_parser = crate::options::names(crate::options::losses()))]
    loss: Option<String>,
    /// All parameters, layer by layer, separated by commas [default: drawn from the seed]
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true, value_parser = subject::numbers)]
    parameters: Option<subject::Numbers>,
    /// What the parameters are drawn from [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Explains.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.pictures.check()?;
    let subject = Subject::of(arguments)?;
    let layer = arguments.layer.as_deref();
    if let Some(layer) = layer {
        check_layer(layer, &subject)?;
    }
    let parameters = subject.network.parameter_count() as u64;
    if layer.is_none() && parameters > arguments.limit {
        return Err(too_many(&count(parameters, "parameter"), parameters, arguments.limit, &subject));
    }

    let question = Question {
        network: &subject.network,
        loss: &subject.loss,
        parameters: &subject.parameters,
        state: &subject.state,
        input: &subject.input,
        target: &subject.target,
    };
    let elements = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let detail = Detail { elements, path: layer.map(str::to_owned) };
    let steps = step_by_step(&question, subject.rate, subject.optimizer.as_ref(), &detail)?;
    let shown = shown(&steps, layer);
    if shown > arguments.limit {
        return Err(too_many(&count(shown, "number"), shown, arguments.limit, &subject));
    }

    let diagram = steps.diagram();
    if diagram.is_none() && arguments.pictures.wants_svg() {
        return Err(Error::Configuration(
            "--svg: the network has too many numbers for a drawing; --html and --csv have them in tables"
                .into(),
        ));
    }
    arguments.pictures.write(
        || steps.page("Backpropagation, step by step", &subject.sentence(), layer).to_string(),
        || diagram.map(|diagram| diagram.svg()).unwrap_or_default(),
        || steps.terms(layer).csv(),
    )?;
    match arguments.json {
        true => output::json(&object::of(&subject, &steps, layer)),
        false => output::text(&text::of(&subject, &steps, layer)),
    }
}

/// How many numbers of values there are to show; a value too large to be shown one by one is a line.
fn shown(steps: &StepByStep, layer: Option<&str>) -> u64 {
    let own =
        steps.explanation.values.iter().filter(|value| layer.is_none_or(|layer| value.belongs_to(layer)));
    own.map(|value| value.numbers.len())
        .map(|numbers| if numbers > steps.explanation.elements { 1 } else { numbers as u64 })
        .sum()
}

fn too_many(what: &str, needed: u64, limit: u64, subject: &Subject) -> Error {
    Error::Configuration(format!(
        "{what} are more than can be read; at most {} are shown: choose a part with --layer PATH, of {}, or have all \
         with --limit {needed}",
        grouped(limit),
        layers(subject)
    ))
}

/// The paths that there are.
fn layers(subject: &Subject) -> String {
    let rows =
        subject.network.summary().rows.iter().map(|row| row.path.clone()).filter(|path| !path.is_empty());
    let mut paths: Vec<String> = rows.collect();
    paths.dedup();
    paths.push("loss".into());
    paths.join(", ")
}

fn check_layer(layer: &str, subject: &Subject) -> Result<()> {
    let known = layer == "loss" || subject.network.summary().rows.iter().any(|row| row.path == layer);
    if known && !layer.is_empty() {
        return Ok(());
    }
    Err(Error::Usage(format!("--layer: there is no layer '{layer}'; the layers are {}", layers(subject))))
}
