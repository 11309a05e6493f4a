//! How the learning rate changes: pure functions from the number of steps already made to a factor.
//!
//! Steps are updates of the parameters, not epochs; for a schedule by epochs give `steps per epoch` times as
//! many, or ask for the factor of the epoch. A schedule has no state: the factor of any step can be asked
//! for at any time, so resuming needs nothing but the number of the step. The one exception is [`Plateau`],
//! which looks at a metric and is a value to be saved.

mod cosine;
mod cosine_restarts;
mod cyclic;
mod exponential;
mod function;
mod inverse_square_root;
mod inverse_time;
mod linear;
mod multi_step;
mod one_cycle;
mod plateau;
mod polynomial;
mod sequence;
mod step;
mod warm_up;

pub use cosine::CosineAnnealing;
pub use cosine_restarts::CosineRestarts;
pub use cyclic::{Cyclic, CyclicMode};
pub use exponential::ExponentialDecay;
pub use function::ScheduleFunction;
pub use inverse_square_root::InverseSquareRoot;
pub use inverse_time::InverseTimeDecay;
pub use linear::LinearChange;
pub use multi_step::MultiStepDecay;
pub use one_cycle::{Anneal, OneCycle};
pub use plateau::{Plateau, ReduceOnPlateau, Threshold};
pub use polynomial::PolynomialDecay;
pub use sequence::Sequence;
pub use step::StepDecay;
pub use warm_up::WarmUp;

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The list of schedules: adding one is a file beside this one and a row in it.
macro_rules! schedules {
    ($($variant:ident($schedule:ident) = $name:literal,)*) => {
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
        #[non_exhaustive]
        pub enum Schedule {
            /// Always 1.
            #[default]
            #[serde(rename = "constant")]
            Constant,
            $(
                #[doc = concat!("See [`", stringify!($schedule), "`].")]
                #[serde(rename = $name)]
                $variant($schedule),
            )*
            /// See [`ScheduleFunction`]. It cannot be written to a file.
            #[serde(skip)]
            Function(ScheduleFunction),
        }

        impl Schedule {
            /// The names of the schedules, as in files.
            pub const NAMES: &[&str] = &["constant", $($name,)* "function"];

            /// The name, as in files.
            pub fn name(&self) -> &'static str {
                match self {
                    Schedule::Constant => "constant",
                    $(Schedule::$variant(_) => $name,)*
                    Schedule::Function(_) => "function",
                }
            }

            /// The factor by which the learning rate is multiplied after `step` steps: 0 for the first one.
            ///
            /// A schedule that does not [`validate`](Self::validate) may give factors that are not finite,
            /// which [`Optimizer::step_scaled`](crate::Optimizer::step_scaled) refuses.
            pub fn factor(&self, step: u64) -> f64 {
                match self {
                    Schedule::Constant => 1.0,
                    $(Schedule::$variant(schedule) => schedule.factor(step),)*
                    Schedule::Function(function) => function.factor(step),
                }
            }

            /// Refuses options outside their domain.
            ///
            /// # Errors
            /// [`Error::InvalidValue`](crate::Error::InvalidValue), which names schedule, field, domain and
            /// value, or [`Error::Conflict`](crate::Error::Conflict).
            pub fn validate(&self) -> Result<()> {
                match self {
                    Schedule::Constant | Schedule::Function(_) => Ok(()),
                    $(Schedule::$variant(schedule) => schedule.validate(),)*
                }
            }
        }
    };
}

schedules! {
    Step(StepDecay) = "step",
    MultiStep(MultiStepDecay) = "multi_step",
    Exponential(ExponentialDecay) = "exponential",
    Polynomial(PolynomialDecay) = "polynomial",
    Linear(LinearChange) = "linear",
    Cosine(CosineAnnealing) = "cosine",
    CosineRestarts(CosineRestarts) = "cosine_restarts",
    WarmUp(WarmUp) = "warm_up",
    OneCycle(OneCycle) = "one_cycle",
    Cyclic(Cyclic) = "cyclic",
    InverseTime(InverseTimeDecay) = "inverse_time",
    InverseSquareRoot(InverseSquareRoot) = "inverse_square_root",
    Sequence(Sequence) = "sequence",
}

