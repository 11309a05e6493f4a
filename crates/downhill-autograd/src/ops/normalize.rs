//! Rows of mean 0 and variance 1.

use super::composite::{eval_rows, formula_gradient, formula_jvp, formula_vjp};
use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out, RowFunction};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::Float;
use downhill_tensor::kernels::rows::Epsilon;

/// `(x - mean) / √(variance + ε)` along the last axis, with the variance divided by the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Normalize {
    /// What is added to the variance.
    pub epsilon: Epsilon,
}

/// `J v = (v - mean(v) - x̂ mean(x̂ v)) / √(variance + ε)` along the last axis, x̂ being the [`Normalize`]d first
/// operand and v the second. The Jacobian `J` is symmetric, so this is both the tangent and the cotangent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NormalizeGradient {
    /// What is added to the variance.
    pub epsilon: Epsilon,
}

fn infer(input: Type) -> Result<Type, String> {
    match input.shape.last() {
        None => Err("it runs along the last axis, and a scalar has none".into()),
        Some(0) => Err("the last axis is empty, and nothing has no mean".into()),
        Some(_) => Ok(input),
    }
}

impl Normalize {
    /// The same in primitive operations.
    fn formula<'t>(&self, x: Var<'t>) -> Var<'t> {
        let centered = x - x.mean_keep(&[-1]);
        centered / (centered.square().mean_keep(&[-1]) + self.epsilon.get()).sqrt()
    }
}

impl Operation for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float])?;
        infer(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::Normalize(self.epsilon), args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let gradient = NormalizeGradient { epsilon: self.epsilon };
        Ok(vec![Some(at.tape().record(gradient, &[at.inputs[0], cotangent]))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let gradient = NormalizeGradient { epsilon: self.epsilon };
        Ok(tangents[0].map(|tangent| at.tape().record(gradient, &[at.inputs[0], tangent])))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::Normalize(self.epsilon))
    }
}

impl NormalizeGradient {
    /// The same in primitive operations.
    fn formula<'t>(&self, operands: &[Var<'t>]) -> Var<'t> {
        let normalize = Normalize { epsilon: self.epsilon };
        formula_gradient(&operands[..1], operands[1], |x| normalize.formula(x[0]))[0]
    }
}

impl Operation for NormalizeGradient {
    fn name(&self) -> &'static str {
        "normalize_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        if inputs[0] != inputs[1] {
            return Err("both must have the same shape".into());
        }
        infer(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::NormalizeGradient(self.epsilon), args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        formula_vjp(at, cotangent, |operands| self.formula(operands))
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        formula_jvp(at, tangents, |operands| self.formula(operands))
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::NormalizeGradient(self.epsilon))
    }
}

impl<'t> Var<'t> {
    /// Each row along the last axis shifted and scaled to mean 0 and variance 1:
    /// `(x - mean) / √(variance + epsilon)`, with the variance divided by the length of the row.
    ///
    /// An epsilon of 0 makes a row of equal numbers NaN; a negative one is an error, as is an empty axis.
    #[track_caller]
    pub fn normalize(self, epsilon: f64) -> Var<'t> {
        if epsilon.is_nan() || epsilon < 0.0 {
            return self.refuse("normalize", format!("epsilon must not be negative; it is {epsilon}"));
        }
        self.tape().record(Normalize { epsilon: Epsilon::new(epsilon) }, &[self])
    }
}
