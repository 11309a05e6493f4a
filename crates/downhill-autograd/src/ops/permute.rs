//! The axes in another order.

use super::{Cotangents, Tangent, linear_jvp, one_float};
use crate::operation::{Args, At, Lowering, Movement, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::{Float, Layout};

/// Axis `i` of the result is axis `order[i]` of the operand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permute {
    /// Each axis exactly once.
    pub order: Vec<usize>,
}

impl Operation for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let layout = Layout::contiguous(one_float(inputs)?.shape).permute(&self.order);
        Ok(Type::float(layout.map_err(|error| error.to_string())?.shape()))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let layout =
            Layout::contiguous(args.shape(0)).permute(&self.order).map_err(|error| error.to_string())?;
        for (y, position) in out.float().iter_mut().zip(layout.positions()) {
            *y = args.float(0)[position];
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let order = std::iter::once(0).chain(self.order.iter().map(|axis| axis + 1)).collect();
        Some(batch.leading(Permute { order }))
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let mut inverse = vec![0; self.order.len()];
        for (to, &from) in self.order.iter().enumerate() {
            inverse[from] = to;
        }
        Ok(vec![Some(cotangent.permute(&inverse))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        linear_jvp(self, at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Move(Movement::Permute(self.order.clone()))
    }
}

impl<'t> Var<'t> {
    /// The axes in another order: axis `i` of the result is axis `order[i]` of this.
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Var<'t> {
        self.tape().record(Permute { order: order.to_vec() }, &[self])
    }

    /// The last two axes swapped.
    #[track_caller]
    pub fn transpose(self) -> Var<'t> {
        let rank = self.rank();
        if rank < 2 {
            return self.refuse("transpose", "a matrix has at least two axes");
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 1, rank - 2);
        self.permute(&order)
    }
}
