//! Cases under which operations and whole programs are tested, for this crate's tests and for those of
//! executors.
//!
//! [`operations`] is the registry: one row an operation, which makes any number of [`Case`]s from random
//! numbers. Each case can be varied without knowing what it does: [`Case::through_views`],
//! [`Case::mid_graph`], [`Case::with_one_operand_twice`]. [`random_program`] composes many operations and
//! their gradients into one program. All of it depends on the seed alone.
//!
//! It judges nothing: what is compared with what, and how closely, is the business of the test.

mod arrangement_cases;
mod array_cases;
mod case;
mod image_cases;
mod linalg_cases;
mod order_cases;
mod random_program;
mod resampling_cases;
mod rng;
mod scalar_cases;
mod statistics_cases;

pub use case::{Case, Input, OperationCase, Record};
pub use random_program::{RandomValues, random_program, random_values};
pub use rng::{CaseRng, Values};

/// The registry: every operation of [`crate::ops`], and the functions composed of them that [`crate::Var`]
/// offers, one row each.
///
/// ```
/// use downhill_autograd::testing::{Values, operations};
/// let softmax = operations().into_iter().find(|row| row.name == "softmax").ok_or("no such row")?;
/// let case = softmax.case(7, Values::Ordinary);
/// let program = case.program()?;
/// println!("{program}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn operations() -> Vec<OperationCase> {
    [
        scalar_cases::unary(),
        scalar_cases::binary(),
        array_cases::rows(),
        statistics_cases::rows(),
        order_cases::rows(),
        arrangement_cases::rows(),
        linalg_cases::rows(),
        image_cases::rows(),
        resampling_cases::rows(),
    ]
    .concat()
}
