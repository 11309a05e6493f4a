//! Newton's method, with its equation solved by conjugate gradients.

use super::first_step::unscaled;
use super::newton_equation::{NewtonEquation, check_inner, inner_limit};
use super::{Solve, stuck};
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::line_search::{Direction, LineSearch, StrongWolfe, step_along};
use crate::minimize::vectors::{add_scaled, dot, scaled_into};
use crate::minimize::walk::{Moved, Walk};
use crate::minimize::{Objective, bounds};
use downhill_tensor::Float;
use serde::{Deserialize, Serialize};

/// Newton's method: `∇²f(x) d = -∇f(x)`, solved by conjugate gradients until `|∇²f d + ∇f| <= min(0.5, sqrt |∇f|) |∇f|`
/// or until they meet a direction of negative curvature, along which the step goes as far as if it were positive, and a
/// line search along `d`.
///
/// It asks for products of the Hessian and vectors. Where the objective has none, differences of gradients take their
/// place: `(∇f(x + h v) - ∇f(x)) / h` with `h = 2 sqrt(ε) (1 + |x|) / |v|`, one gradient each.
///
/// At a stationary point it looks for negative curvature, in up to 100 products, and goes on along it.
///
/// # Source
/// R. Dembo, T. Steihaug, *Truncated-Newton algorithms for large-scale unconstrained optimization*, Mathematical
/// Programming 26 (1983); J. Nocedal, S. Wright, *Numerical Optimization* (2006), algorithm 7.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewtonCg {
    /// The most conjugate gradients an iteration; default 200, and never more than twice the number of variables and
    /// ten.
    pub inner_iterations: u32,
    /// Whether stationary points that are no minima are left; default true.
    pub leave_saddles: bool,
    /// The search; default [`StrongWolfe`] with the constants 1e-4 and 0.9.
    pub line_search: LineSearch,
}

impl Default for NewtonCg {
    fn default() -> Self {
        let search = StrongWolfe { decrease: 1e-4, ..StrongWolfe::default() };
        NewtonCg { inner_iterations: 200, leave_saddles: true, line_search: LineSearch::StrongWolfe(search) }
    }
}

pub(crate) struct NewtonCgSolver<T> {
    options: NewtonCg,
    /// The direction of the step, as far as it is known.
    direction: Vec<T>,
    equation: NewtonEquation<T>,
}

impl<T: Float> NewtonCgSolver<T> {
    pub fn new(options: NewtonCg, variables: usize) -> Self {
        let equation = NewtonEquation::new(variables);
        NewtonCgSolver { options, direction: vec![T::ZERO; variables], equation }
    }

    /// Solves Newton's equation approximately.
    fn solve<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<(), Halt<O::Error>> {
        let NewtonCgSolver { options, direction, equation } = self;
        equation.begin(direction, &walk.gradient);
        for inner in 0..inner_limit(options.inner_iterations, walk.x.len()) {
            let along = equation.curvature(walk, evaluator)?;
            let flat = 3.0 * f64::EPSILON * dot(&equation.conjugate, &equation.conjugate);
            if along.is_nan() || along <= flat {
                if along < -flat {
                    // As far as if the curvature were positive.
                    add_scaled(direction, equation.length(-along), &equation.conjugate);
                } else if inner == 0 {
                    scaled_into(direction, unscaled(&walk.gradient), &equation.conjugate);
                }
                return Ok(());
            }
            if !equation.advance(direction, equation.length(along)) {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl NewtonCg {
    pub(crate) fn validate(&self) -> crate::Result<()> {
        check_inner("newton_cg", self.inner_iterations)?;
        self.line_search.validate()
    }
}

impl<T: Float> Solve<T> for NewtonCgSolver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        self.solve(walk, evaluator)?;
        let mut slope = dot(&walk.gradient, &self.direction);
        let (mut newton, mut first) = (true, 1.0);
        loop {
            if newton && !(slope < 0.0 && slope.is_finite()) {
                newton = false;
                scaled_into(&mut self.direction, -1.0, &walk.gradient);
                slope = -dot(&walk.gradient, &walk.gradient);
                first = unscaled(&walk.gradient);
            }
            let direction =
                Direction { vector: &self.direction, slope, first, longest: bounds::FAR, feasible: None };
            match step_along(&self.options.line_search, walk, evaluator, direction)? {
                Ok(moved) => return Ok(moved),
                Err(_) if newton => slope = f64::NAN,
                Err(failed) => return Err(stuck(failed)),
            }
        }
    }

    fn leave<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<Moved>, Halt<O::Error>> {
        if !self.options.leave_saddles {
            return Ok(None);
        }
        self.equation.leave(walk, evaluator)
    }
}
