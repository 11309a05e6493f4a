//! Proximal gradient descent, plain and accelerated.

use super::Penalty;
use crate::minimize::evaluator::{Halt, rounding};
use crate::minimize::vectors::{along, difference_into, dot, max_abs, relative_distance};
use crate::minimize::{
    Ending, Evaluations, MinimizeError, MinimizeOptions, Objective, Progress, SearchFailure, StopReason,
};
use crate::{Error, Result, global_norm};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;

/// So many iterations in a row that lower neither value nor gradient mapping end a minimization.
const STALLED: u32 = 10;

/// The same for the accelerated method, whose values go up and down.
const STALLED_ACCELERATED: u32 = 500;

/// A step is halved at most so often in an iteration: further down, rounding decides.
const MOST_HALVINGS: u32 = 40;

/// The first step is doubled at most so often.
const MOST_DOUBLINGS: u32 = 100;

/// Minimizes `F = f + h`, a smooth function and a [`Penalty`], by steps
///
/// ```text
/// x⁺ = prox_(s h)(y - s ∇f(y))
/// ```
///
/// from `y = x`, or accelerated (FISTA) from a point further on,
///
/// ```text
/// y = x + (t - 1)/t⁺ (x - x before),    t⁺ = (1 + √(1 + 4t²)) / 2,    t = 1 at first
/// ```
///
/// with the step `s` halved until the quadratic model bounds the function,
///
/// ```text
/// f(x⁺) <= f(y) + ∇f(y)·(x⁺ - y) + |x⁺ - y|² / (2s)
/// ```
///
/// On a convex function the plain method is within O(1/k) of the minimum after k iterations, the accelerated one
/// within O(1/k²). Acceleration overshoots where the function is strongly convex: it **restarts**, `t = 1`, when the
/// last step goes against the gradient mapping, `(y - x⁺)·(x⁺ - x) > 0`, and adapts to the curvature in this way.
///
/// It is stationary where the **gradient mapping** `G = (y - x⁺) / s` is 0; without a penalty that is the gradient.
///
/// # Source
/// A. Beck, M. Teboulle, *A fast iterative shrinkage-thresholding algorithm for linear inverse problems*, SIAM Journal
/// on Imaging Sciences 2 (2009); B. O'Donoghue, E. Candès, *Adaptive restart for accelerated gradient schemes*,
/// Foundations of Computational Mathematics 15 (2015), section 3.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProximalGradient {
    /// Whether to accelerate; default `true`.
    pub accelerated: bool,
    /// Whether acceleration restarts; default `true`.
    pub restart: bool,
    /// The step that is tried first, or less where it would move the point by more than the larger of its length and
    /// 1; default 1. The first iteration doubles it as long as the model bounds the function.
    pub first_step: f64,
}

impl Default for ProximalGradient {
    fn default() -> Self {
        ProximalGradient { accelerated: true, restart: true, first_step: 1.0 }
    }
}

