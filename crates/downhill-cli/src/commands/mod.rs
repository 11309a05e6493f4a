//! One file for each command: its arguments, its help, what it does.

pub mod data;
pub mod demo;
pub mod diagnose;
pub mod eval;
pub mod explain;
pub mod export;
pub mod landscape;
pub mod lr_find;
pub mod minimize;
pub mod predict;
pub mod race;
pub mod regress;
pub mod report;
pub mod train;
