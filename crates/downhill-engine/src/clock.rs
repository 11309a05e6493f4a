//! How long the loops of a plan take, measured while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time that each step of a plan has taken so far, of all threads together.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    nanoseconds: Vec<AtomicU64>,
}

impl Clock {
    /// For so many steps.
    pub fn new(steps: usize) -> Self {
        Clock { nanoseconds: (0..steps).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The time of a step.
    pub fn of(&self, step: usize) -> Duration {
        Duration::from_nanos(self.nanoseconds[step].load(Ordering::Relaxed))
    }

    /// Does the work of a step, and notes its time if there is a clock.
    #[inline(always)]
    pub fn time<R>(clock: Option<&Clock>, step: usize, work: impl FnOnce() -> R) -> R {
        match clock {
            None => work(),
            Some(clock) => clock.note(step, work),
        }
    }

    #[cold]
    fn note<R>(&self, step: usize, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.nanoseconds[step].fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }
}
