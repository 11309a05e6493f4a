//! Opening files that may be compressed, and reading them without trusting what they say of their size.

use crate::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The bytes of a file or a buffer, decompressed where they are gzip, with their place for messages.
pub(crate) struct Source<R: BufRead> {
    pub(crate) path: PathBuf,
    reader: Either<R>,
    /// The number of bytes there are, where it is known before reading.
    pub(crate) known_len: Option<u64>,
    read: u64,
}

enum Either<R: BufRead> {
    Plain(R),
    Gzip(Box<MultiGzDecoder<R>>),
}

impl<R: BufRead> Read for Either<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Either::Plain(reader) => reader.read(buffer),
            Either::Gzip(reader) => reader.read(buffer),
        }
    }
}

/// Opens a file. `expected` says in messages what it should be, such as "an IDX file".
pub(crate) fn open(path: &Path, expected: &'static str) -> Result<Source<BufReader<File>>> {
    let io = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
        _ => Error::Io { path: path.to_owned(), source },
    };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return Err(Error::IsDirectory { path: path.to_owned(), expected });
    }
    let file = File::open(path).map_err(io)?;
    // Only of an ordinary file is the length known; a pipe says 0.
    let known_len = metadata.is_file().then_some(metadata.len());
    Source::new(BufReader::with_capacity(1 << 16, file), path, known_len, expected)
}

/// Takes a buffer as if it were a file; `path` is its name in messages.
pub(crate) fn from_bytes<'a>(
    bytes: &'a [u8],
    path: &Path,
    expected: &'static str,
) -> Result<Source<&'a [u8]>> {
    Source::new(bytes, path, Some(bytes.len() as u64), expected)
}

impl<R: BufRead> Source<R> {
    fn new(mut reader: R, path: &Path, known_len: Option<u64>, expected: &'static str) -> Result<Self> {
        let path = path.to_owned();
        let start = match reader.fill_buf() {
            Ok(start) => start,
            Err(source) => return Err(Error::Io { path, source }),
        };
        if start.is_empty() {
            return Err(Error::EmptyFile { path, expected });
        }
        let text: Vec<u8> =
            start.iter().take(512).skip_while(|byte| byte.is_ascii_whitespace()).copied().collect();
        let begins = |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
        if begins(b"<!doctype") || begins(b"<html") {
            return Err(Error::HtmlPage { path, expected });
        }
        if start.starts_with(&[0x1f, 0x8b]) {
            let reader = Either::Gzip(Box::new(MultiGzDecoder::new(reader)));
            return Ok(Source { path, reader, known_len: None, read: 0 });
        }
        Ok(Source { path, reader: Either::Plain(reader), known_len, read: 0 })
    }

    /// Reads until `buffer` is full or the data ends; returns how many bytes came.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(filled, error)),
            }
        }
        self.read += filled as u64;
        Ok(filled)
    }

    fn failure(&self, filled: usize, error: std::io::Error) -> Error {
        let (path, read) = (self.path.clone(), self.read + filled as u64);
        match (&self.reader, error.kind()) {
            (Either::Plain(_), _) => Error::Io { path, source: error },
            (Either::Gzip(_), ErrorKind::UnexpectedEof) => Error::TruncatedGzip { path, read },
            (Either::Gzip(_), ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
                Error::CorruptGzip { path, read, reason: error.to_string() }
            }
            (Either::Gzip(_), _) => Error::Io { path, source: error },
        }
    }

    /// Reads at most `limit` bytes. The memory grows with what has really come: by doubling, from 1 MiB, and
    /// never beyond `limit`.
    pub(crate) fn read_up_to(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut bytes: Vec<u8> = Vec::new();
        while bytes.len() < limit {
            let start = bytes.len();
            let step = start.max(1 << 20).min(limit - start);
            bytes.reserve_exact(step);
            bytes.resize(start + step, 0);
            let count = self.fill(&mut bytes[start..])?;
            if count < step {
                bytes.truncate(start + count);
                break;
            }
        }
        Ok(bytes)
    }

    /// Reads everything.
    ///
    /// # Errors
    /// More than `limit` bytes.
    pub(crate) fn read_all(&mut self, limit: usize) -> Result<Vec<u8>> {
        let bytes = self.read_up_to(limit)?;
        if bytes.len() == limit && self.fill(&mut [0])? > 0 {
            return Err(Error::TooLarge { path: self.path.clone(), limit: limit as u64 });
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_with_what_has_come_not_with_what_is_claimed() {
        let bytes = vec![7; 3_000_000];
        for (len, most) in [(10, 1 << 20), (3_000_000, 1 << 22)] {
            let mut source = from_bytes(&bytes[..len], Path::new("x"), "bytes").unwrap();
            let read = source.read_up_to(1 << 40).unwrap();
            assert_eq!(read.len(), len);
            assert!(read.capacity() <= most, "{} bytes for {len}", read.capacity());
        }
        let mut source = from_bytes(&bytes, Path::new("x"), "bytes").unwrap();
        assert_eq!(source.read_up_to(2_500_000).unwrap().capacity(), 2_500_000, "never beyond the limit");
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let mut source = from_bytes(&[7; 11], Path::new("x"), "bytes").unwrap();
        let message = source.read_all(10).unwrap_err().to_string();
        assert!(message.contains("the data is larger than 10 bytes"), "{message}");
        assert_eq!(from_bytes(&[7; 10], Path::new("x"), "bytes").unwrap().read_all(10).unwrap().len(), 10);
    }
}
