//! The optimizers: one file each, with its formula, defaults and source.
//!
//! In the formulas, p is a parameter, g the derivative of the loss by it, η the learning rate of the step
//! (schedule and group included), λ the weight decay, t the number of the step, beginning with 1. State
//! starts at 0 unless said otherwise. Formulas and defaults are PyTorch's; where the literature or another
//! library differs, the optimizer says so.

mod adagrad;
mod adam;
mod adamw;
mod gradient_descent;
mod rmsprop;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use gradient_descent::GradientDescent;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
