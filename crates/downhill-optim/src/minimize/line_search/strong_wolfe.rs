//! The search of Moré and Thuente for the strong Wolfe conditions.

use super::cubic::{cubic_through_slopes, secant};
use super::{Found, Line, SearchFailure, Trial, check_decrease, check_evaluations};
use crate::minimize::Objective;
use crate::minimize::evaluator::Halt;
use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// How far the interval reaches beyond the last step, while no upper end is known.
const REACH: (f64, f64) = (1.1, 4.0);

/// A step for which the value falls enough and the slope has become flat:
///
/// ```text
/// f(x + α d) <= f(x) + c1 α ∇f(x)·d        |∇f(x + α d)·d| <= c2 |∇f(x)·d|
/// ```
///
/// An interval that contains such a step is narrowed by cubic and quadratic interpolation. Where the value changes
/// by less than its rounding, the first condition is taken to hold if `∇f(x + α d)·d <= (2 c1 - 1) ∇f(x)·d`, which
/// says the same of a parabola (Hager and Zhang 2005): near a minimum slopes are exact where values are noise.
///
/// # Source
/// J. Moré, D. Thuente, *Line search algorithms with guaranteed sufficient decrease*, ACM Transactions on
/// Mathematical Software 20 (1994).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StrongWolfe {
    /// c1, the part of the decrease that the slope promises; default 1e-3.
    pub decrease: f64,
    /// c2, the part of the slope that may be left; default 0.9, for directions that know their length. Conjugate
    /// gradients want 0.1.
    pub curvature: f64,
    /// The most evaluations; default 30.
    pub evaluations: u32,
}

impl Default for StrongWolfe {
    fn default() -> Self {
        StrongWolfe { decrease: 1e-3, curvature: 0.9, evaluations: 30 }
    }
}

impl StrongWolfe {
    pub(super) fn validate(&self) -> Result<()> {
        check_decrease("strong_wolfe", self.decrease)?;
        check_evaluations("strong_wolfe", self.evaluations)?;
        let fits = self.curvature > self.decrease && self.curvature < 1.0;
        Error::check(fits, "strong_wolfe", "curvature", "above `decrease` and below 1", self.curvature)
    }

    fn accepts(&self, start: &Trial, trial: &Trial, rounding: f64) -> bool {
        let promised = start.value + self.decrease * trial.step * start.slope;
        let falls = trial.value <= promised
            || (trial.value <= promised + rounding
                && trial.slope <= (2.0 * self.decrease - 1.0) * start.slope);
        falls && trial.slope.abs() <= -self.curvature * start.slope
    }

    pub(super) fn search<T: Float, O: Objective<T> + ?Sized>(
        &self,
        line: &mut Line<'_, '_, T, O>,
        first: f64,
    ) -> Result<Result<Found, SearchFailure>, Halt<O::Error>> {
        let start = line.start;
        let rounding = line.rounding;
        let mut longest = line.longest;
        let mut interval = Interval::new(start, first);
        let mut step = first;
        // Until a step has been seen with enough decrease and a slope upwards, the search is led by how far the
        // value lies below the line of sufficient decrease.
        let mut below_the_line = true;
        while line.evaluations < self.evaluations {
            let trial = line.at(step)?;
            if !trial.value.is_finite() {
                // Back towards the best step, and never that far again.
                longest = step;
                interval.high = interval.high.min(step);
                step = interval.best.step + 0.1 * (step - interval.best.step);
                if step <= interval.best.step {
                    return Ok(Err(SearchFailure::Interval { step }));
                }
                continue;
            }
            if self.accepts(&start, &trial, rounding) {
                return Ok(Ok(Found { step, satisfied: true }));
            }
            let slack = self.decrease * start.slope;
            let falls = trial.value <= start.value + slack * step;
            if step >= line.longest && falls && trial.slope <= slack {
                // It still falls where it must end.
                return Ok(Ok(Found { step, satisfied: false }));
            }
            below_the_line &= !(falls && trial.slope >= 0.0);
            let tilt =
                if below_the_line && trial.value <= interval.best.value && !falls { slack } else { 0.0 };
            let next = interval.narrow(trial, tilt, longest);
            if interval.is_closed::<T>(next) {
                return Ok(Err(SearchFailure::Interval { step: next }));
            }
            step = next;
        }
        Ok(Err(SearchFailure::Evaluations { evaluations: line.evaluations }))
    }
}

