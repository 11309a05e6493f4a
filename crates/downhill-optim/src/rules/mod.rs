//! The optimizers: one file each, with its formula, defaults and source.
//!
//! In the formulas, p is a parameter, g the derivative of the loss by it, η the learning rate of the step
//! (schedule and group included), λ the weight decay, t the number of the step, beginning with 1. State
//! starts at 0 unless said otherwise. Formulas and defaults are PyTorch's where it has the optimizer; where
//! the literature or another library differs, the optimizer says so. With `maximize` all of them go up the
//! gradient.

mod adabelief;
mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod adan;
mod asgd;
mod gradient_descent;
mod lamb;
mod lars;
mod lion;
mod lookahead;
mod muon;
mod nadam;
mod radam;
mod rmsprop;
mod rprop;
mod schedule_free_adamw;
mod schedule_free_sgd;
mod sgd;
mod yogi;

pub use adabelief::AdaBelief;
pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use adan::Adan;
pub use asgd::Asgd;
pub use gradient_descent::GradientDescent;
pub use lamb::Lamb;
pub use lars::Lars;
pub use lion::Lion;
pub use lookahead::Lookahead;
pub use muon::{Muon, MuonScale};
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use schedule_free_adamw::ScheduleFreeAdamW;
pub use schedule_free_sgd::ScheduleFreeSgd;
pub use sgd::Sgd;
pub use yogi::Yogi;
