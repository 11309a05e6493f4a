//! What can go wrong between a configuration, data, a network and a folder for the results.

use crate::StopReason;
use std::path::PathBuf;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose business an error is: what a caller branches on, or maps to an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option, the network, or the network together with the data is wrong.
    Configuration,
    /// The data is wrong, or does not have the form that the model was trained on.
    Data,
    /// Training diverged.
    Diverged,
    /// A file or folder cannot be read or written, or is not what it should be.
    Io,
    /// A mistake of this library.
    Internal,
}

/// An error of this crate: what was expected, what came, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option outside its domain.
    #[error("{option} must be {expected}, but is {actual}")]
    Option {
        /// The field of the configuration.
        option: &'static str,
        /// Its domain.
        expected: &'static str,
        /// The value that came.
        actual: String,
    },
    /// A configuration file that cannot be read as one.
    #[error("{}: {reason}", .path.as_ref().map_or("the configuration".into(), |path| path.display().to_string()))]
    ConfigFile {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// What the parser found, with line and field.
        reason: String,
    },
    /// A name that is no model.
    #[error(
        "no model is called {text:?}: {reason}; there are `linear`, `logistic`, `mlp:128,64` (the widths of the \
         hidden layers) and `cnn`"
    )]
    ModelName {
        /// The name.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A model, a loss and data that do not go together.
    #[error("{what} does not fit the data: {reason}")]
    Mismatch {
        /// The part that does not fit.
        what: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A network that cannot be recorded, or a description that cannot be read.
    #[error(transparent)]
    Network(Box<downhill_nn::Error>),
    /// An optimizer, schedule or parameter group with wrong options.
    #[error(transparent)]
    Optimizer(#[from] downhill_optim::Error),
    /// Data that cannot be used.
    #[error("{role}: {source}")]
    Data {
        /// What the data was for.
        role: &'static str,
        /// What is wrong with it.
        source: Box<downhill_data::Error>,
    },
    /// Data without the target that is needed.
    #[error("{role}: the data set '{title}' has no target to compare with; name the column that holds it")]
    NoTarget {
        /// What the data was for.
        role: &'static str,
        /// The data set.
        title: String,
    },
    /// Data with a single class.
    #[error("the training data '{title}' has only one class, '{class}': at least two are needed")]
    OneClass {
        /// The data set.
        title: String,
        /// The class.
        class: String,
    },
    /// A program that could not be compiled or carried out.
    #[error("{during}: {source}")]
    Execution {
        /// What it was for.
        during: &'static str,
        /// What the executor reports.
        source: Box<downhill_autograd::Error>,
    },
    /// Training diverged: see [`Outcome::converged`](crate::Outcome::converged).
    #[error("{0}")]
    Diverged(Box<StopReason>),
    /// A measurement of numbers that are none.
    #[error(
        "{what} is not finite at this point: the loss or its derivatives overflow there; measure at an earlier \
             point of the run, or lower the learning rate"
    )]
    NotFinite {
        /// What is not finite.
        what: &'static str,
    },
    /// Data that a regression cannot be fitted to, or that has no best fit.
    #[error(transparent)]
    Regression(#[from] crate::regression::RegressionError),
    /// A network that a format cannot express.
    #[error("{what} cannot be written as {format}: {reason}")]
    NotExportable {
        /// The format.
        format: &'static str,
        /// The operation, layer or parameter, with its place.
        what: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A file of tensors that cannot be read or written.
    #[error(transparent)]
    TensorFile(Box<downhill_tensor::Error>),
    /// A file of weights without a tensor that the network needs.
    #[error("{}: there is no tensor '{name}', which should be {expected}; the file has {there}", .file.display())]
    MissingTensor {
        /// The file.
        file: PathBuf,
        /// The name of the tensor.
        name: String,
        /// Its element type and shape.
        expected: String,
        /// What tensors there are.
        there: String,
    },
    /// A file of weights with a tensor that the network has no use for.
    #[error("{}: the network has no use for the tensor '{name}'; it takes {expected}", .file.display())]
    UnexpectedTensor {
        /// The file.
        file: PathBuf,
        /// The name of the tensor.
        name: String,
        /// The tensors that the network takes.
        expected: String,
    },
    /// A tensor of another shape or element type than the network's.
    #[error("{}: the tensor '{name}' should be {expected}, but is {actual}", .file.display())]
    WrongTensor {
        /// The file.
        file: PathBuf,
        /// The name of the tensor.
        name: String,
        /// The element type and shape that the network takes.
        expected: String,
        /// Those that came.
        actual: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is not a model.
    #[error("{}: this is not a downhill model ({reason}); give the `model.bin` of a run, or its folder", .path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// How it shows.
        reason: String,
    },
    /// A model that a later version of this library has written.
    #[error("{}: the model has format version {version}, and this program reads up to {known}; use a newer downhill", .path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        version: u32,
        /// The latest version that is known here.
        known: u32,
    },
    /// A model file that was cut off, or that goes on after its end.
    #[error("{}: the model should be {expected} bytes long, but is {actual}: it was cut off or damaged; copy it again, or train again", .path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// The length that the header promises; of the header itself, if that is not complete.
        expected: u64,
        /// The length of the file.
        actual: u64,
    },
    /// A model file whose bytes are not those that were written.
    #[error("{}: the model's checksum is {actual:08x} instead of {expected:08x}: the file is damaged; copy it again, or train again", .path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The checksum in the file.
        expected: u32,
        /// The checksum of its bytes.
        actual: u32,
    },
    /// A model file whose parts do not fit each other.
    #[error("{}: the model's {part} cannot be used: {reason}; train again", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder that holds a run already.
    #[error("{}: there is a run already; choose another folder, or ask for it to be overwritten", .path.display())]
    RunExists {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with other things in it.
    #[error("{}: the folder is not empty and holds no run of ours; choose an empty or a new one", .path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that holds no run, or only a part of one.
    #[error("{}: this folder holds no run: there is no {missing} in it", .path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// The file that is missing.
        missing: &'static str,
    },
}

