//! Data sets for somebody's trainer: files, splits, batches, preprocessing.
//!
//! A [`Dataset`] fills rows of a contiguous buffer; [`InMemory`] is the one that this crate brings. It comes
//! from a file ([`csv`], [`idx`], [`mnist()`], [`npy`]), from the crate itself ([`embedded`]) or from a formula
//! ([`generators`]). It is cut by [`split`] and [`InMemory::k_fold`], made numeric by a [`Preprocessing`]
//! that is fitted on the training part only, and handed out in batches by a [`Loader`].
//!
//! This crate knows nothing of models, tapes, optimizers or trainers. It prints nothing. All randomness is
//! a function of a seed, a purpose and an index.
#![forbid(unsafe_code)]

pub mod csv;
pub mod dataset;
pub mod embedded;
pub mod error;
mod fingerprint;
pub mod generators;
pub mod idx;
pub mod loader;
pub mod memory;
pub mod mnist;
pub mod npy;
mod prefetch;
pub mod preprocessing;
mod random;
pub mod schema;
mod source;
pub mod split;
pub mod task;

pub use self::csv::{CsvOptions, TargetUse};
pub use dataset::{Dataset, TargetKind};
pub use error::{Error, Result};
pub use loader::{Batch, BatchSize, Loader, LoaderOptions, Targets};
pub use memory::{Features, InMemory, Target};
pub use mnist::{Mnist, mnist};
pub use preprocessing::{Preprocessing, PreprocessingOptions};
pub use random::permutation;
pub use schema::{Column, ColumnKind, InputSchema, Schema, TargetSchema};
pub use split::{PartSize, Split};
pub use task::Task;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
