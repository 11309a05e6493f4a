//! The training loop: epoch by epoch, step by step.

use crate::diagnosis::course::Course;
use crate::diagnosis::{NotFinite, Range};
use crate::evaluator::Evaluator;
use crate::memory::optimizer_bytes;
use crate::predictions::count_right;
use crate::progress::{Progress, Snapshot};
use crate::step::{Stepper, input_type, move_parameters, target_data, target_type};
use crate::{
    Answer, BadStep, BadSteps, Callback, EpochRecord, Error, Event, Fault, Result, StepMemory, StopReason,
    TrainConfig, TrainingMean,
};
use downhill_autograd::Data;
use downhill_data::{Batch, Loader, TargetKind, Targets};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Network};
use downhill_optim::{clip_adaptive, clip_global_norm, clip_value, global_norm};
use downhill_tensor::Key;
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
    pub network: &'r Network<AnyLayer>,
    pub stepper: Stepper,
    pub evaluator: Option<Evaluator<'r>>,
    pub progress: Progress,
    pub history: Vec<EpochRecord>,
    pub course: Course,
    pub bad_steps: Vec<BadStep>,
    /// Where the epoch began, if it may be begun again.
    pub beginning: Option<Snapshot>,
}

/// Why an epoch ends before its time.
enum End {
    /// The run is over.
    Stop(StopReason),
    /// It begins again.
    Again,
}

/// What an epoch adds up.
#[derive(Default)]
struct Sums {
    examples: usize,
    steps: usize,
    loss: f64,
    right: usize,
    gradient_norm: f64,
    learning_rate: f64,
}

