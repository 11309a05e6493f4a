//! The work on which the speed of downhill is judged, as a user would write it, and how it is measured.
//!
//! Each file of [`workloads`] is a family of them: the model, its data, its step, and by formula what the
//! step costs at least. The rest is the stopwatch: [`measure`](mod@measure) counts steps in windows of time,
//! [`machine`] measures what the machine could do, and [`scaling`] does both while a workload grows, and draws it. It
//! knows nothing of other libraries; `peers/` beside it does.
//!
//! ```
//! use downhill::engine::Engine;
//! use downhill_bench::workloads::{Line, Workload};
//!
//! let line: Line = "W5".parse()?;
//! let mut xor = line.prepare(&Engine::default())?;
//! let first = xor.workload.step()?;
//! for _ in 0..1000 {
//!     xor.workload.step()?;
//! }
//! assert!(xor.workload.step()? < first);
//! # Ok::<(), downhill_bench::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod cost;
pub mod data;
pub mod machine;
pub mod measure;
pub mod scaling;
pub mod training;
pub mod workloads;

/// What can go wrong: whatever the libraries under measurement report.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
