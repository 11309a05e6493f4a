//! What can go wrong in a minimization.

use crate::Error;
use std::convert::Infallible;

/// What went wrong in a minimization: the options do not fit, or the objective failed. How a minimization ends is never
/// an error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MinimizeError<E> {
    /// An option of the method or of the minimization is outside its domain.
    #[error("{0}")]
    Method(Error),
    /// The objective failed.
    #[error("the objective failed: {0}")]
    Objective(E),
}

impl<E> From<Error> for MinimizeError<E> {
    fn from(error: Error) -> Self {
        MinimizeError::Method(error)
    }
}

impl From<MinimizeError<Infallible>> for Error {
    fn from(error: MinimizeError<Infallible>) -> Self {
        match error {
            MinimizeError::Method(error) => error,
            MinimizeError::Objective(never) => match never {},
        }
    }
}
