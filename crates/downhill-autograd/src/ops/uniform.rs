//! Random numbers.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Tape, Type, Var};
use downhill_tensor::{Float, Shape};

/// Numbers uniform in [0, 1): stream number `stream` of the key with which the program is run, the same in
/// both precisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Uniform {
    /// The number of the stream.
    pub stream: u64,
    /// The shape.
    pub shape: Shape,
}

impl Operation for Uniform {
    fn name(&self) -> &'static str {
        "uniform"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[])?;
        Ok(Type::float(self.shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        args.key().fold(self.stream).fill_uniform(0, out.float());
        Ok(())
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
        Ok(Vec::new())
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(None)
    }

    fn lower(&self) -> Lowering {
        Lowering::Uniform(self.stream)
    }
}

impl Tape {
    /// Random numbers uniform in [0, 1), drawn anew whenever the program runs, from the key that it is given.
    #[track_caller]
    pub fn uniform(&self, shape: impl Into<Shape>) -> Var<'_> {
        self.record(Uniform { stream: self.next_stream(), shape: shape.into() }, &[])
    }
}
