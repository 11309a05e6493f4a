//! What can be wrong with the data of a regression, and what it can turn out not to have.

/// Why a regression could not be fitted, or does not take these rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegressionError {
    /// No examples, or no columns and no intercept.
    #[error("there is nothing to fit: {examples} examples of {columns} columns")]
    Empty {
        /// How many examples came.
        examples: usize,
        /// How many columns each.
        columns: usize,
    },
    /// Numbers of elements that do not fit each other.
    #[error("{what} should be {expected} numbers, but are {actual}")]
    Length {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many came.
        actual: usize,
    },
    /// Rows that are not whole.
    #[error("{elements} numbers do not make {examples} rows of equal length")]
    Ragged {
        /// How many numbers came.
        elements: usize,
        /// How many examples there are.
        examples: usize,
    },
    /// A number in the rows that nothing can be computed with.
    #[error(
        "row {row} (from 0), column '{column}': expected a finite number of size at most 1e150, but found {value:e}; \
         leave the row or the column out, or fill it in"
    )]
    Input {
        /// The row, from 0.
        row: usize,
        /// The name of the column.
        column: String,
        /// What is there.
        value: f64,
    },
    /// A target outside of what the model can explain.
    #[error("row {row} (from 0): the target should be {expected}, but is {value}")]
    Target {
        /// The row, from 0.
        row: usize,
        /// What is there.
        value: f64,
        /// What the model takes.
        expected: &'static str,
    },
    /// A weight that is none.
    #[error("row {row} (from 0): a weight should be finite and not negative, but is {value}")]
    Weight {
        /// The row, from 0.
        row: usize,
        /// What is there.
        value: f64,
    },
    /// Weights that leave nothing.
    #[error("all weights are 0: there is no example left")]
    NoWeight,
    /// Classes of which only one occurs.
    #[error("only class {class} occurs: at least two are needed")]
    OneClass {
        /// The class.
        class: usize,
    },
    /// A class of which there is no example, so that its intercept has no finite estimate.
    #[error("class {class} has no example (with a weight above 0): leave it out of the classes, or add some")]
    EmptyClass {
        /// The class.
        class: usize,
    },
    /// Classes that a plane separates: the likelihood grows without end along it.
    #[error(
        "no maximum likelihood estimate exists: {} separates the classes{} (found after {iterations} steps); \
         a penalty (alpha above 0) makes the estimate finite",
        if *.complete { "a plane" } else { "a plane, on which some examples lie," },
        if *.complete { " without a mistake" } else { "" }
    )]
    Separation {
        /// Whether no example lies on the plane itself.
        complete: bool,
        /// How many steps were made until it was seen.
        iterations: u64,
    },
    /// Counts for which the likelihood grows without end.
    #[error(
        "no maximum likelihood estimate exists: {reason}; a penalty (alpha above 0) may make the estimate finite"
    )]
    NoMaximum {
        /// How it shows.
        reason: &'static str,
    },
    /// A scale that is estimated as 0.
    #[error(
        "the scale falls to {scale:e}: so many examples lie on one plane that only their distance from it, 0, counts; \
         give the scale, or take a larger epsilon"
    )]
    NoScale {
        /// How small it was when the solver ended.
        scale: f64,
    },
    /// A solver that cannot solve this.
    #[error("the solver {solver} does not fit {model}: {reason}")]
    Solver {
        /// The solver.
        solver: String,
        /// The model.
        model: &'static str,
        /// Why, and what does.
        reason: &'static str,
    },
    /// More parameters than a solver can hold the products of.
    #[error("{columns} parameters are too many for the solver {solver}, which takes up to {most}; {advice}")]
    TooManyColumns {
        /// The solver.
        solver: String,
        /// How many came.
        columns: usize,
        /// How many it takes.
        most: usize,
        /// What to do.
        advice: &'static str,
    },
    /// An iteration that left the finite numbers.
    #[error("the solver {solver} left the finite numbers after {iterations} steps: {advice}")]
    Diverged {
        /// The solver.
        solver: String,
        /// The steps that it made.
        iterations: u64,
        /// What to do.
        advice: &'static str,
    },
    /// Predictions that the model does not make.
    #[error("{what} are for {expected}; this is a model of {actual}")]
    NoSuchPrediction {
        /// What was asked for.
        what: &'static str,
        /// What has it.
        expected: &'static str,
        /// What this is.
        actual: &'static str,
    },
    /// Data of another kind than the model takes.
    #[error("{model} takes {expected} as its target, but the data has {actual}")]
    TargetKind {
        /// The model.
        model: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What came.
        actual: String,
    },
    /// A file that is no fitted regression.
    #[error("{path}: this is no fitted regression ({reason}); give a file that a `FittedTable` was saved to")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RegressionError {
    /// Whose business the error is.
    pub fn kind(&self) -> crate::ErrorKind {
        match self {
            RegressionError::Solver { .. }
            | RegressionError::TooManyColumns { .. }
            | RegressionError::TargetKind { .. }
            | RegressionError::NoSuchPrediction { .. } => crate::ErrorKind::Configuration,
            RegressionError::Diverged { .. } => crate::ErrorKind::Diverged,
            RegressionError::File { .. } => crate::ErrorKind::Io,
            _ => crate::ErrorKind::Data,
        }
    }
}
