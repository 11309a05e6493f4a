//! A schedule of one's own.

use std::fmt;
use std::sync::Arc;

/// Any function from the number of steps made to a factor of the learning rate.
///
/// It cannot be written to a file, and equals only its own copies.
///
/// ```
/// use downhill_optim::{Schedule, ScheduleFunction};
/// let schedule = Schedule::Function(ScheduleFunction::new(|step| if step % 2 == 0 { 1.0 } else { 0.1 }));
/// assert_eq!([0, 1, 2].map(|step| schedule.factor(step)), [1.0, 0.1, 1.0]);
/// ```
#[derive(Clone)]
pub struct ScheduleFunction(Arc<dyn Fn(u64) -> f64 + Send + Sync>);

impl ScheduleFunction {
    /// The schedule that this function is. Its factors must be finite and at least 0: the optimizer refuses
    /// others.
    pub fn new(function: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        ScheduleFunction(Arc::new(function))
    }

    /// See [`Schedule::factor`](crate::Schedule::factor).
    pub fn factor(&self, step: u64) -> f64 {
        (self.0)(step)
    }
}

impl fmt::Debug for ScheduleFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScheduleFunction(..)")
    }
}

impl PartialEq for ScheduleFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
