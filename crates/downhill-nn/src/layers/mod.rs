//! The built-in layers, one family a file, and the register of them all.
//!
//! A new layer is a file here and a row in the register below.

mod activation;
mod attention;
mod batch_norm;
mod conv2d;
mod dropout;
mod embedding;
mod flatten;
mod layer_norm;
mod linear;
mod lstm;
pub(crate) mod padding;
mod pool2d;
mod residual;
mod sequential;

pub use activation::Activation;
pub use attention::{MultiHeadAttention, TransformerBlock};
pub use batch_norm::BatchNorm;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use embedding::{Embedding, PositionEmbedding};
pub use flatten::Flatten;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use lstm::Lstm;
pub use pool2d::{AvgPool2d, GlobalAveragePool2d, MaxPool2d};
pub use residual::Residual;
pub use sequential::{Named, Sequential};

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
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2d,
    LayerNorm,
    Linear,
    Lstm,
    MaxPool2d,
    MultiHeadAttention,
    Named,
    PositionEmbedding,
    Residual,
    Sequential,
    TransformerBlock,
}
