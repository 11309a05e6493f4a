//! What can go wrong with data: what was expected, what came, where, and what to do.

use std::path::PathBuf;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the message above each variant says they are")]
pub enum Error {
    // Files of any kind.
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// There is no such file.
    #[error("{}: there is no such file; check the path", .path.display())]
    NotFound { path: PathBuf },
    /// A directory came where a file was expected.
    #[error("{}: expected {expected}, but this is a directory; name a file in it", .path.display())]
    IsDirectory { path: PathBuf, expected: &'static str },
    /// A file without a byte.
    #[error("{}: expected {expected}, but the file is empty; get it again", .path.display())]
    EmptyFile { path: PathBuf, expected: &'static str },
    /// A web page, usually an error message that was saved under the name of the data.
    #[error("{}: expected {expected}, but this is an HTML page, probably the error message of a failed download; get the file again", .path.display())]
    HtmlPage { path: PathBuf, expected: &'static str },
    /// A compressed file that ends too early.
    #[error("{}: the gzip data ends in the middle, after {read} decompressed bytes: the download was cut off; get the file again", .path.display())]
    TruncatedGzip { path: PathBuf, read: u64 },
    /// A compressed file with wrong contents.
    #[error("{}: the gzip data is damaged after {read} decompressed bytes ({reason}); get the file again", .path.display())]
    CorruptGzip { path: PathBuf, read: u64, reason: String },
    /// More data than this crate reads into memory.
    #[error("{}: the data is larger than {limit} bytes, the most that is read into memory; split the file", .path.display())]
    TooLarge { path: PathBuf, limit: u64 },

    // IDX.
    /// The file does not begin as an IDX file does.
    #[error("{}: expected an IDX file, which begins with the bytes 00 00 08, but found {}; is this the right file?", .path.display(), hex(.actual))]
    WrongMagic { path: PathBuf, actual: Vec<u8> },
    /// An IDX file of numbers other than bytes.
    #[error("{}: expected an IDX file of unsigned bytes (type 08), but it holds type {code:02x} ({name}); convert it to bytes", .path.display())]
    UnsupportedIdxType { path: PathBuf, code: u8, name: &'static str },
    /// An IDX file with another number of dimensions.
    #[error("{}: expected {expected}, but the file has the dimensions {dims:?}; were images and labels exchanged?", .path.display())]
    WrongIdxRank { path: PathBuf, expected: &'static str, dims: Vec<usize> },
    /// The header of an IDX file promises more than an address space holds.
    #[error("{}: the header claims the dimensions {dims:?}, which no file can hold: it is damaged; get the file again", .path.display())]
    ImpossibleSize { path: PathBuf, dims: Vec<u64> },
    /// A file that is shorter than its header says.
    #[error("{}: the header promises {expected} bytes in all, but there are {actual}: the file was cut off; get it again", .path.display())]
    TooShort { path: PathBuf, expected: u64, actual: u64 },
    /// A file that goes on after its data.
    #[error("{}: the header promises {expected} bytes in all, but the file goes on after them: it is damaged or of another format; get it again", .path.display())]
    TrailingBytes { path: PathBuf, expected: u64 },
    /// Inputs and targets that do not belong together.
    #[error("{} holds {input_count} examples, but {} holds {target_count} targets: the two files do not belong together", .inputs.display(), .targets.display())]
    CountMismatch { inputs: PathBuf, input_count: usize, targets: PathBuf, target_count: usize },
    /// One of the four files of MNIST is not there.
    #[error("{}: none of the files {} is there; the directory must hold the four IDX files of MNIST, with or without .gz", .directory.display(), .candidates.join(", "))]
    MnistFileMissing { directory: PathBuf, candidates: Vec<String> },
    /// The training and test images differ in shape.
    #[error("{}: the training images have the shape {train:?}, the test images {test:?}; take both from one collection", .directory.display())]
    MnistShapes { directory: PathBuf, train: Vec<usize>, test: Vec<usize> },

    // CSV.
    /// Text that is not UTF-8.
    #[error("{}: line {line}: the text is not valid UTF-8; save the file as UTF-8", .path.display())]
    NotUtf8 { path: PathBuf, line: u64 },
    /// A file in another encoding.
    #[error("{}: the file is in {encoding}; save it as UTF-8", .path.display())]
    WrongEncoding { path: PathBuf, encoding: &'static str },
    /// Too few data rows.
    #[error("{}: expected a header line and at least {expected} data row(s), but found {actual} data row(s)", .path.display())]
    TooFewRows { path: PathBuf, expected: usize, actual: usize },
    /// The first line holds numbers only.
    #[error("{}: line 1 must name the columns, but holds numbers only ({}); add a header line", .path.display(), abridged(.cells))]
    HeaderMissing { path: PathBuf, cells: Vec<String> },
    /// A column without a name.
    #[error("{}: line 1: column {position} has no name; name every column, or remove this one", .path.display())]
    UnnamedColumn { path: PathBuf, position: usize },
    /// Two columns of one name.
    #[error("{}: line 1: the column name '{name}' stands at positions {first} and {second}; rename one of them", .path.display())]
    DuplicateColumn { path: PathBuf, name: String, first: usize, second: usize },
    /// A column that the file does not have.
    #[error("{}: there is no column '{name}'{}; the columns are {}", .path.display(), did_you_mean(.suggestion), abridged(.columns))]
    UnknownColumn { path: PathBuf, name: String, columns: Vec<String>, suggestion: Option<String> },
    /// Columns that a fitted schema needs and the file lacks.
    #[error("{}: the column(s) {} of the training data are missing; the file has {}", .path.display(), abridged(.names), abridged(.columns))]
    MissingColumns { path: PathBuf, names: Vec<String>, columns: Vec<String> },
    /// Another number of columns than the model has inputs.
    #[error("{}: expected {expected} input columns, but found {actual} beside the target", .path.display())]
    WrongColumnCount { path: PathBuf, expected: usize, actual: usize },
    /// Nothing is left to learn from.
    #[error("{}: no column is left to learn from beside the target and the ignored ones", .path.display())]
    NoFeatures { path: PathBuf },
    /// A row with another number of cells than the header.
    #[error("{}: line {line}: expected {expected} cells as in the header, but found {actual}; is a delimiter or a quote missing?", .path.display())]
    RaggedRow { path: PathBuf, line: u64, expected: usize, actual: usize },
    /// A cell without a value.
    #[error("{}: line {line}, column '{column}': the value is missing ('{cell}'); fill it in, remove the row, or ignore the column", .path.display())]
    MissingValue { path: PathBuf, line: u64, column: String, cell: String },
    /// Text where a number belongs.
    #[error("{}: line {line}, column '{column}': expected a number, but found '{}'{}; {advice}", .path.display(), shortened(.cell), decimal_comma(.cell))]
    NotANumber { path: PathBuf, line: u64, column: String, cell: String, advice: &'static str },
    /// An infinite number.
    #[error("{}: line {line}, column '{column}': '{cell}' is not a finite number; correct it or remove the row", .path.display())]
    NotFinite { path: PathBuf, line: u64, column: String, cell: String },
    /// A number outside the range of the training data's bytes.
    #[error("{}: line {line}, column '{column}': expected a whole number from 0 to {maximum}, but found '{cell}'", .path.display())]
    OutOfByteRange { path: PathBuf, line: u64, column: String, cell: String, maximum: u8 },
    /// A column of text whose values hardly repeat.
    #[error("{}: column '{column}' holds {distinct} different texts in {rows} rows: it looks like an identifier, a date or free text, from which nothing can be learned; ignore it{}", .path.display(), decimal_comma(.example))]
    IdentifierColumn { path: PathBuf, column: String, distinct: usize, rows: usize, example: String },
    /// A feature that never changes.
    #[error("{}: column '{column}' is '{value}' in every row: nothing can be learned from it; ignore it", .path.display())]
    ConstantColumn { path: PathBuf, column: String, value: String },
    /// A target that never changes.
    #[error("{}: the target '{column}' is '{value}' in every row: at least two different {expected} are needed", .path.display())]
    ConstantTarget { path: PathBuf, column: String, value: String, expected: &'static str },
    /// A column of numbers with too many values for classes.
    #[error("{}: the target '{column}' has more than {most} different numbers, too many for classes; learn numbers instead", .path.display())]
    TooManyClasses { path: PathBuf, column: String, most: usize },
    /// A text that the training data does not have in this column.
    #[error("{}: line {line}, column '{column}': '{}' does not occur in the training data, which has {}", .path.display(), shortened(.cell), abridged(.known))]
    UnseenCategory { path: PathBuf, line: u64, column: String, cell: String, known: Vec<String> },
    /// What the csv reader reports beyond the above.
    #[error("{}: {source}", .path.display())]
    Csv { path: PathBuf, source: csv::Error },

    // NumPy.
    /// An array of another rank than inputs or targets have.
    #[error("{}: expected {expected}, but the array has the shape {dims:?}", .path.display())]
    WrongArrayShape { path: PathBuf, expected: &'static str, dims: Vec<usize> },

    // Data sets in memory.
    /// Numbers of elements that do not fit each other.
    #[error("{what}: expected {expected}, but found {actual}")]
    LengthMismatch { what: &'static str, expected: usize, actual: usize },
    /// A value that no data set may hold.
    #[error("example {row}: {what} is {value}, but must be {expected}")]
    InvalidValue { row: usize, what: &'static str, value: String, expected: String },
    /// A data set without examples.
    #[error("the data set '{title}' has no examples")]
    NoExamples { title: String },
    /// An example that does not exist.
    #[error("there is no example {row} in a data set of {len} (they count from 0)")]
    RowOutOfRange { row: usize, len: usize },
    /// Columns of text asked for as numbers.
    #[error(
        "column '{column}' holds categories, not numbers; fit a Preprocessing on the training part and apply it"
    )]
    CategoricalInput { column: String },
    /// Another kind of target than asked for.
    #[error("the task needs {expected} as targets, but the data set has {actual}")]
    WrongTarget { expected: &'static str, actual: &'static str },
    /// Data that does not have the form that a preprocessing was fitted on.
    #[error("the data does not fit the training data: {what}: expected {expected}, but found {actual}")]
    SchemaMismatch { what: String, expected: String, actual: String },
    /// An argument outside its domain.
    #[error("{operation}: {argument} must be {expected}, but is {actual}")]
    InvalidArgument { operation: &'static str, argument: &'static str, expected: String, actual: String },
    /// A split that leaves nothing in one part.
    #[error("the split leaves the {part} part empty: {len} examples at {size}; change the size of the parts")]
    EmptyPart { part: &'static str, len: usize, size: String },
    /// A name that is not in a list of ours.
    #[error("there is no {kind} '{name}'{}; there are {}", did_you_mean(.suggestion), .known.join(", "))]
    UnknownName { kind: &'static str, name: String, known: Vec<String>, suggestion: Option<String> },
    /// An error of the tensor crate.
    #[error(transparent)]
    Tensor(Box<downhill_tensor::Error>),
}

impl From<downhill_tensor::Error> for Error {
    fn from(error: downhill_tensor::Error) -> Self {
        Error::Tensor(Box::new(error))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |name| format!("; did you mean '{name}'"))
}

/// A list for a message: the first 30 names and how many follow.
fn abridged(names: &[String]) -> String {
    let mut text = names.iter().take(30).map(|name| shortened(name)).collect::<Vec<_>>().join(", ");
    if names.len() > 30 {
        text.push_str(&format!(" and {} more", names.len() - 30));
    }
    text
}

/// A cell for a message: at most 60 characters.
fn shortened(cell: &str) -> String {
    match cell.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &cell[..end]),
        None => cell.to_owned(),
    }
}

/// A hint for numbers such as `3,14`, which otherwise look like any text.
fn decimal_comma(cell: &str) -> &'static str {
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    if cell.contains(',') && is_number(&cell.replacen(',', ".", 1)) {
        " (a number needs a decimal point, not a comma)"
    } else {
        ""
    }
}
