//! Layers, initializers, losses and metrics for networks whose parameters are one flat vector.
//!
//! A [`Layer`] is plain data. Its forward pass is recorded with a [`Scope`], of which it asks its parameters
//! where it uses them; so a [`Network`] finds names, shapes and starts of all of them, and makes the programs
//! for training, evaluation and use.
//!
//! ```
//! use downhill_autograd::Type;
//! use downhill_nn::{Loss, Network, models};
//! use downhill_tensor::Key;
//! let network = Network::new(models::cnn(10), Type::float([64, 1, 28, 28]))?;
//! println!("{}", network.summary());
//! let theta: Vec<f32> = network.initialize(Key::new(42));
//! let step = network.training_program(network.input(), Type::index([64]), &Loss::CrossEntropy)?;
//! assert_eq!(step.outputs()[1].len(), theta.len()); // the gradient
//! # Ok::<(), downhill_nn::Error>(())
//! ```
//!
//! It knows nothing of optimizers, data sets, files, or how programs are executed.
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
mod rows;
mod scope;
mod summary;

pub use description::{from_description, to_description};
pub use error::{Error, Result};
pub use init::{Fan, Init, Spread};
pub use layer::{Function, Layer, layer_fn};
pub use layers::{
    Activation, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AnyLayer,
    AvgPool1d, AvgPool2d, BatchNorm, Bilinear, Cell, Conv1d, Conv2d, Conv3d, ConvTranspose1d,
    ConvTranspose2d, DecoderBlock, Dropout, Embedding, EmbeddingBag, Flatten, GlobalAveragePool2d, GroupNorm,
    Gru, InstanceNorm, Interpolation, LayerNorm, Linear, Lora, Lstm, MaxPool1d, MaxPool2d,
    MultiHeadAttention, Named, PRelu, PixelShuffle, Pooling, PositionEmbedding, Recurrent, Residual, RmsNorm,
    Rnn, RotaryPositions, Sequential, SinusoidalPositions, SpectralNorm, TransformerBlock, Upsample,
    WeightNorm,
};
pub use losses::{Loss, LossFunction, Reduction, loss_fn};
pub use network::Network;
pub use rows::{RowsProgram, SparseParameter};
pub use scope::{Mode, Scope};
pub use summary::{Row, Summary};

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
