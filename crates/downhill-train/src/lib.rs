#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aligned;
mod averaging;
mod bad_steps;
mod baseline;
mod callback;
mod config;
pub mod diagnosis;
mod error;
mod evaluation;
mod evaluator;
pub mod explain;
pub mod export;
mod file;
#[cfg(feature = "exchange")]
pub mod import;
pub mod landscape;
mod memory;
mod model;
mod model_spec;
pub mod objective;
mod outcome;
pub mod page;
mod predictions;
mod progress;
pub mod race;
pub mod rate_range;
pub mod regression;
mod report;
mod run;
mod run_directory;
pub mod state_dict;
mod step;
mod step_options;
mod trainer;
mod training_step;
mod vectors;
mod way;

pub use averaging::Averaging;
pub use bad_steps::{Answer, BadStep, BadSteps, Fault};
pub use callback::{Callback, Event, History};
pub use config::{EarlyStopping, TrainConfig};
pub use error::{Error, ErrorKind, Result};
pub use evaluation::Evaluation;
pub use memory::StepMemory;
pub use model::Model;
pub use model_spec::ModelSpec;
pub use outcome::{Ending, EpochRecord, Outcome, StopReason, TrainingMean};
pub use predictions::Predictions;
pub use report::Report;
pub use run_directory::RunDirectory;
pub use step_options::{AsData, StepOptions};
pub use trainer::Trainer;
pub use training_step::{StepSnapshot, TrainingStep};