impl ProximalGradient {
    /// Minimizes `objective` plus `penalty` from `x` on, which is moved within bounds first, and leaves the point in
    /// `x`: the last one if its gradient mapping is small enough, and the lowest one for every other reason.
    ///
    /// Options, reasons to stop and counts are those of [`minimize`](crate::minimize::minimize); the tolerance is one
    /// of the gradient mapping, values include the penalty. The observer sees each point before the step from it, with
    /// the gradient mapping of this step in place of the gradient, and not the point where it ends.
    ///
    /// # Errors
    /// Options outside their domain, a penalty that does not fit, and errors of the objective.
    ///
    /// ```
    /// use downhill_optim::minimize::{MinimizeOptions, unobserved};
    /// use downhill_optim::proximal::{Penalty, ProximalGradient};
    /// // |x - (3, 0.5)|²/2 and absolute values: each number is 1 closer to 0.
    /// let mut distance = |x: &[f64], gradient: &mut [f64]| {
    ///     gradient.copy_from_slice(&[x[0] - 3.0, x[1] - 0.5]);
    ///     0.5 * ((x[0] - 3.0).powi(2) + (x[1] - 0.5).powi(2))
    /// };
    /// let mut x = [0.0; 2];
    /// let penalty = Penalty::L1 { strength: 1.0 };
    /// let options = MinimizeOptions::default();
    /// let end = ProximalGradient::default().minimize(&mut distance, &penalty, &mut x, &options, unobserved)?;
    /// assert!(end.reason.converged() && (x[0] - 2.0).abs() < 1e-5 && x[1] == 0.0);
    /// # Ok::<(), downhill_optim::Error>(())
    /// ```
    pub fn minimize<T: Float, O: Objective<T> + ?Sized>(
        &self,
        objective: &mut O,
        penalty: &Penalty,
        x: &mut [T],
        options: &MinimizeOptions,
        mut observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
    ) -> Result<Ending<T>, MinimizeError<O::Error>> {
        self.validate()?;
        options.validate()?;
        penalty.validate(x.len())?;
        if penalty.value(x) == f64::INFINITY {
            penalty.prox(1.0, x);
        }
        let mut descent = Descent::new(self, objective, penalty, options, x);
        let outcome = descent.run(&mut observer);
        let here = matches!(outcome, Ok(StopReason::GradientTolerance { .. }));
        let Descent { best, point, value, gradient_norm, iteration, counts, .. } = descent;
        let (value, gradient_norm) = if here || !best.value.is_finite() {
            x.copy_from_slice(&point);
            (value, gradient_norm)
        } else {
            x.copy_from_slice(&best.point);
            (best.value, best.gradient_norm)
        };
        let reason = outcome?;
        let value = T::from_f64(value);
        Ok(Ending { value, gradient_norm, iterations: iteration, evaluations: counts, reason })
    }

    /// Refuses a first step that is not above 0.
    ///
    /// # Errors
    /// [`Error::InvalidValue`].
    pub fn validate(&self) -> Result<()> {
        let fits = self.first_step > 0.0 && self.first_step.is_finite();
        Error::check(fits, "ProximalGradient", "first_step", "finite and above 0", self.first_step)
    }
}

/// The lowest point seen.
struct Best<T> {
    point: Vec<T>,
    value: f64,
    gradient_norm: f64,
}

struct Descent<'a, T, O: ?Sized> {
    method: &'a ProximalGradient,
    objective: &'a mut O,
    penalty: &'a Penalty,
    options: &'a MinimizeOptions,
    /// x, and F there.
    point: Vec<T>,
    value: f64,
    /// y, with f and its gradient there.
    from: Vec<T>,
    smooth: f64,
    gradient: Vec<T>,
    /// x⁺, with f there, and for the plain method the gradient.
    next: Vec<T>,
    next_smooth: f64,
    next_gradient: Vec<T>,
    mapping: Vec<T>,
    gradient_norm: f64,
    step: f64,
    /// t.
    momentum: f64,
    best: Best<T>,
    iteration: u64,
    counts: Evaluations,
    began: Option<Instant>,
}

impl<'a, T: Float, O: Objective<T> + ?Sized> Descent<'a, T, O> {
    fn new(
        method: &'a ProximalGradient,
        objective: &'a mut O,
        penalty: &'a Penalty,
        options: &'a MinimizeOptions,
        start: &[T],
    ) -> Self {
        let zeros = || vec![T::ZERO; start.len()];
        Descent {
            method,
            objective,
            penalty,
            options,
            point: start.to_vec(),
            value: f64::NAN,
            from: start.to_vec(),
            smooth: f64::NAN,
            gradient: zeros(),
            next: zeros(),
            next_smooth: f64::NAN,
            next_gradient: zeros(),
            mapping: zeros(),
            gradient_norm: f64::NAN,
            step: method.first_step,
            momentum: 1.0,
            best: Best { point: start.to_vec(), value: f64::INFINITY, gradient_norm: f64::NAN },
            iteration: 0,
            counts: Evaluations::default(),
            began: options.time.map(|_| Instant::now()),
        }
    }

    fn run(
        &mut self,
        observer: &mut impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
    ) -> Result<StopReason, MinimizeError<O::Error>> {
        match self.iterate(observer) {
            Ok(never) => match never {},
            Err(Halt::Stop(reason)) => Ok(reason),
            Err(Halt::Objective(error)) => Err(MinimizeError::Objective(error)),
            Err(Halt::Method(error)) => Err(MinimizeError::Method(error)),
        }
    }

