//! The minimum of any function that has a gradient.

mod objective;

pub use objective::{Fallible, HessianVectorProduct, Objective, WithHessian};
