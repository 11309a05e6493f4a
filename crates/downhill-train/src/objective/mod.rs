//! Functions of a flat vector that training makes small: values, gradients, and products with the Hessian.

mod loss_over_data;
mod traced;

pub use loss_over_data::{LossOptions, LossOverData};
pub use traced::Traced;
