//! What all runs of a race have in common, and how one of them goes.

use crate::evaluator::Evaluator;
use crate::race::{Budget, Course, End, Point, RaceEvent};
use crate::step::{Stepper, move_parameters};
use crate::{Error, Result};
use downhill_data::{Batch, BatchSize, InMemory, Loader, LoaderOptions};
use downhill_engine::Engine;
use downhill_nn::{AnyLayer, Loss, Network};
use downhill_optim::{Optimizer, OptimizerConfig};
use downhill_tensor::Key;
use std::ops::ControlFlow;
use std::time::Instant;

/// The growth of the loss, from that of the untrained network or from 1 if that is larger, which counts as
/// divergence: as in a run of training.
const DIVERGENCE: f64 = 1e3;

/// The observer of a race, as its parts pass it on.
pub(crate) type Observer<'o> = dyn FnMut(&RaceEvent<'_>) -> ControlFlow<()> + 'o;

/// When the loss is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watch {
    /// Before the first step, at the end, and in between after 10^(k/n) examples, or at the first step then.
    PerDecade(u32),
    /// Before the first step and at the end.
    Ends,
    /// As often as `PerDecade`, and not beyond an evaluation at which the loss is at the target.
    UntilTarget { per_decade: u32, target: f64 },
}

impl Watch {
    fn per_decade(self) -> Option<u32> {
        match self {
            Watch::PerDecade(points) | Watch::UntilTarget { per_decade: points, .. } => Some(points),
            Watch::Ends => None,
        }
    }

    fn is_satisfied(self, loss: f64) -> bool {
        matches!(self, Watch::UntilTarget { target, .. } if loss <= target)
    }
}

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    pub optimizer: &'a OptimizerConfig,
    pub batch_size: BatchSize,
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
    steppers: Vec<(usize, Stepper)>,
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
        Track { network, loss, engine, data, evaluated, held_out, steppers: Vec::new() }
    }

    /// The position of the programs for batches of this size, and for the rest that they leave.
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

    /// One run, from the first parameters that the seed gives to its end.
    pub fn run(&mut self, setup: Setup<'_>, observer: &mut Observer<'_>) -> Result<Course> {
        let Setup { optimizer, batch_size, seed, budget, watch } = setup;
        let failed = Error::data("the training data");
        let mut loader =
            Loader::<f32>::new(self.data, LoaderOptions::shuffled(batch_size, seed)).map_err(&failed)?;
        let stepper = self.stepper(loader.batch_size())?;
        let Track { network, engine, data, evaluated, held_out, steppers, .. } = self;
        let stepper = &mut steppers[stepper].1;
        let mut runner = Runner {
            engine,
            stepper,
            evaluated,
            held_out: held_out.as_mut(),
            optimizer: Optimizer::with_groups(optimizer.clone(), network.layout(), &[])?,
            parameters: network.initialize(Key::new(seed).named("initialization")),
            state: network.initial_state(),
            dropout: Key::new(seed).named("dropout"),
            course: Course { seed, points: Vec::new(), end: End::BudgetSpent },
            spent: Spent::default(),
        };
        let mut batch = loader.batch();
        loader.fill(0, &mut batch).map_err(&failed)?;
        runner.warm_up(&batch)?;
        if !runner.evaluate()? || watch.is_satisfied(runner.last_loss()) {
            return Ok(runner.course);
        }
        let growth = watch.per_decade().map(|points| 10f64.powf(1.0 / f64::from(points)));
        let mut next = 1.0;
        let mut clock = Instant::now();
        for epoch in 0.. {
            loader.begin(epoch);
            for position in 0..loader.steps() {
                loader.fill(position, &mut batch).map_err(&failed)?;
                let finite = runner.step(&batch)?;
                let stopped = observer(&RaceEvent::Step).is_break();
                let due = growth.is_some() && runner.spent.examples as f64 >= next;
                // A clock is looked at where an evaluation is due, or where there is a limit of time.
                let limited = budget.seconds.is_some();
                let seconds = if due || limited { clock.elapsed().as_secs_f64() } else { 0.0 };
                let spent = &runner.spent;
                let over = budget.is_spent(data.len(), spent.steps, spent.examples, spent.seconds + seconds);
                if !(due || over || stopped || !finite) {
                    continue;
                }
                runner.spent.seconds += clock.elapsed().as_secs_f64();
                if !finite {
                    runner.course.end = End::Diverged;
                    return Ok(runner.course);
                }
                while next <= runner.spent.examples as f64 {
                    next *= growth.unwrap_or(f64::INFINITY);
                }
                let healthy = runner.evaluate()?;
                if stopped && healthy {
                    runner.course.end = End::Interrupted;
                }
                if stopped || !healthy || over || watch.is_satisfied(runner.last_loss()) {
                    return Ok(runner.course);
                }
                clock = Instant::now();
            }
        }
        Ok(runner.course)
    }
}

/// What a run has spent.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    steps: u64,
    examples: u64,
    seconds: f64,
}

/// A run on its way.
struct Runner<'r, 'a> {
    engine: &'r Engine,
    stepper: &'r mut Stepper,
    evaluated: &'r mut Evaluator<'a>,
    held_out: Option<&'r mut Evaluator<'a>>,
    optimizer: Optimizer<f32>,
    parameters: Vec<f32>,
    state: Vec<f32>,
    dropout: Key,
    course: Course,
    spent: Spent,
}

impl Runner<'_, '_> {
    /// Computes a gradient that is thrown away.
    fn warm_up(&mut self, batch: &Batch<f32>) -> Result<()> {
        self.stepper.run(&self.parameters, &self.state, batch, self.dropout.fold(0)).map(drop)
    }

    /// Makes a step, unless the loss is not finite.
    fn step(&mut self, batch: &Batch<f32>) -> Result<bool> {
        let Runner { stepper, parameters, state, optimizer, spent, .. } = self;
        let loss = stepper.run(parameters, state, batch, self.dropout.fold(spent.steps))?;
        if !loss.is_finite() {
            return Ok(false);
        }
        move_parameters(self.engine, optimizer, parameters, &stepper.gradient, 1.0)?;
        stepper.advance(state);
        spent.steps += 1;
        spent.examples += batch.len as u64;
        Ok(true)
    }

    /// Notes where the run stands, unless it has diverged.
    fn evaluate(&mut self) -> Result<bool> {
        let judged = self.optimizer.evaluation_parameters(&self.parameters)?;
        let loss = self.evaluated.evaluate(&judged, &self.state, None)?.loss;
        let first = self.course.points.first().map_or(loss, |point| point.loss);
        let held_out = match &mut self.held_out {
            Some(held_out) => Some(held_out.evaluate(&judged, &self.state, None)?.loss),
            None => None,
        };
        if !loss.is_finite()
            || loss > DIVERGENCE * first.max(1.0)
            || held_out.is_some_and(|loss| !loss.is_finite())
        {
            self.course.end = End::Diverged;
            return Ok(false);
        }
        let Spent { steps, examples, seconds } = self.spent;
        self.course.points.push(Point {
            steps,
            gradient_evaluations: steps,
            examples,
            seconds,
            loss,
            held_out,
        });
        Ok(true)
    }

    /// The loss at the last evaluation.
    fn last_loss(&self) -> f64 {
        self.course.points.last().map_or(f64::INFINITY, |point| point.loss)
    }
}
