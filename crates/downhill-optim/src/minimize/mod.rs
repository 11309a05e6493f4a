//! The minimum of any function that has a gradient.
//!
//! An [`Objective`] is a value and a gradient in one call; a [`Method`] is a value that says how to go down; the
//! [`MinimizeOptions`] say when to stop. [`minimize`] drives it, [`Minimizer`] lets the caller make each step, and
//! every [`Ending`] has a [`StopReason`] with the numbers behind it. How a minimization ends is never an error.
//!
//! | method | asks for | for |
//! |---|---|---|
//! | [`Lbfgs`] | gradients | smooth functions of any number of variables: the first choice |
//! | [`LbfgsB`] | gradients | the same within bounds |
//! | [`NewtonCg`], [`TrustRegion`] | gradients, products of the Hessian | ill-conditioned functions; they leave saddles |
//! | [`ConjugateGradient`] | gradients | very many variables, little memory |
//! | [`SteepestDescent`] | gradients | comparison |
//! | [`ScheduledOptimizer`] | gradients | noisy functions; what networks are trained with |

mod bounds;
mod compact;
mod error;
pub(crate) mod evaluator;
mod history;
mod line_search;
mod method;
mod methods;
mod minimizer;
mod objective;
mod options;
mod small_matrix;
mod stop_reason;
pub(crate) mod vectors;
mod walk;

pub use bounds::{Bounds, Interval};
pub use error::MinimizeError;
pub use evaluator::Evaluations;
pub use line_search::{Armijo, Backtracking, HagerZhang, LineSearch, SearchFailure, StrongWolfe};
pub use method::Method;
pub use methods::{
    ConjugateGradient, ConjugateGradientFormula, Lbfgs, LbfgsB, NewtonCg, ScheduledOptimizer,
    SteepestDescent, TrustRegion,
};
pub use minimizer::{Ending, Iteration, Minimizer, Progress, descend, minimize, unobserved};
pub use objective::{Fallible, HessianVectorProduct, Objective, WithHessian};
pub use options::{GradientNorm, MinimizeOptions};
pub use stop_reason::StopReason;
