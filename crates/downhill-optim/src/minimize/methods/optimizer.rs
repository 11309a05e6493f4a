//! Any optimizer of this crate, as a method.

use super::Solve;
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::walk::{Moved, Walk};
use crate::minimize::{Objective, StopReason};
use crate::{Optimize, OptimizerConfig, Schedule};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// An optimizer and the schedule of its learning rate. It takes each step as it comes: the value may rise. Of optimizers
/// that keep an average beside the parameters, the parameters count and not the average.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduledOptimizer {
    /// The optimizer; default gradient descent.
    pub optimizer: OptimizerConfig,
    /// The schedule; default constant.
    pub schedule: Schedule,
}

/// An optimizer followed along its schedule.
pub(crate) struct Following<'a, T: Float> {
    pub optimizer: &'a mut dyn Optimize<T>,
    pub schedule: &'a Schedule,
}

impl<T: Float> Solve<T> for Following<'_, T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        let factor = self.schedule.factor(walk.iteration);
        walk.other.copy_from_slice(&walk.x);
        self.optimizer.step_scaled(&mut walk.other, &walk.gradient, factor).map_err(Halt::Method)?;
        let found = evaluator.value_and_gradient(&walk.other, &mut walk.other_gradient)?;
        if !found.is_finite() {
            return Err(Halt::Stop(StopReason::NotFinite {
                iteration: walk.iteration + 1,
                value: found.value,
                gradient: found.max_gradient,
            }));
        }
        walk.accept(found);
        Ok(Moved { step: self.optimizer.learning_rate() * factor, slope: f64::NAN, satisfied: true })
    }

    fn may_rise(&self) -> bool {
        true
    }
}
