//! A training made once more, to see the way that it took.

use super::Path;
use crate::{Callback, Event, Model, Outcome, Result, TrainConfig, Trainer};
use downhill_data::InMemory;
use downhill_nn::AnyLayer;
use std::ops::ControlFlow;

/// The numbers of parameters that a path may hold in all: 256 MiB.
const MOST_NUMBERS: usize = 1 << 26;

/// A training made once more.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Points of its path, evenly spaced, the first and the last among them.
    pub path: Path,
    /// How it ended.
    pub outcome: Outcome,
}

/// Whether a replay came to the parameters that were saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sameness {
    /// Every bit of parameters and state is the same.
    Bits,
    /// They differ.
    Differs {
        /// How many parameters do.
        parameters: usize,
        /// By how much at most.
        largest: f64,
    },
}

/// Trains as a run was trained, and keeps the parameters at up to `most` evenly spaced steps (at least 2; fewer where
/// they would not fit into 256 MiB). A run is a function of network, configuration and data, to the last bit, so this is
/// the way that it took; [`Replay::sameness`] says whether it was. `epochs` ends it sooner: a run that was interrupted
/// completed as many.
///
/// # Errors
/// As [`Trainer::fit`].
pub fn replay(
    layers: &AnyLayer,
    config: &TrainConfig,
    train: &InMemory,
    validation: Option<&InMemory>,
    most: usize,
    epochs: Option<u64>,
) -> Result<Replay> {
    let mut recorder =
        Recorder { most: most.max(2), every: 1, epochs, path: Path::default(), last: (0, Vec::new()) };
    let mut trainer = Trainer::new(layers.clone(), config.clone())?.callback(&mut recorder);
    let outcome = trainer.fit(train, validation)?;
    drop(trainer);
    let Recorder { mut path, last: (step, parameters), .. } = recorder;
    if path.steps.last() != Some(&step) {
        path.steps.push(step);
        path.points.push(parameters);
    }
    Ok(Replay { path, outcome })
}

impl Replay {
    /// Whether it ended where a model was saved.
    pub fn sameness(&self, saved: &Model) -> Sameness {
        let again = &self.outcome.model;
        let bits = |a: &[f32], b: &[f32]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        if bits(again.parameters(), saved.parameters()) && bits(again.state(), saved.state()) {
            return Sameness::Bits;
        }
        let pairs = || again.parameters().iter().zip(saved.parameters());
        let apart = pairs().map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
        Sameness::Differs {
            parameters: pairs().filter(|(a, b)| a.to_bits() != b.to_bits()).count(),
            largest: apart.fold(0.0, f64::max),
        }
    }
}

/// Keeps the parameters at some steps.
struct Recorder {
    most: usize,
    every: u64,
    epochs: Option<u64>,
    path: Path,
    last: (u64, Vec<f32>),
}

impl Recorder {
    fn keep(&mut self, step: u64, parameters: &[f32]) {
        self.path.steps.push(step);
        self.path.points.push(parameters.to_vec());
    }
}

impl Callback for Recorder {
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Started { steps_per_epoch, epochs, initial_parameters, .. } => {
                let fitting = (MOST_NUMBERS / initial_parameters.len().max(1)).max(2);
                let intervals = (self.most.min(fitting) - 1) as u64;
                let epochs = self.epochs.map_or(*epochs, |limit| limit.min(*epochs));
                self.every = steps_per_epoch.saturating_mul(epochs).div_ceil(intervals).max(1);
                self.keep(0, initial_parameters);
                self.last.1 = initial_parameters.to_vec();
            }
            Event::Step { step, parameters, .. } => {
                if step.is_multiple_of(self.every) {
                    self.keep(*step, parameters);
                }
                self.last.0 = *step;
                self.last.1.copy_from_slice(parameters);
            }
            Event::Epoch(record) if Some(record.epoch) == self.epochs => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
