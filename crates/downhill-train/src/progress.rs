//! Where a run stands: all that would be needed to go on from there.

use crate::{EarlyStopping, EpochRecord};
use downhill_optim::Optimizer;

/// Where a run stands. Together with the configuration and the data, everything that comes after follows from
/// it.
pub(crate) struct Progress {
    /// The number of epochs completed.
    pub epoch: u64,
    /// The number of steps made.
    pub step: u64,
    /// The parameters.
    pub parameters: Vec<f32>,
    /// The state of the network beside its parameters.
    pub state: Vec<f32>,
    /// The optimizer with its memory.
    pub optimizer: Optimizer<f32>,
    /// The loss of the first batch, of the untrained network.
    pub first_loss: Option<f64>,
    /// The epoch with the smallest monitored loss, and that loss.
    pub best: Option<(u64, f64)>,
    /// The parameters and the state to go back to, of an epoch that ended well, or of the beginning.
    kept: (Vec<f32>, Vec<f32>),
    /// The loss from which early stopping counts, and the number of epochs since.
    stalled: (f64, u64),
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
        }
    }

    /// Takes in an epoch that ended with finite numbers.
    pub fn complete(
        &mut self,
        record: &EpochRecord,
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
            self.kept.0.copy_from_slice(&self.parameters);
            self.kept.1.copy_from_slice(&self.state);
        }
        let (reference, epochs) = self.stalled;
        let min_delta = early_stopping.map_or(0.0, |stopping| stopping.min_delta);
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

    /// Goes back to what was kept: the best epoch, or the last, or the beginning.
    pub fn go_back(&mut self) {
        self.parameters.copy_from_slice(&self.kept.0);
        self.state.copy_from_slice(&self.kept.1);
    }
}
