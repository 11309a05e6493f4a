//! Why a model learns, or does not: measurements, and what they mean in words.
//!
//! Every statement is a [`Verdict`]: the number that was measured, the threshold that it was held against, where the
//! formula is from, and what to try. During a run its own numbers are looked at, which costs nothing
//! ([`Outcome::verdicts`](crate::Outcome::verdicts)); afterwards [`examine`] measures a model on data.

pub(crate) mod course;
pub(crate) mod during;
mod extended;
mod not_finite;
mod steps;
mod verdict;

pub use not_finite::{NotFinite, Operand, Range};
pub use verdict::{Severity, Verdict};
