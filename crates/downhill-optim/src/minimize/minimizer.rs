//! A minimization step by step, and the loop that drives it.

use super::bounds::Feasible;
use super::error::MinimizeError;
use super::evaluator::{Best, Evaluations, Evaluator, Halt, rounding};
use super::method::Solver;
use super::methods::{Following, Solve};
use super::options::GradientNorm;
use super::vectors::relative_distance;
use super::walk::{Moved, Walk};
use super::{Method, MinimizeOptions, Objective, StopReason};
use crate::{Optimize, Schedule};
use downhill_tensor::Float;
use std::ops::ControlFlow;
use std::time::Instant;

/// So many iterations in a row that lower neither value nor gradient by more than their rounding end a minimization.
const STALLED: u32 = 10;

/// What an iteration did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Iteration {
    /// The length of the step, as a multiple of the direction; the learning rate of an optimizer; the distance for a
    /// trust region. NaN where the point does not lie on the line that was searched.
    pub step: f64,
    /// The derivative along the direction where the step began; NaN for an optimizer.
    pub slope: f64,
    /// By how much the value fell.
    pub decrease: f64,
    /// Whether the step satisfies the conditions of its search; otherwise it only lowers the value.
    pub satisfied: bool,
}

/// What an observer sees at each point, before the step from it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Progress<'a, T> {
    /// The number of iterations made so far.
    pub iteration: u64,
    /// The value at the point.
    pub value: T,
    /// The norm of the gradient there that the options name; of the projected gradient, where there are bounds.
    pub gradient_norm: f64,
    /// The point.
    pub x: &'a [T],
    /// The gradient there.
    pub gradient: &'a [T],
    /// How often the objective was asked so far.
    pub evaluations: Evaluations,
    /// The iteration that led there; none at the start.
    pub last: Option<Iteration>,
}

/// Where a minimization ended.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ending<T> {
    /// The value at the point where it ended.
    pub value: T,
    /// The norm of the gradient there that the options name; of the projected gradient, where there are bounds.
    pub gradient_norm: f64,
    /// The number of iterations made.
    pub iterations: u64,
    /// How often the objective was asked.
    pub evaluations: Evaluations,
    /// Why it ended.
    pub reason: StopReason,
}

/// The observer that only watches it happen.
pub fn unobserved<T>(_: &Progress<'_, T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Minimizes `objective` from `x` on, and leaves the point in `x`: the one at which the tolerance of the gradient
/// holds, if that is the reason, and the best one seen for every other reason, also where the objective fails.
///
/// `observer` is called at every point, the start included, and can end it with [`ControlFlow::Break`]. An iteration
/// allocates nothing.
///
/// # Errors
/// Options outside their domain, and errors of the objective.
///
/// ```
/// use downhill_optim::minimize::{Method, MinimizeOptions, minimize, unobserved};
/// let mut rosenbrock = |x: &[f64], gradient: &mut [f64]| {
///     let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
///     gradient[0] = -2.0 * a - 400.0 * x[0] * b;
///     gradient[1] = 200.0 * b;
///     a * a + 100.0 * b * b
/// };
/// let mut x = [-1.2, 1.0];
/// let end = minimize(&mut rosenbrock, &mut x, &Method::default(), &MinimizeOptions::default(), unobserved)?;
/// assert!(end.reason.converged() && end.gradient_norm <= 1e-5, "{}", end.reason);
/// assert!((x[0] - 1.0).abs() < 1e-5 && end.evaluations.gradients < 60);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub fn minimize<T: Float, O: Objective<T> + ?Sized>(
    objective: &mut O,
    x: &mut [T],
    method: &Method,
    options: &MinimizeOptions,
    observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
) -> Result<Ending<T>, MinimizeError<O::Error>> {
    let (mut solver, feasible) = Solver::new(method, x.len())?;
    drive(&mut solver, feasible, objective, x, options, observer)
}

