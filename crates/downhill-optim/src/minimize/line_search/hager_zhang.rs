//! The search of Hager and Zhang for the approximate Wolfe conditions.

use super::cubic::secant;
use super::{Found, Line, SearchFailure, Trial, check_decrease, check_evaluations};
use crate::minimize::Objective;
use crate::minimize::evaluator::Halt;
use crate::{Error, Result};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// A step that satisfies the Wolfe conditions, or the approximate ones, which slopes alone decide:
///
/// ```text
/// f(x + α d) <= f(x) + δ α φ'(0)  and  φ'(α) >= σ φ'(0),          φ'(α) = ∇f(x + α d)·d
/// (2δ - 1) φ'(0) >= φ'(α) >= σ φ'(0)  and  f(x + α d) <= f(x) + ε |f(x)|
/// ```
///
/// The second form goes on where rounding hides the decrease of the value. It lets the value rise by ε of its size.
///
/// # Source
/// W. Hager, H. Zhang, *A new conjugate gradient method with guaranteed descent and an efficient line search*, SIAM
/// Journal on Optimization 16 (2005), with the constants of *Algorithm 851: CG_DESCENT* (2006).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HagerZhang {
    /// δ, the part of the decrease that the slope promises; default 0.1.
    pub decrease: f64,
    /// σ, the part of the slope that may be left; default 0.9.
    pub curvature: f64,
    /// ε, by how much of its size the value may rise; default 1e-6.
    pub tolerance: f64,
    /// γ: the interval is halved where it shrinks by less than this factor; default 0.66.
    pub shrink: f64,
    /// ρ, how far the interval grows at a time; default 5.
    pub grow: f64,
    /// The most evaluations; default 50.
    pub evaluations: u32,
}

impl Default for HagerZhang {
    fn default() -> Self {
        HagerZhang {
            decrease: 0.1,
            curvature: 0.9,
            tolerance: 1e-6,
            shrink: 0.66,
            grow: 5.0,
            evaluations: 50,
        }
    }
}

/// How a search ends early: it has found a step or failed, or the minimization ends.
enum End<E> {
    Search(Result<Found, SearchFailure>),
    Halt(Halt<E>),
}

impl HagerZhang {
    pub(super) fn validate(&self) -> Result<()> {
        const OWNER: &str = "hager_zhang";
        check_decrease(OWNER, self.decrease)?;
        check_evaluations(OWNER, self.evaluations)?;
        let fits = self.curvature >= self.decrease && self.curvature < 1.0;
        Error::check(fits, OWNER, "curvature", "at least `decrease` and below 1", self.curvature)?;
        Error::check_at_least_zero(OWNER, "tolerance", self.tolerance)?;
        let fits = self.shrink > 0.0 && self.shrink < 1.0;
        Error::check(fits, OWNER, "shrink", "above 0 and below 1", self.shrink)?;
        Error::check(self.grow > 1.0 && self.grow.is_finite(), OWNER, "grow", "above 1", self.grow)
    }

    pub(super) fn search<T: Float, O: Objective<T> + ?Sized>(
        &self,
        line: &mut Line<'_, '_, T, O>,
        first: f64,
    ) -> Result<Result<Found, SearchFailure>, Halt<O::Error>> {
        let ceiling = line.start.value + self.tolerance * line.start.value.abs();
        let mut search = Bracketing { constants: self, line, ceiling };
        match search.narrow(first) {
            End::Search(outcome) => Ok(outcome),
            End::Halt(halt) => Err(halt),
        }
    }
}

/// Steps between which an acceptable one lies: the slope falls at the first, whose value is not above the ceiling,
/// and rises at the second.
type Bracket = (Trial, Trial);

struct Bracketing<'s, 'l, 'e, T, O: ?Sized> {
    constants: &'s HagerZhang,
    line: &'s mut Line<'l, 'e, T, O>,
    ceiling: f64,
}

