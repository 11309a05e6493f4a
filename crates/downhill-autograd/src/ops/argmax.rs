//! The position of the largest element.

use super::{Cotangents, Tangent, one_float};
use crate::operation::{Args, At, Operation, Out};
use crate::{Type, Var};
use downhill_tensor::Float;

/// The position of the largest element along the last axis, the first one among equals; the position of the
/// first NaN if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArgMax;

impl Operation for ArgMax {
    fn name(&self) -> &'static str {
        "argmax"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let shape = one_float(inputs)?.shape;
        match shape.last() {
            None | Some(0) => Err("there must be at least one element along the last axis".into()),
            Some(_) => Ok(Type::index(shape.reduced(&[shape.rank() - 1], false))),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let n = args.shape(0).last().copied().unwrap_or(1);
        for (y, row) in out.index().iter_mut().zip(args.float(0).chunks_exact(n)) {
            let mut best = 0;
            for (i, &x) in row.iter().enumerate() {
                if x > row[best] || (x.is_nan() && !row[best].is_nan()) {
                    best = i;
                }
            }
            *y = best as i64;
        }
        Ok(())
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(None)
    }
}

impl<'t> Var<'t> {
    /// The position of the largest element along the last axis, the first one among equals. It has no
    /// derivative.
    #[track_caller]
    pub fn argmax(self) -> Var<'t> {
        self.tape().record(ArgMax, &[self])
    }
}
