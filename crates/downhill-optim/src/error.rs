//! What can go wrong with hyperparameters, slices, groups, states and norms.

use crate::test_functions::Dimension;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate: what was expected, what came, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number outside its domain: a hyperparameter, an option of a schedule, a factor, a limit.
    #[error("{owner}: {field} must be {expected}, but is {actual}")]
    InvalidValue {
        /// The optimizer, schedule or function that it was given to.
        owner: String,
        /// The field or argument.
        field: &'static str,
        /// Its domain.
        expected: &'static str,
        /// The value that came.
        actual: f64,
    },
    /// Options that exclude each other.
    #[error("{owner}: {reason}")]
    Conflict {
        /// The optimizer, schedule or group that has both.
        owner: String,
        /// What does not go together, and what to do.
        reason: &'static str,
    },
    /// A name that no optimizer has.
    #[error("no optimizer is called {name:?}; there are {}", .known.join(", "))]
    UnknownOptimizer {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// A name that no method of minimization has.
    #[error("no method is called {name:?}{}; there are {}", meant(.suggestion), .known.join(", "))]
    UnknownMethod {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        suggestion: Option<String>,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// A name that no test function has.
    #[error("no test function is called {name:?}{}; there are {}", meant(.suggestion), .known.join(", "))]
    UnknownTestFunction {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        suggestion: Option<String>,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// A number of variables that a test function does not take.
    #[error("{name}: the number of variables must be {expected}, but is {actual}")]
    Dimension {
        /// The function.
        name: &'static str,
        /// How many it takes.
        expected: Dimension,
        /// How many came.
        actual: usize,
    },
    /// A slice whose length is not that of the parameters for which the optimizer was made.
    #[error("the optimizer was made for {expected} parameters, but the {what} slice has length {actual}")]
    LengthMismatch {
        /// Which slice.
        what: &'static str,
        /// The number of parameters.
        expected: usize,
        /// The length that came.
        actual: usize,
    },
    /// A slice of another length than the others demand.
    #[error("{owner}: {what} must have length {expected}, but have length {actual}")]
    Length {
        /// What it was given to.
        owner: &'static str,
        /// Which slice.
        what: &'static str,
        /// The length that fits the others.
        expected: usize,
        /// The length that came.
        actual: usize,
    },
    /// Parts of a vector that do not lie in it or share elements.
    #[error("the part {}..{} of a vector of length {len} cannot be penalized: {reason}", .range.start, .range.end)]
    Parts {
        /// The part.
        range: std::ops::Range<usize>,
        /// The length of the vector.
        len: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// Rows of a gradient that do not fit the parameters for which the optimizer was made.
    #[error("the rows at position {offset} of the parameters cannot be used: {reason}")]
    Rows {
        /// Where the parameter begins in the vector of all.
        offset: usize,
        /// What does not fit.
        reason: String,
    },
    /// A pattern of a parameter group that no name matches.
    #[error("the group pattern {pattern:?} matches none of the {count} parameters; they are called {}", sample(.names, *.count))]
    PatternMatchesNothing {
        /// The pattern.
        pattern: String,
        /// The number of parameters in the layout.
        count: usize,
        /// The first few names.
        names: Vec<String>,
    },
    /// A parameter group that never applies, because earlier groups take all that it matches.
    #[error(
        "the group {pattern:?} never applies: every parameter that it matches is taken by an earlier group \
         (the first match wins); put it before {earlier:?}"
    )]
    GroupShadowed {
        /// The pattern of the group that never applies.
        pattern: String,
        /// The pattern that took its first match.
        earlier: String,
    },
    /// A saved state that belongs to another optimizer or to another number of parameters.
    #[error("this state does not belong to this optimizer: expected {expected}, found {found}")]
    StateMismatch {
        /// The slots and lengths of the optimizer.
        expected: String,
        /// The slots and lengths of the state.
        found: String,
    },
    /// More vectors of state than an optimizer can carry.
    #[error(
        "{rule}: at most {} slots of state and {} scalars are supported, but {count} and {scalars} were declared",
        crate::MAX_SLOTS,
        crate::MAX_SCALARS
    )]
    TooManySlots {
        /// The rule that declared them.
        rule: String,
        /// How many slots.
        count: usize,
        /// How many scalars.
        scalars: usize,
    },
    /// A gradient whose norm is infinite or not a number; the gradient was left as it was.
    #[error("the gradient's norm is {norm}{}", position(.first))]
    NonFiniteNorm {
        /// The norm.
        norm: f64,
        /// The first element that is not finite, with its value; `None` if all are and their norm is too
        /// large for `f64`.
        first: Option<(usize, f64)>,
    },
}

impl Error {
    /// Refuses a number unless it is `valid`, and says what it should have been.
    ///
    /// # Errors
    /// [`Error::InvalidValue`].
    #[inline]
    pub fn check(
        valid: bool,
        owner: &str,
        field: &'static str,
        expected: &'static str,
        actual: f64,
    ) -> Result<()> {
        if valid { Ok(()) } else { Err(Self::invalid(owner, field, expected, actual)) }
    }

    /// Apart from the test, which stands in every step.
    #[cold]
    fn invalid(owner: &str, field: &'static str, expected: &'static str, actual: f64) -> Self {
        Error::InvalidValue { owner: owner.into(), field, expected, actual }
    }

    /// Refuses a number that is not finite or is below 0.
    ///
    /// # Errors
    /// [`Error::InvalidValue`].
    #[inline]
    pub fn check_at_least_zero(owner: &str, field: &'static str, actual: f64) -> Result<()> {
        Self::check(actual.is_finite() && actual >= 0.0, owner, field, "finite and at least 0", actual)
    }

    /// Refuses a number that is not at least 0 and below 1.
    ///
    /// # Errors
    /// [`Error::InvalidValue`].
    pub fn check_fraction(owner: &str, field: &'static str, actual: f64) -> Result<()> {
        Self::check((0.0..1.0).contains(&actual), owner, field, "at least 0 and below 1", actual)
    }
}

fn sample(names: &[String], count: usize) -> String {
    let more = if count > names.len() { ", ..." } else { "" };
    format!("{}{more}", names.join(", "))
}

fn meant(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |name| format!("; did you mean {name:?}"))
}

fn position(first: &Option<(usize, f64)>) -> String {
    match first {
        Some((index, value)) => format!(": element {index} is {value}; a smaller learning rate may help"),
        None => ": every element is finite, but together they are too large".into(),
    }
}
