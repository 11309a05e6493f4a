//! Loops on plain slices, each beside a naive reference.
//!
//! | module | what it computes |
//! |---|---|
//! | [`scalar`] | the functions of one and two numbers that programs are made of |
//! | [`elementwise`] | a function of every element, with broadcasting |
//! | [`math`] | exponentials and their kin as vectorizable polynomials |
//! | [`gamma`] | the logarithm of the gamma function and its derivatives |
//! | [`reduce`] | sums, extremes and their places along axes |
//! | [`matmul`] | products of strided matrices |
//! | [`rows`] | functions of each row: the closed set that programs name |
//! | [`softmax`] | softmax, its logarithm, cross entropy, with gradients |
//! | [`attention`] | multi-head attention with its gradient |
//! | [`conv`] | two-dimensional convolution with gradients |
//! | [`pool`] | two-dimensional pooling with gradients |
//! | [`gather`] | reading and adding by index |
//! | [`copy`] | moving elements between layouts |
//! | [`naive`] | the same as plain loops: what they mean |
//! | [`isa`] | which instructions they may use |
//! | [`denormals`] | flushing of denormal numbers while a guard lives |
//!
//! # What all kernels keep to
//! - They know slices, sizes and layouts; no tensors, no derivatives beyond their own, no threads. They
//!   allocate nothing: one that needs space takes it as `scratch` and says how much by a function named
//!   `..._scratch_len`.
//! - Each can compute a part of its output, so that a caller may share the work among threads. How the
//!   output is cut changes no bit of it.
//! - Values in the data never panic: an index out of range is an error. Lengths and ranges that contradict
//!   each other are bugs of the caller and panic, as indexing a slice does; `# Panics` says which.

pub mod attention;
pub mod conv;
pub mod copy;
pub mod denormals;
pub mod elementwise;
pub mod gamma;
pub mod gather;
pub mod isa;
pub mod math;
pub mod matmul;
pub mod naive;
pub mod pool;
pub mod reduce;
pub mod rows;
mod runs;
pub mod scalar;
pub mod softmax;
