//! What can be wrong with a network, its description or what a metric is given.

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate: what was expected, what came, where, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recording failed: a wrong shape, an unreached parameter, a wrong option of a layer. Its message
    /// names the layer path and the line.
    #[error(transparent)]
    Program(#[from] downhill_autograd::Error),
    /// A program would need other parameters than the network has.
    #[error(
        "this program would have {what} {found}, but the network has {expected}: parameters may depend on the \
         input's features, never on the batch or on the mode; make another network for an input of {input}"
    )]
    LayoutMismatch {
        /// `parameter` or `state`.
        what: &'static str,
        /// What the network was made with.
        expected: String,
        /// What this program declares.
        found: String,
        /// The input of the program.
        input: downhill_autograd::Type,
    },
    /// A model description that cannot be read.
    #[error("the model description is wrong at `{path}` (line {line}, column {column}): {reason}")]
    Description {
        /// The field, as `layers[2].Linear.out_features`.
        path: String,
        /// The line in the text, from 1.
        line: usize,
        /// The column in the line, from 1.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A model description of another format or a later version.
    #[error("the model description has {field} {actual}, but this program reads {expected}")]
    DescriptionVersion {
        /// Which field.
        field: &'static str,
        /// What this program reads.
        expected: String,
        /// What came.
        actual: String,
    },
    /// A name that nothing has.
    #[error("no {what} is called {name:?}; there are {}", .known.join(", "))]
    UnknownName {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// Values that a metric cannot take.
    #[error("{metric}: expected {expected}, got {actual}")]
    Metric {
        /// The metric.
        metric: &'static str,
        /// What was expected.
        expected: String,
        /// What came.
        actual: String,
    },
}
