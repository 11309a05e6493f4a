//! Networks that are often asked for, as values of [`Sequential`].

use crate::{Activation, Linear, Sequential};

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