    /// Iterates until there is a reason to stop.
    fn iterate(
        &mut self,
        observer: &mut impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
    ) -> Result<std::convert::Infallible, Halt<O::Error>> {
        self.evaluate_from()?;
        let largest = max_abs(&self.gradient);
        if !self.smooth.is_finite() || !largest.is_finite() {
            let (iteration, value) = (0, self.smooth);
            return Err(Halt::Stop(StopReason::NotFinite { iteration, value, gradient: largest }));
        }
        self.value = self.smooth + self.penalty.value(&self.point);
        let reach = global_norm(&self.point).max(1.0) / global_norm(&self.gradient);
        self.step = self.step.min(reach.max(f64::MIN_POSITIVE));
        let mut lowest = (f64::INFINITY, f64::INFINITY);
        let mut stalled = 0;
        loop {
            self.find_step()?;
            difference_into(&mut self.mapping, &self.from, &self.next);
            let scale = T::from_f64(1.0 / self.step);
            self.mapping.iter_mut().for_each(|g| *g *= scale);
            self.gradient_norm = self.options.gradient_norm.of(&self.mapping);
            self.offer();
            self.check_value()?;
            let progress = Progress {
                iteration: self.iteration,
                value: T::from_f64(self.value),
                gradient_norm: self.gradient_norm,
                x: &self.point,
                gradient: &self.mapping,
                evaluations: self.counts,
                last: None,
            };
            if observer(&progress).is_break() {
                return Err(Halt::Stop(StopReason::Observer { iteration: self.iteration }));
            }
            if self.iteration >= self.options.iterations
                && self.gradient_norm > self.options.gradient_tolerance
            {
                return Err(Halt::Stop(StopReason::Iterations { iterations: self.iteration }));
            }
            let better = self.value < lowest.0 - rounding::<T>(lowest.0) || self.gradient_norm < lowest.1;
            lowest = (lowest.0.min(self.value), lowest.1.min(self.gradient_norm));
            stalled = if better { 0 } else { stalled + 1 };
            self.advance(stalled)?;
        }
    }

    /// Value and gradient at y.
    fn evaluate_from(&mut self) -> Result<(), Halt<O::Error>> {
        self.check_limits()?;
        self.counts.values += 1;
        self.counts.gradients += 1;
        let value = self.objective.value_and_gradient(&self.from, &mut self.gradient);
        self.smooth = value.map_err(Halt::Objective)?.to_f64();
        Ok(())
    }

    /// x⁺ for the step, and whether the model bounds the function there.
    fn try_step(&mut self) -> Result<bool, Halt<O::Error>> {
        self.check_limits()?;
        along(&mut self.next, &self.from, -self.step, &self.gradient);
        self.penalty.prox(self.step, &mut self.next);
        self.counts.values += 1;
        let value = if self.method.accelerated {
            self.objective.value(&self.next)
        } else {
            self.counts.gradients += 1;
            self.objective.value_and_gradient(&self.next, &mut self.next_gradient)
        };
        self.next_smooth = value.map_err(Halt::Objective)?.to_f64();
        difference_into(&mut self.mapping, &self.next, &self.from);
        let square = dot(&self.mapping, &self.mapping) / self.step;
        let model = dot(&self.gradient, &self.mapping) + 0.5 * square;
        let finite = self.next_smooth.is_finite() && max_abs(&self.next_gradient).is_finite();
        let rounding = rounding::<T>(self.smooth);
        if finite && !self.method.accelerated && square < 10.0 * rounding {
            // Differences of values are rounding here. Those of gradients are not, and bounds of them bound the model.
            let change = dot(&self.next_gradient, &self.mapping) - dot(&self.gradient, &self.mapping);
            return Ok(change <= square);
        }
        Ok(finite && self.next_smooth <= self.smooth + model + rounding)
    }

