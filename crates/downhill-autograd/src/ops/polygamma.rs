//! The derivatives of the digamma function.

use super::{Cotangents, Elementwise, Tangent, one_float};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::Float;
use downhill_tensor::kernels::gamma::polygamma;

/// ψₙ(x), the derivative of order n = `order` of ψ(x) = d/dx ln |Γ(x)|, elementwise. At 0 and the negative whole
/// numbers it is ∞ for odd orders and NaN for even ones.
///
/// # Source
/// Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 6.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Polygamma {
    /// At least 1, at most 20.
    pub order: u32,
}

impl Elementwise for Polygamma {
    fn scale<'t>(&self, at: &At<'_, 't>, _: usize, v: Var<'t>) -> Option<Var<'t>> {
        Some(v * at.inputs[0].polygamma(self.order + 1))
    }
}

impl Operation for Polygamma {
    fn name(&self) -> &'static str {
        "polygamma"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        if !(1..=20).contains(&self.order) {
            return Err(format!("the order must be from 1 to 20 (0 is `digamma`); it is {}", self.order));
        }
        one_float(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.float().iter_mut().zip(args.float(0)) {
            *y = T::from_f64(polygamma(self.order, x.to_f64()));
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
}

impl<'t> Var<'t> {
    /// The derivative of this order (from 1 to 20) of [`digamma`](Var::digamma), elementwise; order 1 is also
    /// called trigamma. Its derivative is that of the next order.
    #[track_caller]
    pub fn polygamma(self, order: u32) -> Var<'t> {
        self.tape().record(Polygamma { order }, &[self])
    }
}
