//! The identity that waits for another value.

use super::{Cotangents, Tangent};
use crate::batch::Batch;
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Kind, Type, Var};
use downhill_tensor::Float;

/// The first operand, not before the second is there.
///
/// It changes no number. What is computed from it is neither taken for the same computation on the first operand
/// itself, nor moved ahead of the second operand: so what is computed again ([`Tape::checkpoint`](crate::Tape::checkpoint))
/// is computed when it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct After;

impl Operation for After {
    fn name(&self) -> &'static str {
        "after"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        match inputs {
            [x, _] if x.kind == Kind::Float => Ok(*x),
            _ => Err("expected a float value and the value to wait for".into()),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        out.float().copy_from_slice(args.float(0));
        Ok(())
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        Ok(vec![Some(cotangent), None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0])
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.record(After, &[batch.all(0), batch.input(1)]))
    }

    fn lower(&self) -> Lowering {
        Lowering::After
    }
}

impl<'t> Var<'t> {
    /// This value, and what is computed from it, not before `other` is there; no number changes. The derivative
    /// is that of the identity, by this value alone.
    #[track_caller]
    pub fn after(self, other: Var<'t>) -> Var<'t> {
        self.tape().record(After, &[self, other])
    }
}
