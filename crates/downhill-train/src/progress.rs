//! Where a run stands: all that would be needed to go on from there.

use crate::averaging::RunningAverage;
use crate::{EarlyStopping, EpochRecord, Result};
use downhill_optim::{Optimizer, Plateau};
use std::borrow::Cow;

/// Where a run stands. Together with the configuration and the data, everything that comes after follows from
/// it.
pub(crate) struct Progress {
    /// The number of epochs completed.
    pub epoch: u64,
    /// The number of steps made.
    pub step: u64,
    /// The parameters, where the next gradient is wanted.
    pub parameters: Vec<f32>,
    /// The state of the network beside its parameters.
    pub state: Vec<f32>,
    /// The optimizer with its memory.
    pub optimizer: Optimizer<f32>,
    /// The average of the parameters, if one was asked for.
    pub average: Option<RunningAverage>,
    /// What lowers the rate when the loss no longer gets smaller, if that was asked for.
    pub plateau: Option<Plateau>,
    /// What is left of the rate after bad steps.
    pub rate_factor: f64,
    /// The loss of the first batch, of the untrained network.
    pub first_loss: Option<f64>,
    /// The epoch with the smallest monitored loss, and that loss.
    pub best: Option<(u64, f64)>,
    /// The judged parameters and the state to go back to, of an epoch that ended well, or of the beginning.
    kept: (Vec<f32>, Vec<f32>),
    /// The loss from which early stopping counts, and the number of epochs since.
    stalled: (f64, u64),
}

/// All that a step changes.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// The number of steps made.
    pub step: u64,
    parameters: Vec<f32>,
    state: Vec<f32>,
    optimizer: Optimizer<f32>,
    average: Option<RunningAverage>,
}

impl Progress {
    /// Before the first step.
    pub fn new(parameters: Vec<f32>, state: Vec<f32>, optimizer: Optimizer<f32>) -> Self {
        Progress {
            epoch: 0,
            step: 0,
            first_loss: None,
            best: None,
            kept: (parameters.clone(), state.clone()),
            stalled: (f64::INFINITY, 0),
            parameters,
            state,
            optimizer,
            average: None,
            plateau: None,
            rate_factor: 1.0,
        }
    }

    /// The parameters at which the loss is judged, and which the model gets: the average that was asked for, or the
    /// optimizer's own, or the parameters themselves.
    pub fn judged(&self) -> Result<Cow<'_, [f32]>> {
        match self.average.as_ref().and_then(RunningAverage::values) {
            Some(average) => Ok(average.into()),
            None => Ok(self.optimizer.evaluation_parameters(&self.parameters)?.into()),
        }
    }

    /// The factor of the learning rate, beside the schedule's.
    pub fn factor(&self) -> f64 {
        self.rate_factor * self.plateau.as_ref().map_or(1.0, Plateau::factor)
    }

    /// All that a step changes.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            step: self.step,
            parameters: self.parameters.clone(),
            state: self.state.clone(),
            optimizer: self.optimizer.clone(),
            average: self.average.clone(),
        }
    }

    /// Goes back to where a snapshot was taken.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let Snapshot { step, parameters, state, optimizer, average } = snapshot.clone();
        self.step = step;
        self.parameters = parameters;
        self.state = state;
        self.optimizer = optimizer;
        self.average = average;
    }

    /// Takes in an epoch that ended with finite numbers, and the parameters at which it was judged.
    pub fn complete(
        &mut self,
        record: &EpochRecord,
        judged: &[f32],
        restore_best: bool,
        early_stopping: Option<EarlyStopping>,
    ) {
        self.epoch = record.epoch;
        let loss = record.monitored_loss();
        // The later of equal ones, since a loss may be too coarse to show the last progress.
        let better = self.best.is_none_or(|(_, smallest)| loss <= smallest);
        if better {
            self.best = Some((record.epoch, loss));
        }
        if better || !restore_best {
            self.kept.0.copy_from_slice(judged);
            self.kept.1.copy_from_slice(&self.state);
        }
        let (reference, epochs) = self.stalled;
        let min_delta = early_stopping.map_or(0.0, |stopping| stopping.min_delta);
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(loss);
        }
        self.stalled = if loss < reference - min_delta { (loss, 0) } else { (reference, epochs + 1) };
    }

    /// For how many epochs in a row there was no progress.
    pub fn stalled_epochs(&self) -> u64 {
        self.stalled.1
    }

    /// Whether parameters and state are finite numbers.
    pub fn is_finite(&self) -> bool {
        self.parameters.iter().chain(&self.state).all(|x| x.is_finite())
    }

    /// The parameters and the state of the model: those of now, or what was kept, of the best epoch, or the last, or
    /// the beginning.
    pub fn finish(self, go_back: bool) -> Result<(Vec<f32>, Vec<f32>)> {
        if go_back || !self.is_finite() {
            return Ok(self.kept);
        }
        let judged = self.judged()?.into_owned();
        Ok(if judged.iter().all(|x| x.is_finite()) { (judged, self.state) } else { self.kept })
    }
}
