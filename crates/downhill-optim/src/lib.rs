#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod accumulate;
pub mod adaptive_clip;
pub mod average;
pub mod clip;
pub mod coordinate;
#[doc(hidden)]
pub mod coverage;
pub mod error;
pub mod groups;
pub mod minimize;
pub mod optimizer;
pub mod proximal;
pub mod registry;
pub mod rows;
pub mod rule;
pub mod rules;
pub mod schedules;
pub mod sharpness_aware;
pub mod state;
pub mod test_functions;

pub use accumulate::GradientAccumulator;
pub use adaptive_clip::clip_adaptive;
pub use average::{AverageKind, ParameterAverage};
pub use clip::{clip_global_norm, clip_value, global_norm};
pub use error::{Error, Result};
pub use groups::ParameterGroup;
pub use minimize::{
    Ending, Method, MinimizeError, MinimizeOptions, Minimizer, Objective, Progress, StopReason, descend,
    minimize, unobserved,
};
pub use optimizer::{Chunk, Chunks, Optimize, Optimizer};
pub use registry::OptimizerConfig;
pub use rows::Rows;
pub use rule::{MAX_SCALARS, MAX_SLOTS, Piece, RowSteps, Rule, Scope, Slot, Step};
pub use rules::*;
pub use schedules::*;
pub use sharpness_aware::SharpnessAware;
pub use state::{OptimizerState, ScalarState, SlotState};
pub use test_functions::TestFunction;
