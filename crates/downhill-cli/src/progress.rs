//! What a training shows while it runs: a bar on a terminal, a line for each epoch elsewhere.

use crate::output;
use crate::report::{number, percent};
use downhill::train::EpochRecord;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// The progress of one training.
pub enum Progress {
    /// Nothing is shown.
    Quiet,
    /// A bar that is drawn again and again.
    Bar { bar: ProgressBar, epochs: u64 },
    /// A line for each epoch.
    Lines { epochs: u64 },
}

impl Progress {
    /// For a training of so many epochs, each of so many steps.
    pub fn new(quiet: bool, epochs: u64, steps_per_epoch: u64) -> Self {
        if quiet {
            return Progress::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Progress::Lines { epochs };
        }
        let steps = epochs.saturating_mul(steps_per_epoch);
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template("{bar:10} {percent:>3} %  {eta:>3} left  {wide_msg}")
        {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Progress::Bar { bar, epochs }
    }

    /// A step was made.
    pub fn step(&self) {
        if let Progress::Bar { bar, .. } = self {
            bar.inc(1);
        }
    }

    /// An epoch is over.
    pub fn epoch(&self, record: &EpochRecord) {
        match self {
            Progress::Quiet => {}
            Progress::Bar { bar, epochs } => bar.set_message(short(record, *epochs)),
            Progress::Lines { epochs } => output::note(&line(record, *epochs)),
        }
    }

    /// The training is over; the bar goes, and the table of results comes in its place.
    pub fn finish(&self) {
        if let Progress::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// `epoch 12/34  train 0.0612 (98.33 %)  validation 0.0931 (97.22 %)`
fn line(record: &EpochRecord, epochs: u64) -> String {
    let mut line = epoch(record, epochs) + &part("train", record.train.loss, record.train.accuracy);
    if let Some(validation) = &record.validation {
        line += &part("validation", validation.loss, validation.accuracy);
    }
    line
}

/// The same, beside a bar in 80 columns: `epoch 12/34  train 0.0612  held out 0.0931 (97.22 %)`
fn short(record: &EpochRecord, epochs: u64) -> String {
    let line = epoch(record, epochs);
    match &record.validation {
        Some(validation) => {
            let held_out = part("held out", validation.loss, validation.accuracy);
            line + &part("train", record.train.loss, None) + &held_out
        }
        None => line + &part("train", record.train.loss, record.train.accuracy),
    }
}

fn epoch(record: &EpochRecord, epochs: u64) -> String {
    let width = epochs.to_string().len();
    format!("epoch {:>width$}/{epochs}", record.epoch)
}

fn part(name: &str, loss: f64, accuracy: Option<f64>) -> String {
    let accuracy = accuracy.map_or_else(String::new, |accuracy| format!(" ({})", percent(accuracy)));
    format!("  {name} {}{accuracy}", number(loss))
}
