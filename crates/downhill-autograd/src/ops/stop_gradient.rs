//! The identity whose derivative is zero.

use super::{Cotangents, Tangent, one_float};
use crate::operation::{Args, At, Lowering, Movement, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::Float;

/// The value as it is; gradients end here, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StopGradient;

impl Operation for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        one_float(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        out.float().copy_from_slice(args.float(0));
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.elementwise(self))
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(None)
    }

    fn lower(&self) -> Lowering {
        Lowering::Move(Movement::Reshape)
    }

    fn stops_gradient(&self) -> bool {
        true
    }
}

impl<'t> Var<'t> {
    /// This value, through which no gradient flows: the only silent way to say that a parameter shall not
    /// learn from it.
    #[track_caller]
    pub fn stop_gradient(self) -> Var<'t> {
        self.tape().record(StopGradient, &[self])
    }
}
