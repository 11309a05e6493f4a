//! Activations, losses and layers against what PyTorch computed; the scripts in `oracles` wrote the files.
//!
//! The modules do not know what carries programs out: here it is the interpreter, and in a test of `downhill-train`
//! the engine.
#![allow(clippy::unwrap_used)]

mod activations;
mod cases;
mod layers;
mod losses;

use downhill_autograd::{Data, Interpreter, Program, Result};
use downhill_tensor::{Key, Tensor};

use downhill_autograd::Precision as Number;

fn carry_out<T: Number>(program: &Program, data: &[Data<'_, T>]) -> Result<Vec<Tensor<T>>> {
    Interpreter.outputs(program, data, Key::new(0))
}