/// Minimizes with an optimizer of your own, or one that goes on from a state: [`minimize`] with
/// [`ScheduledOptimizer`](super::ScheduledOptimizer) for any [`Optimize`].
///
/// # Errors
/// A schedule or options outside their domain, an optimizer made for another number of parameters, and errors of the
/// objective.
///
/// ```
/// use downhill_optim::minimize::{MinimizeOptions, StopReason, descend, unobserved};
/// use downhill_optim::{GradientDescent, Optimizer, Schedule};
/// let mut x = [4.0_f64];
/// let mut optimizer = Optimizer::new(GradientDescent { learning_rate: 0.25 }, 1)?;
/// let mut parabola = |x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (x[0] - 1.0);
///     (x[0] - 1.0).powi(2)
/// };
/// let options = MinimizeOptions::default();
/// let end = descend(&mut optimizer, &Schedule::Constant, &mut parabola, &mut x, &options, unobserved)?;
/// assert!((x[0] - 1.0).abs() < 1e-5);
/// assert!(matches!(end.reason, StopReason::GradientTolerance { .. }));
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub fn descend<T: Float, O: Objective<T> + ?Sized>(
    optimizer: &mut dyn Optimize<T>,
    schedule: &Schedule,
    objective: &mut O,
    x: &mut [T],
    options: &MinimizeOptions,
    observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
) -> Result<Ending<T>, MinimizeError<O::Error>> {
    schedule.validate()?;
    drive(&mut Following { optimizer, schedule }, None, objective, x, options, observer)
}

fn drive<T: Float, O: Objective<T> + ?Sized>(
    solver: &mut impl Solve<T>,
    feasible: Option<Feasible<T>>,
    objective: &mut O,
    x: &mut [T],
    options: &MinimizeOptions,
    mut observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
) -> Result<Ending<T>, MinimizeError<O::Error>> {
    options.validate()?;
    let mut descent = Descent::new(feasible, x, options);
    let outcome = descent.run(solver, objective, &mut observer);
    x.copy_from_slice(descent.point());
    Ok(descent.ending(outcome?))
}

/// A minimization whose steps the caller makes.
///
/// ```
/// use downhill_optim::minimize::{Method, MinimizeOptions, Minimizer};
/// use std::ops::ControlFlow;
/// let mut parabola = |x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * x[0];
///     x[0] * x[0]
/// };
/// let options = MinimizeOptions::default();
/// let mut minimizer = Minimizer::new(&mut parabola, &[3.0], &Method::default(), &options)?;
/// let reason = loop {
///     match minimizer.step(&mut parabola)? {
///         ControlFlow::Continue(iteration) => assert!(iteration.decrease >= 0.0),
///         ControlFlow::Break(reason) => break reason,
///     }
/// };
/// assert!(reason.converged() && minimizer.point()[0].abs() < 1e-5);
/// # Ok::<(), downhill_optim::Error>(())
/// ```
pub struct Minimizer<T: Float> {
    descent: Descent<T>,
    solver: Solver<T>,
}

impl<T: Float> Minimizer<T> {
    /// Evaluates the start.
    ///
    /// # Errors
    /// Options outside their domain, and errors of the objective.
    pub fn new<O: Objective<T> + ?Sized>(
        objective: &mut O,
        start: &[T],
        method: &Method,
        options: &MinimizeOptions,
    ) -> Result<Self, MinimizeError<O::Error>> {
        options.validate()?;
        let (solver, feasible) = Solver::new(method, start.len())?;
        let mut descent = Descent::new(feasible, start, options);
        descent.start(objective)?;
        Ok(Minimizer { descent, solver })
    }

    /// Makes one iteration, and says what it did, or why there is none. An iteration after which a tolerance holds is
    /// given as such; the reason comes with the next call. Once there is a reason, it stays.
    ///
    /// # Errors
    /// Those of the objective. The point is the best one seen then, and the next call tries again.
    pub fn step<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
    ) -> Result<ControlFlow<StopReason, Iteration>, MinimizeError<O::Error>> {
        self.descent.step(&mut self.solver, objective)
    }

    /// The point where it is, and what belongs to it.
    pub fn progress(&self) -> Progress<'_, T> {
        self.descent.progress()
    }

    /// The point that it would end with: that at which the tolerance holds, or the best one seen.
    pub fn point(&self) -> &[T] {
        self.descent.point()
    }

    /// Why it has stopped, if it has.
    pub fn stopped(&self) -> Option<StopReason> {
        self.descent.stopped
    }
}

