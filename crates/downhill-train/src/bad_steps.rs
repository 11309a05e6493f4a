//! What becomes of a step that went wrong.

use crate::diagnosis::NotFinite;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run does about a bad step.
///
/// A step is bad if its loss or its gradient is not finite. That is all that [`BadSteps::Stop`] looks at during an
/// epoch; after each epoch it looks whether the parameters are finite and the mean of the loss stays below the limit of
/// divergence, a thousand times the loss of the untrained network, or a thousand if that is more. The two others look
/// at these after each step too, which costs a pass over the parameters.
///
/// What is done depends on the numbers alone, so it is the same in every run with the same seed.
///
/// ```
/// use downhill_train::{BadSteps, TrainConfig};
/// let config = TrainConfig::from_toml("bad_steps.skip.up_to = 3")?;
/// assert_eq!(config.bad_steps, BadSteps::Skip { up_to: 3 });
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BadSteps {
    /// The first bad step ends the run, with [`StopReason::Diverged`](crate::StopReason::Diverged).
    #[default]
    Stop,
    /// A bad step is left out: parameters, state and optimizer stay as they were before it, and the next batch comes.
    /// For single bad batches. The parameters and the memory of the optimizer are copied before each step.
    Skip {
        /// The most bad steps of the whole run; one more ends it.
        up_to: u64,
    },
    /// The epoch is begun again from what parameters, state and optimizer were at its beginning, in the same order of
    /// examples, with a lower learning rate from there on. For rates that are too high; where the data of a batch is
    /// bad itself, it happens again.
    RollBack {
        /// By what the learning rate is multiplied each time, above 0 and below 1.
        #[serde(default = "half")]
        factor: f64,
        /// How often at most; one more bad step ends the run.
        up_to: u64,
    },
}

fn half() -> f64 {
    0.5
}

/// What is wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The loss is not finite.
    Loss,
    /// The gradient is not finite.
    Gradient,
    /// A parameter or a running statistic is not finite after the step.
    Parameters,
    /// The loss is above the limit of divergence.
    TooHigh {
        /// The limit.
        limit: f64,
    },
}

/// What was done about a bad step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// The run ended.
    Stopped,
    /// The step was left out.
    Skipped,
    /// The epoch was begun again.
    RolledBack {
        /// The number of steps that had been made before it.
        to_step: u64,
        /// By what the learning rate is multiplied from there on.
        rate_factor: f64,
    },
}

/// A bad step, and what was done about it. `Display` says it in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BadStep {
    /// The number of its epoch, from 1.
    pub epoch: u64,
    /// Its number, from 1.
    pub step: u64,
    /// Its loss; `None` if it is not finite.
    pub loss: Option<f64>,
    /// What is wrong with it.
    pub fault: Fault,
    /// What was done.
    pub answer: Answer,
    /// The first value that was not finite: looked for at the first bad step of a run, and at the one that ends it.
    pub cause: Option<NotFinite>,
}

impl fmt::Display for BadStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: ", self.step)?;
        match self.fault {
            Fault::Loss => write!(f, "the loss is not a finite number")?,
            Fault::Gradient => write!(f, "the gradient is not finite")?,
            Fault::Parameters => write!(f, "the parameters are not finite after it")?,
            Fault::TooHigh { limit } => {
                write!(f, "the loss of {:.3e} is above {limit:.3e}", self.loss.unwrap_or(f64::INFINITY))?;
            }
        }
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        match self.answer {
            Answer::Stopped => write!(f, "; the run ends"),
            Answer::Skipped => write!(f, "; it was left out"),
            Answer::RolledBack { to_step, rate_factor } => write!(
                f,
                "; back to step {to_step}, with the learning rate at {rate_factor} times what it would be"
            ),
        }
    }
}
