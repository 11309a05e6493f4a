//! Why a model learns, or does not: measurements, and what they mean in words.
//!
//! Every statement is a [`Verdict`]: the number that was measured, the threshold that it was held against, where the
//! formula is from, and what to try. During a run its own numbers are looked at, which costs nothing that could be measured
//! ([`Outcome::verdicts`](crate::Outcome::verdicts)); afterwards [`examine`] measures a model on data.

mod answers;
pub(crate) mod course;
mod curvature;
pub(crate) mod during;
mod examine;
mod extended;
mod inputs;
mod leakage;
mod noise;
mod not_finite;
mod sample;
mod sharpness;
mod small;
mod spectrum;
mod stability;
mod steps;
mod trace;
mod units;
mod verdict;

pub use curvature::{Curvature, CurvatureOptions, Place};
pub use examine::{Diagnosis, ExamineOptions, Measurement, examine};
pub use noise::{BatchGradients, GradientNoise, SignalToNoise};
pub use not_finite::{NotFinite, Operand, Range};
pub use sharpness::{CriticalSharpness, Sharpness, estimated_preconditioner};
pub use spectrum::{Eigenvalue, LanczosOptions, LanczosStop, SpectrumEnds, spectrum_ends};
pub use stability::{Preconditioning, StabilityLimit, largest_stable_rate, preconditioner, stability_limit};
pub use trace::{TraceEstimate, estimate_trace};
pub use verdict::{Severity, Verdict};
