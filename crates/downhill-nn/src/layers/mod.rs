//! The built-in layers, one family a file, and the register of them all.
//!
//! A new layer is a file here and a row in the register below.

mod activation;
mod adaptive_pool;
mod attention;
mod batch_norm;
mod bilinear;
mod conv1d;
mod conv2d;
mod conv3d;
mod conv_transpose;
mod dropout;
mod embedding;
mod embedding_bag;
mod flatten;
mod group_norm;
mod layer_norm;
mod linear;
mod lora;
mod lstm;
pub(crate) mod padding;
mod pool1d;
mod pool2d;
mod positions;
mod prelu;
mod recurrent;
mod residual;
mod rms_norm;
mod rnn;
mod sequential;
mod upsample;
mod weight_norm;

pub use activation::Activation;
pub use adaptive_pool::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d};
pub use attention::{DecoderBlock, MultiHeadAttention, TransformerBlock};
pub use batch_norm::BatchNorm;
pub use bilinear::Bilinear;
pub use conv_transpose::{ConvTranspose1d, ConvTranspose2d};
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use conv3d::Conv3d;
pub use dropout::Dropout;
pub use embedding::{Embedding, PositionEmbedding};
pub use embedding_bag::{EmbeddingBag, Pooling};
pub use flatten::Flatten;
pub use group_norm::{GroupNorm, InstanceNorm};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use lora::Lora;
pub use lstm::Lstm;
pub use pool1d::{AvgPool1d, MaxPool1d};
pub use pool2d::{AvgPool2d, GlobalAveragePool2d, MaxPool2d};
pub use positions::{RotaryPositions, SinusoidalPositions};
pub use prelu::PRelu;
pub use recurrent::{Cell, Recurrent};
pub use residual::Residual;
pub use rms_norm::RmsNorm;
pub use rnn::{Gru, Rnn};
pub use sequential::{Named, Sequential};
pub use upsample::{Interpolation, PixelShuffle, Upsample};
pub(crate) use weight_norm::Reparameterization;
pub use weight_norm::{SpectralNorm, WeightNorm};

use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Makes [`AnyLayer`] of the layers that it lists.
macro_rules! register {
    ($($layer:ident),* $(,)?) => {
        /// Any of the built-in layers, as a value: to be compared, cloned, and written to a file, from which
        /// it loads without the code that built it.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum AnyLayer {$(
            #[doc = concat!("See [`", stringify!($layer), "`].")]
            $layer($layer),
        )*}

        impl AnyLayer {
            /// The names of all kinds, as in files. For tables of what is checked.
            #[doc(hidden)]
            pub const NAMES: &[&str] = &[$(stringify!($layer)),*];

            /// The name of its kind, as in files.
            #[doc(hidden)]
            pub fn name(&self) -> &'static str {
                match self {$(AnyLayer::$layer(_) => stringify!($layer),)*}
            }
        }

        impl Layer for AnyLayer {
            fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
                match self {$(AnyLayer::$layer(layer) => layer.forward(scope, x),)*}
            }

            fn kind(&self) -> Cow<'static, str> {
                match self {$(AnyLayer::$layer(layer) => layer.kind(),)*}
            }
        }

        $(impl From<$layer> for AnyLayer {
            fn from(layer: $layer) -> Self {
                AnyLayer::$layer(layer)
            }
        })*
    };
}

register! {
    Activation,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    BatchNorm,
    Bilinear,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    DecoderBlock,
    Dropout,
    Embedding,
    EmbeddingBag,
    Flatten,
    GlobalAveragePool2d,
    GroupNorm,
    Gru,
    InstanceNorm,
    LayerNorm,
    Linear,
    Lora,
    Lstm,
    MaxPool1d,
    MaxPool2d,
    MultiHeadAttention,
    Named,
    PRelu,
    PixelShuffle,
    PositionEmbedding,
    Recurrent,
    Residual,
    RmsNorm,
    Rnn,
    RotaryPositions,
    Sequential,
    SinusoidalPositions,
    SpectralNorm,
    TransformerBlock,
    Upsample,
    WeightNorm,
}
