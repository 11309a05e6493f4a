//! The choice between two values, elementwise.

use super::{Cotangents, Elementwise, Tangent, expect_kinds, repeated};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Shape};

/// `condition != 0 ? a : b`, elementwise with broadcasting. What is not chosen does not matter, even if it
/// is NaN, and gets gradient 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Select;

impl Elementwise for Select {
    fn scale<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Option<Var<'t>> {
        let (condition, zero) = (at.inputs[0], at.tape().scalar(0.0));
        match i {
            0 => None,
            1 => Some(condition.select(v, zero)),
            _ => Some(condition.select(zero, v)),
        }
    }
}

impl Operation for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 3])?;
        let shape = inputs.iter().try_fold(Shape::SCALAR, |shape, input| shape.broadcast(input.shape));
        Ok(Type::float(shape.map_err(|_| "condition and both choices must broadcast to one shape")?))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (condition, a, b) = (args.float(0), args.float(1), args.float(2));
        for (((y, c), i), j) in
            out.float().iter_mut().zip(repeated(args, 0)?).zip(repeated(args, 1)?).zip(repeated(args, 2)?)
        {
            *y = if condition[c] == T::ZERO { b[j] } else { a[i] };
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.elementwise(self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        self.elementwise_vjp(at, cotangent)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        self.elementwise_jvp(at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Select
    }
}

impl<'t> Var<'t> {
    /// `a` where this is not 0 (a comparison's 1, say), `b` elsewhere, elementwise with broadcasting.
    #[track_caller]
    pub fn select(self, a: Var<'t>, b: Var<'t>) -> Var<'t> {
        self.tape().record(Select, &[self, a, b])
    }
}
