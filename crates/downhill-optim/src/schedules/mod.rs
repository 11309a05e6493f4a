//! How the learning rate changes: pure functions from the number of steps already made to a factor.
//!
//! Steps are updates of the parameters, not epochs; for a schedule by epochs give `steps per epoch` times as
//! many, or ask for the factor of the epoch. A schedule has no state: the factor of any step can be asked
//! for at any time, so resuming needs nothing but the number of the step.

mod cosine;
mod exponential;
mod step;
mod warm_up;

pub use cosine::CosineAnnealing;
pub use exponential::ExponentialDecay;
pub use step::StepDecay;
pub use warm_up::WarmUp;

use crate::Result;
use serde::{Deserialize, Serialize};

/// A schedule of the learning rate.
///
/// ```
/// use downhill_optim::{CosineAnnealing, Schedule, WarmUp};
/// // 100 steps up, 900 steps down.
/// let cosine = Schedule::Cosine(CosineAnnealing::over(900));
/// let schedule = Schedule::WarmUp(WarmUp { start_factor: 0.0, ..WarmUp::over(100, cosine) });
/// schedule.validate()?;
/// assert_eq!([0, 50, 100, 550].map(|step| schedule.factor(step)), [0.0, 0.5, 1.0, 0.5]);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// See [`StepDecay`].
    Step(StepDecay),
    /// See [`ExponentialDecay`].
    Exponential(ExponentialDecay),
    /// See [`CosineAnnealing`].
    Cosine(CosineAnnealing),
    /// See [`WarmUp`].
    WarmUp(WarmUp),
}

impl Schedule {
    /// The factor by which the learning rate is multiplied after `step` steps: 0 for the first one.
    ///
    /// A schedule that does not [`validate`](Self::validate) may give factors that are not finite, which
    /// [`Optimizer::step_scaled`](crate::Optimizer::step_scaled) refuses.
    pub fn factor(&self, step: u64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Step(schedule) => schedule.factor(step),
            Schedule::Exponential(schedule) => schedule.factor(step),
            Schedule::Cosine(schedule) => schedule.factor(step),
            Schedule::WarmUp(schedule) => schedule.factor(step),
        }
    }

    /// Refuses options outside their domain.
    ///
    /// # Errors
    /// [`Error::InvalidValue`](crate::Error::InvalidValue), which names schedule, field, domain and value.
    pub fn validate(&self) -> Result<()> {
        match self {
            Schedule::Constant => Ok(()),
            Schedule::Step(schedule) => schedule.validate(),
            Schedule::Exponential(schedule) => schedule.validate(),
            Schedule::Cosine(schedule) => schedule.validate(),
            Schedule::WarmUp(schedule) => schedule.validate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_domain_are_named() {
        let bad = [
            (Schedule::Step(StepDecay::every(0)), "step: period must be at least 1, but is 0"),
            (
                Schedule::Exponential(ExponentialDecay { gamma: -0.5 }),
                "exponential: gamma must be above 0 and at most 1, but is -0.5",
            ),
            (
                Schedule::Cosine(CosineAnnealing { minimum_factor: 2.0, ..CosineAnnealing::over(5) }),
                "cosine: minimum_factor must be from 0 to 1, but is 2",
            ),
            (
                Schedule::WarmUp(WarmUp::over(5, Schedule::Cosine(CosineAnnealing::over(0)))),
                "cosine: steps must be at least 1, but is 0",
            ),
        ];
        for (schedule, message) in bad {
            assert_eq!(schedule.validate().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn schedules_survive_being_written() {
        let schedule = Schedule::WarmUp(WarmUp::over(10, Schedule::Step(StepDecay::every(7))));
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
        let short: Schedule = serde_json::from_str(r#"{"cosine": {"steps": 9}}"#).unwrap();
        assert_eq!(short, Schedule::Cosine(CosineAnnealing::over(9)));
        assert_eq!(serde_json::from_str::<Schedule>("\"constant\"").unwrap(), Schedule::Constant);
        assert!(serde_json::from_str::<Schedule>(r#"{"cosine": {"steps": 9, "step": 1}}"#).is_err());
    }
}
