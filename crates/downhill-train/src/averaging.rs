//! Averages of the parameters in place of the last ones.

use downhill_optim::{AverageKind, ParameterAverage};
use serde::{Deserialize, Serialize};

/// Judges and keeps an average of the parameters instead of the last ones: an exponential moving average (EMA) of
/// the steps, or the equal mean of the ends of epochs (stochastic weight averaging, SWA).
///
/// The parameters themselves go their way as they would without it. A network that normalizes by batches keeps the
/// statistics that were gathered on that way, which the average does not quite have.
///
/// ```
/// use downhill_optim::AverageKind;
/// use downhill_train::{Averaging, TrainConfig};
/// let config = TrainConfig::from_toml("average.kind.exponential = 0.999")?;
/// assert_eq!(config.average, Some(Averaging { kind: AverageKind::Exponential(0.999), first_epoch: 1 }));
/// # Ok::<(), downhill_train::Error>(())
/// ```
///
/// # Source
/// See [`ParameterAverage`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Averaging {
    /// How the points of the way count. An exponential average takes in the parameters after each step, an equal one
    /// after each epoch.
    pub kind: AverageKind,
    /// The first epoch that counts, at least 1; default 1. Before it, the parameters themselves are judged. Equal
    /// averages are best begun late, when the loss has nearly settled.
    #[serde(default = "first")]
    pub first_epoch: u64,
}

fn first() -> u64 {
    1
}

/// The average of a run.
#[derive(Clone)]
pub(crate) struct RunningAverage {
    averaging: Averaging,
    average: ParameterAverage<f32>,
}

impl RunningAverage {
    /// # Errors
    /// A decay that is not from 0 to 1.
    pub fn new(averaging: Averaging) -> downhill_optim::Result<Self> {
        Ok(RunningAverage { averaging, average: ParameterAverage::new(averaging.kind)? })
    }

    /// Takes in the parameters after a step of this epoch.
    pub fn after_step(&mut self, epoch: u64, parameters: &[f32]) -> downhill_optim::Result<()> {
        let each_step = matches!(self.averaging.kind, AverageKind::Exponential(_));
        if each_step && epoch >= self.averaging.first_epoch {
            self.average.update(parameters)?;
        }
        Ok(())
    }

    /// Takes in the parameters at the end of this epoch.
    pub fn after_epoch(&mut self, epoch: u64, parameters: &[f32]) -> downhill_optim::Result<()> {
        if self.averaging.kind == AverageKind::Equal && epoch >= self.averaging.first_epoch {
            self.average.update(parameters)?;
        }
        Ok(())
    }

    /// The average; nothing before its first epoch.
    pub fn values(&self) -> Option<&[f32]> {
        (self.average.count() > 0).then(|| self.average.values())
    }
}
