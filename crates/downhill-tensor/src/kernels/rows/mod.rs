//! Functions that work row by row, as one closed set: softmax, cross entropy, normalization, the cell of an
//! LSTM, each with its gradient.
//!
//! Every operand has the same number of rows, each its own width; what is one number a row has width 1. A
//! row of the result depends on the same rows of the operands alone, so a part of the work is a call on
//! sub-slices of whole rows, and how it is cut changes no bit.
//!
//! Values that a function cannot take are found by [`check`], once and before; [`apply`] cannot fail.

mod lstm;
mod normalize;
mod sums;

use super::isa::{Isa, current};
use super::softmax;
use crate::Float;
use std::fmt;

pub(crate) use sums::sum_of;

/// A function over rows. `x̂` is a normalized row, `p` a softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowFunction {
    /// `x [n]` to `exp(x - max) / Σ exp(x - max)` `[n]`; 0 throughout a row of -infinity.
    Softmax,
    /// `x [n]` to `x - max - ln Σ exp(x - max)` `[n]`; -infinity throughout a row of -infinity.
    LogSoftmax,
    /// `y [n]`, a softmax, and `g [n]` to `y (g - Σ y g)` `[n]`.
    SoftmaxGradient,
    /// `x [n]` and a class to `ln Σ exp(x) - x[class]` `[1]`.
    CrossEntropy,
    /// `x [n]`, a class and `g [1]` to `g (p - 1 at the class)` `[n]`.
    CrossEntropyGradient,
    /// `x [n]` to `x̂ = (x - mean) / √(variance + ε)` `[n]`, the variance divided by n.
    Normalize(Epsilon),
    /// `x [n]` and `g [n]` to `(g - mean(g) - x̂ mean(g x̂)) / √(variance + ε)` `[n]`.
    NormalizeGradient(Epsilon),
    /// Preactivations `[4h]` of the gates i, f, g, o in this order and the cell's state `c [h]` to
    /// `[2h]`: the output `σ(o) tanh(c')`, and behind it the new state `c' = σ(f) c + σ(i) tanh(g)`.
    LstmCell,
    /// The operands of [`RowFunction::LstmCell`] and the cotangents of the output and of the new state, each `[h]`,
    /// to `[5h]`: those of the preactivations, and behind them that of the state.
    LstmCellGradient,
}

impl RowFunction {
    /// The name under which schedules print it.
    pub fn name(self) -> &'static str {
        match self {
            RowFunction::Softmax => "softmax",
            RowFunction::LogSoftmax => "log_softmax",
            RowFunction::SoftmaxGradient => "softmax_gradient",
            RowFunction::CrossEntropy => "cross_entropy",
            RowFunction::CrossEntropyGradient => "cross_entropy_gradient",
            RowFunction::Normalize(_) => "normalize",
            RowFunction::NormalizeGradient(_) => "normalize_gradient",
            RowFunction::LstmCell => "lstm_cell",
            RowFunction::LstmCellGradient => "lstm_cell_gradient",
        }
    }
}

/// What is added to a variance: a number that compares and hashes by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epsilon(u64);

impl Epsilon {
    /// This number.
    pub fn new(value: f64) -> Self {
        Epsilon(value.to_bits())
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Debug for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// An operand: rows of equal width, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a, T> {
    /// Real numbers.
    Float(&'a [T]),
    /// Whole numbers.
    Index(&'a [i64]),
}

/// A class that is not among those that the logits are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "class {class} at position {position} is out of range: there are {classes} classes, 0 to {}",
    .classes.saturating_sub(1)
)]
pub struct ClassOutOfRange {
    /// The class that was asked for.
    pub class: i64,
    /// Where it stands among the classes.
    pub position: usize,
    /// The number of classes.
    pub classes: usize,
}

/// Whether all numbers are classes, from 0 to below `count`.
///
/// # Errors
/// The first that is not.
pub fn check_classes(classes: &[i64], count: usize) -> Result<(), ClassOutOfRange> {
    // Negative numbers become too large ones.
    match classes.iter().position(|&class| class as u64 >= count as u64) {
        None => Ok(()),
        Some(position) => Err(ClassOutOfRange { class: classes[position], position, classes: count }),
    }
}

/// Whether `function` can take these values, in `rows` rows.
///
/// # Errors
/// A class out of range.
pub fn check<T>(function: RowFunction, rows: usize, operands: &[Rows<'_, T>]) -> Result<(), ClassOutOfRange> {
    match (function, operands) {
        (
            RowFunction::CrossEntropy | RowFunction::CrossEntropyGradient,
            [Rows::Float(x), Rows::Index(classes), ..],
        ) if rows > 0 => check_classes(classes, x.len() / rows),
        _ => Ok(()),
    }
}

/// Applies `function` to `rows` rows. Of values that [`check`] refuses, the result is NaN.
///
/// # Panics
/// Where the number, the kinds or the lengths of the operands, or that of `out`, are not those that the
/// function has.
pub fn apply<T: Float>(function: RowFunction, rows: usize, operands: &[Rows<'_, T>], out: &mut [T]) {
    apply_with(current(), function, rows, operands, out);
}

/// [`apply`] with a chosen instruction set.
///
/// # Panics
/// As [`apply`].
pub fn apply_with<T: Float>(
    isa: Isa,
    function: RowFunction,
    rows: usize,
    operands: &[Rows<'_, T>],
    out: &mut [T],
) {
    use Rows::{Float, Index};
    if rows == 0 {
        return;
    }
    match (function, operands) {
        (RowFunction::Softmax, &[Float(x)]) => softmax::softmax_with(isa, x, x.len() / rows, out),
        (RowFunction::LogSoftmax, &[Float(x)]) => softmax::log_softmax_with(isa, x, x.len() / rows, out),
        (RowFunction::SoftmaxGradient, &[Float(y), Float(g)]) => {
            softmax::softmax_gradient_with(isa, y, g, y.len() / rows, out);
        }
        (RowFunction::CrossEntropy, &[Float(x), Index(classes)]) => {
            softmax::cross_entropy_with(isa, x, classes, x.len() / rows, out);
        }
        (RowFunction::CrossEntropyGradient, &[Float(x), Index(classes), Float(g)]) => {
            softmax::cross_entropy_gradient_with(isa, x, classes, g, x.len() / rows, out);
        }
        (RowFunction::Normalize(epsilon), &[Float(x)]) => {
            normalize::normalize(isa, x, rows, epsilon.get(), out);
        }
        (RowFunction::NormalizeGradient(epsilon), &[Float(x), Float(g)]) => {
            normalize::normalize_gradient(isa, x, g, rows, epsilon.get(), out);
        }
        (RowFunction::LstmCell, &[Float(gates), Float(c)]) => lstm::lstm_cell(isa, gates, c, rows, out),
        (RowFunction::LstmCellGradient, &[Float(gates), Float(c), Float(g), Float(next)]) => {
            lstm::lstm_cell_gradient(isa, gates, c, [g, next], rows, out);
        }
        _ => panic!("{} takes other operands", function.name()),
    }
}
