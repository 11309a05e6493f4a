//! Repetition along new or length-1 axes.

use super::{Cotangents, Tangent, linear_jvp, one_float, repeated};
use crate::operation::{Args, At, Lowering, Movement, Operation, Out};
use crate::{Batch, Tape, Type, Var};
use downhill_tensor::{Float, Shape};

/// The operand repeated to `shape` by NumPy's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BroadcastTo {
    /// The shape of the result.
    pub shape: Shape,
}

impl Operation for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        if !one_float(inputs)?.shape.broadcasts_to(self.shape) {
            return Err(format!(
                "to become {}, its dimensions, aligned at the last, must be equal to those or 1",
                self.shape
            ));
        }
        Ok(Type::float(self.shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, position) in out.float().iter_mut().zip(repeated(args, 0)?) {
            *y = args.float(0)[position];
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.aligned(0).broadcast_to(batch.prefixed(self.shape)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        Ok(vec![Some(cotangent.sum_to(at.inputs[0].shape()))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        linear_jvp(self, at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Move(Movement::Broadcast)
    }
}

impl<'t> Var<'t> {
    /// This value repeated to `shape` by NumPy's rule.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Var<'t> {
        let shape = shape.into();
        if self.shape() == shape { self } else { self.tape().record(BroadcastTo { shape }, &[self]) }
    }
}

impl Tape {
    /// Zeros of this shape.
    #[track_caller]
    pub fn zeros(&self, shape: impl Into<Shape>) -> Var<'_> {
        self.scalar(0.0).broadcast_to(shape)
    }

    /// Ones of this shape.
    #[track_caller]
    pub fn ones(&self, shape: impl Into<Shape>) -> Var<'_> {
        self.scalar(1.0).broadcast_to(shape)
    }
}
