//! `downhill train`: from a source to a saved model and a table of how good it is.

use crate::exit::{Error, Result};
use crate::interrupt;
use crate::measures::Measures;
use crate::options::{DescentOptions, ModelOptions, TrainOptions, hyphens};
use crate::output;
use crate::progress::Progress;
use crate::report::shell;
use crate::run_config::RunConfig;
use crate::run_path;
use crate::run_report::{self, Evaluations, Story};
use crate::source::{Parts, SourceArguments, TableArguments};
use crate::summary::Summary;
use crate::verdicts;
use clap::Args;
use downhill::data::{BatchSize, TargetKind};
use downhill::engine::{Engine, Rates};
use downhill::nn::Sequential;
use downhill::optim::Rule;
use downhill::train::{
    Callback, EarlyStopping, Event, ModelSpec, Outcome, RunDirectory, StopReason, TrainConfig, Trainer,
};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

/// Train a model on data, and save it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill train iris
  downhill train moons --noise 0.2 --model mlp:16,16 --activation tanh
  downhill train house.csv --target price --ignore id --epochs 50
  downhill train line --model linear --optimizer gradient-descent --batch-size full
  downhill train mnist --data DIRECTORY --model cnn --epochs 3

`downhill data list` shows the names of the data sets. A directory of a run holds config.toml (the settings
as they were resolved), metrics.jsonl (a line for each epoch), outcome.json (how it ended), model.bin (the model, for `downhill eval` and
`downhill predict`) and report.html (a page to look at).")]
pub struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    options: TrainOptions,
}

/// What to train on, and how.
pub struct Request<'a> {
    /// Which data to use.
    pub source: &'a SourceArguments,
    /// How to read it if it is a table.
    pub table: &'a TableArguments,
    /// How to train.
    pub options: &'a TrainOptions,
}

/// Trains as the command line says.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { source, table, options } = arguments;
    train(&Request { source, table, options })
}

/// Trains on a source, saves the run, and shows the result.
pub fn train(request: &Request<'_>) -> Result<()> {
    let options = request.options;
    let run = &options.run;
    let parts = request.source.parts(request.table, run.validation, run.seed)?;
    let TrainOptions { model, descent, .. } = options;
    let (network, config) = configure(&parts, model, descent, run.seed, run.threads())?;
    let mut trainer = Trainer::new(network, config.clone())?
        .callback(Watch { quiet: run.quiet, profile: run.profile, progress: Progress::Quiet })
        .profile(run.profile);

    let claim = run_path::claim(run.out.as_deref(), run.force, &run_path::name(&parts.name))?;
    let path = claim.path().to_owned();
    let replaces = RunDirectory::open(&path).is_ok();
    let mut directory = RunDirectory::create(&path, run.force)?;
    interrupt::listen();
    let start = Instant::now();
    let outcome = trainer.fit(&parts.train, parts.validation.as_ref())?;
    // A run that failed must not take the place of one that did not.
    let outcome = if replaces { outcome.converged()? } else { outcome };
    let seconds = start.elapsed().as_secs_f64();
    let run_config = RunConfig::new(&parts, options, config.clone())?;
    let evaluations = Evaluations::of(&outcome.model, &parts)?;
    let story = Story {
        config: &run_config,
        model: &outcome.model,
        history: &outcome.history,
        ended: Some(outcome.stop.to_string()),
        verdicts: &outcome.verdicts,
    };
    // A run is worth saving without its page as well.
    match run_report::page(&story, &parts, &evaluations) {
        Ok(page) => directory.set_report(page.to_string()),
        Err(error) => output::note(&format!("warning: there is no page of this run: {error}")),
    }
    directory.save(&run_config, &outcome)?;
    claim.keep();
    if outcome.stop.is_failure() {
        let run = shell(&path.display().to_string());
        return Err(Error::DivergedRun { reason: outcome.stop.to_string(), run });
    }

    if run.profile {
        show_profiles(&outcome, config.threads);
    }
    let summary = summarize(request, &parts, &config, &outcome, evaluations, &directory, seconds)?;
    if run.json {
        output::json(&summary)?
    } else {
        output::text(&summary.to_string())?
    }
    if !run.quiet {
        verdicts::remark(&outcome.verdicts, &path);
    }
    match outcome.stop {
        StopReason::Interrupted { .. } => Err(Error::Interrupted),
        _ => Ok(()),
    }
}

/// Shows where the time of the steps went, beside what the machine can do if that can be measured.
fn show_profiles(outcome: &Outcome, threads: usize) {
    let rates = Rates::measure(&Engine::with_threads(threads)).ok();
    if let Some(rates) = &rates {
        output::note(&format!("the machine: {rates}"));
    }
    for profile in &outcome.profiles {
        output::note(&match &rates {
            Some(rates) => profile.against(rates).to_string(),
            None => profile.to_string(),
        });
    }
}

