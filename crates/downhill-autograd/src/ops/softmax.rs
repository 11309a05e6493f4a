//! Softmax and its logarithm along the last axis.

use super::composite::eval_rows;
use super::{Cotangents, Tangent, expect_kinds, one_float};
use crate::operation::{Args, At, Lowering, Operation, Out, RowFunction};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::Float;

/// yᵢ = exp(xᵢ - m) / Σⱼ exp(xⱼ - m) along the last axis, with m its maximum, so that nothing overflows.
///
/// A row of -∞, where everything is masked out, becomes 0 (PyTorch: NaN).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Softmax;

/// yᵢ = xᵢ - m - ln Σⱼ exp(xⱼ - m) along the last axis, with m its maximum, so that nothing overflows and
/// small probabilities keep their digits.
///
/// A row of -∞ stays -∞ (PyTorch: NaN).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogSoftmax;

/// `J v = y (v - Σ y v)` along the last axis, for a softmax y (first operand), whose Jacobian `J` is symmetric:
/// the tangent and the cotangent of [`Softmax`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SoftmaxGradient;

fn infer(inputs: &[Type]) -> Result<Type, String> {
    let input = one_float(inputs)?;
    match input.shape.last() {
        None => Err("it runs along the last axis, and a scalar has none".into()),
        Some(_) => Ok(input),
    }
}

impl Operation for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        infer(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::Softmax, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        // The Jacobian is symmetric, so both transforms are the same product.
        Ok(vec![Some(jacobian_product(at.output, cotangent))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| jacobian_product(at.output, tangent)))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::Softmax)
    }
}

/// (diag(y) - y yᵀ) v
fn jacobian_product<'t>(y: Var<'t>, v: Var<'t>) -> Var<'t> {
    y.tape().record(SoftmaxGradient, &[y, v])
}

impl Operation for SoftmaxGradient {
    fn name(&self) -> &'static str {
        "softmax_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        if inputs[0] != inputs[1] {
            return Err("both must have the same shape".into());
        }
        infer(&inputs[..1])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::SoftmaxGradient, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let (y, v) = (at.inputs[0], at.inputs[1]);
        let by_y = || cotangent * (v - (y * v).sum_keep(&[-1])) - v * (cotangent * y).sum_keep(&[-1]);
        Ok(vec![at.needs(0).then(by_y), at.needs(1).then(|| jacobian_product(y, cotangent))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let (y, v) = (at.inputs[0], at.inputs[1]);
        let by_y = |t: Var<'t>| t * (v - (y * v).sum_keep(&[-1])) - y * (t * v).sum_keep(&[-1]);
        let terms = [tangents[0].map(by_y), tangents[1].map(|t| jacobian_product(y, t))];
        Ok(terms.into_iter().flatten().reduce(|sum, term| sum + term))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::SoftmaxGradient)
    }
}

impl Operation for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        infer(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::LogSoftmax, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        Ok(vec![Some(cotangent - at.inputs[0].softmax() * cotangent.sum_keep(&[-1]))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| tangent - (at.inputs[0].softmax() * tangent).sum_keep(&[-1])))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::LogSoftmax)
    }
}

impl<'t> Var<'t> {
    /// exp(x) / Σ exp(x) along the last axis, without overflow.
    #[track_caller]
    pub fn softmax(self) -> Var<'t> {
        self.tape().record(Softmax, &[self])
    }

    /// The logarithm of [`Var::softmax`], accurate for small probabilities.
    #[track_caller]
    pub fn log_softmax(self) -> Var<'t> {
        self.tape().record(LogSoftmax, &[self])
    }

    /// ln Σ exp(x) along the last axis, which disappears, without overflow; -∞ for a row of -∞, ∞ where one is
    /// ∞, as in PyTorch.
    #[track_caller]
    pub fn logsumexp(self) -> Var<'t> {
        self.logsumexp_over(&[-1])
    }
}
