//! Programs, compiled once and run many times.
//!
//! An [`Engine`] makes a [`Plan`] of a recorded [`Program`](downhill_autograd::Program): repeated and
//! constant work is done once, transposes and reshapes become strides of what reads them, every intermediate
//! has its place in one arena by its lifetime, and results that are outputs are computed right where they
//! shall lie. Running a plan allocates nothing and gives the same bits on any number of threads.
//!
//! It knows nothing of layers, optimizers or data; only programs and slices.
//!
//! ```
//! use downhill_autograd::{Data, DataMut, Executor, Output, Run, Tape};
//! use downhill_engine::Engine;
//! use downhill_tensor::Key;
//!
//! let tape = Tape::new();
//! let x = tape.input("x", [3]);
//! let y = x.square().sum();
//! let gradient = tape.grad(y, &[x])[0];
//! let program = tape.finish(&[Output::new("y", &y), Output::new("gradient", &gradient)])?;
//!
//! let mut plan = Executor::<f32>::prepare(&Engine::default(), &program)?;
//! let (mut value, mut slope) = ([0.0f32], [0.0f32; 3]);
//! let mut outputs = [DataMut::Float(&mut value), DataMut::Float(&mut slope)];
//! plan.run(&[Data::Float(&[1.0, 2.0, 3.0])], &mut outputs, Key::new(0))?;
//! assert_eq!((value, slope), ([14.0], [2.0, 4.0, 6.0]));
//! # Ok::<(), downhill_autograd::Error>(())
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod aligned;
mod cache;
mod clock;
mod execute;
mod fusion;
mod graph;
mod loops;
mod lower;
mod passes;
mod plan;
mod pool;
mod precision;
mod prepare;
mod profile;
mod rates;
mod reuse;
mod scalars;
mod schedule;
mod small;
mod step;
mod strips;
mod tiles;

pub use cache::PlanCache;
pub use plan::{Engine, Plan};
pub use precision::EnginePrecision;
pub use profile::Profile;
pub use rates::Rates;
pub use schedule::{Schedule, ScheduledLoop, ScheduledStage};
