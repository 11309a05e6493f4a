//! How the program ends: its errors, what is said about them, and the exit codes.

use crate::output;
use crate::report::shell;
use downhill::data;
use downhill::train::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The command line cannot be understood; clap uses the same code.
pub const USAGE: u8 = 2;
/// The settings contradict each other or the data.
pub const CONFIGURATION: u8 = 3;
/// The data cannot be learned from.
pub const DATA: u8 = 4;
/// The training left the finite numbers.
pub const DIVERGED: u8 = 5;
/// A file cannot be read or written.
pub const INPUT_OUTPUT: u8 = 7;
/// Stopped by Ctrl-C, after saving.
pub const INTERRUPTED: u8 = 130;

/// What ends a command before its result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Arguments that clap lets through and that mean nothing.
    #[error("{0}")]
    Usage(String),
    /// Settings that contradict each other.
    #[error("{0}")]
    Configuration(String),
    /// Data that cannot be read or learned from.
    #[error("{0}{advice}", advice = advice(.0))]
    Data(#[from] data::Error),
    /// A name or an option that the networks refuse.
    #[error("{0}")]
    Network(#[from] downhill::nn::Error),
    /// A name or an option that the optimizers refuse.
    #[error("{0}")]
    Optimizer(#[from] downhill::optim::Error),
    /// What the training refuses.
    #[error("{0}")]
    Train(#[from] train::Error),
    /// A directory cannot be created or read.
    #[error("{}: {source}", .path.display())]
    Path {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no run to open.
    #[error(
        "{}: expected the directory of a run, as `downhill train` makes it, but {found}; give the path that \
         it said the run was saved in",
        .path.display()
    )]
    NoRun {
        /// The path that was given.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },
    /// The data of a run is not as it was.
    #[error("{0}")]
    RunData(String),
    /// The data of a run cannot be read again.
    #[error(
        "the run was trained on `{data}`, which cannot be loaded again: {source}; put it back where it was, or name \
         the data after the run"
    )]
    RunDataGone {
        /// As on the command line.
        data: String,
        /// What is wrong.
        source: Box<Error>,
    },
    /// The training diverged, and what it left was saved.
    #[error("{reason}; the last finite model is in {run}, and `downhill diagnose {run}` says more")]
    DivergedRun {
        /// Why.
        reason: String,
        /// The directory, for a shell.
        run: String,
    },
    /// The place for the run is taken.
    #[error("{}: this is {what} already; {advice}", .path.display())]
    OutExists {
        /// The place.
        path: PathBuf,
        /// What is there.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A result cannot be written.
    #[error("standard output: {0}")]
    Output(std::io::Error),
    /// A walk left the finite numbers. The result has been shown.
    #[error("{0}")]
    Diverged(String),
    /// Stopped by Ctrl-C. The result has been shown.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// For `map_err`: what the system said about a path.
    pub fn path(path: &Path) -> impl Fn(std::io::Error) -> Error {
        move |source| Error::Path { path: path.to_owned(), source }
    }

    /// The exit code.
    fn code(&self) -> u8 {
        match self {
            Error::Usage(_) => USAGE,
            Error::Configuration(_) | Error::Network(_) | Error::Optimizer(_) => CONFIGURATION,
            Error::Data(error) => data_code(error),
            Error::DivergedRun { .. } => DIVERGED,
            Error::RunData(_) => DATA,
            Error::RunDataGone { source, .. } => source.code(),
            Error::Train(train::Error::Data { source, .. }) => data_code(source),
            Error::Train(error) => match error.kind() {
                ErrorKind::Configuration => CONFIGURATION,
                ErrorKind::Data => DATA,
                ErrorKind::Diverged => DIVERGED,
                ErrorKind::Io => INPUT_OUTPUT,
                // A mistake of ours, for which there is no code: that of a panic.
                _ => 101,
            },
            Error::Path { .. } | Error::NoRun { .. } | Error::OutExists { .. } | Error::Output(_) => {
                INPUT_OUTPUT
            }
            Error::Diverged(_) => DIVERGED,
            Error::Interrupted => INTERRUPTED,
        }
    }
}

/// A file that is not there, or no file, is a fault of input; one with wrong contents is a fault of data.
fn data_code(error: &data::Error) -> u8 {
    match error {
        data::Error::Io { .. }
        | data::Error::NotFound { .. }
        | data::Error::IsDirectory { .. }
        | data::Error::MnistFileMissing { .. } => INPUT_OUTPUT,
        _ => DATA,
    }
}

/// Which option does what the message of the data crate recommends.
fn advice(error: &data::Error) -> String {
    let ignore = |column: &str| format!(" (--ignore {})", shell(column));
    match error {
        data::Error::ConstantColumn { column, .. }
        | data::Error::IdentifierColumn { column, .. }
        | data::Error::MissingValue { column, .. } => ignore(column),
        data::Error::EmptyPart { .. } => " (--validation)".into(),
        data::Error::TooManyClasses { .. } => " (--task regress)".into(),
        _ => String::new(),
    }
}

/// Says what went wrong, if anything did, and gives the exit code.
pub fn code(result: Result<()>) -> ExitCode {
    let error = match result {
        Ok(()) => return ExitCode::SUCCESS,
        // The reader has seen enough, as in `downhill data list | head -1`.
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(error) => error,
    };
    if !matches!(error, Error::Interrupted) {
        output::note(&format!("error: {error}"));
    }
    ExitCode::from(error.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_is_wrong_have_different_codes() {
        let path = || PathBuf::from("x.csv");
        let missing = data::Error::NotFound { path: path() };
        let wrong = data::Error::RaggedRow { path: path(), line: 3, expected: 4, actual: 5 };
        assert_eq!((Error::Data(missing).code(), Error::Data(wrong).code()), (INPUT_OUTPUT, DATA));
    }

    #[test]
    fn advice_names_the_option_that_follows_it() {
        let error = data::Error::ConstantColumn { path: "x".into(), column: "a b".into(), value: "1".into() };
        assert!(Error::Data(error).to_string().ends_with("ignore it (--ignore 'a b')"));
    }
}
