//! Minima of a smooth function plus a penalty that has no derivative somewhere.
//!
//! A [`Penalty`] is known by its value and its proximal operator; [`ProximalGradient`] minimizes any
//! [`Objective`](crate::minimize::Objective) plus one. For least squares with a penalty of single coefficients,
//! [coordinate descent](crate::coordinate) is faster.

mod descent;
mod penalty;

pub use descent::ProximalGradient;
pub use penalty::Penalty;
pub(crate) use penalty::shrink;
