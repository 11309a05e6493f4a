//! The precisions in which the engine computes.

use crate::plan::{Engine, Plan};
use downhill_autograd::{Data, DataMut, Precision, Program, Result};
use downhill_tensor::Key;

/// A precision for which the engine has its loops: `f32` and `f64`.
///
/// The loops are many and long to compile, so they are compiled here, once, and not again by each crate that runs
/// a plan.
pub trait EnginePrecision: Precision + Loops {}

impl EnginePrecision for f32 {}
impl EnginePrecision for f64 {}

/// What is compiled once for each precision. No other crate can name it.
pub trait Loops: Sized {
    /// Makes a plan.
    fn compile(engine: &Engine, program: &Program) -> Result<Plan<Self>>;

    /// Runs a plan.
    fn run(
        plan: &mut Plan<Self>,
        inputs: &[Data<'_, Self>],
        outputs: &mut [DataMut<'_, Self>],
        key: Key,
    ) -> Result<()>;
}

macro_rules! loops {
    ($($number:ty),*) => {$(
        impl Loops for $number {
            fn compile(engine: &Engine, program: &Program) -> Result<Plan<Self>> {
                Plan::compile(engine, program)
            }

            fn run(
                plan: &mut Plan<Self>,
                inputs: &[Data<'_, Self>],
                outputs: &mut [DataMut<'_, Self>],
                key: Key,
            ) -> Result<()> {
                plan.execute(inputs, outputs, key)
            }
        }
    )*};
}

loops!(f32, f64);