impl Run<'_, '_> {
    /// Tells the callbacks that it starts.
    pub fn begin(&mut self, loader: &Loader<'_, f32>, validation_examples: usize) -> ControlFlow<()> {
        let memory = self.memory();
        tell(
            self.callbacks,
            &Event::Started {
                examples: loader.dataset().len(),
                validation_examples,
                parameters: self.network.parameter_count(),
                steps_per_epoch: loader.steps() as u64,
                epochs: self.config.epochs,
                summary: self.network.summary(),
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
        let mut epoch = 1;
        while epoch <= self.config.epochs {
            if matches!(self.config.bad_steps, BadSteps::RollBack { .. }) {
                self.beginning = Some(self.progress.snapshot());
            }
            match self.epoch(epoch, loader, &mut batch)? {
                ControlFlow::Continue(()) => epoch += 1,
                ControlFlow::Break(End::Again) => {}
                ControlFlow::Break(End::Stop(stop)) => return Ok(stop),
            }
        }
        Ok(StopReason::Completed { epochs: self.config.epochs })
    }

    fn epoch(
        &mut self,
        epoch: u64,
        loader: &mut Loader<'_, f32>,
        batch: &mut Batch<f32>,
    ) -> Result<ControlFlow<End>> {
        loader.begin(epoch - 1);
        let mut sums = Sums::default();
        if let ControlFlow::Break(end) = self.steps(epoch, loader, batch, &mut sums)? {
            return Ok(ControlFlow::Break(end));
        }
        let loss = sums.loss / sums.examples as f64;
        let limit = self.limit();
        if loss > limit {
            return self.bad_epoch(epoch, Fault::TooHigh { limit }, loss);
        }
        // If all steps were left out there is no loss.
        if !loss.is_finite() {
            return self.bad_epoch(epoch, Fault::Loss, loss);
        }
        if !self.progress.is_finite() {
            return self.bad_epoch(epoch, Fault::Parameters, f64::NAN);
        }
        let Progress { average, parameters, .. } = &mut self.progress;
        if let Some(average) = average {
            average.after_epoch(epoch, parameters)?;
        }
        let judged = self.progress.judged()?.into_owned();
        if !judged.iter().all(|x| x.is_finite()) {
            return self.bad_epoch(epoch, Fault::Parameters, f64::NAN);
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
            gradient_norm: sums.gradient_norm / sums.steps as f64,
        };
        if !record.monitored_loss().is_finite() {
            return self.bad_epoch(epoch, Fault::Loss, record.monitored_loss());
        }
        let early_stopping = self.config.early_stopping;
        self.progress.complete(&record, &judged, self.config.restore_best, early_stopping);
        let answer = tell(self.callbacks, &Event::Epoch(&record));
        self.history.push(record);
        if answer.is_break() {
            return Ok(interrupted(self.progress.step));
        }
        match early_stopping {
            Some(stopping) if self.progress.stalled_epochs() >= stopping.patience => {
                let best_epoch = self.progress.best.map_or(epoch, |(best, _)| best);
                let stop = StopReason::EarlyStopped { best_epoch, patience: stopping.patience };
                Ok(ControlFlow::Break(End::Stop(stop)))
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
    ) -> Result<ControlFlow<End>> {
        let failed = Error::data("the training data");
        if pays_to_fill_ahead(loader, self.config.threads) {
            let outcome = loader
                .prefetch(0..loader.steps(), |_, batch| match self.step(epoch, batch, sums) {
                    Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
                    Ok(ControlFlow::Break(end)) => ControlFlow::Break(Ok(end)),
                    Err(error) => ControlFlow::Break(Err(error)),
                })
                .map_err(failed)?;
            return match outcome {
                None => Ok(ControlFlow::Continue(())),
                Some(end) => end.map(ControlFlow::Break),
            };
        }
        for position in 0..loader.steps() {
            loader.fill(position, batch).map_err(&failed)?;
            if let ControlFlow::Break(end) = self.step(epoch, batch, sums)? {
                return Ok(ControlFlow::Break(end));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One step. Allocates nothing, unless bad ones are to be left out.
    fn step(&mut self, epoch: u64, batch: &Batch<f32>, sums: &mut Sums) -> Result<ControlFlow<End>> {
        let limit = self.limit();
        let Run { config, stepper, progress, course, .. } = self;
        let key = step_key(config.seed, progress.step);
        let loss = f64::from(stepper.run(&progress.parameters, &progress.state, batch, key)?);
        if !loss.is_finite() {
            return self.bad_step(epoch, Fault::Loss, loss, batch);
        }
        let careful = config.bad_steps != BadSteps::Stop;
        if careful && !stepper.is_next_state_finite() {
            return self.bad_step(epoch, Fault::Parameters, loss, batch);
        }
        let gradient = &mut stepper.gradient[..];
        progress.optimizer.zero_frozen(gradient)?;
        if let Some(part) = config.clip_adaptive {
            let layout = self.network.layout();
            clip_adaptive(gradient, &progress.parameters, layout, part, SMALLEST_PARAMETERS)?;
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
            return self.bad_step(epoch, Fault::Gradient, loss, batch);
        }
        if careful && loss > limit {
            return self.bad_step(epoch, Fault::TooHigh { limit }, loss, batch);
        }
        let before = matches!(config.bad_steps, BadSteps::Skip { .. }).then(|| progress.snapshot());
        course.before_step(loss, gradient_norm, &progress.parameters);
        let factor = config.schedule.factor(progress.step) * progress.factor();
        let learning_rate = progress.optimizer.learning_rate() * factor;
        move_parameters(self.engine, &mut progress.optimizer, &mut progress.parameters, gradient, factor)?;
        if careful && !progress.parameters.iter().all(|x| x.is_finite()) {
            let cause = self.not_finite_parameter();
            if let Some(before) = before {
                self.progress.restore(&before);
            }
            return self.bad(epoch, self.progress.step + 1, Fault::Parameters, loss, true, cause);
        }
        course.after_step(self.network.layout(), &progress.parameters, gradient);
        stepper.advance(&mut progress.state);
        if let Some(average) = &mut progress.average {
            average.after_step(epoch, &progress.parameters)?;
        }
        let step = progress.step + 1;
        progress.step = step;
        progress.first_loss.get_or_insert(loss);
        sums.examples += batch.len;
        sums.loss += loss * batch.len as f64;
        sums.right += count_right(stepper.output(batch.len), stepper.outputs(), batch.labels());
        sums.gradient_norm += gradient_norm;
        sums.steps += 1;
        sums.learning_rate = learning_rate;
        let parameters = &progress.parameters[..];
        let made = Event::Step { epoch, step, loss, gradient_norm, learning_rate, parameters };
        match tell(self.callbacks, &made) {
            ControlFlow::Continue(()) => Ok(ControlFlow::Continue(())),
            ControlFlow::Break(()) => Ok(interrupted(step)),
        }
    }

    /// The loss above which it counts as diverged.
    fn limit(&self) -> f64 {
        DIVERGENCE * self.progress.first_loss.unwrap_or(1.0).max(1.0)
    }

    /// What becomes of an epoch that ended badly.
    fn bad_epoch(&mut self, epoch: u64, fault: Fault, loss: f64) -> Result<ControlFlow<End>> {
        let cause = match fault {
            Fault::Parameters => self.not_finite_parameter(),
            _ => None,
        };
        self.bad(epoch, self.progress.step, fault, loss, false, cause)
    }

    /// What becomes of a step whose batch was bad; nothing has moved.
    fn bad_step(
        &mut self,
        epoch: u64,
        fault: Fault,
        loss: f64,
        batch: &Batch<f32>,
    ) -> Result<ControlFlow<End>> {
        let wanted = self.bad_steps.is_empty() || self.is_used_up();
        let cause = match fault {
            Fault::TooHigh { .. } => None,
            _ if wanted => self.first_not_finite(batch),
            _ => None,
        };
        self.bad(epoch, self.progress.step + 1, fault, loss, true, cause)
    }

    /// Whether nothing may be made good any more.
    fn is_used_up(&self) -> bool {
        match self.config.bad_steps {
            BadSteps::Stop => true,
            BadSteps::Skip { up_to } | BadSteps::RollBack { up_to, .. } => {
                self.bad_steps.len() as u64 >= up_to
            }
        }
    }

    /// Ends the run, leaves the step out if it can be, or goes back.
    fn bad(
        &mut self,
        epoch: u64,
        step: u64,
        fault: Fault,
        loss: f64,
        can_be_left_out: bool,
        cause: Option<NotFinite>,
    ) -> Result<ControlFlow<End>> {
        let loss = Some(loss).filter(|loss| loss.is_finite());
        let answer = match (self.config.bad_steps, &self.beginning) {
            _ if self.is_used_up() => Answer::Stopped,
            (BadSteps::Skip { .. }, _) if can_be_left_out => Answer::Skipped,
            (BadSteps::RollBack { factor, .. }, Some(beginning)) => Answer::RolledBack {
                to_step: beginning.step,
                rate_factor: factor * self.progress.rate_factor,
            },
            _ => Answer::Stopped,
        };
        let end = match (answer, &self.beginning) {
            (Answer::Skipped, _) => {
                self.progress.step = step;
                ControlFlow::Continue(())
            }
            (Answer::RolledBack { rate_factor, .. }, Some(beginning)) => {
                self.progress.restore(beginning);
                self.progress.rate_factor = rate_factor;
                ControlFlow::Break(End::Again)
            }
            _ => {
                let cause = cause.clone().map(Box::new);
                ControlFlow::Break(End::Stop(StopReason::Diverged { step, loss, cause }))
            }
        };
        let bad = BadStep { epoch, step, loss, fault, answer, cause };
        let told = tell(self.callbacks, &Event::BadStep(&bad));
        self.bad_steps.push(bad);
        if told.is_break() && !matches!(end, ControlFlow::Break(End::Stop(_))) {
            return Ok(interrupted(self.progress.step));
        }
        Ok(end)
    }

    /// The first value of a step on this batch that is not finite. The step is carried out again, operation by
    /// operation; what cannot be found out is no reason for another error.
    fn first_not_finite(&self, batch: &Batch<f32>) -> Option<NotFinite> {
        let Progress { parameters, state, step, .. } = &self.progress;
        let target = match &batch.targets {
            Targets::Values { width, .. } => TargetKind::Values { width: *width },
            _ => TargetKind::Classes { count: 0 },
        };
        let input = input_type(batch.len, batch.input_shape).ok()?;
        let target = target_type(batch.len, target);
        let program = self.network.training_program(input, target, &self.config.loss).ok()?;
        let inputs =
            [Data::Float(parameters), Data::Float(state), Data::Float(&batch.inputs), target_data(batch)];
        let found = NotFinite::find(&program, &inputs, step_key(self.config.seed, *step)).ok()?;
        Some(found.unwrap_or(NotFinite::NotReproduced))
    }

    /// The first parameter, or state, that is not finite.
    fn not_finite_parameter(&self) -> Option<NotFinite> {
        let Progress { parameters, state, .. } = &self.progress;
        let parts = self.network.layout().entries().iter().map(|entry| (entry, &parameters[entry.range()]));
        let state = self.network.state_layout().entries().iter().map(|entry| (entry, &state[entry.range()]));
        let (entry, values) = parts.chain(state).find(|(_, values)| !values.iter().all(|x| x.is_finite()))?;
        let range = Range::of(values.iter().map(|&x| f64::from(x)));
        Some(NotFinite::Updated { parameter: entry.name.clone(), range })
    }
}

/// What the randomness of a step comes from.
fn step_key(seed: u64, step: u64) -> Key {
    Key::new(seed).named("dropout").fold(step)
}

/// A callback has asked to stop.
fn interrupted(step: u64) -> ControlFlow<End> {
    ControlFlow::Break(End::Stop(StopReason::Interrupted { step }))
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
pub(crate) fn tell(callbacks: &mut [Box<dyn Callback + '_>], event: &Event<'_>) -> ControlFlow<()> {
    let mut answer = ControlFlow::Continue(());
    for callback in callbacks {
        if callback.on_event(event).is_break() {
            answer = ControlFlow::Break(());
        }
    }
    answer
}
