//! Tables as text: comma-separated values with a header line.
//!
//! [`read`] finds out what each column holds from the **whole** column, never from its first rows:
//!
//! | cells of a feature column | kind |
//! |---|---|
//! | all numbers | numeric |
//! | more numbers than texts | an error that names the first text |
//! | at least as many texts as numbers | categorical, the categories sorted |
//! | more than 20 different texts, in more than half of the rows | an error: an identifier, a date or free text |
//! | one value in every row | an error: nothing can be learned from it |
//!
//! Whether the target is classes or numbers is decided as [`Task`] says, which also overrides it.
//!
//! A cell that is empty, `?`, `na`, `n/a`, `nan` or `null` (in any case) is missing, which is an error;
//! numbers must be finite. White space around cells is dropped. The delimiter (comma, semicolon or tab) is
//! taken from the header unless given. The text must be UTF-8, with or without a byte order mark, with any
//! line ends, plain or gzip. Lines are counted from 1, the header being the first.
//!
//! [`read_with_schema`] reads further data for a model by the schema that it was trained on.

mod apply;
mod cell;
mod infer;
mod table;

pub use apply::{TargetUse, read_bytes_with_schema, read_with_schema};
pub use infer::{read, read_bytes};

use crate::{Result, Task};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How to read a table.
///
/// ```
/// use downhill_data::CsvOptions;
/// let options = CsvOptions::new("price").ignore("id");
/// assert_eq!(options.ignore, ["id"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// The name of the target column; `None` reads all columns as inputs.
    pub target: Option<String>,
    /// The names of columns to leave out.
    pub ignore: Vec<String>,
    /// What is to be learned from the target column.
    pub task: Task,
    /// The byte between cells; `None` takes it from the header.
    pub delimiter: Option<u8>,
}

impl CsvOptions {
    /// The options for learning this column from all the others.
    pub fn new(target: impl Into<String>) -> Self {
        CsvOptions { target: Some(target.into()), ..Self::without_target() }
    }

    /// The options for a table that has no target.
    pub fn without_target() -> Self {
        CsvOptions { target: None, ignore: Vec::new(), task: Task::Auto, delimiter: None }
    }

    /// The same options without one more column.
    #[must_use]
    pub fn ignore(mut self, column: impl Into<String>) -> Self {
        self.ignore.push(column.into());
        self
    }

    /// The same options with a task.
    #[must_use]
    pub fn task(mut self, task: Task) -> Self {
        self.task = task;
        self
    }
}

/// The names of the columns of a table, for asking which of them is the target.
///
/// # Errors
/// A file that is not there or not a table with a header.
pub fn column_names(path: &Path) -> Result<Vec<String>> {
    Ok(table::Text::open(path)?.table(None)?.header)
}
