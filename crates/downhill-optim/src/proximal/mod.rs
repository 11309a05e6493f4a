//! Minima of a smooth function plus a penalty that has no derivative somewhere.

mod penalty;

pub use penalty::Penalty;
pub(crate) use penalty::shrink;
