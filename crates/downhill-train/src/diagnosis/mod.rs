//! Why a model learns, or does not: measurements, and what they mean in words.
//!
//! Every statement is a [`Verdict`]: the number that was measured, the threshold that it was held against, where the
//! formula is from, and what to try.

mod verdict;

pub use verdict::{Severity, Verdict};