/// Steps among which an acceptable one lies.
struct Interval {
    /// The best step so far.
    best: Trial,
    /// The other end, where the interval is bracketed.
    other: Trial,
    bracketed: bool,
    low: f64,
    high: f64,
    width: f64,
    width_before: f64,
}

impl Interval {
    fn new(start: Trial, first: f64) -> Self {
        let infinite = f64::INFINITY;
        let high = first + REACH.1 * first;
        Interval {
            best: start,
            other: start,
            bracketed: false,
            low: 0.0,
            high,
            width: infinite,
            width_before: infinite,
        }
    }

    /// Takes in a trial and gives the next step. `tilt` is subtracted from all slopes, and its line from all values.
    fn narrow(&mut self, trial: Trial, tilt: f64, longest: f64) -> f64 {
        let tilted = |trial: Trial| Trial {
            value: trial.value - tilt * trial.step,
            slope: trial.slope - tilt,
            ..trial
        };
        let (best, other, trial_tilted) = (tilted(self.best), tilted(self.other), tilted(trial));
        let mut next = self.choose(&best, &other, &trial_tilted, longest);
        // The interval that remains.
        if trial_tilted.value > best.value {
            self.other = trial;
        } else {
            if trial_tilted.slope * best.slope < 0.0 {
                self.other = self.best;
            }
            self.best = trial;
        }
        if self.bracketed {
            let width = (self.other.step - self.best.step).abs();
            if width >= 0.66 * self.width_before {
                next = self.best.step + 0.5 * (self.other.step - self.best.step);
            }
            (self.width_before, self.width) = (self.width, width);
            self.low = self.best.step.min(self.other.step);
            self.high = self.best.step.max(self.other.step);
            if !(self.low < next && next < self.high) {
                // Interpolation has lost its digits.
                next = self.best.step + 0.1 * (self.other.step - self.best.step);
            }
        } else {
            self.low = next + REACH.0 * (next - self.best.step);
            self.high = next + REACH.1 * (next - self.best.step);
        }
        next.clamp(0.0, longest)
    }

    /// The next step, by the four cases of section 4 of the paper.
    fn choose(&mut self, best: &Trial, other: &Trial, trial: &Trial, longest: f64) -> f64 {
        let cubic = cubic_through_slopes(best, trial);
        let opposite = trial.slope * best.slope.signum() < 0.0;
        if trial.value > best.value {
            // Higher: the minimum lies between.
            self.bracketed = true;
            let drop = (best.value - trial.value) / (trial.step - best.step) + best.slope;
            let parabola = best.step + 0.5 * (best.slope / drop) * (trial.step - best.step);
            let near = (cubic - best.step).abs() < (parabola - best.step).abs();
            if near { cubic } else { cubic + 0.5 * (parabola - cubic) }
        } else if opposite {
            // Lower, with a slope back: the minimum lies between.
            self.bracketed = true;
            let secant = secant(best, trial);
            if (cubic - trial.step).abs() > (secant - trial.step).abs() { cubic } else { secant }
        } else if trial.slope.abs() < best.slope.abs() {
            // Lower and flatter: the minimum lies beyond.
            let secant = secant(best, trial);
            let onwards = (trial.step - best.step).signum();
            let beyond = cubic.is_finite() && (cubic - trial.step) * onwards > 0.0;
            let end = if onwards > 0.0 { self.high.min(longest) } else { self.low };
            let cubic = if beyond { cubic } else { end };
            let closer = (cubic - trial.step).abs() < (secant - trial.step).abs();
            if self.bracketed {
                let next = if closer { cubic } else { secant };
                let limit = trial.step + 0.66 * (other.step - trial.step);
                if onwards > 0.0 { next.min(limit) } else { next.max(limit) }
            } else {
                let next = if closer { secant } else { cubic };
                next.clamp(self.low.min(self.high), self.high.max(self.low))
            }
        } else if self.bracketed {
            // Lower and no flatter.
            cubic_through_slopes(other, trial)
        } else if trial.step > best.step {
            self.high.min(longest)
        } else {
            self.low
        }
    }

    /// Whether the next step would be one that is there already.
    fn is_closed<T: Float>(&self, next: f64) -> bool {
        let ends = next <= self.low || next >= self.high || !next.is_finite();
        let scale = self.high.abs() * T::EPSILON.to_f64();
        (self.bracketed && (ends || self.high - self.low <= scale)) || next == self.best.step
    }
}
