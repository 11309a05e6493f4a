//! What can be wrong with a program, and where.

use crate::Type;
use std::fmt;
use std::panic::Location;

/// The result of recording, differentiating or running a program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where in the model, and where in the source, an operation was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path of the layer, empty outside of any.
    pub path: String,
    /// The caller's line.
    pub location: &'static Location<'static>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "in layer `{}`, ", self.path)?;
        }
        write!(f, "at {}:{}:{}", self.location.file(), self.location.line(), self.location.column())
    }
}

/// An error of this crate: what was expected, what came, where, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation was given operands that it cannot take.
    #[error("`{operation}` cannot take {}: {expected}\n  {place}", Types(.inputs))]
    Operands {
        /// The operation.
        operation: String,
        /// The types of its operands.
        inputs: Vec<Type>,
        /// The rule that they break.
        expected: String,
        /// Where it was recorded.
        place: Place,
    },
    /// A gradient was asked of something that is not a scalar.
    #[error(
        "the gradient is defined for a scalar, but this value is {actual}: reduce it first, with `.sum()` or `.mean()`\n  {place}"
    )]
    NotScalar {
        /// The type of the value.
        actual: Type,
        /// Where the value was recorded.
        place: Place,
    },
    /// A parameter or input on which the value does not depend.
    #[error(
        "the value does not depend on `{name}`, so its gradient would be zero for ever: use it in the computation, leave it out, or say so with `.stop_gradient()`\n  {place}"
    )]
    Unreached {
        /// The name of the parameter or input.
        name: String,
        /// Where it was declared.
        place: Place,
    },
    /// A parameter or input on which the value depends only through operations whose derivative is zero by
    /// nature: comparisons, rounding, positions of extremes.
    #[error(
        "the value depends on `{name}` only through `{}`, whose derivative is zero, so its gradient would be zero for ever: let it act in another way, or say so with `.stop_gradient()`\n  {place}",
        .operations.join("`, `")
    )]
    ZeroDerivative {
        /// The name of the parameter or input.
        name: String,
        /// The operations at which its gradients end.
        operations: Vec<String>,
        /// Where it was declared.
        place: Place,
    },
    /// An operation without a derivative on the way to a parameter.
    #[error(
        "`{operation}` has no derivative ({transform}), but lies between the value and what it is differentiated by: implement it for this operation, or cut the path with `.stop_gradient()`\n  {place}"
    )]
    MissingDerivative {
        /// The operation.
        operation: String,
        /// The rule that is missing: `vjp` or `jvp`.
        transform: &'static str,
        /// Where it was recorded.
        place: Place,
    },
    /// A handle of one tape was used on another.
    #[error(
        "`{operation}` was given a value of another tape; values live and die with the tape that recorded them\n  {place}"
    )]
    ForeignVar {
        /// The operation.
        operation: String,
        /// Where it was recorded.
        place: Place,
    },
    /// A number of something that does not match.
    #[error("{what}: expected {expected}, got {actual}\n  {place}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: String,
        /// How many there were.
        actual: String,
        /// Where.
        place: Place,
    },
    /// Data for a run that do not fit the program.
    #[error("{direction} `{name}` of the program: expected {expected}, got {actual}")]
    Binding {
        /// `input` or `output`.
        direction: &'static str,
        /// The name of the port.
        name: String,
        /// What the program declares.
        expected: String,
        /// What came.
        actual: String,
    },
    /// An operation that could not be carried out on the values that came.
    #[error("`{operation}` failed: {reason}\n  {place}")]
    Evaluation {
        /// The operation.
        operation: String,
        /// Why.
        reason: String,
        /// Where it was recorded.
        place: Place,
    },
    /// A gradient check that failed.
    #[error(
        "gradient check: {check}: at input {input}, element {element}: expected {expected:e} (numerical), got {actual:e} (recorded); they differ by {:e}",
        (.expected - .actual).abs()
    )]
    GradientMismatch {
        /// Which comparison.
        check: &'static str,
        /// The number of the input.
        input: usize,
        /// The number of the element in it.
        element: usize,
        /// The value from finite differences.
        expected: f64,
        /// The value from the transform.
        actual: f64,
    },
}

struct Types<'a>(&'a [Type]);

impl fmt::Display for Types<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no operands");
        }
        for (i, ty) in self.0.iter().enumerate() {
            let joint = match i {
                0 => "",
                _ if i + 1 == self.0.len() => " and ",
                _ => ", ",
            };
            write!(f, "{joint}{ty}")?;
        }
        Ok(())
    }
}
