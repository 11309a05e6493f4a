//! One method a file: the value that says what to do, and the memory that does it.

mod conjugate_gradient;
mod first_step;
mod lbfgs;
mod lbfgsb;
mod negative_curvature;
mod newton_cg;
mod newton_equation;
mod optimizer;
mod steepest_descent;
mod trust_region;

pub use conjugate_gradient::{ConjugateGradient, ConjugateGradientFormula};
pub use lbfgs::Lbfgs;
pub use lbfgsb::LbfgsB;
pub use newton_cg::NewtonCg;
pub use optimizer::ScheduledOptimizer;
pub use steepest_descent::SteepestDescent;
pub use trust_region::TrustRegion;

pub(super) use conjugate_gradient::ConjugateGradientSolver;
pub(super) use lbfgs::LbfgsSolver;
pub(super) use lbfgsb::LbfgsBSolver;
pub(super) use newton_cg::NewtonCgSolver;
pub(super) use optimizer::Following;
pub(super) use steepest_descent::SteepestDescentSolver;
pub(super) use trust_region::TrustRegionSolver;

use super::evaluator::{Evaluator, Halt};
use super::walk::{Moved, Walk};
use super::{Objective, StopReason};
use downhill_tensor::Float;

/// The memory of a method.
pub(crate) trait Solve<T: Float> {
    /// Makes one iteration: the walk is at another point then, and its other point is where the iteration began.
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>>;

    /// Leaves a stationary point that is no minimum, for methods that can see that.
    fn leave<O: Objective<T> + ?Sized>(
        &mut self,
        _: &mut Walk<T>,
        _: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<Moved>, Halt<O::Error>> {
        Ok(None)
    }

    /// Whether an iteration may end at a higher value.
    fn may_rise(&self) -> bool {
        false
    }
}

/// The end of a minimization whose method found no step, not even along the gradient.
fn stuck<E>(stuck: super::line_search::Stuck) -> Halt<E> {
    Halt::Stop(stuck.reason())
}

/// The end of a minimization where what is left to gain is below the rounding of the value.
fn at_precision<T: Float, E>(walk: &Walk<T>) -> Halt<E> {
    let rounding = super::evaluator::rounding::<T>(walk.value);
    // The minimizer fills in the norm that is meant.
    Halt::Stop(StopReason::Precision { gradient_norm: f64::NAN, rounding })
}
