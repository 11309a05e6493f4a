//! Why a model learns, or does not: measurements, and what they mean in words.
//!
//! Every statement is a [`Verdict`]: the number that was measured, the threshold that it was held against, where the
//! formula is from, and what to try.

mod curvature;
mod noise;
mod sharpness;
mod spectrum;
mod stability;
mod trace;
mod verdict;

pub use curvature::{Curvature, CurvatureOptions, Place};
pub use noise::{BatchGradients, GradientNoise, SignalToNoise};
pub use sharpness::{CriticalSharpness, Sharpness, estimated_preconditioner};
pub use spectrum::{Eigenvalue, LanczosOptions, LanczosStop, SpectrumEnds, spectrum_ends};
pub use stability::{Preconditioning, StabilityLimit, largest_stable_rate, preconditioner, stability_limit};
pub use trace::{TraceEstimate, estimate_trace};
pub use verdict::{Severity, Verdict};
