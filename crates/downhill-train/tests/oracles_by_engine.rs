//! The cases of `downhill-nn` that PyTorch computed, carried out by the engine.
#![allow(clippy::unwrap_used)]

#[path = "../../downhill-nn/tests/pytorch/activations.rs"]
mod activations;
#[path = "../../downhill-nn/tests/pytorch/cases.rs"]
mod cases;
#[path = "../../downhill-nn/tests/pytorch/layers.rs"]
mod layers;
#[path = "../../downhill-nn/tests/pytorch/losses.rs"]
mod losses;

use downhill_autograd::{Data, DataMut, Executor, Program, Result, Run};
use downhill_engine::Engine;
use downhill_tensor::{Key, Tensor};

use downhill_engine::EnginePrecision as Number;

fn carry_out<T: Number>(program: &Program, data: &[Data<'_, T>]) -> Result<Vec<Tensor<T>>> {
    let mut plan = Executor::<T>::prepare(&Engine::with_threads(2), program)?;
    let ports = program.outputs();
    let mut buffers: Vec<_> = ports.iter().map(|port| vec![T::ZERO; port.len()]).collect();
    let mut outputs: Vec<_> = buffers.iter_mut().map(|buffer| DataMut::Float(buffer)).collect();
    plan.run(data, &mut outputs, Key::new(0))?;
    Ok(buffers.into_iter().map(Tensor::from).collect())
}