/// Refuses steps that are not in ascending order.
fn check_milestones(owner: &'static str, milestones: &[u64]) -> Result<()> {
    match milestones.windows(2).find(|pair| pair[0] > pair[1]) {
        Some(pair) => Error::check(false, owner, "milestones", "in ascending order", pair[1] as f64),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedules() -> impl Strategy<Value = Schedule> {
        let gamma = || 1e-3..=1.0;
        let part = || 0.0..=1.0;
        let mode = prop_oneof![
            Just(CyclicMode::Triangular),
            Just(CyclicMode::Triangular2),
            gamma().prop_map(CyclicMode::ExpRange),
        ];
        let leaf = prop_oneof![
            Just(Schedule::Constant),
            (prop::collection::vec(0u64..99, 0..4), gamma()).prop_map(|(mut milestones, gamma)| {
                milestones.sort_unstable();
                Schedule::MultiStep(MultiStepDecay { milestones, gamma })
            }),
            (1u64..90, 0.1..3.0, part()).prop_map(|(steps, power, end_factor)| {
                Schedule::Polynomial(PolynomialDecay { steps, power, end_factor })
            }),
            (1u64..90, part(), part()).prop_map(|(steps, start_factor, end_factor)| {
                Schedule::Linear(LinearChange { steps, start_factor, end_factor })
            }),
            (1u64..50, 1u64..4, part()).prop_map(|(period, growth, minimum_factor)| {
                Schedule::CosineRestarts(CosineRestarts { period, growth, minimum_factor })
            }),
            (1u64..90, 0.0..=0.5, any::<[bool; 2]>()).prop_map(|(steps, rise, [linear, three_phases])| {
                let anneal = if linear { Anneal::Linear } else { Anneal::Cosine };
                Schedule::OneCycle(OneCycle { rise, anneal, three_phases, ..OneCycle::over(steps) })
            }),
            (1u64..30, prop::option::of(1u64..30), part(), mode).prop_map(
                |(rise, fall, minimum_factor, mode)| {
                    Schedule::Cyclic(Cyclic { fall, minimum_factor, mode, ..Cyclic::every(rise) })
                }
            ),
            (1u64..50, 0.0..3.0, any::<bool>()).prop_map(|(period, rate, staircase)| {
                Schedule::InverseTime(InverseTimeDecay { period, rate, staircase })
            }),
            (1u64..50).prop_map(|warm_up| Schedule::InverseSquareRoot(InverseSquareRoot { warm_up })),
            (1u64..50, gamma()).prop_map(|(period, gamma)| Schedule::Step(StepDecay { period, gamma })),
            gamma().prop_map(|gamma| Schedule::Exponential(ExponentialDecay { gamma })),
            (1u64..90, 0.0..=1.0, any::<bool>()).prop_map(|(steps, minimum_factor, hold_minimum)| {
                Schedule::Cosine(CosineAnnealing { steps, minimum_factor, hold_minimum })
            }),
        ];
        leaf.prop_recursive(2, 4, 2, |then| {
            let warm_up = (0u64..40, 0.0..=1.0, then.clone()).prop_map(|(steps, start_factor, then)| {
                Schedule::WarmUp(WarmUp { start_factor, ..WarmUp::over(steps, then) })
            });
            let sequence = (then.clone(), then, 0u64..60).prop_map(|(first, second, at)| {
                Schedule::Sequence(Sequence { schedules: vec![first, second], milestones: vec![at] })
            });
            prop_oneof![warm_up, sequence]
        })
    }

    proptest! {
        #[test]
        fn valid_schedules_stay_between_0_and_1(schedule in schedules(), step in any::<u64>()) {
            schedule.validate().unwrap();
            for step in (0..200).chain([step]) {
                // Interpolation may round to the next number above 1.
                let factor = schedule.factor(step);
                prop_assert!((0.0..=1.0 + f64::EPSILON).contains(&factor), "step {}: {}", step, factor);
            }
        }

        #[test]
        fn every_schedule_survives_being_written(schedule in schedules()) {
            let text = serde_json::to_string(&schedule).unwrap();
            let read: Schedule = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.name(), schedule.name());
            for step in 0..100 {
                prop_assert!((read.factor(step) - schedule.factor(step)).abs() < 1e-14);
            }
            let name = format!("\"{}\"", schedule.name());
            prop_assert!(text.starts_with(&name) || text.starts_with(&format!("{{{name}")), "{}", text);
        }

        #[test]
        fn a_sequence_is_its_parts(first in schedules(), second in schedules(), at in 0u64..90) {
            let schedules = vec![first.clone(), second.clone()];
            let sequence = Schedule::Sequence(Sequence { schedules, milestones: vec![at] });
            for step in 0..120 {
                let expected = if step < at { first.factor(step) } else { second.factor(step - at) };
                prop_assert_eq!(sequence.factor(step), expected);
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
                Schedule::MultiStep(MultiStepDecay::at([5, 3])),
                "multi_step: milestones must be in ascending order, but is 3",
            ),
            (
                Schedule::Sequence(Sequence { schedules: vec![], milestones: vec![] }),
                "sequence: there must be one milestone less than schedules, the step at which each but the first begins",
            ),
            (
                Schedule::OneCycle(OneCycle { rise: 0.6, three_phases: true, ..OneCycle::over(9) }),
                "one_cycle: rise must be from 0 to 1 (1/2 with three phases), but is 0.6",
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
    fn a_function_equals_its_copies_and_cannot_be_written() {
        let schedule = Schedule::Function(ScheduleFunction::new(|_| 0.5));
        assert_eq!(schedule, schedule.clone());
        assert_ne!(schedule, Schedule::Function(ScheduleFunction::new(|_| 0.5)));
        assert!(serde_json::to_string(&schedule).is_err());
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
