//! Train anything differentiable by gradient descent.
//!
//! This crate is the facade over the crates of the workspace; each can be used alone.
#![forbid(unsafe_code)]

pub use downhill_autograd as autograd;
pub use downhill_data as data;
pub use downhill_engine as engine;
pub use downhill_nn as nn;
pub use downhill_optim as optim;
pub use downhill_tensor as tensor;
pub use downhill_train as train;
