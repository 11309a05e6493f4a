//! What all runs of a race have in common, and how one of them goes.

use crate::evaluator::Evaluator;
use crate::objective::{LossOptions, LossOverData};
use crate::race::record::{Record, Watch};
use crate::race::{Budget, Course, End, Entrant, Method, RaceEvent};
use crate::step::{Stepper, move_parameters};
use crate::{Error, Result};
use downhill_data::{Batch, BatchSize, InMemory, Loader, LoaderOptions};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Loss, Network};
use downhill_optim::minimize::{self, MinimizeError, MinimizeOptions, Minimizer, StopReason};
use downhill_optim::{Optimizer, OptimizerConfig};
use downhill_tensor::Key;
use std::ops::ControlFlow;
use std::time::Instant;

/// The observer of a race, as its parts pass it on.
pub(crate) type Observer<'o> = dyn FnMut(&RaceEvent<'_>) -> ControlFlow<()> + 'o;

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub seed: u64,
    pub budget: Budget,
    pub watch: Watch,
}

/// The data, the network, and the programs that are compiled once for all runs.
pub(crate) struct Track<'a> {
    network: &'a Network<AnyLayer>,
    loss: &'a Loss,
    engine: &'a Engine,
    data: &'a InMemory,
    evaluated: Evaluator<'a>,
    held_out: Option<Evaluator<'a>>,
    /// For each batch size, the programs for its batches and for the rest that they leave.
    steppers: Vec<(usize, Stepper)>,
    objective: Option<LossOverData<'a, f32>>,
}

impl<'a> Track<'a> {
    pub fn new(
        network: &'a Network<AnyLayer>,
        loss: &'a Loss,
        engine: &'a Engine,
        data: &'a InMemory,
        evaluated: Evaluator<'a>,
        held_out: Option<Evaluator<'a>>,
    ) -> Self {
        let (steppers, objective) = (Vec::new(), None);
        Track { network, loss, engine, data, evaluated, held_out, steppers, objective }
    }

    /// The first parameters of a seed.
    fn start(&self, seed: u64) -> Vec<f32> {
        self.network.initialize(Key::new(seed).named("initialization"))
    }

    /// The loss on the evaluated examples before the first step.
    pub fn first_loss(&mut self, seed: u64) -> Result<f64> {
        let (parameters, state) = (self.start(seed), self.network.initial_state());
        Ok(self.evaluated.evaluate(&parameters, &state, None)?.loss)
    }

    /// One run, from the first parameters that the seed gives to its end.
    pub fn run(&mut self, entrant: &Entrant, setup: Setup, observer: &mut Observer<'_>) -> Result<Course> {
        match &entrant.method {
            Method::Optimizer(optimizer) => {
                self.run_by_optimizer(optimizer, entrant.batch_size, setup, observer)
            }
            Method::Minimizer(method) => self.run_by_minimizer(method, setup, observer),
        }
    }

    /// Compiles what batches of this size need, and gives its position.
    fn stepper(&mut self, size: usize) -> Result<usize> {
        if let Some(known) = self.steppers.iter().position(|(known, _)| *known == size) {
            return Ok(known);
        }
        let rest = self.data.len() % size;
        let sizes: Vec<usize> = [size, rest].into_iter().filter(|&size| size > 0).collect();
        let (shape, target) = (self.data.input_shape(), self.data.target_kind());
        let stepper = Stepper::new(self.network, self.loss, self.engine, shape, target, &sizes)?;
        self.steppers.push((size, stepper));
        Ok(self.steppers.len() - 1)
    }

    fn run_by_optimizer(
        &mut self,
        optimizer: &OptimizerConfig,
        batch_size: BatchSize,
        setup: Setup,
        observer: &mut Observer<'_>,
    ) -> Result<Course> {
        let Setup { seed, budget, watch } = setup;
        let failed = Error::data("the training data");
        let options = LoaderOptions::shuffled(batch_size, seed);
        let mut loader = Loader::<f32>::new(self.data, options).map_err(&failed)?;
        let position = self.stepper(loader.batch_size())?;
        let parameters = self.start(seed);
        let Track { network, engine, data, evaluated, held_out, steppers, .. } = self;
        let mut record = Record::new(evaluated, held_out.as_mut(), watch, seed);
        let mut runner = Runner {
            engine,
            stepper: &mut steppers[position].1,
            optimizer: Optimizer::with_groups(optimizer.clone(), network.layout(), &[])?,
            parameters,
            state: network.initial_state(),
            dropout: Key::new(seed).named("dropout"),
            steps: 0,
        };
        let mut batch = loader.batch();
        loader.fill(0, &mut batch).map_err(&failed)?;
        runner.warm_up(&batch)?;
        if !record.evaluate(&runner.judged()?, &runner.state)? {
            return Ok(record.course);
        }
        let mut clock = Instant::now();
        for epoch in 0.. {
            loader.begin(epoch);
            for position in 0..loader.steps() {
                loader.fill(position, &mut batch).map_err(&failed)?;
                if !runner.step(&batch)? {
                    record.end(End::Diverged);
                    return Ok(record.course);
                }
                record.spent.steps += 1;
                record.spent.gradient_evaluations += 1;
                record.spent.examples += batch.len as u64;
                let stopped = observer(&RaceEvent::Step).is_break();
                let due = record.is_due();
                // Where nothing needs the time, the clock is left alone.
                let now = match due || budget.seconds.is_some() {
                    true => record.spent.seconds + clock.elapsed().as_secs_f64(),
                    false => record.spent.seconds,
                };
                let over = budget.is_spent(data.len(), record.spent.steps, record.spent.examples, now);
                if !(due || over || stopped) {
                    continue;
                }
                record.spent.seconds += clock.elapsed().as_secs_f64();
                let goes_on = record.evaluate(&runner.judged()?, &runner.state)?;
                if stopped {
                    record.end(End::Interrupted);
                }
                if stopped || over || !goes_on {
                    return Ok(record.course);
                }
                clock = Instant::now();
            }
        }
        Ok(record.course)
    }

