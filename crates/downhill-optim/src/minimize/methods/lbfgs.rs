//! L-BFGS.

use super::first_step::unscaled;
use super::{Solve, stuck};
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::history::History;
use crate::minimize::line_search::{Direction, LineSearch, step_along};
use crate::minimize::vectors::{dot, scaled_into};
use crate::minimize::walk::{Moved, Walk};
use crate::minimize::{Objective, bounds};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno: a model of the Hessian from the last few steps.
/// The first choice for smooth functions of any number of variables.
///
/// A pair with too little curvature is left out. A direction that does not descend, and a line along which no step is
/// found, make the method forget its pairs and begin again with the gradient; they are no errors.
///
/// # Source
/// J. Nocedal, *Updating quasi-Newton matrices with limited storage*, Mathematics of Computation 35 (1980); D. Liu,
/// J. Nocedal, *On the limited memory BFGS method for large scale optimization*, Mathematical Programming 45 (1989).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lbfgs {
    /// The number of steps that are remembered; default 10.
    pub memory: usize,
    /// The search; default [`StrongWolfe`](crate::minimize::StrongWolfe).
    pub line_search: LineSearch,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs { memory: 10, line_search: LineSearch::default() }
    }
}

pub(crate) struct LbfgsSolver<T> {
    options: Lbfgs,
    direction: Vec<T>,
    history: History<T>,
}

impl<T: Float> LbfgsSolver<T> {
    pub fn new(options: Lbfgs, variables: usize) -> Self {
        let history = History::new(options.memory, variables);
        LbfgsSolver { options, direction: vec![T::ZERO; variables], history }
    }
}

impl<T: Float> Solve<T> for LbfgsSolver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        loop {
            let fresh = self.history.len() == 0;
            scaled_into(&mut self.direction, -1.0, &walk.gradient);
            self.history.apply_inverse(&mut self.direction);
            let slope = dot(&walk.gradient, &self.direction);
            let descends = slope < 0.0 && slope.is_finite();
            if !descends && !fresh {
                self.history.clear();
                continue;
            }
            let first = if fresh { unscaled(&walk.gradient) } else { 1.0 };
            let direction =
                Direction { vector: &self.direction, slope, first, longest: bounds::FAR, feasible: None };
            match step_along(&self.options.line_search, walk, evaluator, direction)? {
                Ok(moved) => {
                    self.history.push(walk);
                    return Ok(moved);
                }
                Err(_) if !fresh => self.history.clear(),
                Err(failed) => return Err(stuck(failed)),
            }
        }
    }
}
