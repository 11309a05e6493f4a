//! The training loop: epoch by epoch, step by step.

use crate::evaluator::Evaluator;
use crate::memory::optimizer_bytes;
use crate::predictions::count_right;
use crate::progress::Progress;
use crate::step::{Stepper, move_parameters};
use crate::{Callback, EpochRecord, Error, Event, Result, StepMemory, StopReason, TrainConfig, TrainingMean};
use downhill_data::{Batch, Loader, TargetKind};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Network};
use downhill_optim::{clip_adaptive, clip_global_norm, clip_value, global_norm};
use downhill_tensor::{Key, ParameterLayout};
use std::ops::ControlFlow;

/// The growth of the loss, from that of the untrained network or from 1 if that is larger, which counts as
/// divergence.
const DIVERGENCE: f64 = 1e3;

/// The least norm of parameters to which their gradient is compared, as in the paper on adaptive clipping.
const SMALLEST_PARAMETERS: f64 = 1e-3;

/// One run of [`Trainer::fit`](crate::Trainer::fit).
pub(crate) struct Run<'r, 'c> {
    pub config: &'r TrainConfig,
    pub callbacks: &'r mut Vec<Box<dyn Callback + 'c>>,
    pub engine: &'r Engine,
    pub layout: &'r ParameterLayout,
    pub stepper: Stepper,
    pub evaluator: Option<Evaluator<'r>>,
    pub progress: Progress,
    pub history: Vec<EpochRecord>,
}

/// What an epoch adds up.
#[derive(Default)]
struct Sums {
    examples: usize,
    loss: f64,
    right: usize,
    gradient_norm: f64,
    learning_rate: f64,
}

impl Run<'_, '_> {
    /// Tells the callbacks that it starts.
    pub fn begin(
        &mut self,
        network: &Network<AnyLayer>,
        loader: &Loader<'_, f32>,
        validation_examples: usize,
    ) -> ControlFlow<()> {
        let memory = self.memory();
        tell(
            self.callbacks,
            &Event::Started {
                examples: loader.dataset().len(),
                validation_examples,
                parameters: network.parameter_count(),
                steps_per_epoch: loader.steps() as u64,
                epochs: self.config.epochs,
                summary: network.summary(),
                memory,
                initial_parameters: &self.progress.parameters,
            },
        )
    }

    /// What a step holds of memory.
    fn memory(&self) -> StepMemory {
        let Progress { parameters, state, optimizer, .. } = &self.progress;
        let memory = StepMemory {
            parameters: size_of_val(&parameters[..]) + size_of_val(&state[..]),
            optimizer: optimizer_bytes(optimizer.state()),
            ..StepMemory::default()
        };
        self.stepper.add_to(memory)
    }

    /// Makes all epochs, unless something ends the run before.
    pub fn epochs(&mut self, loader: &mut Loader<'_, f32>) -> Result<StopReason> {
        let mut batch = loader.batch();
        for epoch in 1..=self.config.epochs {
            if let ControlFlow::Break(stop) = self.epoch(epoch, loader, &mut batch)? {
                return Ok(stop);
            }
        }
        Ok(StopReason::Completed { epochs: self.config.epochs })
    }

