//! How far to go along a direction: searches as values.

mod armijo;
mod backtracking;
mod cubic;
mod hager_zhang;
mod strong_wolfe;

pub use armijo::Armijo;
pub use backtracking::Backtracking;
pub use hager_zhang::HagerZhang;
pub use strong_wolfe::StrongWolfe;

use super::bounds::Feasible;
use super::evaluator::{Evaluation, Evaluator, Halt, rounding};
use super::vectors::{along, dot};
use super::walk::{Moved, Walk};
use super::{Objective, StopReason};
use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A search for the length of a step.
///
/// Every search steps back from values and gradients that are infinite or not numbers, and ends after a bounded
/// number of evaluations. Where it finds no acceptable step but saw a lower value, the method goes there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineSearch {
    /// See [`Backtracking`].
    Backtracking(Backtracking),
    /// See [`Armijo`].
    Armijo(Armijo),
    /// See [`StrongWolfe`].
    StrongWolfe(StrongWolfe),
    /// See [`HagerZhang`].
    HagerZhang(HagerZhang),
}

impl Default for LineSearch {
    fn default() -> Self {
        LineSearch::StrongWolfe(StrongWolfe::default())
    }
}

impl LineSearch {
    /// Refuses constants outside their domain.
    ///
    /// # Errors
    /// [`Error::InvalidValue`], which names the field.
    pub fn validate(&self) -> Result<()> {
        match self {
            LineSearch::Backtracking(search) => search.validate(),
            LineSearch::Armijo(search) => search.validate(),
            LineSearch::StrongWolfe(search) => search.validate(),
            LineSearch::HagerZhang(search) => search.validate(),
        }
    }

    fn search<T: Float, O: Objective<T> + ?Sized>(
        &self,
        line: &mut Line<'_, '_, T, O>,
        first: f64,
    ) -> Result<Result<Found, SearchFailure>, Halt<O::Error>> {
        match self {
            LineSearch::Backtracking(search) => search.search(line, first),
            LineSearch::Armijo(search) => search.search(line, first),
            LineSearch::StrongWolfe(search) => search.search(line, first),
            LineSearch::HagerZhang(search) => search.search(line, first),
        }
    }
}

fn check_decrease(owner: &str, decrease: f64) -> Result<()> {
    Error::check(decrease > 0.0 && decrease < 0.5, owner, "decrease", "above 0 and below 0.5", decrease)
}

fn check_evaluations(owner: &str, evaluations: u32) -> Result<()> {
    Error::check(evaluations > 0, owner, "evaluations", "at least 1", evaluations.into())
}

/// Why a search found no acceptable step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SearchFailure {
    /// As many evaluations as it may make were not enough.
    Evaluations {
        /// Their number.
        evaluations: u32,
    },
    /// The interval in which an acceptable step must lie became too short for the precision of the numbers.
    Interval {
        /// The step, as a multiple of the direction.
        step: f64,
    },
}

impl fmt::Display for SearchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchFailure::Evaluations { evaluations } => write!(f, "none in {evaluations} evaluations"),
            SearchFailure::Interval { step } => write!(f, "the interval closed at the step {step:e}"),
        }
    }
}

/// How many times the estimated rounding counts as noise: the objective's own sums round, too.
const NOISE: f64 = 16.0;

/// A step to take: the last trial.
struct Found {
    step: f64,
    /// Whether it satisfies the conditions of the search; otherwise it ends at the longest step, still falling.
    satisfied: bool,
}

/// The value and the derivative at a step. A point that is not finite has the value infinity and the slope NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub step: f64,
    pub value: f64,
    pub slope: f64,
}

/// The objective along a direction. The last trial lies in the walk's other point.
pub(crate) struct Line<'l, 'e, T, O: ?Sized> {
    walk: &'l mut Walk<T>,
    evaluator: &'l mut Evaluator<'e, T, O>,
    direction: &'l [T],
    feasible: Option<&'l Feasible<T>>,
    /// The longest step allowed.
    longest: f64,
    /// The trial at 0.
    start: Trial,
    /// The trial with the shortest step whose slope is known.
    shortest: Option<Trial>,
    /// What rounding of the value and of the variables changes.
    rounding: f64,
    /// Whether a trial was higher though the slope still fell.
    contradicted: bool,
    last: Evaluation,
    evaluations: u32,
}

