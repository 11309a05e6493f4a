//! Whole numbers as unit vectors.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::kernels::rows::check_classes;
use downhill_tensor::{Float, Shape};

/// A new last axis of length `classes`: 1 at the number in the operand, 0 elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OneHot {
    /// The number of classes.
    pub classes: usize,
}

impl Operation for OneHot {
    fn name(&self) -> &'static str {
        "one_hot"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Index])?;
        let mut dims = inputs[0].shape.dims().to_vec();
        dims.push(self.classes);
        Shape::new(&dims).map(Type::float).map_err(|error| error.to_string())
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        out.fill(T::ZERO);
        check_classes(args.index(0), self.classes).map_err(|error| error.to_string())?;
        for (position, &class) in args.index(0).iter().enumerate() {
            out[position * self.classes + class as usize] = T::ONE;
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(None)
    }
}

impl<'t> Var<'t> {
    /// These whole numbers as unit vectors along a new last axis of length `classes`. Numbers out of range
    /// are an error when the program runs.
    #[track_caller]
    pub fn one_hot(self, classes: usize) -> Var<'t> {
        self.tape().record(OneHot { classes }, &[self])
    }
}
