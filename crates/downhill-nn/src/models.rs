//! Networks that are often asked for, as values of [`Sequential`].

use crate::{
    Activation, Conv2d, Embedding, Flatten, GlobalAveragePool2d, Linear, Lstm, MaxPool2d, PositionEmbedding,
    Sequential, TransformerBlock,
};

/// One linear layer: linear regression, or with a loss on logits logistic or softmax regression.
pub fn linear(outputs: usize) -> Sequential {
    Sequential::new().with(Linear::new(outputs))
}

/// A multilayer perceptron: linear layers of these widths, each followed by `activation`, and a linear layer
/// of `outputs` at the end.
pub fn mlp(hidden: &[usize], outputs: usize, activation: Activation) -> Sequential {
    let hidden = hidden
        .iter()
        .fold(Sequential::new(), |network, &width| network.with(Linear::new(width)).with(activation));
    hidden.with(Linear::new(outputs))
}

/// A small convolutional network for images `[n, channels, height, width]`: twice a 3x3 convolution with
/// padding 1 (16 channels, then 32), ReLU and 2x2 max pooling; then a linear layer of `outputs`.
pub fn cnn(outputs: usize) -> Sequential {
    [16, 32]
        .into_iter()
        .fold(Sequential::new(), |network, channels| {
            network.with(convolution3x3(channels)).with(Activation::Relu).with(MaxPool2d::new(2))
        })
        .with(Flatten {})
        .with(Linear::new(outputs))
}

/// A convolutional network for small colour images `[n, channels, height, width]`, in the manner of VGG: 3x3
/// convolutions with padding 1 and ReLU of 64, 64, a 2x2 max pooling, 128, and another pooling; then the mean
/// over the image and a linear layer of `outputs`, so that it takes images of any size from 4x4.
pub fn small_vgg(outputs: usize) -> Sequential {
    Sequential::new()
        .with(convolution3x3(64))
        .with(Activation::Relu)
        .with(convolution3x3(64))
        .with(Activation::Relu)
        .with(MaxPool2d::new(2))
        .with(convolution3x3(128))
        .with(Activation::Relu)
        .with(MaxPool2d::new(2))
        .with(GlobalAveragePool2d {})
        .with(Linear::new(outputs))
}

/// A recurrent network for sequences `[n, length, features]`: an LSTM of `hidden` cells, and a linear layer of
/// `outputs` on its last state.
pub fn lstm(hidden: usize, outputs: usize) -> Sequential {
    Sequential::new().with(Lstm::new(hidden)).with(Linear::new(outputs))
}

/// The sizes of a [`decoder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoder {
    /// The number of tokens.
    pub vocabulary: usize,
    /// The length of the longest sequence.
    pub context: usize,
    /// The length of the vector that stands for a token.
    pub width: usize,
    /// The number of heads of each attention.
    pub heads: usize,
    /// The number of blocks.
    pub blocks: usize,
}

/// A transformer that predicts the next token at each position, from whole numbers `[n, length]` to logits
/// `[n, length, vocabulary]`: an embedding plus learned positions, causal pre-norm blocks, and a linear layer
/// of its own weights (`head`).
pub fn decoder(sizes: Decoder) -> Sequential {
    let Decoder { vocabulary, context, width, heads, blocks } = sizes;
    let start = Sequential::new()
        .with_named("tokens", Embedding::new(vocabulary, width))
        .with_named("positions", PositionEmbedding::new(context));
    (0..blocks)
        .fold(start, |network, block| {
            network.with_named(&format!("block{block}"), TransformerBlock::causal(heads))
        })
        .with_named("head", Linear::new(vocabulary))
}

fn convolution3x3(channels: usize) -> Conv2d {
    Conv2d { padding: [1, 1], ..Conv2d::new(channels, 3) }
}