    /// The longest step of those tried for which the model bounds the function.
    fn find_step(&mut self) -> Result<(), Halt<O::Error>> {
        let first = self.iteration == 0;
        if !first && !self.method.accelerated {
            // What was too long at one place may fit at another. The rate of the accelerated method rests on steps
            // that never grow.
            self.step *= 1.25;
        }
        let mut fits = self.try_step()?;
        if fits && first {
            for _ in 0..MOST_DOUBLINGS {
                let moved = max_abs(&self.mapping);
                self.step *= 2.0;
                fits = self.try_step()?;
                // A further step that leads nowhere else is no gain.
                if !fits || max_abs(&self.mapping) <= moved || !self.step.is_finite() {
                    self.step /= 2.0;
                    fits = false;
                    break;
                }
            }
            if !fits {
                fits = self.try_step()?;
            }
        }
        let mut halvings = 0;
        while !fits {
            if halvings == MOST_HALVINGS {
                let failure = SearchFailure::Evaluations { evaluations: halvings };
                let gradient_norm = global_norm(&self.gradient);
                return Err(Halt::Stop(StopReason::LineSearch { failure, gradient_norm }));
            }
            halvings += 1;
            self.step /= 2.0;
            fits = self.try_step()?;
        }
        Ok(())
    }

    /// Goes to x⁺, looks whether that is enough, and makes the next y.
    fn advance(&mut self, stalled: u32) -> Result<(), Halt<O::Error>> {
        let (before, gradient_norm) = (self.value, self.gradient_norm);
        let change = relative_distance(&self.next, &self.point);
        self.iteration += 1;
        self.value = self.next_smooth + self.penalty.value(&self.next);
        // x⁺ is x now, and x before it is in `next`.
        std::mem::swap(&mut self.point, &mut self.next);
        self.offer();
        self.check_value()?;
        let MinimizeOptions {
            gradient_tolerance, gradient_norm: norm, value_tolerance, step_tolerance, ..
        } = *self.options;
        let decrease = before - self.value;
        let size = before.abs().max(self.value.abs()).max(1.0);
        let reason = if gradient_norm <= gradient_tolerance {
            StopReason::GradientTolerance { gradient_norm, tolerance: gradient_tolerance, norm }
        } else if value_tolerance > 0.0 && (0.0..=value_tolerance * size).contains(&decrease) {
            StopReason::ValueTolerance { decrease: decrease / size, tolerance: value_tolerance }
        } else if step_tolerance > 0.0 && change <= step_tolerance {
            StopReason::StepTolerance { change, tolerance: step_tolerance }
        } else if stalled >= if self.method.accelerated { STALLED_ACCELERATED } else { STALLED } {
            StopReason::Precision { gradient_norm, rounding: rounding::<T>(self.value) }
        } else {
            return self.extrapolate();
        };
        Err(Halt::Stop(reason))
    }

    fn extrapolate(&mut self) -> Result<(), Halt<O::Error>> {
        if !self.method.accelerated {
            self.from.copy_from_slice(&self.point);
            self.smooth = self.next_smooth;
            std::mem::swap(&mut self.gradient, &mut self.next_gradient);
            return Ok(());
        }
        // What the last step moved, and whether that is against the gradient mapping, a multiple of y - x⁺.
        difference_into(&mut self.mapping, &self.point, &self.next);
        let with = |y: &[T], x: &[T], moved: &[T]| -> f64 {
            let products = y.iter().zip(x).zip(moved).map(|((&y, &x), m)| (y - x).to_f64() * m.to_f64());
            products.sum()
        };
        if self.method.restart && with(&self.from, &self.point, &self.mapping) > 0.0 {
            self.momentum = 1.0;
        }
        let next = f64::midpoint(1.0, (1.0 + 4.0 * self.momentum * self.momentum).sqrt());
        let share = (self.momentum - 1.0) / next;
        self.momentum = next;
        along(&mut self.from, &self.point, share, &self.mapping);
        self.evaluate_from()?;
        if !self.smooth.is_finite() || !max_abs(&self.gradient).is_finite() {
            // Too far: from x itself.
            self.momentum = 1.0;
            self.from.copy_from_slice(&self.point);
            self.evaluate_from()?;
        }
        Ok(())
    }

    fn offer(&mut self) {
        // At the same point again the gradient mapping is that of the step from it.
        if self.value <= self.best.value {
            self.best.point.copy_from_slice(&self.point);
            (self.best.value, self.best.gradient_norm) = (self.value, self.gradient_norm);
        }
    }

    fn check_value(&self) -> Result<(), Halt<O::Error>> {
        self.options.reached(self.value).map_or(Ok(()), |reason| Err(Halt::Stop(reason)))
    }

    fn check_limits(&self) -> Result<(), Halt<O::Error>> {
        let spent = self.options.spent(&self.counts, self.began);
        spent.map_or(Ok(()), |reason| Err(Halt::Stop(reason)))
    }
}
