//! Random optimizers with random options, for the tests that all of them share.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used)]

pub mod problems;

use downhill_optim::{Adagrad, Adam, AdamW, GradientDescent, OptimizerConfig, RmsProp, Sgd};
use proptest::prelude::*;
use serde_json::Value;

/// 0 half of the time, since most options are off by default.
fn or_zero(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), range]
}

fn sgd() -> impl Strategy<Value = OptimizerConfig> {
    (1e-3..0.1, or_zero(0.1..0.95), or_zero(0.0..1.0), or_zero(0.0..0.3), any::<bool>()).prop_map(
        |(learning_rate, momentum, dampening, weight_decay, nesterov)| {
            let nesterov = nesterov && momentum > 0.0 && dampening == 0.0;
            Sgd { learning_rate, momentum, dampening, weight_decay, nesterov, ..Sgd::default() }.into()
        },
    )
}

fn adagrad() -> impl Strategy<Value = OptimizerConfig> {
    (1e-3..0.5, or_zero(0.0..0.2), or_zero(0.0..0.3), or_zero(0.0..1.0), 1e-10..1e-2).prop_map(
        |(learning_rate, learning_rate_decay, weight_decay, initial_accumulator, epsilon)| {
            Adagrad {
                learning_rate,
                learning_rate_decay,
                weight_decay,
                initial_accumulator,
                epsilon,
                maximize: false,
            }
            .into()
        },
    )
}

fn rmsprop() -> impl Strategy<Value = OptimizerConfig> {
    (1e-3..0.1, 0.5..0.999, 1e-6..1e-2, or_zero(0.0..0.3), or_zero(0.1..0.9), any::<bool>()).prop_map(
        |(learning_rate, alpha, epsilon, weight_decay, momentum, centered)| {
            RmsProp { learning_rate, alpha, epsilon, weight_decay, momentum, centered, maximize: false }
                .into()
        },
    )
}

fn adam() -> impl Strategy<Value = OptimizerConfig> {
    let options = (1e-3..0.1, 0.0..0.99, 0.5..0.9999, 1e-8..1e-2, or_zero(0.0..0.3));
    (options, any::<bool>(), any::<bool>()).prop_map(|(options, amsgrad, decoupled)| {
        let (learning_rate, beta1, beta2, epsilon, weight_decay) = options;
        match decoupled {
            true => {
                AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, amsgrad, maximize: false }.into()
            }
            false => {
                Adam { learning_rate, beta1, beta2, epsilon, weight_decay, amsgrad, maximize: false }.into()
            }
        }
    })
}

/// The optimizers that the textbook has, with any valid options.
pub fn classic_configs() -> impl Strategy<Value = OptimizerConfig> {
    let plain = (1e-3..0.1).prop_map(|learning_rate| GradientDescent { learning_rate }.into());
    prop_oneof![plain, sgd(), adagrad(), rmsprop(), adam()]
}

/// The value of a field, if the optimizer has it.
fn set(fields: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(field) = fields.get_mut(name) {
        *field = value.into();
    }
}

/// Any optimizer by name, with other numbers in the fields that it has.
fn varied() -> impl Strategy<Value = OptimizerConfig> {
    let names: Vec<_> = OptimizerConfig::names().collect();
    let numbers = (1e-3..0.1, or_zero(0.0..0.3), 0.1..0.95, 0.5..0.999);
    (prop::sample::select(names), numbers, any::<[bool; 3]>()).prop_map(
        |(name, numbers, [a, b, maximize])| {
            let (rate, decay, beta1, beta2) = numbers;
            let config = OptimizerConfig::from_name(name).unwrap();
            let mut written = serde_json::to_value(config.with_learning_rate(rate)).unwrap();
            let fields = written.as_object_mut().unwrap().values_mut().next().unwrap();
            set(fields, "weight_decay", decay);
            set(fields, "beta1", beta1);
            set(fields, "beta2", beta2);
            set(fields, "decoupled_weight_decay", a);
            set(fields, "adapt_vectors", a);
            set(fields, "start", 3.0);
            set(fields, "period", if b { 2 } else { 3 });
            set(fields, "maximize", maximize);
            serde_json::from_value(written).unwrap()
        },
    )
}

/// Any optimizer with any valid options.
pub fn configs() -> impl Strategy<Value = OptimizerConfig> {
    prop_oneof![1 => classic_configs(), 2 => varied()]
}

/// A vector of parameters and the gradients of some steps.
pub fn walks(len: usize, steps: usize) -> impl Strategy<Value = (Vec<f64>, Vec<Vec<f64>>)> {
    let vector = move || prop::collection::vec(-3.0..3.0, len);
    (vector(), prop::collection::vec(vector(), steps))
}
