//! What a run tells while it runs, and how it is stopped.

use crate::diagnosis::Verdict;
use crate::{BadStep, EpochRecord, StepMemory, StopReason};
use downhill_nn::Summary;
use std::ops::ControlFlow;

/// Something that happened in a run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// All is prepared, and nothing computed yet.
    #[non_exhaustive]
    Started {
        /// The number of training examples.
        examples: usize,
        /// The number of validation examples; 0 without validation data.
        validation_examples: usize,
        /// The number of parameters.
        parameters: usize,
        /// The number of steps of each epoch.
        steps_per_epoch: u64,
        /// The number of epochs, if nothing stops the run before.
        epochs: u64,
        /// The table of the network's layers.
        summary: &'a Summary,
        /// What a step holds of memory.
        memory: StepMemory,
        /// θ before the first step.
        initial_parameters: &'a [f32],
    },
    /// A step was made.
    #[non_exhaustive]
    Step {
        /// The number of the epoch, from 1.
        epoch: u64,
        /// The number of the step since the beginning of the run, from 1.
        step: u64,
        /// The mean loss of the batch, before the step.
        loss: f64,
        /// The norm of the gradient, before any clipping by norm.
        gradient_norm: f64,
        /// The learning rate of the step.
        learning_rate: f64,
        /// θ after the step.
        parameters: &'a [f32],
    },
    /// A step went wrong. For one that was made good there is no other event.
    BadStep(&'a BadStep),
    /// An epoch was completed.
    Epoch(&'a EpochRecord),
    /// What the numbers of the run say about it, just before its end. What a callback answers has no effect.
    Diagnosed(&'a [Verdict]),
    /// The run is over. What a callback answers to this has no effect.
    #[non_exhaustive]
    Finished {
        /// Why.
        stop: &'a StopReason,
        /// The epoch with the smallest monitored loss.
        best_epoch: Option<u64>,
    },
}

/// Sees every event of a run, and can end it with [`ControlFlow::Break`]: the run then stops before the next
/// step, with [`StopReason::Interrupted`].
///
/// ```
/// use downhill_train::{Callback, Event};
/// use std::ops::ControlFlow;
///
/// /// Stops as soon as the training loss is good enough.
/// struct GoodEnough(f64);
///
/// impl Callback for GoodEnough {
///     fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
///         match event {
///             Event::Epoch(record) if record.train.loss < self.0 => ControlFlow::Break(()),
///             _ => ControlFlow::Continue(()),
///         }
///     }
/// }
/// ```
pub trait Callback {
    /// Takes notice of an event.
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()>;
}

impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        (**self).on_event(event)
    }
}

impl<C: Callback + ?Sized> Callback for Box<C> {
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        (**self).on_event(event)
    }
}

/// A closure as a callback.
pub(crate) struct Closure<F>(pub F);

impl<F: FnMut(&Event<'_>) -> ControlFlow<()>> Callback for Closure<F> {
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        (self.0)(event)
    }
}

/// A callback that keeps the loss and the gradient's norm of every step, and every epoch's record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The loss of each step's batch.
    pub losses: Vec<f64>,
    /// The norm of each step's gradient.
    pub gradient_norms: Vec<f64>,
    /// The epochs.
    pub epochs: Vec<EpochRecord>,
}

impl Callback for History {
    fn on_event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        match *event {
            Event::Step { loss, gradient_norm, .. } => {
                self.losses.push(loss);
                self.gradient_norms.push(gradient_norm);
            }
            Event::Epoch(record) => self.epochs.push(record.clone()),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