impl<T: Float, O: Objective<T> + ?Sized> Bracketing<'_, '_, '_, T, O> {
    /// Narrows the interval until a trial ends it.
    fn narrow(&mut self, first: f64) -> End<O::Error> {
        let mut bracket = match self.bracket(first) {
            Ok(bracket) => bracket,
            Err(end) => return end,
        };
        loop {
            let width = bracket.1.step - bracket.0.step;
            let narrowed = self.double_secant(bracket).and_then(|narrow| {
                if narrow.1.step - narrow.0.step > self.constants.shrink * width {
                    return self.update(narrow, 0.5 * (narrow.0.step + narrow.1.step));
                }
                Ok(narrow)
            });
            bracket = match narrowed {
                Ok(bracket) => bracket,
                Err(end) => return end,
            };
            let (low, high) = (bracket.0.step, bracket.1.step);
            if high - low <= T::EPSILON.to_f64() * high {
                return End::Search(Err(SearchFailure::Interval { step: high }));
            }
        }
    }

    /// A trial that does not end the search.
    fn probe(&mut self, step: f64) -> Result<Trial, End<O::Error>> {
        if self.line.evaluations >= self.constants.evaluations {
            let evaluations = self.line.evaluations;
            return Err(End::Search(Err(SearchFailure::Evaluations { evaluations })));
        }
        let start = self.line.start;
        let trial = self.line.at(step).map_err(End::Halt)?;
        let HagerZhang { decrease, curvature, .. } = *self.constants;
        let flat = trial.slope >= curvature * start.slope;
        let falls = trial.value <= start.value + decrease * step * start.slope;
        let nearly = trial.value <= self.ceiling && trial.slope <= (2.0 * decrease - 1.0) * start.slope;
        if flat && (falls || nearly) {
            Err(End::Search(Ok(Found { step, satisfied: true })))
        } else {
            Ok(trial)
        }
    }

    /// An interval that contains an acceptable step, from the first trial on.
    fn bracket(&mut self, first: f64) -> Result<Bracket, End<O::Error>> {
        let mut low = self.line.start;
        let mut step = first;
        loop {
            let trial = self.probe(step)?;
            if trial.slope >= 0.0 {
                return Ok((low, trial));
            }
            if trial.value.is_nan() || trial.value > self.ceiling {
                return self.bisect(self.line.start, step);
            }
            low = trial;
            if step >= self.line.longest {
                // It still falls where it must end.
                let falls = trial.value < self.line.start.value;
                let outcome = if falls {
                    Ok(Found { step, satisfied: false })
                } else {
                    Err(SearchFailure::Interval { step })
                };
                return Err(End::Search(outcome));
            }
            step = (self.constants.grow * step).min(self.line.longest);
        }
    }

    /// Between a step that falls and one whose value is too high.
    fn bisect(&mut self, mut low: Trial, mut high: f64) -> Result<Bracket, End<O::Error>> {
        loop {
            let trial = self.probe(0.5 * (low.step + high))?;
            if trial.slope >= 0.0 {
                return Ok((low, trial));
            }
            if trial.value <= self.ceiling {
                low = trial;
            } else {
                high = trial.step;
            }
        }
    }

    /// Takes a step into the interval, if it lies within.
    fn update(&mut self, (low, high): Bracket, step: f64) -> Result<Bracket, End<O::Error>> {
        if !(step > low.step && step < high.step) {
            return Ok((low, high));
        }
        let trial = self.probe(step)?;
        if trial.slope >= 0.0 {
            Ok((low, trial))
        } else if trial.value <= self.ceiling {
            Ok((trial, high))
        } else {
            self.bisect(low, step)
        }
    }

    /// A secant step, and another from the end that it moved.
    fn double_secant(&mut self, (low, high): Bracket) -> Result<Bracket, End<O::Error>> {
        let step = secant(&low, &high);
        let bracket = self.update((low, high), step)?;
        if step == bracket.1.step {
            self.update(bracket, secant(&high, &bracket.1))
        } else if step == bracket.0.step {
            self.update(bracket, secant(&low, &bracket.0))
        } else {
            Ok(bracket)
        }
    }
}
