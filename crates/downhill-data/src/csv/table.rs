//! The rows of a table and where they stand in the file, before anybody asks what the cells mean.

use crate::source::{self, Source};
use crate::{Error, Result};
use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use downhill_tensor::suggest;
use std::io::BufRead;
use std::path::{Path, PathBuf};

const EXPECTED: &str = "a CSV file with a header line";

/// The most text that is read into memory. Compressed text a thousand times smaller could fill any memory.
const LIMIT: usize = if usize::BITS >= 64 { 8 << 30 } else { 1 << 30 };

/// The text of a file in memory, which is read twice: for the kinds of the columns, then for the values.
pub(super) struct Text {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Text {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Self::read(source::open(path, EXPECTED)?)
    }

    pub(super) fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        Self::read(source::from_bytes(bytes, path, EXPECTED)?)
    }

    fn read<R: BufRead>(mut source: Source<R>) -> Result<Self> {
        let mut bytes = source.read_all(LIMIT)?;
        let path = source.path;
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Error::WrongEncoding { path, encoding: "UTF-16" });
        }
        if bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(..3);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::EmptyFile { path, expected: EXPECTED });
        }
        Ok(Text { path, bytes })
    }

    /// The table with its header read and checked.
    pub(super) fn table(&self, delimiter: Option<u8>) -> Result<Table<'_>> {
        let delimiter = delimiter.unwrap_or_else(|| guess_delimiter(&self.bytes));
        let mut table = Table { path: &self.path, bytes: &self.bytes, delimiter, header: Vec::new() };
        table.header = table.read_header()?;
        Ok(table)
    }
}

/// The delimiter that occurs most often in the first line, outside of quotes; comma if none does.
fn guess_delimiter(bytes: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0)];
    for &byte in bytes.iter().skip_while(|byte| byte.is_ascii_whitespace()) {
        quoted ^= byte == b'"';
        if matches!(byte, b'\n' | b'\r') && !quoted {
            break;
        }
        if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte && !quoted) {
            *count += 1;
        }
    }
    // The first of equals is kept, so that the comma has precedence.
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map_or(b',', |(delimiter, _)| delimiter)
}

/// A table: its header and its rows.
pub(super) struct Table<'a> {
    pub(super) path: &'a Path,
    bytes: &'a [u8],
    delimiter: u8,
    pub(super) header: Vec<String>,
}

impl Table<'_> {
    fn records(&self, mut visit: impl FnMut(u64, &ByteRecord) -> Result<bool>) -> Result<()> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(self.bytes);
        let mut record = ByteRecord::new();
        loop {
            let (line, byte) = (reader.position().line(), reader.position().byte() as usize);
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(self.csv_error(error)),
            }
            // The reader skips empty lines, and names the first of them as the place of the record.
            let rest = self.bytes.get(byte..).unwrap_or_default();
            let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
            let line = line + empty.filter(|&&byte| byte == b'\n').count() as u64;
            if !visit(line, &record)? {
                return Ok(());
            }
        }
    }

    fn csv_error(&self, error: csv::Error) -> Error {
        let path = self.path.to_owned();
        match error.kind() {
            ErrorKind::Utf8 { pos, .. } => {
                Error::NotUtf8 { path, line: pos.as_ref().map_or(0, csv::Position::line) }
            }
            _ => Error::Csv { path, source: error },
        }
    }

    fn read_header(&self) -> Result<Vec<String>> {
        let path = || self.path.to_owned();
        let mut header: Vec<String> = Vec::new();
        self.records(|line, record| {
            for cell in record {
                let cell = std::str::from_utf8(cell).map_err(|_| Error::NotUtf8 { path: path(), line })?;
                header.push(cell.trim().to_owned());
            }
            Ok(false)
        })?;
        if header.iter().all(|name| name.parse::<f64>().is_ok()) {
            return Err(Error::HeaderMissing { path: path(), cells: header });
        }
        for (index, name) in header.iter().enumerate() {
            if name.is_empty() {
                return Err(Error::UnnamedColumn { path: path(), position: index + 1 });
            }
        }
        let mut first_at = std::collections::HashMap::new();
        for (index, name) in header.iter().enumerate() {
            if let Some(first) = first_at.insert(name.as_str(), index) {
                let (first, second) = (first + 1, index + 1);
                return Err(Error::DuplicateColumn { path: path(), name: name.clone(), first, second });
            }
        }
        Ok(header)
    }

    /// Visits the data rows with their line numbers. Every row has as many cells as the header.
    pub(super) fn rows(&self, mut visit: impl FnMut(u64, &Row<'_>) -> Result<()>) -> Result<()> {
        let mut is_header = true;
        self.records(|line, record| {
            if std::mem::replace(&mut is_header, false) {
                return Ok(true);
            }
            let (path, expected, actual) = (self.path, self.header.len(), record.len());
            if actual != expected {
                return Err(Error::RaggedRow { path: path.to_owned(), line, expected, actual });
            }
            visit(line, &Row { path, line, record })?;
            Ok(true)
        })
    }

    /// The position of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|column| column == name).ok_or_else(|| Error::UnknownColumn {
            path: self.path.to_owned(),
            name: name.to_owned(),
            columns: self.header.clone(),
            suggestion: suggest::nearest(name, self.header.iter().map(String::as_str)),
        })
    }
}

/// One data row.
pub(super) struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a ByteRecord,
}

impl<'a> Row<'a> {
    /// The text of a cell without the white space around it.
    pub(super) fn text(&self, index: usize) -> Result<&'a str> {
        match std::str::from_utf8(&self.record[index]) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(Error::NotUtf8 { path: self.path.to_owned(), line: self.line }),
        }
    }
}
