//! Text that may stand in HTML and SVG.

use std::fmt::{self, Display, Formatter, Write};

/// Text with everything escaped that means something to HTML or XML, so that it may stand in an element or in an
/// attribute between quotes of either kind. Characters that XML does not allow become `U+FFFD`.
pub(super) struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(character)?,
                '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                    f.write_char('\u{fffd}')?
                }
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// Writing to a string cannot fail.
pub(super) fn put(out: &mut String, what: impl Display) {
    let _ = write!(out, "{what}");
}

/// The address of a text file that is in the address itself.
pub(super) fn data_address(kind: &str, contents: &str) -> String {
    let mut address = format!("data:{kind};charset=utf-8,");
    for byte in contents.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => {
                address.push(byte.into())
            }
            _ => put(&mut address, format_args!("%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_is_escaped() {
        let name = "<b>\"R&D\"</b> 'x'\u{0}\u{7}";
        assert_eq!(
            Escaped(name).to_string(),
            "&lt;b&gt;&quot;R&amp;D&quot;&lt;/b&gt; &#39;x&#39;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn an_address_holds_any_text() {
        assert_eq!(data_address("text/csv", "a,b\n\"ü\""), "data:text/csv;charset=utf-8,a,b%0A%22%C3%BC%22");
    }
}