    fn run_by_minimizer(
        &mut self,
        method: &minimize::Method,
        setup: Setup,
        observer: &mut Observer<'_>,
    ) -> Result<Course> {
        let Setup { seed, budget, watch } = setup;
        let start = self.start(seed);
        let Track { network, loss, engine, data, evaluated, held_out, objective, .. } = self;
        if !network.state_layout().is_empty() {
            return Err(Error::Mismatch {
                what: "a method that searches along lines".into(),
                reason: "the network keeps running statistics, which only steps of training move; leave it out of the \
                         race"
                    .into(),
            });
        }
        let objective = match objective {
            Some(known) => known,
            none => {
                let options = LossOptions { batch_size: data.len(), ..LossOptions::default() };
                none.insert(LossOverData::new(network, loss, engine, data, &[], options)?)
            }
        };
        let mut record = Record::new(evaluated, held_out.as_mut(), watch, seed);
        // A gradient that is thrown away, as for the optimizers.
        objective.value_and_gradient(&start, &mut vec![0.0; start.len()])?;
        if !record.evaluate(&start, &[])? {
            return Ok(record.course);
        }
        let failed = |error| match error {
            MinimizeError::Method(error) => Error::Optimizer(error),
            MinimizeError::Objective(error) => error,
            _ => Error::Mismatch { what: "the minimization".into(), reason: error.to_string() },
        };
        // It ends with the budget, or where it finds nothing more to gain.
        let options =
            MinimizeOptions { gradient_tolerance: 0.0, iterations: u64::MAX, ..MinimizeOptions::default() };
        let mut clock = Instant::now();
        let mut minimizer = Minimizer::new(objective, &start, method, &options).map_err(failed)?;
        loop {
            let reason = match minimizer.step(objective).map_err(failed)? {
                ControlFlow::Continue(_) => None,
                ControlFlow::Break(reason) => Some(reason),
            };
            let progress = minimizer.progress();
            // A value without its gradient counts as much.
            record.spent.gradient_evaluations = progress.evaluations.values;
            record.spent.examples = progress.evaluations.values * data.len() as u64;
            record.spent.steps = progress.iteration;
            let stopped = observer(&RaceEvent::Step).is_break();
            let seconds = record.spent.seconds + clock.elapsed().as_secs_f64();
            let over = budget.is_spent(data.len(), record.spent.steps, record.spent.examples, seconds);
            if !(record.is_due() || over || stopped || reason.is_some()) {
                continue;
            }
            record.spent.seconds = seconds;
            let goes_on = record.evaluate(progress.x, &[])?;
            match reason {
                Some(StopReason::NotFinite { .. }) => record.end(End::Diverged),
                Some(_) => record.end(End::Converged),
                None if stopped => record.end(End::Interrupted),
                None => {}
            }
            if stopped || over || !goes_on || reason.is_some() {
                return Ok(record.course);
            }
            clock = Instant::now();
        }
    }
}

/// A run by steps on batches, on its way.
struct Runner<'r> {
    engine: &'r Engine,
    stepper: &'r mut Stepper,
    optimizer: Optimizer<f32>,
    parameters: Vec<f32>,
    state: Vec<f32>,
    dropout: Key,
    steps: u64,
}

impl Runner<'_> {
    /// Computes a gradient that is thrown away.
    fn warm_up(&mut self, batch: &Batch<f32>) -> Result<()> {
        self.stepper.run(&self.parameters, &self.state, batch, self.dropout.fold(0)).map(drop)
    }

    /// Makes a step, unless the loss is not finite.
    fn step(&mut self, batch: &Batch<f32>) -> Result<bool> {
        let Runner { stepper, parameters, state, optimizer, dropout, steps, .. } = self;
        let loss = stepper.run(parameters, state, batch, dropout.fold(*steps))?;
        if !loss.is_finite() {
            return Ok(false);
        }
        move_parameters(self.engine, optimizer, parameters, &stepper.gradient, 1.0)?;
        stepper.advance(state);
        *steps += 1;
        Ok(true)
    }

    /// The parameters at which the loss is judged.
    fn judged(&self) -> Result<Vec<f32>> {
        Ok(self.optimizer.evaluation_parameters(&self.parameters)?)
    }
}
