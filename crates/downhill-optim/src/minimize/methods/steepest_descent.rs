//! Gradient descent with a line search.

use super::first_step::{from_decrease, unscaled};
use super::{Solve, stuck};
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::line_search::{Armijo, Direction, LineSearch, step_along};
use crate::minimize::vectors::{dot, scaled_into};
use crate::minimize::walk::{Moved, Walk};
use crate::minimize::{Objective, bounds};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Steps against the gradient, as long as a line search says: `x <- x - α ∇f(x)`.
///
/// It converges for every smooth function that is bounded below, and slowly: on a quadratic with curvatures between
/// μ and L the error shrinks by about `(L - μ) / (L + μ)` an iteration.
///
/// # Source
/// A. Cauchy, *Méthode générale pour la résolution des systèmes d'équations simultanées* (1847); J. Nocedal,
/// S. Wright, *Numerical Optimization* (2006), section 3.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SteepestDescent {
    /// The search; default [`Armijo`].
    pub line_search: LineSearch,
}

impl Default for SteepestDescent {
    fn default() -> Self {
        SteepestDescent { line_search: LineSearch::Armijo(Armijo::default()) }
    }
}

pub(crate) struct SteepestDescentSolver<T> {
    options: SteepestDescent,
    direction: Vec<T>,
    last: Option<(f64, f64)>,
}

impl<T: Float> SteepestDescentSolver<T> {
    pub fn new(options: SteepestDescent, variables: usize) -> Self {
        SteepestDescentSolver { options, direction: vec![T::ZERO; variables], last: None }
    }
}

impl<T: Float> Solve<T> for SteepestDescentSolver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        scaled_into(&mut self.direction, -1.0, &walk.gradient);
        let slope = -dot(&walk.gradient, &walk.gradient);
        let first = match self.last {
            Some(last) => from_decrease(walk, &self.direction, slope, last),
            None => unscaled(&walk.gradient),
        };
        let direction =
            Direction { vector: &self.direction, slope, first, longest: bounds::FAR, feasible: None };
        match step_along(&self.options.line_search, walk, evaluator, direction)? {
            Ok(moved) => {
                self.last = moved.step.is_finite().then_some((moved.step, slope));
                Ok(moved)
            }
            Err(failed) => Err(stuck(failed)),
        }
    }
}
