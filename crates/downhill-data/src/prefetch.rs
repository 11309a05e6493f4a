//! Filling the next batch while the last one is in use.

use crate::{Batch, Loader, Result};
use downhill_tensor::Float;
use std::ops::{ControlFlow, Range};
use std::sync::mpsc::sync_channel;
use std::thread;

impl<T: Float> Loader<'_, T> {
    /// Visits the batches `steps` of this epoch in their order, while a thread beside the caller's fills the
    /// next one. The batches are the same, and come in the same order, as those of [`Loader::fill`]. Two
    /// batches are allocated at the beginning and used in turns; where no thread can be started, the caller's
    /// fills them.
    ///
    /// Returns what `visit` broke off with, if it did.
    ///
    /// # Errors
    /// What [`Loader::fill`] reports, after the batches before it were visited.
    ///
    /// ```
    /// use downhill_data::{BatchSize, Loader, LoaderOptions, embedded};
    /// use std::ops::ControlFlow;
    /// let iris = embedded::load("iris")?;
    /// let loader = Loader::<f32>::new(&iris, LoaderOptions::shuffled(BatchSize::Examples(50), 1))?;
    /// let mut seen = 0;
    /// loader.prefetch(0..loader.steps(), |_step, batch| {
    ///     seen += batch.len;
    ///     ControlFlow::<()>::Continue(())
    /// })?;
    /// assert_eq!(seen, 150);
    /// # Ok::<(), downhill_data::Error>(())
    /// ```
    pub fn prefetch<B>(
        &self,
        steps: Range<usize>,
        mut visit: impl FnMut(usize, &Batch<T>) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        thread::scope(|scope| {
            let (give_back, free) = sync_channel::<Batch<T>>(2);
            let (hand_over, filled) = sync_channel::<Result<Batch<T>>>(2);
            let worker_steps = steps.clone();
            let fill_all = move || {
                for step in worker_steps {
                    // Either end closes when the caller leaves: there is nobody left to fill for.
                    let Ok(mut batch) = free.recv() else { return };
                    let outcome = self.fill(step, &mut batch).map(|()| batch);
                    let failed = outcome.is_err();
                    if hand_over.send(outcome).is_err() || failed {
                        return;
                    }
                }
            };
            let started = thread::Builder::new().name("batches".into()).spawn_scoped(scope, fill_all);
            let mut own = match started {
                Ok(_) => {
                    // The channel has room for both, so neither waits.
                    let _ = give_back.send(self.batch());
                    let _ = give_back.send(self.batch());
                    None
                }
                Err(_) => Some(self.batch()),
            };
            for step in steps {
                let flow = if let Some(batch) = &mut own {
                    self.fill(step, batch)?;
                    visit(step, batch)
                } else {
                    // The thread hands over a batch or an error for every step, unless it panicked, which the
                    // scope passes on.
                    let Ok(outcome) = filled.recv() else { break };
                    let batch = outcome?;
                    let flow = visit(step, &batch);
                    let _ = give_back.send(batch);
                    flow
                };
                if let ControlFlow::Break(value) = flow {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        })
    }
}
