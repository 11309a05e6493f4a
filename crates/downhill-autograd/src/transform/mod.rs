//! Differentiation: transforms that append operations to the tape.

mod checkpoint;
mod derived;
mod jvp;
mod sparse;
mod vjp;

pub(crate) use checkpoint::Blocks;
pub use sparse::AddedRows;