    fn epoch(
        &mut self,
        epoch: u64,
        loader: &mut Loader<'_, f32>,
        batch: &mut Batch<f32>,
    ) -> Result<ControlFlow<StopReason>> {
        loader.begin(epoch - 1);
        let mut sums = Sums::default();
        if let ControlFlow::Break(stop) = self.steps(epoch, loader, batch, &mut sums)? {
            return Ok(ControlFlow::Break(stop));
        }
        let loss = sums.loss / sums.examples as f64;
        let diverged = |loss: f64, step| {
            let loss = Some(loss).filter(|loss| loss.is_finite());
            Ok(ControlFlow::Break(StopReason::Diverged { step, loss }))
        };
        let limit = DIVERGENCE * self.progress.first_loss.unwrap_or(1.0).max(1.0);
        if loss > limit {
            return diverged(loss, self.progress.step);
        }
        if !self.progress.is_finite() {
            return diverged(f64::NAN, self.progress.step);
        }
        let Progress { average, parameters, .. } = &mut self.progress;
        if let Some(average) = average {
            average.after_epoch(epoch, parameters)?;
        }
        let judged = self.progress.judged()?.into_owned();
        if !judged.iter().all(|x| x.is_finite()) {
            return diverged(f64::NAN, self.progress.step);
        }
        let validation = match &mut self.evaluator {
            Some(evaluator) => Some(evaluator.evaluate(&judged, &self.progress.state, None)?),
            None => None,
        };
        let classes = matches!(loader.dataset().target_kind(), TargetKind::Classes { .. });
        let record = EpochRecord {
            epoch,
            step: self.progress.step,
            train: TrainingMean { loss, accuracy: classes.then(|| sums.right as f64 / sums.examples as f64) },
            validation,
            learning_rate: sums.learning_rate,
            gradient_norm: sums.gradient_norm / loader.steps() as f64,
        };
        if !record.monitored_loss().is_finite() {
            return diverged(record.monitored_loss(), self.progress.step);
        }
        let early_stopping = self.config.early_stopping;
        self.progress.complete(&record, &judged, self.config.restore_best, early_stopping);
        let answer = tell(self.callbacks, &Event::Epoch(&record));
        self.history.push(record);
        if answer.is_break() {
            return Ok(ControlFlow::Break(StopReason::Interrupted { step: self.progress.step }));
        }
        match early_stopping {
            Some(stopping) if self.progress.stalled_epochs() >= stopping.patience => {
                let best_epoch = self.progress.best.map_or(epoch, |(best, _)| best);
                Ok(ControlFlow::Break(StopReason::EarlyStopped { best_epoch, patience: stopping.patience }))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    /// The steps of an epoch. Where a core is free, the next batch is filled there while a step is made; the
    /// batches are the same.
    fn steps(
        &mut self,
        epoch: u64,
        loader: &Loader<'_, f32>,
        batch: &mut Batch<f32>,
        sums: &mut Sums,
    ) -> Result<ControlFlow<StopReason>> {
        let failed = Error::data("the training data");
        if pays_to_fill_ahead(loader, self.config.threads) {
            let outcome = loader
                .prefetch(0..loader.steps(), |_, batch| match self.step(epoch, batch, sums) {
                    Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
                    Ok(ControlFlow::Break(stop)) => ControlFlow::Break(Ok(stop)),
                    Err(error) => ControlFlow::Break(Err(error)),
                })
                .map_err(failed)?;
            return match outcome {
                None => Ok(ControlFlow::Continue(())),
                Some(stop) => stop.map(ControlFlow::Break),
            };
        }
        for position in 0..loader.steps() {
            loader.fill(position, batch).map_err(&failed)?;
            if let ControlFlow::Break(stop) = self.step(epoch, batch, sums)? {
                return Ok(ControlFlow::Break(stop));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One step. Allocates nothing.
    fn step(&mut self, epoch: u64, batch: &Batch<f32>, sums: &mut Sums) -> Result<ControlFlow<StopReason>> {
        let Run { config, stepper, progress, .. } = self;
        let key = Key::new(config.seed).named("dropout").fold(progress.step);
        let loss = f64::from(stepper.run(&progress.parameters, &progress.state, batch, key)?);
        let step = progress.step + 1;
        let diverged = |loss: f64| {
            let loss = Some(loss).filter(|loss| loss.is_finite());
            Ok(ControlFlow::Break(StopReason::Diverged { step, loss }))
        };
        if !loss.is_finite() {
            return diverged(loss);
        }
        let gradient = &mut stepper.gradient[..];
        progress.optimizer.zero_frozen(gradient)?;
        if let Some(part) = config.clip_adaptive {
            clip_adaptive(gradient, &progress.parameters, self.layout, part, SMALLEST_PARAMETERS)?;
        }
        if let Some(limit) = config.clip_value {
            clip_value(gradient, limit)?;
        }
        let gradient_norm = match config.clip_norm {
            Some(limit) => match clip_global_norm(gradient, limit) {
                Err(downhill_optim::Error::NonFiniteNorm { norm, .. }) => norm,
                norm => norm?,
            },
            None => global_norm(gradient),
        };
        if !gradient_norm.is_finite() {
            return diverged(f64::NAN);
        }
        let factor = config.schedule.factor(progress.step) * progress.factor();
        let learning_rate = progress.optimizer.learning_rate() * factor;
        move_parameters(self.engine, &mut progress.optimizer, &mut progress.parameters, gradient, factor)?;
        stepper.advance(&mut progress.state);
        if let Some(average) = &mut progress.average {
            average.after_step(epoch, &progress.parameters)?;
        }
        progress.step = step;
        progress.first_loss.get_or_insert(loss);
        sums.examples += batch.len;
        sums.loss += loss * batch.len as f64;
        sums.right += count_right(stepper.output(batch.len), stepper.outputs(), batch.labels());
        sums.gradient_norm += gradient_norm;
        sums.learning_rate = learning_rate;
        let parameters = &progress.parameters[..];
        let made = Event::Step { epoch, step, loss, gradient_norm, learning_rate, parameters };
        match tell(self.callbacks, &made) {
            ControlFlow::Continue(()) => Ok(ControlFlow::Continue(())),
            ControlFlow::Break(()) => Ok(ControlFlow::Break(StopReason::Interrupted { step })),
        }
    }
}

/// The numbers in a batch below which handing it over takes as long as filling it.
const WORTH_HANDING_OVER: usize = 64 * 1024;

/// Whether to fill batches on a thread of their own: where a core is free. On one that computes already, filling
/// would only change its place, and handing over would be added.
fn pays_to_fill_ahead(loader: &Loader<'_, f32>, threads: usize) -> bool {
    let numbers = loader.batch_size() * loader.dataset().input_shape().size();
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
    numbers >= WORTH_HANDING_OVER && loader.steps() > 1 && cores() > threads
}

/// Tells an event to all callbacks, also if one of them asks to stop.
fn tell(callbacks: &mut [Box<dyn Callback + '_>], event: &Event<'_>) -> ControlFlow<()> {
    let mut answer = ControlFlow::Continue(());
    for callback in callbacks {
        if callback.on_event(event).is_break() {
            answer = ControlFlow::Break(());
        }
    }
    answer
}
