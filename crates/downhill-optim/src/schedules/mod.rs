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
    use proptest::prelude::*;

    fn schedules() -> impl Strategy<Value = Schedule> {
        let gamma = || 1e-3..=1.0;
        let leaf = prop_oneof![
            Just(Schedule::Constant),
            (1u64..50, gamma()).prop_map(|(period, gamma)| Schedule::Step(StepDecay { period, gamma })),
            gamma().prop_map(|gamma| Schedule::Exponential(ExponentialDecay { gamma })),
            (1u64..90, 0.0..=1.0, any::<bool>()).prop_map(|(steps, minimum_factor, hold_minimum)| {
                Schedule::Cosine(CosineAnnealing { steps, minimum_factor, hold_minimum })
            }),
        ];
        leaf.prop_recursive(2, 4, 1, |then| {
            (0u64..40, 0.0..=1.0, then).prop_map(|(steps, start_factor, then)| {
                Schedule::WarmUp(WarmUp { start_factor, ..WarmUp::over(steps, then) })
            })
        })
    }

    proptest! {
        #[test]
        fn valid_schedules_stay_between_0_and_1(schedule in schedules(), step in any::<u64>()) {
            schedule.validate().unwrap();
            for step in (0..200).chain([step]) {
                prop_assert!((0.0..=1.0).contains(&schedule.factor(step)), "step {}", step);
            }
        }

        #[test]
        fn what_follows_a_warm_up_is_shifted_by_it(then in schedules(), steps in 1u64..50, at in 0u64..200) {
            let warm_up = Schedule::WarmUp(WarmUp { start_factor: 0.25, ..WarmUp::over(steps, then.clone()) });
            prop_assert_eq!(warm_up.factor(steps + at), then.factor(at));
            prop_assert_eq!(warm_up.factor(0), 0.25);
            let rise = warm_up.factor(steps - 1) - 0.25;
            prop_assert!((rise - 0.75 * (steps - 1) as f64 / steps as f64).abs() < 1e-15);
        }
    }

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
