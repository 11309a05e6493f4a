//! Writing to standard output and standard error, which may be closed before we are done.

use crate::exit::{Error, Result};
use downhill::tensor::write_atomically;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Writes a text to standard output.
pub fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

/// Writes one JSON object to standard output.
pub fn json(object: &impl Serialize) -> Result<()> {
    let object = serde_json::to_string_pretty(object).map_err(|error| Error::Output(error.into()))?;
    text(&(object + "\n"))
}

/// Writes a file, whole or not at all, in the place of one that may be there.
pub fn file(path: &Path, contents: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(contents.as_bytes())).map_err(|error| match error {
        downhill::tensor::Error::Io { source, .. } => Error::Path { path: path.to_owned(), source },
        other => Error::Path { path: path.to_owned(), source: std::io::Error::other(other) },
    })
}

/// Writes a line to standard error. A reader that has gone away is no reason to stop.
pub fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