/// The network and how to train it: what the options say, and the defaults where they say nothing.
pub fn configure(
    parts: &Parts,
    model: &ModelOptions,
    descent: &DescentOptions,
    seed: u64,
    threads: usize,
) -> Result<(Sequential, TrainConfig)> {
    let target = parts.train.target_kind();
    let spec = model.model()?;
    let loss = model.loss()?.unwrap_or_else(|| spec.default_loss(target));
    let network = spec.build(parts.train.input_shape(), target, &loss, model.activation()?)?;

    let examples = parts.train.len();
    let batch_size = descent.batch_size(examples);
    let steps_per_epoch = match batch_size {
        BatchSize::Examples(size) => examples.div_ceil(size) as u64,
        BatchSize::Full => 1,
    };
    let epochs = descent.epochs(steps_per_epoch);
    let config = TrainConfig {
        epochs,
        batch_size,
        seed,
        threads,
        clip_norm: descent.clip_norm(),
        // The training loss of an epoch is a mean over parameters that moved: no ground to prefer one epoch.
        restore_best: parts.validation.is_some(),
        loss,
        early_stopping: descent.patience().map(|patience| EarlyStopping { patience, min_delta: 0.0 }),
        optimizer: descent.optimizer()?,
        schedule: descent.schedule(epochs.saturating_mul(steps_per_epoch)),
        plateau: descent.plateau(epochs),
        bad_steps: descent.bad_steps(),
        ..TrainConfig::default()
    };
    config.validate()?;
    Ok((network, config))
}

/// Shows the progress, writes the metrics, and stops the training when Ctrl-C was pressed.
struct Watch {
    quiet: bool,
    profile: bool,
    progress: Progress,
}

impl Callback for Watch {
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Started { epochs, steps_per_epoch, memory, .. } => {
                if self.profile {
                    output::note(&memory.to_string());
                }
                self.progress = Progress::new(self.quiet, *epochs, *steps_per_epoch);
            }
            Event::Step { .. } => self.progress.step(),
            Event::Epoch(record) => self.progress.epoch(record),
            Event::Finished { .. } => self.progress.finish(),
            _ => {}
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Gathers what there is to say.
fn summarize(
    request: &Request<'_>,
    parts: &Parts,
    config: &TrainConfig,
    outcome: &Outcome,
    evaluations: Evaluations,
    directory: &RunDirectory,
    seconds: f64,
) -> Result<Summary> {
    let model = request.options.model.model()?;
    let Evaluations { train, validation, test, baseline, baseline_is } = evaluations;
    let path = directory.path();
    Ok(Summary {
        source: parts.name.clone(),
        model: model.to_string(),
        parameters: outcome.model.parameter_count(),
        loss: hyphens(config.loss.name()),
        optimizer: hyphens(config.optimizer.name()),
        seed: config.seed,
        threads: config.threads,
        epochs: outcome.epochs,
        steps: outcome.steps,
        best_epoch: outcome.best_epoch.filter(|_| config.restore_best),
        seconds,
        stop_reason: match outcome.stop {
            StopReason::Completed { .. } => "completed",
            StopReason::EarlyStopped { .. } => "early_stopped",
            StopReason::Interrupted { .. } => "interrupted",
            _ => "other",
        },
        train: Measures::of(&train),
        validation: validation.as_ref().map(Measures::of),
        test: test.as_ref().map(Measures::of),
        baseline: Measures::of(&baseline),
        run: path.display().to_string(),
        report: directory.report_path().display().to_string(),
        baseline_is,
        stop_sentence: outcome.stop.to_string(),
        next: next(request, parts, &model, path),
    })
}

/// Commands that work from here, with the name by which this program was called.
fn next(request: &Request<'_>, parts: &Parts, model: &ModelSpec, path: &Path) -> Vec<(String, &'static str)> {
    let program = std::env::args().next().unwrap_or_else(|| "downhill".into());
    let command = |words: &[&[String]]| {
        let words = std::iter::once(&program).chain(words.iter().copied().flatten());
        words.map(|word| shell(word)).collect::<Vec<_>>().join(" ")
    };
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let run = path.display().to_string();

    let Request { source, table, .. } = request;
    let mut next = Vec::new();
    if let Some(file) = source.file() {
        next.push((command(&[&own(&["predict", &run, file])]), "predict for every row"));
    }
    next.push((command(&[&own(&["eval", &run]), &source.words()]), "evaluate the saved model"));
    let (other, what) = match (model, parts.train.target_kind()) {
        (ModelSpec::Mlp(_), _) if parts.train.input_shape().rank() == 3 => ("cnn", "try convolutions"),
        (ModelSpec::Mlp(_) | ModelSpec::Cnn, TargetKind::Values { .. }) => ("linear", "try a linear model"),
        (ModelSpec::Mlp(_) | ModelSpec::Cnn, _) => ("logistic", "try a linear model"),
        _ => ("mlp:64,64", "try hidden layers"),
    };
    let train = [&own(&["train"])[..], &source.words(), &table.words(), &own(&["--model", other])];
    next.push((command(&train), what));
    next
}
