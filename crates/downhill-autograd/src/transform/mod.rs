//! Differentiation: transforms that append operations to the tape.

mod checkpoint;
mod derived;
mod jvp;
mod sparse;
mod vjp;
mod vmap;

pub(crate) use checkpoint::Blocks;
pub use sparse::AddedRows;