/// What all methods share: the point, the counts, the tolerances.
struct Descent<T> {
    options: MinimizeOptions,
    feasible: Option<Feasible<T>>,
    walk: Walk<T>,
    best: Best<T>,
    counts: Evaluations,
    began: Option<Instant>,
    gradient_norm: f64,
    last: Option<Iteration>,
    stopped: Option<StopReason>,
    /// A reason to stop that the last iteration gave, unless the point is stationary.
    pending: Option<StopReason>,
    /// The lowest value and gradient norm at the points of the walk, and the iterations since one of them fell.
    lowest: (f64, f64),
    stalled: u32,
}

impl<T: Float> Descent<T> {
    fn new(feasible: Option<Feasible<T>>, start: &[T], options: &MinimizeOptions) -> Self {
        Descent {
            options: options.clone(),
            feasible,
            walk: Walk::new(start),
            best: Best::new(start.len()),
            counts: Evaluations::default(),
            began: options.time.map(|_| Instant::now()),
            gradient_norm: f64::NAN,
            last: None,
            stopped: None,
            pending: None,
            lowest: (f64::INFINITY, f64::INFINITY),
            stalled: 0,
        }
    }

    fn evaluator<'a, O: ?Sized>(
        &'a mut self,
        objective: &'a mut O,
    ) -> (&'a mut Walk<T>, Evaluator<'a, T, O>) {
        let Descent { walk, options, counts, best, began, .. } = self;
        (walk, Evaluator { objective, options, counts, best, began: *began })
    }

    /// Goes on until there is a reason to stop.
    fn run<O: Objective<T> + ?Sized>(
        &mut self,
        solver: &mut impl Solve<T>,
        objective: &mut O,
        observer: &mut impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
    ) -> Result<StopReason, MinimizeError<O::Error>> {
        self.start(objective)?;
        loop {
            if self.walk.value.is_finite() && observer(&self.progress()).is_break() {
                let reason = StopReason::Observer { iteration: self.walk.iteration };
                self.stopped = Some(reason);
                return Ok(reason);
            }
            if let ControlFlow::Break(reason) = self.step(solver, objective)? {
                return Ok(reason);
            }
        }
    }

    /// Evaluates the start.
    fn start<O: Objective<T> + ?Sized>(&mut self, objective: &mut O) -> Result<(), MinimizeError<O::Error>> {
        if let Some(feasible) = &self.feasible {
            feasible.project(&mut self.walk.x);
        }
        let (walk, mut evaluator) = self.evaluator(objective);
        match evaluator.value_and_gradient(&walk.x, &mut walk.gradient) {
            Ok(found) => {
                walk.value = found.value;
                if !found.is_finite() {
                    let (value, gradient) = (found.value, found.max_gradient);
                    self.stopped = Some(StopReason::NotFinite { iteration: 0, value, gradient });
                }
                self.gradient_norm = self.norm(&self.walk.x, &self.walk.gradient);
                self.lowest = (self.walk.value, self.gradient_norm);
                Ok(())
            }
            Err(halt) => self.halted::<_, ()>(halt).map(|_| ()),
        }
    }

    /// Makes one iteration, or says why there is none.
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        solver: &mut impl Solve<T>,
        objective: &mut O,
    ) -> Result<ControlFlow<StopReason, Iteration>, MinimizeError<O::Error>> {
        let (gradient_norm, tolerance) = (self.gradient_norm, self.options.gradient_tolerance);
        let norm = self.options.gradient_norm;
        let stationary = gradient_norm <= tolerance;
        let spent = self.walk.iteration >= self.options.iterations;
        if let Some(reason) = self.stopped {
            return Ok(ControlFlow::Break(reason));
        }
        if !stationary && let Some(reason) = self.pending {
            return Ok(self.stop(reason));
        }
        if !stationary && spent {
            return Ok(self.stop(StopReason::Iterations { iterations: self.walk.iteration }));
        }
        let (walk, mut evaluator) = self.evaluator(objective);
        let moved = match stationary {
            false => solver.step(walk, &mut evaluator).map(Some),
            true if spent => Ok(None),
            true => solver.leave(walk, &mut evaluator),
        };
        match moved {
            Ok(Some(moved)) => Ok(ControlFlow::Continue(self.arrive(moved, solver.may_rise()))),
            Ok(None) => Ok(self.stop(StopReason::GradientTolerance { gradient_norm, tolerance, norm })),
            Err(halt) => self.halted(halt),
        }
    }

    fn stop<C>(&mut self, reason: StopReason) -> ControlFlow<StopReason, C> {
        self.stopped = Some(reason);
        ControlFlow::Break(reason)
    }

    fn halted<E, C>(&mut self, halt: Halt<E>) -> Result<ControlFlow<StopReason, C>, MinimizeError<E>> {
        match halt {
            Halt::Objective(error) => Err(MinimizeError::Objective(error)),
            Halt::Method(error) => Err(MinimizeError::Method(error)),
            // The solver knows neither the norm that is meant nor the bounds.
            Halt::Stop(reason) => Ok(self.stop(reason.with_gradient_norm(self.gradient_norm))),
        }
    }

    /// Looks at the point to which an iteration led.
    fn arrive(&mut self, moved: Moved, may_rise: bool) -> Iteration {
        let walk = &mut self.walk;
        walk.iteration += 1;
        let decrease = walk.other_value - walk.value;
        let size = walk.value.abs().max(walk.other_value.abs()).max(1.0);
        let change = relative_distance(&walk.x, &walk.other);
        self.gradient_norm = self.norm(&self.walk.x, &self.walk.gradient);
        let (value, gradient_norm) = (self.walk.value, self.gradient_norm);
        let rounding = rounding::<T>(self.lowest.0);
        let better = value < self.lowest.0 - rounding || gradient_norm < self.lowest.1;
        self.lowest = (self.lowest.0.min(value), self.lowest.1.min(gradient_norm));
        self.stalled = if better || may_rise { 0 } else { self.stalled + 1 };
        let MinimizeOptions { value_tolerance, step_tolerance, .. } = self.options;
        self.pending = if value_tolerance > 0.0 && (0.0..=value_tolerance * size).contains(&decrease) {
            Some(StopReason::ValueTolerance { decrease: decrease / size, tolerance: value_tolerance })
        } else if step_tolerance > 0.0 && change <= step_tolerance {
            Some(StopReason::StepTolerance { change, tolerance: step_tolerance })
        } else if self.stalled >= STALLED {
            Some(StopReason::Precision { gradient_norm, rounding })
        } else {
            None
        };
        let Moved { step, slope, satisfied } = moved;
        let iteration = Iteration { step, slope, decrease, satisfied };
        self.last = Some(iteration);
        iteration
    }

    /// The norm that the options name, of the projected gradient where there are bounds.
    fn norm(&self, x: &[T], gradient: &[T]) -> f64 {
        let Some(feasible) = &self.feasible else {
            return self.options.gradient_norm.of(gradient);
        };
        let projected = (0..x.len()).map(|index| feasible.projected(index, x[index], gradient[index]));
        match self.options.gradient_norm {
            GradientNorm::Infinity => projected.fold(T::ZERO, |largest, g| largest.maximum(g.abs())).to_f64(),
            GradientNorm::Euclidean => projected.map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt(),
        }
    }

    fn progress(&self) -> Progress<'_, T> {
        Progress {
            iteration: self.walk.iteration,
            value: T::from_f64(self.walk.value),
            gradient_norm: self.gradient_norm,
            x: &self.walk.x,
            gradient: &self.walk.gradient,
            evaluations: self.counts,
            last: self.last,
        }
    }

    /// The point with which it ends, with value and gradient: the best one, unless it ends where it is.
    fn end(&self) -> (&[T], f64, &[T]) {
        let here = matches!(self.stopped, Some(StopReason::GradientTolerance { .. }));
        match here || !self.best.value.is_finite() {
            true => (&self.walk.x, self.walk.value, &self.walk.gradient),
            false => (&self.best.x, self.best.value, &self.best.gradient),
        }
    }

    fn point(&self) -> &[T] {
        self.end().0
    }

    fn ending(&self, reason: StopReason) -> Ending<T> {
        let (x, value, gradient) = self.end();
        Ending {
            value: T::from_f64(value),
            gradient_norm: self.norm(x, gradient),
            iterations: self.walk.iteration,
            evaluations: self.counts,
            reason,
        }
    }
}
