//! Layers, initializers, losses and metrics over one flat vector of parameters.
//!
//! It knows nothing of optimizers, data sets, files or how programs are executed.
#![forbid(unsafe_code)]

mod description;
pub mod error;
mod init;
mod layer;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod models;
mod network;
mod scope;
mod summary;

pub use description::{from_description, to_description};
pub use error::{Error, Result};
pub use init::{Fan, Init};
pub use layer::{Function, Layer, layer_fn};
pub use layers::{
    Activation, AnyLayer, AvgPool2d, BatchNorm, Conv2d, Dropout, Embedding, Flatten, LayerNorm, Linear,
    MaxPool2d, MultiHeadAttention, Named, PositionEmbedding, Residual, Sequential, TransformerBlock,
};
pub use losses::{Loss, LossFunction, Reduction, loss_fn};
pub use network::Network;
pub use scope::{Mode, Scope};
pub use summary::{Row, Summary};
