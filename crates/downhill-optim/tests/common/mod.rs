//! Random optimizers with random options, for the tests that all of them share.
#![allow(dead_code, reason = "each test uses its part")]

use downhill_optim::{Adagrad, Adam, AdamW, GradientDescent, OptimizerConfig, RmsProp, Sgd};
use proptest::prelude::*;

/// 0 half of the time, since most options are off by default.
fn or_zero(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), range]
}

fn sgd() -> impl Strategy<Value = OptimizerConfig> {
    (1e-3..0.1, or_zero(0.1..0.95), or_zero(0.0..1.0), or_zero(0.0..0.3), any::<bool>()).prop_map(
        |(learning_rate, momentum, dampening, weight_decay, nesterov)| {
            let nesterov = nesterov && momentum > 0.0 && dampening == 0.0;
            Sgd { learning_rate, momentum, dampening, weight_decay, nesterov }.into()
        },
    )
}

fn adagrad() -> impl Strategy<Value = OptimizerConfig> {
    (1e-3..0.5, or_zero(0.0..0.2), or_zero(0.0..0.3), or_zero(0.0..1.0), 1e-10..1e-2).prop_map(
        |(learning_rate, learning_rate_decay, weight_decay, initial_accumulator, epsilon)| {
            Adagrad { learning_rate, learning_rate_decay, weight_decay, initial_accumulator, epsilon }.into()
        },
    )
}

fn rmsprop() -> impl Strategy<Value = OptimizerConfig> {
    (1e-3..0.1, 0.5..0.999, 1e-6..1e-2, or_zero(0.0..0.3), or_zero(0.1..0.9), any::<bool>()).prop_map(
        |(learning_rate, alpha, epsilon, weight_decay, momentum, centered)| {
            RmsProp { learning_rate, alpha, epsilon, weight_decay, momentum, centered }.into()
        },
    )
}

fn adam() -> impl Strategy<Value = OptimizerConfig> {
    let options = (1e-3..0.1, 0.0..0.99, 0.5..0.9999, 1e-8..1e-2, or_zero(0.0..0.3));
    (options, any::<bool>(), any::<bool>()).prop_map(|(options, amsgrad, decoupled)| {
        let (learning_rate, beta1, beta2, epsilon, weight_decay) = options;
        match decoupled {
            true => AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, amsgrad }.into(),
            false => Adam { learning_rate, beta1, beta2, epsilon, weight_decay, amsgrad }.into(),
        }
    })
}

/// Any optimizer with any valid options.
pub fn configs() -> impl Strategy<Value = OptimizerConfig> {
    let plain = (1e-3..0.1).prop_map(|learning_rate| GradientDescent { learning_rate }.into());
    prop_oneof![plain, sgd(), adagrad(), rmsprop(), adam()]
}

/// A vector of parameters and the gradients of some steps.
pub fn walks(len: usize, steps: usize) -> impl Strategy<Value = (Vec<f64>, Vec<Vec<f64>>)> {
    let vector = move || prop::collection::vec(-3.0..3.0, len);
    (vector(), prop::collection::vec(vector(), steps))
}
