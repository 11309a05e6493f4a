//! `downhill demo`: the first command of a newcomer.

use super::train::{self, Request};
use crate::exit::Result;
use crate::options::TrainOptions;
use crate::source::{SourceArguments, TableArguments};
use clap::Args;

/// Train on handwritten digits, in a few seconds.
///
/// The digits are built in: 1,797 images of 8x8 pixels. It takes the options of `train`.
#[derive(Args, Default)]
#[command(after_help = "\
Examples:
  downhill demo
  downhill demo --model cnn
  downhill demo --optimizer sgd --learning-rate 0.5 --epochs 10")]
pub struct Arguments {
    #[command(flatten)]
    options: TrainOptions,
}

/// Trains on the digits.
pub fn run(arguments: &Arguments) -> Result<()> {
    let (source, table) = (SourceArguments::named("digits"), TableArguments::default());
    train::train(&Request { source: &source, table: &table, options: &arguments.options })
}
