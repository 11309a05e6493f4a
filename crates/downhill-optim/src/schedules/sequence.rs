//! One schedule after the other.

use super::{Schedule, check_milestones};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Schedules one after the other, each from its own step 0 on.
///
/// ```text
/// factor(t) = schedules[k](t - milestones[k - 1])          k: the number of milestones that are at most t
/// ```
///
/// ```
/// use downhill_optim::{CosineAnnealing, Schedule, Sequence};
/// // The full rate for 100 steps, then down to 0 in 900.
/// let schedules = vec![Schedule::Constant, Schedule::Cosine(CosineAnnealing::over(900))];
/// let schedule = Schedule::Sequence(Sequence { schedules, milestones: vec![100] });
/// assert_eq!([0, 99, 100, 550, 1000].map(|step| schedule.factor(step)), [1.0, 1.0, 1.0, 0.5, 0.0]);
/// ```
///
/// # Source
/// PyTorch's `SequentialLR`; optax's `join_schedules`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The schedules; at least one.
    pub schedules: Vec<Schedule>,
    /// The steps at which the second one and those after it begin, in ascending order: one less than schedules.
    pub milestones: Vec<u64>,
}

impl Sequence {
    /// See [`Schedule::factor`].
    pub fn factor(&self, step: u64) -> f64 {
        let passed = self.milestones.partition_point(|&milestone| milestone <= step);
        let start = passed.checked_sub(1).map_or(0, |last| self.milestones[last]);
        self.schedules.get(passed).map_or(f64::NAN, |schedule| schedule.factor(step - start))
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.schedules.len() != self.milestones.len() + 1 {
            let reason = "there must be one milestone less than schedules, the step at which each but the first begins";
            return Err(Error::Conflict { owner: "sequence".into(), reason });
        }
        check_milestones("sequence", &self.milestones)?;
        self.schedules.iter().try_for_each(Schedule::validate)
    }
}
