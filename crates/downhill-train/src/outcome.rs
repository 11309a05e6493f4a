//! What a run leaves behind: a model, its history, and why it ended.

use crate::diagnosis::{NotFinite, Verdict};
use crate::{BadStep, Error, Evaluation, Model, Result};
use downhill_engine::Profile;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the steps of an epoch saw of the training data, while the parameters moved and in training mode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingMean {
    /// The mean of the loss over the examples.
    pub loss: f64,
    /// The share of examples whose class was right; for classes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// One epoch: a line of `metrics.jsonl`. It holds nothing that could differ between two runs that should be
/// equal, such as times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The number of the epoch, from 1.
    pub epoch: u64,
    /// The number of steps made by its end, from the beginning of the run.
    pub step: u64,
    /// On the training data.
    pub train: TrainingMean,
    /// On the validation data, at the end of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Evaluation>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The mean norm of the gradient, before any clipping by norm.
    pub gradient_norm: f64,
}

impl EpochRecord {
    /// The loss that early stopping and the choice of the best epoch go by: that of the validation data, or
    /// where there is none the training loss.
    pub fn monitored_loss(&self) -> f64 {
        self.validation.as_ref().map_or(self.train.loss, |validation| validation.loss)
    }
}

/// Why a run ended. `Display` says it in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// All epochs were made.
    Completed {
        /// Their number.
        epochs: u64,
    },
    /// The loss no longer became smaller.
    EarlyStopped {
        /// The epoch with the smallest loss.
        best_epoch: u64,
        /// How many epochs after it did not get below.
        patience: u64,
    },
    /// A callback asked for it.
    Interrupted {
        /// The number of steps made.
        step: u64,
    },
    /// A loss or a gradient became infinite or not a number, or the loss of a whole epoch grew beyond a
    /// thousand times that of the untrained network.
    Diverged {
        /// The step at which it was found, from 1.
        step: u64,
        /// The loss there; `None` where it is infinite or not a number.
        loss: Option<f64>,
        /// The first value that was not finite, if one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Box<NotFinite>>,
    },
}

impl StopReason {
    /// Whether the run failed.
    pub fn is_failure(&self) -> bool {
        matches!(self, StopReason::Diverged { .. })
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Completed { epochs: 1 } => write!(f, "completed its one epoch"),
            StopReason::Completed { epochs } => write!(f, "completed all {epochs} epochs"),
            StopReason::EarlyStopped { best_epoch, patience } => {
                write!(f, "stopped early: no progress for {patience} epochs after epoch {best_epoch}")
            }
            StopReason::Interrupted { step } => write!(f, "interrupted after step {step}"),
            StopReason::Diverged { step, loss, cause } => {
                write!(f, "diverged at step {step}: ")?;
                match loss {
                    Some(loss) => write!(f, "the loss is {loss:.3e}")?,
                    None => write!(f, "the loss or its gradient is not a finite number")?,
                }
                if let Some(cause) = cause {
                    write!(f, ", since {cause}")?;
                }
                match cause.as_deref() {
                    Some(NotFinite::Given { input, .. }) if input == "input" || input == "target" => {
                        write!(f, "; put the data right, or into units in which its numbers are smaller")
                    }
                    _ => write!(f, "; lower the learning rate, or clip the gradient's norm"),
                }
            }
        }
    }
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The trained model: with the parameters of `best_epoch` where the best are to be restored, which is the
    /// default; with the last ones that were finite else.
    pub model: Model,
    /// The epochs that were completed.
    pub history: Vec<EpochRecord>,
    /// Why the run ended.
    pub stop: StopReason,
    /// The number of epochs that were completed.
    pub epochs: u64,
    /// The number of steps made.
    pub steps: u64,
    /// The epoch with the smallest monitored loss, from 1; `None` if none was completed.
    pub best_epoch: Option<u64>,
    /// Where the time of the training steps went, if [`Trainer::profile`](crate::Trainer::profile) asked for it:
    /// for each batch size, the usual one first.
    pub profiles: Vec<Profile>,
    /// The steps that were bad, in their order, and what was done about them.
    pub bad_steps: Vec<BadStep>,
    /// What the numbers of the run say about it: see [`diagnosis`](crate::diagnosis).
    pub verdicts: Vec<Verdict>,
}

/// How a run ended: what `outcome.json` holds. Nothing in it could differ between two runs that should be equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ending {
    /// Why the run ended.
    pub stop: StopReason,
    /// The number of epochs that were completed.
    pub epochs: u64,
    /// The number of steps made.
    pub steps: u64,
    /// The epoch with the smallest monitored loss, from 1; `None` if none was completed.
    pub best_epoch: Option<u64>,
    /// The steps that were bad, and what was done about them.
    pub bad_steps: Vec<BadStep>,
    /// What the numbers of the run say about it.
    pub verdicts: Vec<Verdict>,
}

impl Outcome {
    /// How the run ended.
    pub fn ending(&self) -> Ending {
        Ending {
            stop: self.stop.clone(),
            epochs: self.epochs,
            steps: self.steps,
            best_epoch: self.best_epoch,
            bad_steps: self.bad_steps.clone(),
            verdicts: self.verdicts.clone(),
        }
    }

    /// The outcome, unless training diverged.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn converged(self) -> Result<Outcome> {
        if self.stop.is_failure() { Err(Error::Diverged(Box::new(self.stop))) } else { Ok(self) }
    }
}
