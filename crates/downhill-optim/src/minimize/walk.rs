//! Where a minimization is, and the memory in which the next point is tried.

use super::evaluator::{Best, Evaluation};
use downhill_tensor::Float;
use std::mem::swap;

/// A point with its value and gradient, and another one beside it: the trial before a step, and after it the point
/// where the step began.
#[derive(Clone, Debug)]
pub(crate) struct Walk<T> {
    pub x: Vec<T>,
    pub gradient: Vec<T>,
    pub value: f64,
    pub other: Vec<T>,
    pub other_gradient: Vec<T>,
    pub other_value: f64,
    /// The number of iterations made.
    pub iteration: u64,
}

impl<T: Float> Walk<T> {
    pub fn new(start: &[T]) -> Self {
        let zeros = || vec![T::ZERO; start.len()];
        Walk {
            x: start.to_vec(),
            gradient: zeros(),
            value: f64::NAN,
            other: zeros(),
            other_gradient: zeros(),
            other_value: f64::NAN,
            iteration: 0,
        }
    }

    /// Goes to the trial.
    pub fn accept(&mut self, found: Evaluation) {
        swap(&mut self.x, &mut self.other);
        swap(&mut self.gradient, &mut self.other_gradient);
        self.other_value = self.value;
        self.value = found.value;
    }

    /// Goes to the best point that was seen.
    pub fn accept_best(&mut self, best: &Best<T>) {
        self.other.copy_from_slice(&best.x);
        self.other_gradient.copy_from_slice(&best.gradient);
        self.accept(Evaluation { value: best.value, max_gradient: f64::NAN });
    }
}

/// What an iteration of a method did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    /// The length of the step, as a multiple of the direction.
    pub step: f64,
    /// The derivative along the direction where it began.
    pub slope: f64,
    /// Whether it satisfies what the search asks for, or only lowers the value.
    pub satisfied: bool,
}
