//! The same elements in another shape.

use super::{Cotangents, Tangent, linear_jvp, one_float};
use crate::operation::{Args, At, Lowering, Movement, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::{Float, Shape};

/// The same elements, in the same row-major order, in `shape`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reshape {
    /// The shape of the result; as many elements as before.
    pub shape: Shape,
}

impl Operation for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let input = one_float(inputs)?;
        if input.shape.size() != self.shape.size() {
            return Err(format!(
                "the new shape {} has {} elements, but the value has {}",
                self.shape,
                self.shape.size(),
                input.shape.size()
            ));
        }
        Ok(Type::float(self.shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        out.float().copy_from_slice(args.float(0));
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(Reshape { shape: batch.prefixed(self.shape) }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        Ok(vec![Some(cotangent.reshape(at.inputs[0].shape()))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        linear_jvp(self, at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Move(Movement::Reshape)
    }
}

impl<'t> Var<'t> {
    /// The same elements, in the same row-major order, in another shape.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Var<'t> {
        let shape = shape.into();
        if self.shape() == shape { self } else { self.tape().record(Reshape { shape }, &[self]) }
    }

    #[track_caller]
    pub(crate) fn reshape_dims(self, dims: &[usize]) -> Var<'t> {
        match Shape::new(dims) {
            Ok(shape) => self.reshape(shape),
            Err(error) => self.refuse("reshape", error.to_string()),
        }
    }

    /// All axes from `start` on joined into one: `[n, c, h, w]` flattened from 1 is `[n, c*h*w]`.
    #[track_caller]
    pub fn flatten_from(self, start: usize) -> Var<'t> {
        let shape = self.shape();
        if start > shape.rank() {
            return self.refuse("flatten", format!("there is no axis {start} to start from"));
        }
        let mut dims = shape[..start].to_vec();
        dims.push(shape[start..].iter().product());
        self.reshape_dims(&dims)
    }

    /// A new axis of length 1 before `axis`; negative ones count from the end of the result, so -1 puts it
    /// last.
    #[track_caller]
    pub fn unsqueeze(self, axis: isize) -> Var<'t> {
        let rank = self.rank() as isize;
        let position = if axis < 0 { axis + rank + 1 } else { axis };
        if !(0..=rank).contains(&position) {
            return self.refuse("unsqueeze", format!("a new axis can stand at 0 to {rank}, not at {axis}"));
        }
        self.restore_axes(&[position as usize])
    }

    /// Without `axis`, whose length must be 1.
    #[track_caller]
    pub fn squeeze(self, axis: isize) -> Var<'t> {
        match self.axis("squeeze", axis) {
            None => self.tape().poison(),
            Some(axis) if self.shape()[axis] == 1 => {
                let shape = self.shape().reduced(&[axis], false);
                self.reshape(shape)
            }
            Some(axis) => self.refuse("squeeze", format!("axis {axis} must have length 1")),
        }
    }
}
