//! Values one after the other along an axis.

use super::{Cotangents, Tangent, linear_jvp};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Batch, Kind, Tape, Type, Var};
use downhill_tensor::Float;

/// The operands one after the other along `axis`; their other dimensions are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concat {
    /// The axis.
    pub axis: usize,
}

impl Operation for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let Some(first) = inputs.first() else {
            return Err("there must be at least one value to join".into());
        };
        if self.axis >= first.shape.rank() {
            return Err(format!("axis {} does not exist", self.axis));
        }
        let mut length = 0;
        for input in inputs {
            let same = input.kind == Kind::Float
                && input.shape.rank() == first.shape.rank()
                && input.shape.with(self.axis, 1).ok() == first.shape.with(self.axis, 1).ok();
            if !same {
                return Err(format!("all must hold real numbers and agree in all axes but {}", self.axis));
            }
            length += input.shape[self.axis];
        }
        first.shape.with(self.axis, length).map(Type::float).map_err(|error| error.to_string())
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let shape = args.output_shape();
        let outer: usize = shape[..self.axis].iter().product();
        let mut rest = out.float();
        for row in 0..outer {
            for i in 0..args.shapes.len() {
                let block: usize = args.shape(i)[self.axis..].iter().product();
                let (head, tail) = rest.split_at_mut(block);
                head.copy_from_slice(&args.float(i)[row * block..][..block]);
                rest = tail;
            }
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(Concat { axis: self.axis + 1 }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let mut start = 0;
        let each = at.inputs.iter().map(|operand| {
            let end = start + operand.shape()[self.axis];
            let part = cotangent.slice(self.axis as isize, start..end);
            start = end;
            Some(part)
        });
        Ok(each.collect())
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        linear_jvp(self, at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Concat(self.axis)
    }
}

impl Tape {
    /// Values one after the other along an axis; negative axes count from the end.
    #[track_caller]
    pub fn concat<'t>(&'t self, values: &[Var<'t>], axis: isize) -> Var<'t> {
        let own = values.iter().all(|value| std::ptr::eq(value.tape(), self));
        let axis = match values.first().filter(|_| own) {
            Some(first) => match first.axis("concat", axis) {
                Some(axis) => axis,
                None => return self.poison(),
            },
            // An error, which recording it reports.
            None => 0,
        };
        self.record(Concat { axis }, values)
    }

    /// Values of one shape along a new axis; negative axes count from the end of the result.
    #[track_caller]
    pub fn stack<'t>(&'t self, values: &[Var<'t>], axis: isize) -> Var<'t> {
        let lifted: Vec<_> = values.iter().map(|value| value.unsqueeze(axis)).collect();
        self.concat(&lifted, axis)
    }
}
