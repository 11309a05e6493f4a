//! What a training step costs at least, by formula, and the time below which no implementation can be.

use downhill::engine::Rates;
use serde::{Deserialize, Serialize};

/// The work of one step that nobody can avoid.
///
/// Operations are the multiplications and additions of products and convolutions, counted as they are usually
/// written down (so Winograd's way may need fewer). Bytes are those of inputs, parameters, gradients and state
/// that have to move at least once, at four bytes a number. Intermediates are not counted: they may stay in
/// the caches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Floating-point operations.
    pub operations: f64,
    /// Bytes.
    pub bytes: f64,
}

impl Cost {
    /// A product `[rows, inputs] [inputs, outputs]`, forward and backward: with the product for the gradient
    /// of the weights, and if there is something to be trained in front of it, that for the gradient of its
    /// input.
    pub fn product(rows: usize, inputs: usize, outputs: usize, input_gradient: bool) -> Self {
        let forward = 2.0 * rows as f64 * inputs as f64 * outputs as f64;
        Cost { operations: if input_gradient { 3.0 } else { 2.0 } * forward, bytes: 0.0 }
    }

    /// Numbers of the batch, each of which is read once.
    pub fn read(numbers: usize) -> Self {
        Cost { operations: 0.0, bytes: 4.0 * numbers as f64 }
    }

    /// Parameters moved by plain gradient descent: each is read and written. No gradient need exist.
    pub fn descent(parameters: usize) -> Self {
        Cost { operations: 0.0, bytes: 8.0 * parameters as f64 }
    }

    /// Parameters moved by Adam: each, its gradient, and both its averages are read and written.
    pub fn adam(parameters: usize) -> Self {
        Cost { operations: 0.0, bytes: 32.0 * parameters as f64 }
    }

    /// The least time of a step in seconds: the larger of operations over the rate of products and bytes over
    /// the rate of memory.
    ///
    /// What fits in the caches moves faster than that, so a step that is all bytes can come out below it.
    pub fn floor(&self, rates: &Rates) -> f64 {
        (self.operations / rates.operations_per_second).max(self.bytes / rates.bytes_per_second)
    }
}

impl std::ops::Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost { operations: self.operations + other.operations, bytes: self.bytes + other.bytes }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), |sum, cost| sum + cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_layer_needs_no_gradient_of_its_input() {
        assert_eq!(Cost::product(2, 3, 5, false).operations, 2.0 * 2.0 * 30.0);
        assert_eq!(Cost::product(2, 3, 5, true).operations, 3.0 * 2.0 * 30.0);
    }

    #[test]
    fn the_floor_is_the_slower_of_arithmetic_and_memory() {
        let rates = Rates { operations_per_second: 100.0, bytes_per_second: 10.0, threads: 1 };
        assert_eq!(Cost { operations: 200.0, bytes: 10.0 }.floor(&rates), 2.0);
        assert_eq!(Cost { operations: 200.0, bytes: 40.0 }.floor(&rates), 4.0);
    }
}
