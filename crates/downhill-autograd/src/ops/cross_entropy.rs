//! Cross entropy between a softmax and a class.

use super::composite::eval_rows;
use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out, RowFunction};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::Float;

/// `ln Σⱼ exp(xⱼ) - x[class]` of each row of logits along the last axis (first operand) and its class (second):
/// `[.., classes]` and whole numbers `[..]` give `[..]`.
///
/// Each row is shifted by its maximum, so that nothing overflows. ∞ where the class has a logit of -∞.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CrossEntropy;

/// The cotangent of the logits of [`CrossEntropy`], given that of its result (third operand):
/// `g (softmax(x)ⱼ - [j = class])`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CrossEntropyGradient;

/// Checks that there is a class for each row of logits.
fn check_rows(logits: Type, classes: Type) -> Result<(), String> {
    match logits.shape.split_last() {
        Some((_, rows)) if *rows == classes.shape[..] => Ok(()),
        _ => Err("the logits must be [.., classes], and the whole numbers [..] the class of each row".into()),
    }
}

/// softmax(x)ⱼ - [j = class]
fn slope<'t>(logits: Var<'t>, classes: Var<'t>) -> Var<'t> {
    logits.softmax() - classes.one_hot(logits.shape().last().copied().unwrap_or(1))
}

impl Operation for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index])?;
        check_rows(inputs[0], inputs[1])?;
        Ok(Type::float(inputs[1].shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::CrossEntropy, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let (logits, classes) = (at.inputs[0], at.inputs[1]);
        Ok(vec![Some(at.tape().record(CrossEntropyGradient, &[logits, classes, cotangent])), None])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let slope = || slope(at.inputs[0], at.inputs[1]);
        Ok(tangents[0].map(|tangent| (slope() * tangent).sum_over(&[-1])))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::CrossEntropy)
    }
}

impl Operation for CrossEntropyGradient {
    fn name(&self) -> &'static str {
        "cross_entropy_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index, Kind::Float])?;
        check_rows(inputs[0], inputs[1])?;
        if inputs[2].shape != inputs[1].shape {
            return Err("there must be one cotangent for each row".into());
        }
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::CrossEntropyGradient, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let [logits, classes, g] = [0, 1, 2].map(|i| at.inputs[i]);
        let by_logits = || curvature(logits, g.unsqueeze(-1) * cotangent);
        let by_g = || (slope(logits, classes) * cotangent).sum_over(&[-1]);
        Ok(vec![at.needs(0).then(by_logits), None, at.needs(2).then(by_g)])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let [logits, classes, g] = [0, 1, 2].map(|i| at.inputs[i]);
        let by_logits = |tangent: Var<'t>| curvature(logits, g.unsqueeze(-1) * tangent);
        let by_g = |tangent: Var<'t>| slope(logits, classes) * tangent.unsqueeze(-1);
        let terms = [tangents[0].map(by_logits), tangents[2].map(by_g)];
        Ok(terms.into_iter().flatten().reduce(|sum, term| sum + term))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::CrossEntropyGradient)
    }
}

/// `(diag(p) - p pᵀ) v` for the softmax p of the logits: their second derivative, times v.
fn curvature<'t>(logits: Var<'t>, v: Var<'t>) -> Var<'t> {
    let p = logits.softmax();
    p * (v - (p * v).sum_keep(&[-1]))
}

impl<'t> Var<'t> {
    /// The cross entropy between the softmax of these logits along the last axis and a class,
    /// `ln Σⱼ exp(xⱼ) - x[class]`, for each row: logits `[.., classes]` and whole numbers `[..]` give `[..]`.
    ///
    /// In nats. Finite with a finite gradient at logits of ±10⁴ and beside other classes of -∞; ∞ for a class
    /// of -∞. Classes out of range are an error when the program runs.
    #[track_caller]
    pub fn cross_entropy(self, classes: Var<'t>) -> Var<'t> {
        self.tape().record(CrossEntropy, &[self, classes])
    }
}
