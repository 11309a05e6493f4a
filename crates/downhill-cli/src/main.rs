//! The program `downhill`: train, evaluate and predict from the command line.
//!
//! It reads arguments, calls the library and prints; what it prints was computed elsewhere. Results go to
//! standard output, progress and errors to standard error.
#![forbid(unsafe_code)]

mod again;
mod commands;
mod defaults;
mod exit;
mod interrupt;
mod measures;
mod options;
mod output;
mod pictures;
mod progress;
mod report;
mod run_config;
mod run_path;
mod run_report;
mod source;
mod summary;
mod verdicts;

use clap::{Parser, Subcommand};
use commands::{
    data, demo, diagnose, eval, explain, export, landscape, lr_find, minimize, predict, race, regress, train,
};
use std::process::ExitCode;

/// Train anything differentiable by gradient descent.
///
/// Without a command it runs `downhill demo`.
#[derive(Parser)]
#[command(name = "downhill", version, max_term_width = 110, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Train(train::Arguments),
    LrFind(lr_find::Arguments),
    Race(race::Arguments),
    Eval(eval::Arguments),
    Predict(predict::Arguments),
    Diagnose(diagnose::Arguments),
    Regress(regress::Arguments),
    Landscape(landscape::Arguments),
    Export(export::Arguments),
    Report(commands::report::Arguments),
    Explain(Box<explain::Arguments>),
    Minimize(minimize::Arguments),
    Data(data::Arguments),
}

const AFTER_HELP: &str = "\
Examples:
  downhill                                   train on handwritten digits, in seconds
  downhill train wine                        train on another data set that is built in
  downhill train house.csv --target price    train on a table of your own
  downhill lr-find house.csv --target price  find a learning rate for it
  downhill race wine --html race.html        let optimizers and batch sizes compete
  downhill predict runs/house new.csv        predict for new rows of such a table
  downhill diagnose runs/house               say why a run learned, or did not
  downhill report runs/house                 write the page of a run, to look at
  downhill regress house.csv --target price  fit a line, with standard errors
  downhill landscape runs/iris --html landscape.html
                                             draw the loss around a model, and the path to it
  downhill export runs/house --to onnx --out house.onnx
                                             write a trained model for other programs
  downhill explain mlp:2 --input 0.5,-1 --target 1
                                             show backpropagation, step by step
  downhill minimize rosenbrock --html m.html find the minimum of a function, and see how
  downhill data list                         show the data sets that are built in

Exit codes: 0 good, 2 usage, 3 configuration, 4 data, 5 diverged or not a number, 7 input/output,
130 stopped by Ctrl-C.";

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        None => demo::run(&demo::Arguments::default()),
        Some(Command::Demo(arguments)) => demo::run(&arguments),
        Some(Command::Train(arguments)) => train::run(&arguments),
        Some(Command::LrFind(arguments)) => lr_find::run(&arguments),
        Some(Command::Race(arguments)) => race::run(&arguments),
        Some(Command::Eval(arguments)) => eval::run(&arguments),
        Some(Command::Predict(arguments)) => predict::run(&arguments),
        Some(Command::Diagnose(arguments)) => diagnose::run(&arguments),
        Some(Command::Regress(arguments)) => regress::run(&arguments),
        Some(Command::Landscape(arguments)) => landscape::run(&arguments),
        Some(Command::Export(arguments)) => export::run(&arguments),
        Some(Command::Report(arguments)) => commands::report::run(&arguments),
        Some(Command::Explain(arguments)) => explain::run(&arguments),
        Some(Command::Minimize(arguments)) => minimize::run(&arguments),
        Some(Command::Data(arguments)) => data::run(&arguments),
    };
    exit::code(result)
}
