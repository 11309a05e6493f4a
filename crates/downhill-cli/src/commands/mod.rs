//! One file for each command: its arguments, its help, what it does.

pub mod data;
pub mod demo;
pub mod eval;
pub mod export;
pub mod predict;
pub mod regress;
pub mod train;
