//! Nonlinear conjugate gradients.

use super::first_step::{from_decrease, unscaled};
use super::{Solve, stuck};
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::line_search::{Direction, LineSearch, StrongWolfe, step_along};
use crate::minimize::vectors::dot;
use crate::minimize::walk::{Moved, Walk};
use crate::minimize::{Objective, bounds};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// How much of the last direction goes into the next: β in `d <- -g + β d`, with `y = g - g_before`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConjugateGradientFormula {
    /// `g·g / g_before·g_before` (R. Fletcher, C. Reeves 1964).
    FletcherReeves,
    /// `max(0, g·y / g_before·g_before)` (E. Polak, G. Ribière 1969; J. Gilbert, J. Nocedal 1992).
    #[default]
    PolakRibiere,
    /// `(y - 2 d |y|²/d·y)·g / d·y`, not below `-1 / (|d| min(0.01, |g_before|))` (W. Hager, H. Zhang 2005).
    HagerZhang,
    /// `g·g / d·y` (Y. Dai, Y. Yuan 1999).
    DaiYuan,
}

/// Conjugate gradients: directions that do not undo what earlier ones have reached. It needs no more memory than a few
/// vectors.
///
/// It begins again with the gradient where a direction would not descend, and where two gradients in a row are far
/// from orthogonal, `|g·g_before| >= 0.2 g·g` (M. Powell 1977), which the formulas
/// of Fletcher and Reeves and of Dai and Yuan need; the two others do that by themselves.
///
/// # Source
/// J. Nocedal, S. Wright, *Numerical Optimization* (2006), section 5.2; W. Hager, H. Zhang, *A survey of nonlinear
/// conjugate gradient methods*, Pacific Journal of Optimization 2 (2006).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConjugateGradient {
    /// The formula; default that of Polak and Ribière.
    pub formula: ConjugateGradientFormula,
    /// The search; default [`StrongWolfe`] with a curvature of 0.1.
    pub line_search: LineSearch,
}

impl Default for ConjugateGradient {
    fn default() -> Self {
        let search = StrongWolfe { decrease: 1e-4, curvature: 0.1, ..StrongWolfe::default() };
        ConjugateGradient {
            formula: ConjugateGradientFormula::default(),
            line_search: LineSearch::StrongWolfe(search),
        }
    }
}

pub(crate) struct ConjugateGradientSolver<T> {
    options: ConjugateGradient,
    direction: Vec<T>,
    /// Step and slope of the last iteration; none before the first and after a step off the line.
    last: Option<(f64, f64)>,
}

impl<T: Float> ConjugateGradientSolver<T> {
    pub fn new(options: ConjugateGradient, variables: usize) -> Self {
        ConjugateGradientSolver { options, direction: vec![T::ZERO; variables], last: None }
    }

    fn beta(&self, walk: &Walk<T>) -> f64 {
        let (g, before, d) = (&walk.gradient, &walk.other_gradient, &self.direction);
        let [gg, gb, bb] = [dot(g, g), dot(g, before), dot(before, before)];
        let far_from_orthogonal = gb.abs() >= 0.2 * gg;
        let (dg, db) = (dot(d, g), dot(d, before));
        match self.options.formula {
            ConjugateGradientFormula::FletcherReeves if far_from_orthogonal => 0.0,
            ConjugateGradientFormula::DaiYuan if far_from_orthogonal => 0.0,
            ConjugateGradientFormula::FletcherReeves => gg / bb,
            ConjugateGradientFormula::DaiYuan => gg / (dg - db),
            ConjugateGradientFormula::PolakRibiere => ((gg - gb) / bb).max(0.0),
            ConjugateGradientFormula::HagerZhang => {
                let (dy, yy, yg) = (dg - db, gg - 2.0 * gb + bb, gg - gb);
                let least = -1.0 / (dot(d, d).sqrt() * bb.sqrt().min(0.01));
                ((yg - 2.0 * dg * yy / dy) / dy).max(least)
            }
        }
    }

    fn steepest(&mut self, walk: &Walk<T>) -> f64 {
        self.direction.iter_mut().zip(&walk.gradient).for_each(|(d, &g)| *d = -g);
        -dot(&walk.gradient, &walk.gradient)
    }
}

impl<T: Float> Solve<T> for ConjugateGradientSolver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        let mut conjugate = false;
        let mut slope = f64::NAN;
        if self.last.is_some() {
            let beta = self.beta(walk);
            let factor = T::from_f64(beta);
            self.direction.iter_mut().zip(&walk.gradient).for_each(|(d, &g)| *d = factor * *d - g);
            slope = dot(&walk.gradient, &self.direction);
            conjugate = beta != 0.0;
        }
        let steep = dot(&walk.gradient, &walk.gradient);
        let descends = slope <= -1e-10 * (steep * dot(&self.direction, &self.direction)).sqrt();
        if !descends {
            slope = self.steepest(walk);
            conjugate = false;
        }
        let mut first = match self.last {
            Some(last) => from_decrease(walk, &self.direction, slope, last),
            None => unscaled(&walk.gradient),
        };
        loop {
            let direction =
                Direction { vector: &self.direction, slope, first, longest: bounds::FAR, feasible: None };
            match step_along(&self.options.line_search, walk, evaluator, direction)? {
                Ok(moved) => {
                    self.last = moved.step.is_finite().then_some((moved.step, slope));
                    return Ok(moved);
                }
                Err(_) if conjugate => {
                    slope = self.steepest(walk);
                    (conjugate, first) = (false, unscaled(&walk.gradient));
                }
                Err(failed) => return Err(stuck(failed)),
            }
        }
    }
}
