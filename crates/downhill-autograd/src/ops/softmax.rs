//! Softmax and its logarithm along the last axis.

use super::{Cotangents, Tangent, one_float};
use crate::operation::{Args, At, Lowering, Operation, Out, RowFunction};
use crate::{Type, Var};
use downhill_tensor::Float;

/// yᵢ = exp(xᵢ - m) / Σⱼ exp(xⱼ - m) along the last axis, with m its maximum, so that nothing overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Softmax;

/// yᵢ = xᵢ - m - ln Σⱼ exp(xⱼ - m) along the last axis, with m its maximum, so that nothing overflows and
/// small probabilities keep their digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogSoftmax;

fn infer(inputs: &[Type]) -> Result<Type, String> {
    let input = one_float(inputs)?;
    match input.shape.last() {
        None => Err("it runs along the last axis, and a scalar has none".into()),
        Some(_) => Ok(input),
    }
}

fn rows<T: Float>(
    args: &Args<'_, T>,
    out: Out<'_, T>,
    row: impl Fn(&[T], T, T, &mut [T]),
) -> Result<(), String> {
    let n = args.shape(0).last().copied().unwrap_or(1).max(1);
    for (x, y) in args.float(0).chunks_exact(n).zip(out.float().chunks_exact_mut(n)) {
        let max = x.iter().fold(T::NEG_INFINITY, |max, &x| Float::maximum(max, x));
        let sum: T = x.iter().map(|&x| (x - max).exp()).sum();
        row(x, max, sum, y);
    }
    Ok(())
}

impl Operation for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        infer(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        rows(args, out, |x, max, sum, y| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - max).exp() / sum;
            }
        })
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
    y * (v - (y * v).sum_keep(&[-1]))
}

impl Operation for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        infer(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        rows(args, out, |x, max, sum, y| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x - max - sum.ln();
            }
        })
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

    /// ln Σ exp(x) along the last axis, which disappears, without overflow.
    #[track_caller]
    pub fn logsumexp(self) -> Var<'t> {
        let max = self.max_over(&[-1]).stop_gradient();
        (self - max.unsqueeze(-1)).exp().sum_over(&[-1]).log() + max
    }
}
