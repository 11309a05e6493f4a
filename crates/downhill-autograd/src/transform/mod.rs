//! Differentiation: transforms that append operations to the tape.

mod derived;
mod jvp;
mod sparse;
mod vjp;
mod vmap;

pub use sparse::AddedRows;
