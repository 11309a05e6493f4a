//! Arrays of numbers and the loops over them.
//!
//! This crate holds what every other crate of `downhill` stands on, and serves alone as a small array
//! library: [`Shape`] and [`Layout`] (arithmetic of dimensions and strides, without data), [`Tensor`]
//! (strided views that share their storage), [`Key`] (counter-based randomness), `linalg` (factorizations),
//! [`npy`] (NumPy's file format; archives and safetensors behind features), [`bytes`] (bincode), [`ParameterLayout`] (names and ranges in one flat vector), and
//! [`kernels`] (loops on plain slices, each beside a naive reference).
//!
//! It knows nothing of derivatives, networks, optimizers, data sets or threads.

mod atomic;
pub mod bytes;
pub mod error;
pub mod kernels;
#[cfg(test)]
mod laws;
pub mod layout;
#[cfg(feature = "linalg")]
pub mod linalg;
mod named;
pub mod npy;
#[cfg(feature = "npz")]
pub mod npz;
pub mod number;
pub mod parameters;
pub mod random;
#[cfg(feature = "safetensors")]
pub mod safetensors;
pub mod shape;
#[cfg(any(test, feature = "proptest"))]
pub mod strategies;
pub mod suggest;
pub mod tensor;

pub use atomic::write_atomically;
pub use error::{Error, Result};
pub use layout::{Layout, Slice};
pub use named::{AnyTensor, NamedTensors};
pub use number::{DType, Element, Float};
pub use parameters::{ParameterEntry, ParameterLayout};
pub use random::{CounterRng, Key};
pub use shape::{MAX_RANK, Shape};
pub use tensor::{Axes, Tensor};

/// The examples of the README, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
