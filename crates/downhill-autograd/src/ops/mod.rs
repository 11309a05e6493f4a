//! The operations, each in a file of its own: formula, shape rule, meaning, derivatives, kind of loop, and
//! the method of [`Var`] that records it.

mod adaptive_pool;
mod after;
mod along_axis;
mod argmax;
mod arrange;
mod attention;
mod batched_index;
mod binary;
mod broadcast;
mod composite;
mod concat;
mod conv2d;
mod convolutions;
mod cross_entropy;
mod einsum;
mod gather;
mod interpolate;
mod linalg;
mod logical;
mod lstm_cell;
mod matmul;
mod normalize;
mod one_hot;
mod padding;
mod permute;
mod polygamma;
mod pool2d;
mod random;
mod recurrence;
mod reduce;
mod reshape;
mod scan;
mod select;
mod slice;
mod softmax;
mod sort;
mod statistics;
mod stop_gradient;
mod unary;
mod uniform;

pub use after::After;
pub use along_axis::{ScatterAddAlongAxis, ScatterAlongAxis, TakeAlongAxis};
pub use argmax::ArgExtreme;
pub use attention::{Attention, AttentionGradient};
pub use batched_index::{IndexRow, OffsetIndex, RepeatIndex};
pub use binary::BinaryOperation;
pub use broadcast::BroadcastTo;
pub use concat::Concat;
pub use conv2d::{Conv2d, Conv2dInputGradient, Conv2dWeightGradient};
pub use convolutions::{Conv1d, Conv3d};
pub use cross_entropy::{CrossEntropy, CrossEntropyGradient};
pub use gather::{Gather, ScatterAdd};
pub use interpolate::Interpolation;
pub use linalg::{Cholesky, Determinant, Inverse, LogAbsDeterminant, Solve};
pub use lstm_cell::{LstmCell, LstmCellGradient};
pub use matmul::MatMul;
pub use normalize::{Normalize, NormalizeGradient};
pub use one_hot::OneHot;
pub use padding::Padding;
pub use permute::Permute;
pub use polygamma::Polygamma;
pub use pool2d::{Pool2d, Pooling};
pub use recurrence::Recurrence;
pub use reduce::Reduce;
pub use reshape::Reshape;
pub use scan::{Scan, ScanStep};
pub use select::Select;
pub use slice::{Pad, SliceAxis};
pub use softmax::{LogSoftmax, Softmax, SoftmaxGradient};
pub use sort::ArgSort;
pub use stop_gradient::StopGradient;
pub use unary::UnaryOperation;
pub use uniform::Uniform;

use crate::operation::{Args, At, NoDerivative};
use crate::{Kind, Operation, Type, Var};
use downhill_tensor::layout::Positions;
use downhill_tensor::{Float, Layout};

/// What derivative rules return for all operands.
type Cotangents<'t> = Result<Vec<Option<Var<'t>>>, NoDerivative>;
/// What derivative rules return for the result.
type Tangent<'t> = Result<Option<Var<'t>>, NoDerivative>;

/// An elementwise operation, by its local derivatives. From them follow both transforms.
trait Elementwise: Operation {
    /// `v` times the derivative of the result by operand `i`; `None` where that is zero by nature.
    fn scale<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Option<Var<'t>>;

    /// The cotangents: scaled, and summed over the axes along which the operand was repeated.
    fn elementwise_vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let each = at.inputs.iter().enumerate().map(|(i, operand)| {
            if !at.needs(i) {
                return None;
            }
            self.scale(at, i, cotangent).map(|scaled| scaled.sum_to(operand.shape()))
        });
        Ok(each.collect())
    }

    /// The tangent: the sum of the scaled ones.
    fn elementwise_jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let scaled =
            tangents.iter().enumerate().filter_map(|(i, tangent)| tangent.and_then(|t| self.scale(at, i, t)));
        Ok(scaled.reduce(|sum, term| sum + term).map(|sum| sum.broadcast_to(at.output.shape())))
    }
}

/// The tangent of an operation that is linear in all its operands together: itself, of the tangents.
fn linear_jvp<'t>(operation: &impl Operation, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
    if tangents.iter().all(Option::is_none) {
        return Ok(None);
    }
    let operands: Vec<_> = tangents
        .iter()
        .zip(at.inputs)
        .map(|(tangent, operand)| tangent.unwrap_or_else(|| at.tape().zeros(operand.shape())))
        .collect();
    Ok(Some(at.tape().record(operation.clone(), &operands)))
}

/// Where the elements of operand `i` are found, for each element of a result to whose shape it is broadcast.
fn repeated<T: Float>(args: &Args<'_, T>, i: usize) -> Result<Positions, String> {
    let layout = Layout::contiguous(args.shape(i)).broadcast_to(args.output_shape());
    layout.map(|layout| layout.positions()).map_err(|error| error.to_string())
}

/// Checks the number and the kinds of operands.
fn expect_kinds(inputs: &[Type], kinds: &[Kind]) -> Result<(), String> {
    if inputs.len() != kinds.len() {
        return Err(format!("it takes {} operands, not {}", kinds.len(), inputs.len()));
    }
    for (i, (input, kind)) in inputs.iter().zip(kinds).enumerate() {
        if input.kind != *kind {
            let kind = if *kind == Kind::Float { "real numbers (float)" } else { "whole numbers (index)" };
            return Err(format!("operand {} must hold {kind}", i + 1));
        }
    }
    Ok(())
}

/// Checks that there is one float operand and returns its type.
fn one_float(inputs: &[Type]) -> Result<Type, String> {
    expect_kinds(inputs, &[Kind::Float])?;
    Ok(inputs[0])
}
