//! Loops on plain slices, each beside a naive reference.
pub mod scalar;
