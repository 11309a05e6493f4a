//! W2 and W2b: convolutional networks.

use crate::Result;
use crate::cost::Cost;
use crate::data::{Batches, classes};
use crate::training::Task;
use downhill::autograd::Type;
use downhill::nn::{Loss, Network, Sequential, models};
use downhill::optim::Adam;
use downhill::tensor::Key;

/// A 3x3 convolution with padding: as a product, each pixel of each image is a row.
struct Convolution {
    side: usize,
    inputs: usize,
    outputs: usize,
}

/// The products of convolutions and of the linear layer on top.
fn cost(convolutions: &[Convolution], [features, classes]: [usize; 2], batch: usize) -> Cost {
    let products: Cost = convolutions
        .iter()
        .enumerate()
        .map(|(number, c)| Cost::product(batch * c.side * c.side, 9 * c.inputs, c.outputs, number > 0))
        .sum();
    products + Cost::product(batch, features, classes, true)
}

fn task(model: Sequential, image: [usize; 3], batch: usize, products: Cost) -> Result<Task> {
    let [channels, height, width] = image;
    let types = [Type::float([batch, channels, height, width]), Type::index([batch])];
    let network = Network::new(model, types[0])?;
    let cost = products
        + Cost::adam(network.parameter_count())
        + Cost::read(batch * image.iter().product::<usize>());
    Ok(Task {
        network,
        types,
        loss: Loss::CrossEntropy,
        optimizer: Adam { learning_rate: 1e-3, ..Adam::default() }.into(),
        batches: Batches::copied(classes(Key::new(2), image.into()), batch)?,
        cost,
    })
}

/// W2: images 1x28x28, convolutions of 16 and 32 channels, each with ReLU and pooling, and a linear layer;
/// cross-entropy, Adam at 0.001.
///
/// # Errors
/// A batch larger than the data set.
pub fn grey(batch: usize) -> Result<Task> {
    let convolutions =
        [Convolution { side: 28, inputs: 1, outputs: 16 }, Convolution { side: 14, inputs: 16, outputs: 32 }];
    task(models::cnn(10), [1, 28, 28], batch, cost(&convolutions, [1568, 10], batch))
}

/// W2b: images 3x32x32, convolutions of 64, 64 and 128 channels, the last two followed by pooling, the mean
/// over the image and a linear layer; cross-entropy, Adam at 0.001.
///
/// # Errors
/// A batch larger than the data set.
pub fn coloured(batch: usize) -> Result<Task> {
    let convolutions = [
        Convolution { side: 32, inputs: 3, outputs: 64 },
        Convolution { side: 32, inputs: 64, outputs: 64 },
        Convolution { side: 16, inputs: 64, outputs: 128 },
    ];
    task(models::small_vgg(10), [3, 32, 32], batch, cost(&convolutions, [128, 10], batch))
}