impl<T: Float, O: Objective<T> + ?Sized> Line<'_, '_, T, O> {
    /// Value and slope at a step.
    fn at(&mut self, step: f64) -> Result<Trial, Halt<O::Error>> {
        self.place(step);
        self.evaluations += 1;
        let found = self.evaluator.value_and_gradient(&self.walk.other, &mut self.walk.other_gradient)?;
        self.last = found;
        let slope = dot(&self.walk.other_gradient, self.direction);
        if !found.is_finite() || !slope.is_finite() {
            return Ok(Trial { step, value: f64::INFINITY, slope: f64::NAN });
        }
        let trial = Trial { step, value: found.value, slope };
        let promised = -self.start.slope * step;
        let falls = slope <= 0.1 * self.start.slope && promised > NOISE * self.rounding;
        self.contradicted |= falls && trial.value > self.start.value + self.rounding;
        if self.shortest.is_none_or(|shortest| step < shortest.step) {
            self.shortest = Some(trial);
        }
        Ok(trial)
    }

    /// The value at a step, for searches that decide by it: without the gradient, where that costs less.
    fn value_at(&mut self, step: f64) -> Result<f64, Halt<O::Error>> {
        if !self.evaluator.objective.value_is_cheaper() {
            return Ok(self.at(step)?.value);
        }
        self.place(step);
        self.evaluations += 1;
        let value = self.evaluator.value(&self.walk.other)?;
        Ok(if value.is_finite() { value } else { f64::INFINITY })
    }

    /// Whether the gradient at the step whose value was asked for last is finite; computes it, if it is not there.
    fn has_gradient(&mut self, step: f64) -> Result<bool, Halt<O::Error>> {
        if !self.evaluator.objective.value_is_cheaper() {
            return Ok(self.last.is_finite());
        }
        Ok(self.at(step)?.value.is_finite())
    }

    fn place(&mut self, step: f64) {
        along(&mut self.walk.other, &self.walk.x, step, self.direction);
        if let Some(feasible) = self.feasible {
            feasible.project(&mut self.walk.other);
        }
    }

    /// Whether what can be gained along this line is mere rounding: by the parabola through the slopes at 0 and at the
    /// shortest trial, or because the search came down to steps along which the slope promises no more.
    fn is_noise(&self) -> bool {
        let Some(near) = self.shortest else { return false };
        let (slope, rise) = (self.start.slope, near.slope - self.start.slope);
        // A parabola through a trial far beyond its minimum says nothing.
        let near_enough = rise > 0.0 && rise <= -NOISE * slope;
        let gain = if near_enough { 0.5 * slope * slope * near.step / rise } else { f64::INFINITY };
        gain.min(-slope * near.step) <= NOISE * self.rounding && !self.contradicted
    }
}

/// A line on which no step was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stuck {
    failure: SearchFailure,
    is_noise: bool,
    rounding: f64,
}

impl Stuck {
    /// The reason, where nothing else can be tried. The minimizer fills in the norm that is meant.
    pub fn reason(self) -> StopReason {
        let gradient_norm = f64::NAN;
        match self.is_noise {
            true => StopReason::Precision { gradient_norm, rounding: self.rounding },
            false => StopReason::LineSearch { failure: self.failure, gradient_norm },
        }
    }
}

/// A direction along which a step shall be made.
pub(crate) struct Direction<'a, T> {
    pub vector: &'a [T],
    /// The derivative along it.
    pub slope: f64,
    /// The first step to try.
    pub first: f64,
    /// The longest step allowed.
    pub longest: f64,
    /// The box in which all trials lie.
    pub feasible: Option<&'a Feasible<T>>,
}

/// Moves along a direction of descent, or says why not.
pub(crate) fn step_along<T: Float, O: Objective<T> + ?Sized>(
    search: &LineSearch,
    walk: &mut Walk<T>,
    evaluator: &mut Evaluator<'_, T, O>,
    direction: Direction<'_, T>,
) -> Result<Result<Moved, Stuck>, Halt<O::Error>> {
    let Direction { vector, slope, first, longest, feasible } = direction;
    let value = walk.value;
    let start = Trial { step: 0.0, value, slope };
    let last = Evaluation { value, max_gradient: f64::NAN };
    let moved = walk.x.iter().zip(&walk.gradient).map(|(&x, &g)| (x * g).abs().to_f64());
    let rounding = rounding::<T>(value) + T::EPSILON.to_f64() * moved.sum::<f64>();
    let mut line = Line {
        walk: &mut *walk,
        evaluator: &mut *evaluator,
        direction: vector,
        feasible,
        longest,
        start,
        shortest: None,
        rounding,
        contradicted: false,
        last,
        evaluations: 0,
    };
    let outcome = search.search(&mut line, first.min(longest))?;
    let (is_noise, last) = (line.is_noise(), line.last);
    Ok(match outcome {
        Ok(Found { step, satisfied }) => {
            walk.accept(last);
            Ok(Moved { step, slope, satisfied })
        }
        Err(_) if evaluator.best.value < value => {
            walk.accept_best(evaluator.best);
            Ok(Moved { step: f64::NAN, slope, satisfied: false })
        }
        Err(failure) => Err(Stuck { failure, is_noise, rounding }),
    })
}
