//! What can go wrong with shapes, indices, values and files.

use crate::Shape;
use std::path::PathBuf;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate: what was expected, what came, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More dimensions than a [`Shape`] can hold.
    #[error("a shape has at most {} dimensions, but {rank} were given", crate::MAX_RANK)]
    RankTooLarge {
        /// The number of dimensions given.
        rank: usize,
    },
    /// The element count of a shape does not fit into `usize`.
    #[error("the number of elements of shape {dims:?} does not fit into this machine's address space")]
    SizeOverflow {
        /// The dimensions given.
        dims: Vec<usize>,
    },
    /// Two shapes that cannot be combined.
    #[error("{operation}: the shapes {left} and {right} do not go together: {expected}")]
    ShapeMismatch {
        /// What was to be done.
        operation: &'static str,
        /// The shape of the left or first operand.
        left: Shape,
        /// The shape of the right or second operand.
        right: Shape,
        /// The rule that was broken.
        expected: &'static str,
    },
    /// A shape that does not suit an operation.
    #[error("{operation}: the shape {shape} does not fit: {expected}")]
    InvalidShape {
        /// What was to be done.
        operation: &'static str,
        /// The shape that came.
        shape: Shape,
        /// What was expected.
        expected: String,
    },
    /// An axis that does not exist.
    #[error("axis {axis} does not exist in a shape of {rank} dimensions (allowed: {} to {})", -(*.rank as isize), *.rank as isize - 1)]
    AxisOutOfRange {
        /// The axis asked for; negative ones count from the end.
        axis: isize,
        /// The number of dimensions there are.
        rank: usize,
    },
    /// An index beyond the end of its axis.
    #[error("{operation}: index {index} is out of range for an axis of length {length}")]
    IndexOutOfRange {
        /// What was to be done.
        operation: &'static str,
        /// The index asked for.
        index: i64,
        /// The length of the axis.
        length: usize,
    },
    /// A buffer whose length does not match its shape.
    #[error("shape {shape} holds {} elements, but {len} were given", .shape.size())]
    LengthMismatch {
        /// The shape asked for.
        shape: Shape,
        /// The number of elements that came.
        len: usize,
    },
    /// An argument outside its domain.
    #[error("{operation}: {argument} must be {expected}, but is {actual}")]
    InvalidArgument {
        /// What was to be done.
        operation: &'static str,
        /// The name of the argument.
        argument: &'static str,
        /// Its domain.
        expected: &'static str,
        /// The value that came.
        actual: String,
    },
    /// A factorization that does not exist for this matrix.
    #[error("{operation}: {reason}")]
    Singular {
        /// What was to be done.
        operation: &'static str,
        /// Why it cannot be done.
        reason: &'static str,
    },
    /// Numbers that should agree and do not.
    #[error(
        "{count} of {size} elements are not close; the worst, at {index:?}, is {actual} and should be {expected}, off by {difference} where {allowed} is allowed"
    )]
    NotClose {
        /// The coordinates of the element that is furthest off, measured by what is allowed for it.
        index: Vec<usize>,
        /// Its value.
        actual: f64,
        /// The value that was expected.
        expected: f64,
        /// The distance between both.
        difference: f64,
        /// The distance that was allowed.
        allowed: f64,
        /// How many elements are not close.
        count: usize,
        /// How many elements there are.
        size: usize,
    },
    /// A file or buffer that is not what it claims to be.
    #[error("{path}: not a valid {format} file: {reason}", path = .path.as_ref().map_or_else(|| "<memory>".into(), |p| p.display().to_string()))]
    Format {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// The format that was expected.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// The same, about this file.
    #[cfg(any(feature = "safetensors", feature = "npz"))]
    pub(crate) fn at(self, path: &std::path::Path) -> Self {
        match self {
            Error::Format { format, reason, .. } => Error::Format { path: Some(path.into()), format, reason },
            Error::Io { source, .. } => Error::Io { path: path.into(), source },
            other => other,
        }
    }
}
