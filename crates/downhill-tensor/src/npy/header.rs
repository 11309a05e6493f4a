//! The header of a `.npy` file: magic bytes, version, and a Python dictionary with element type, order and
//! shape, which is parsed here and not evaluated.
#![forbid(unsafe_code)]

use super::elements::Kind;
use super::{invalid, io_error};
use crate::{DType, Result, Shape};
use std::io::Read;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Far beyond the header of any array that we can hold.
const LONGEST: usize = 64 * 1024;

pub(super) struct Header {
    pub kind: Kind,
    pub column_major: bool,
    pub shape: Shape,
}

/// The bytes before the elements of an array, as NumPy writes them.
pub(super) fn bytes(dtype: DType, shape: Shape) -> Vec<u8> {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // Python's tuple of one element has a comma.
    let comma = if dims.len() == 1 { "," } else { "" };
    let description = Kind::description(dtype);
    let dictionary = format!(
        "{{'descr': '{description}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        dims.join(", ")
    );
    let before = MAGIC.len() + 4;
    // Padded with spaces and a line feed, so that the elements begin at the next multiple of 64 bytes. NumPy leaves
    // room for the first dimension to grow to 21 digits.
    let growth = dims.first().map_or(0, |dim| 21 - dim.len());
    let unpadded = before + dictionary.len() + growth + 1;
    let length = (unpadded / 64 + 1) * 64 - before;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{dictionary:<width$}\n", width = length - 1).into_bytes());
    bytes
}

/// Reads up to the first byte of the elements.
pub(super) fn read(reader: &mut impl Read) -> Result<Header> {
    let mut start = [0; 8];
    fill(reader, &mut start)?;
    if &start[..6] != MAGIC {
        return Err(invalid("it does not begin with the magic bytes \\x93NUMPY"));
    }
    let length = match (start[6], start[7]) {
        (1, 0) => {
            let mut length = [0; 2];
            fill(reader, &mut length)?;
            usize::from(u16::from_le_bytes(length))
        }
        (2 | 3, 0) => {
            let mut length = [0; 4];
            fill(reader, &mut length)?;
            u32::from_le_bytes(length) as usize
        }
        (major, minor) => {
            return Err(invalid(format!("its version is {major}.{minor}; known are 1.0, 2.0, 3.0")));
        }
    };
    if length > LONGEST {
        return Err(invalid(format!("its header of {length} bytes is longer than {LONGEST}")));
    }
    let mut text = vec![0; length];
    fill(reader, &mut text)?;
    let text = String::from_utf8(text).map_err(|_| invalid("its header is not text"))?;
    parse(&text)
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => invalid("it ends within the header"),
        _ => io_error(error),
    })
}

fn parse(text: &str) -> Result<Header> {
    let mut parser = Parser { rest: text };
    let (mut kind, mut column_major, mut shape) = (None, None, None);
    parser.expect('{')?;
    while !parser.accept('}') {
        let key = parser.string()?;
        parser.expect(':')?;
        match key {
            "descr" => {
                if !parser.rest.starts_with(['\'', '"']) {
                    return Err(invalid("its elements are structures; only plain numbers can be read"));
                }
                let description = parser.string()?;
                kind = Some(Kind::parse(description).ok_or_else(|| {
                    invalid(format!(
                        "its element type '{description}' is none of f4 f8 i1 i2 i4 i8 u1 u2 u4 b1"
                    ))
                })?);
            }
            "fortran_order" => column_major = Some(parser.boolean()?),
            "shape" => shape = Some(parser.shape()?),
            _ => return Err(invalid(format!("its header has the unknown key '{key}'"))),
        }
        if !parser.accept(',') {
            parser.expect('}')?;
            break;
        }
    }
    if !parser.rest.trim().is_empty() {
        return Err(invalid("there is more in its header than a dictionary"));
    }
    match (kind, column_major, shape) {
        (Some(kind), Some(column_major), Some(shape)) => Ok(Header { kind, column_major, shape }),
        _ => Err(invalid("its header must have the keys descr, fortran_order and shape")),
    }
}

/// The few forms of Python's literals that a header consists of.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn accept(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: char) -> Result<()> {
        match self.accept(token) {
            true => Ok(()),
            false => {
                let found: String = self.rest.chars().take(10).collect();
                Err(invalid(format!("its header has {found:?} where '{token}' should be")))
            }
        }
    }

    fn string(&mut self) -> Result<&'a str> {
        let quote = if self.accept('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect('\'')?;
        }
        let (text, rest) =
            self.rest.split_once(quote).ok_or_else(|| invalid("a quotation in its header has no end"))?;
        self.rest = rest.trim_start();
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(invalid("its fortran_order is neither True nor False"))
    }

    fn shape(&mut self) -> Result<Shape> {
        self.expect('(')?;
        let mut dims: Vec<usize> = Vec::new();
        while !self.accept(')') {
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            dims.push(
                digits.parse().map_err(|_| invalid(format!("'{digits}' in its shape is not a length")))?,
            );
            // Python 2 wrote long integers with a letter.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Shape::new(&dims).map_err(|error| invalid(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(text: &str) -> Result<Shape> {
        parse(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}")).map(|h| h.shape)
    }

    #[test]
    fn dictionaries_are_read_in_any_order_and_quotation() {
        let header = parse("{ \"shape\":(3,4L),'fortran_order': True,'descr' : \">i2\"}  \n").unwrap();
        assert_eq!((header.shape, header.column_major), (Shape::from([3, 4]), true));
        assert_eq!(header.kind.to_string(), "int16");
        assert_eq!(shape_of("()").unwrap(), Shape::SCALAR);
        assert_eq!(shape_of("(5,)").unwrap(), Shape::from([5]));
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for text in ["(-1,)", "(1.5,)", "(1, 2", "[1]", "(99999999999999999999,)", "(a,)", "(,)"] {
            assert!(shape_of(text).is_err(), "{text}");
        }
        let message = shape_of("(4294967296, 4294967296)").err().unwrap().to_string();
        assert!(message.contains("address space"), "{message}");
    }

    #[test]
    fn headers_that_are_no_dictionary_of_ours_are_refused() {
        for text in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': ()} import os",
            "{'descr",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
