//! An operation of one's own, in a crate of one's own.
//!
//! softsign(x) = x / (1 + |x|) could be written with the operations that are there. As an operation of its
//! own it is evaluated in one pass, keeps one value instead of three, and appears in a program under its
//! name. All it takes is the shape rule, the meaning, and the derivatives, written in formulas, so that they
//! can be differentiated again.
#![allow(clippy::print_stdout)]

use downhill_autograd::operation::{Args, At, Out};
use downhill_autograd::{
    NoDerivative, Operation, Tape, Tolerance, Type, Var, check_gradients, hessian, value_and_grad,
};
use downhill_tensor::{Float, Tensor};

/// x / (1 + |x|), elementwise.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Softsign;

impl Softsign {
    /// `v` times the derivative, 1 / (1 + |x|)². It is the same product in both directions, because each
    /// element depends on itself alone.
    fn scale<'t>(at: &At<'_, 't>, v: Var<'t>) -> Var<'t> {
        v / (1.0 + at.inputs[0].abs()).square()
    }
}

impl Operation for Softsign {
    fn name(&self) -> &'static str {
        "softsign"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        match inputs {
            [x] if *x == Type::float(x.shape) => Ok(*x),
            _ => Err("it takes one operand of real numbers".into()),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.float().iter_mut().zip(args.float(0)) {
            *y = x / (T::ONE + x.abs());
        }
        Ok(())
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        Ok(vec![Some(Softsign::scale(at, cotangent))])
    }

    fn jvp<'t>(
        &self,
        at: &At<'_, 't>,
        tangents: &[Option<Var<'t>>],
    ) -> Result<Option<Var<'t>>, NoDerivative> {
        Ok(tangents[0].map(|tangent| Softsign::scale(at, tangent)))
    }
}

/// The operation as a function, for formulas. An error in its use names the caller's line.
#[track_caller]
fn softsign(x: Var<'_>) -> Var<'_> {
    x.tape().record(Softsign, &[x])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // First of all: are the derivatives right? Against finite differences, in first and second order.
    let x = Tensor::from_vec(vec![-2.0, -0.5, 0.3, 4.0], [4])?;
    check_gradients(|x| softsign(x[0]), &[x], Tolerance::default())?;
    println!("the derivatives of softsign agree with finite differences");

    let (value, gradient) = value_and_grad(|x| softsign(x).sum(), &[1.0, -3.0])?;
    println!("softsign(1) + softsign(-3) = {value}, gradient {gradient:?}");
    println!("Hessian:\n{}", hessian(|x| softsign(x).sum(), &[1.0, -3.0])?);

    // A wrong use is reported like that of any other operation.
    let tape = Tape::new();
    softsign(tape.index_input("labels", [3]));
    if let Err(error) = tape.finish(&[]) {
        println!("a wrong use says:\n  {error}");
    }
    Ok(())
}
