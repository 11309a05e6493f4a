//! Targets that do not count: two operations on whole numbers.

use downhill_autograd::{Args, At, Kind, NoDerivative, Operation, Out, Type, Var};
use downhill_tensor::Float;

/// 1 where a whole number is not `ignored`, 0 where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub ignored: i64,
}

/// Whole numbers with 0 in the place of `ignored`, so that all are classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    pub ignored: i64,
}

fn one_index(inputs: &[Type]) -> Result<Type, String> {
    match inputs {
        [only] if only.kind == Kind::Index => Ok(*only),
        _ => Err("the target must hold whole numbers (index)".into()),
    }
}

impl Operation for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        one_index(inputs).map(|index| Type::float(index.shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.float().iter_mut().zip(args.index(0)) {
            *y = if x == self.ignored { T::ZERO } else { T::ONE };
        }
        Ok(())
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Result<Option<Var<'t>>, NoDerivative> {
        Ok(None)
    }
}

impl Operation for Replaced {
    fn name(&self) -> &'static str {
        "replaced"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        one_index(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.index().iter_mut().zip(args.index(0)) {
            *y = if x == self.ignored { 0 } else { x };
        }
        Ok(())
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Result<Option<Var<'t>>, NoDerivative> {
        Ok(None)
    }
}