impl Error {
    /// Whose business the error is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Option { .. }
            | Error::ConfigFile { .. }
            | Error::ModelName { .. }
            | Error::Mismatch { .. }
            | Error::NotExportable { .. }
            | Error::Network(_)
            | Error::Optimizer(_) => ErrorKind::Configuration,
            Error::Data { source, .. } if matches!(**source, downhill_data::Error::Io { .. }) => {
                ErrorKind::Io
            }
            Error::Data { .. } | Error::NoTarget { .. } | Error::OneClass { .. } => ErrorKind::Data,
            Error::Execution { .. } => ErrorKind::Internal,
            Error::Diverged(_) | Error::NotFinite { .. } => ErrorKind::Diverged,
            Error::Regression(error) => error.kind(),
            Error::Io { .. }
            | Error::TensorFile(_)
            | Error::MissingTensor { .. }
            | Error::UnexpectedTensor { .. }
            | Error::WrongTensor { .. }
            | Error::NotAModel { .. }
            | Error::NewerVersion { .. }
            | Error::WrongLength { .. }
            | Error::Checksum { .. }
            | Error::Malformed { .. }
            | Error::RunExists { .. }
            | Error::NotEmpty { .. }
            | Error::NotARun { .. } => ErrorKind::Io,
        }
    }

    /// Refuses a limit that nothing could keep.
    pub(crate) fn check_limit(option: &'static str, limit: Option<f64>) -> Result<()> {
        match limit {
            Some(limit) if !(limit > 0.0 && limit.is_finite()) => {
                Err(Error::Option { option, expected: "above 0 and finite", actual: limit.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a vector of another length than the network takes.
    pub(crate) fn check_length(what: &str, expected: usize, actual: usize) -> Result<()> {
        if expected == actual {
            return Ok(());
        }
        let reason = format!("{actual} numbers came, and the network takes {expected}");
        Err(Error::Mismatch { what: what.into(), reason })
    }

    /// For `map_err`: an error of the data crate, with what the data was for.
    pub(crate) fn data(role: &'static str) -> impl Fn(downhill_data::Error) -> Error {
        move |source| Error::Data { role, source: Box::new(source) }
    }

    /// For `map_err`: an error of an executor, with what the program was for.
    pub(crate) fn execution(during: &'static str) -> impl Fn(downhill_autograd::Error) -> Error {
        move |source| Error::Execution { during, source: Box::new(source) }
    }

    /// For `map_err`: an error of the operating system at this path.
    pub(crate) fn io(path: &std::path::Path) -> impl Fn(std::io::Error) -> Error {
        move |source| Error::Io { path: path.into(), source }
    }
}

impl From<downhill_nn::Error> for Error {
    fn from(error: downhill_nn::Error) -> Self {
        Error::Network(Box::new(error))
    }
}

impl From<downhill_tensor::Error> for Error {
    fn from(error: downhill_tensor::Error) -> Self {
        Error::TensorFile(Box::new(error))
    }
}
