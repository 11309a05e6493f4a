//! Networks that are often asked for, as values of [`Sequential`].

use crate::{Activation, Conv2d, Flatten, Linear, MaxPool2d, Sequential};

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
    let convolution = |channels| Conv2d { padding: [1, 1], ..Conv2d::new(channels, 3) };
    [16, 32]
        .into_iter()
        .fold(Sequential::new(), |network, channels| {
            network.with(convolution(channels)).with(Activation::Relu).with(MaxPool2d::new(2))
        })
        .with(Flatten {})
        .with(Linear::new(outputs))
}
