//! Why a minimization ended, with the numbers that ended it.

use super::line_search::SearchFailure;
use super::options::GradientNorm;
use std::fmt;
use std::time::Duration;

/// Why a minimization ended, with the numbers that ended it. `Display` says it in words.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum StopReason {
    /// The gradient became small enough: the point is stationary, to this tolerance. Methods that use no
    /// curvature cannot tell a minimum from a saddle there.
    GradientTolerance {
        /// The norm of the gradient; of the projected gradient, where there are bounds.
        gradient_norm: f64,
        /// The tolerance asked for.
        tolerance: f64,
        /// Which norm it is.
        norm: GradientNorm,
    },
    /// The value hardly fell in the last step.
    ValueTolerance {
        /// How far it fell, relative to the larger of its size and 1.
        decrease: f64,
        /// The tolerance asked for.
        tolerance: f64,
    },
    /// The last step was short.
    StepTolerance {
        /// The largest change of a variable, relative to the larger of its size and 1.
        change: f64,
        /// The tolerance asked for.
        tolerance: f64,
    },
    /// The value reached the target.
    Target {
        /// The value.
        value: f64,
        /// The target asked for.
        target: f64,
    },
    /// What is left to gain along the gradient is less than what rounding of the value and of the variables changes:
    /// the point is a minimum as far as numbers of this precision can tell.
    Precision {
        /// The norm of the gradient that is left.
        gradient_norm: f64,
        /// The size of that rounding, in the value.
        rounding: f64,
    },
    /// All iterations that were allowed are made.
    Iterations {
        /// Their number.
        iterations: u64,
    },
    /// All evaluations that were allowed are made.
    Evaluations {
        /// Their number.
        evaluations: u64,
    },
    /// The time is over.
    Time {
        /// What has passed.
        elapsed: Duration,
        /// What was allowed.
        limit: Duration,
    },
    /// The value fell below the floor: the function seems to have no minimum.
    UnboundedBelow {
        /// The value.
        value: f64,
        /// The floor.
        floor: f64,
    },
    /// No acceptable step was found along the gradient itself, though the value could still fall by more than its
    /// rounding. Most often value and gradient contradict each other.
    LineSearch {
        /// What happened.
        failure: SearchFailure,
        /// The norm of the gradient where it happened.
        gradient_norm: f64,
    },
    /// The value or the gradient became infinite or not a number where the method could not step back: at the
    /// start, or after the step of an optimizer.
    NotFinite {
        /// The number of iterations that led there.
        iteration: u64,
        /// The value there.
        value: f64,
        /// The largest absolute number of the gradient there.
        gradient: f64,
    },
    /// The observer asked for it.
    Observer {
        /// The number of iterations made.
        iteration: u64,
    },
}

impl StopReason {
    /// The same reason with another norm, where a search has come to nothing.
    pub(super) fn with_gradient_norm(self, gradient_norm: f64) -> Self {
        match self {
            StopReason::Precision { rounding, .. } => StopReason::Precision { gradient_norm, rounding },
            StopReason::LineSearch { failure, .. } => StopReason::LineSearch { failure, gradient_norm },
            other => other,
        }
    }

    /// Whether the point is what was asked for: a tolerance or the target is reached, or all that the precision
    /// of the numbers allows.
    pub fn converged(&self) -> bool {
        matches!(
            self,
            StopReason::GradientTolerance { .. }
                | StopReason::ValueTolerance { .. }
                | StopReason::StepTolerance { .. }
                | StopReason::Target { .. }
                | StopReason::Precision { .. }
        )
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::GradientTolerance { gradient_norm, tolerance, norm } => write!(
                f,
                "stationary point: the {norm} norm of the gradient is {gradient_norm:.3e}, at most {tolerance:e}"
            ),
            StopReason::ValueTolerance { decrease, tolerance } => {
                write!(f, "the value fell by {decrease:.3e} of its size, at most {tolerance:e}")
            }
            StopReason::StepTolerance { change, tolerance } => {
                write!(
                    f,
                    "the last step changed the variables by {change:.3e} of their size, at most {tolerance:e}"
                )
            }
            StopReason::Target { value, target } => {
                write!(f, "the value {value:e} has reached the target {target:e}")
            }
            StopReason::Precision { gradient_norm, rounding } => write!(
                f,
                "what is left to gain is below the rounding of the value ({rounding:.1e}); the gradient's norm is \
                 {gradient_norm:.3e}"
            ),
            StopReason::Iterations { iterations } => write!(f, "all {iterations} iterations are made"),
            StopReason::Evaluations { evaluations } => write!(f, "all {evaluations} evaluations are made"),
            StopReason::Time { elapsed, limit } => {
                write!(f, "{elapsed:.1?} have passed, and {limit:.1?} were allowed")
            }
            StopReason::UnboundedBelow { value, floor } => write!(
                f,
                "the value {value:e} is below the floor {floor:e}: the function seems to have no minimum"
            ),
            StopReason::LineSearch { failure, gradient_norm } => write!(
                f,
                "no acceptable step along the gradient ({failure}), whose norm is {gradient_norm:.3e}: do value and \
                 gradient belong together?"
            ),
            StopReason::NotFinite { iteration, value, gradient } => write!(
                f,
                "after {iteration} iterations the value is {value:e} and the largest number of the gradient {gradient:e}"
            ),
            StopReason::Observer { iteration } => {
                write!(f, "the observer asked for it after {iteration} iterations")
            }
        }
    }
}
