//! Record a computation, differentiate it as often as you like, and run it.
//!
//! A function on a [`Tape`] computes nothing: it records operations with inferred shapes. [`Var`] is a `Copy`
//! handle on one recorded value, so formulas read like formulas. Differentiation ([`Tape::grad`],
//! [`Tape::vjp`], [`Tape::jvp`], [`Tape::hvp`], [`Tape::jacobian`], [`Tape::hessian`]) appends operations to
//! the same tape, so it can be repeated; [`Tape::vmap`] does the same for a batch of examples. [`Tape::finish`] gives a [`Program`]: a value that can be printed,
//! drawn, and handed to an [`Executor`], of which the reference [`Interpreter`] is one.
//!
//! For a function at a point there are one-liners, evaluated in `f64`:
//!
//! ```
//! use downhill_autograd::{value_and_grad, Var};
//!
//! fn rosenbrock<'t>(x: Var<'t>) -> Var<'t> {
//!     let (a, b) = (x.at(0), x.at(1));
//!     (1.0 - a).square() + 100.0 * (b - a.square()).square()
//! }
//! let (value, gradient) = value_and_grad(rosenbrock, &[-1.2, 1.0])?;
//! assert!((value - 24.2).abs() < 1e-12);
//! assert!((gradient[0] + 215.6).abs() < 1e-12 && (gradient[1] + 88.0).abs() < 1e-12);
//! # Ok::<(), downhill_autograd::Error>(())
//! ```
//!
//! It knows nothing of neural networks, optimizers or data, and nothing of how a fast engine works.
#![forbid(unsafe_code)]

mod batch;
pub mod check;
pub mod error;
pub mod executor;
pub mod explain;
pub mod formula;
mod functions;
mod graphviz;
mod interpreter;
pub mod operation;
pub mod ops;
mod program;
mod tape;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transform;
mod var;

pub use batch::Batch;
pub use check::{Tolerance, check_gradients};
pub use error::{Error, Place, Result};
pub use executor::{Data, DataMut, Executor, Run};
pub use functions::{
    Jacobian, gauss_newton_product, grad, hessian, hvp, hvps, jacfwd, jacobian, jacrev, jvp, value_and_grad,
    vjp,
};
pub use interpreter::{Interpreter, Trace};
pub use operation::{Args, At, Kind, Lowering, NoDerivative, Operation, Out, Precision, Type};
pub use program::{Leaf, Node, NodeId, Output, Part, Port, Program};
pub use tape::{Finished, Tape};
pub use transform::AddedRows;
pub use var::Var;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
