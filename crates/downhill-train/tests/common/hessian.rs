//! The Hessian of a network's loss over data, by the tape.

use downhill_autograd::hessian;
use downhill_data::InMemory;
use downhill_nn::{AnyLayer, Loss, LossFunction, Mode, Network};

/// The Hessian of the cross entropy of all examples at once, recorded as a function of θ.
pub fn full_hessian(network: &Network<AnyLayer>, data: &InMemory, theta: &[f64]) -> Vec<f64> {
    let (inputs, labels) = (data.inputs_tensor::<f64>().unwrap(), data.labels().unwrap());
    let full = hessian(
        |theta| {
            let tape = theta.tape();
            let (x, classes) = (tape.constant(inputs), tape.index_constant(labels.into()));
            let outputs = network.apply(Mode::Training, theta, tape.zeros([0]), x);
            Loss::CrossEntropy.loss(outputs, classes)
        },
        theta,
    );
    full.unwrap().to_vec()
}
