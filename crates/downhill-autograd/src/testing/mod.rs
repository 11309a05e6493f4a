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

/// The rows of the registry that no other library can be an oracle for, each with what holds it instead.
const WITHOUT_ORACLE: [(&str, &str); 3] = [
    ("uniform", "the bits are those of the key's stream (tests/values.rs)"),
    ("normal", "moments and tails of the distribution (tests/array_conventions.rs)"),
    ("bernoulli", "the frequency (tests/array_conventions.rs)"),
];

/// What holds a row of the registry: the name of the row, and of each comparison that it is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The name of the row.
    pub operation: &'static str,
    /// Whether its derivative is zero by nature.
    pub flat: bool,
    /// The comparisons.
    pub checks: Vec<&'static str>,
    /// What stands in for the oracle, where there is none.
    pub instead_of_oracle: Option<&'static str>,
}

/// What holds each operation of the registry, for tables.
#[doc(hidden)]
pub fn coverage() -> Vec<Coverage> {
    let of = |row: OperationCase| {
        let instead = WITHOUT_ORACLE.iter().find(|(name, _)| *name == row.name).map(|(_, reason)| *reason);
        let mut checks = vec!["f32 against f64", "engine against interpreter", "batch against examples"];
        match row.flat {
            true => checks.push("tangent 0, and an error for a gradient"),
            false => checks.push("forward against reverse mode at ties and extremes"),
        }
        if row.case(0, Values::Ordinary).smooth {
            checks.push("finite differences, first and second order");
        }
        if instead.is_none() {
            checks.push("PyTorch, output and gradient");
        }
        Coverage { operation: row.name, flat: row.flat, checks, instead_of_oracle: instead }
    };
    operations().into_iter().map(of).collect()
}

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
