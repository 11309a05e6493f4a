//! Small pictures made of pixels, as PNG in the page itself.

use super::markup::{Escaped, put};
use std::fmt::{self, Display, Formatter};

/// A picture of pixels with what it shows in words. `Display` writes it as HTML.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// How many pixels stand beside each other.
    width: usize,
    height: usize,
    /// Bytes per pixel: 1 for grey, 3 for red, green and blue.
    channels: usize,
    pixels: Vec<u8>,
    text: String,
}

/// Pictures that are smaller are shown with larger pixels.
const LEAST_SHOWN: usize = 64;
/// Larger ones are shown smaller.
const MOST_SHOWN: usize = 160;

impl Picture {
    /// The picture of planes of values one after the other: one plane of grey, or red, green and blue. Values go from 0,
    /// black, to 1, white. `None` for other numbers of planes, or of values.
    pub fn of_planes(
        values: &[f64],
        [channels, height, width]: [usize; 3],
        text: impl Into<String>,
    ) -> Option<Self> {
        let size = height.checked_mul(width)?;
        if !matches!(channels, 1 | 3) || size == 0 || size > 1 << 20 || values.len() != channels * size {
            return None;
        }
        // Not a number becomes black.
        let byte = |value: f64| (255.0 * value).round() as u8;
        let pixel = |at: usize| (0..channels).map(move |channel| byte(values[channel * size + at]));
        Some(Picture {
            width,
            height,
            channels,
            pixels: (0..size).flat_map(pixel).collect(),
            text: text.into(),
        })
    }

    /// What it shows.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The picture as a file: PNG (ISO/IEC 15948) of eight bits, without compression.
    pub fn png(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        header.extend([8, if self.channels == 1 { 0 } else { 2 }, 0, 0, 0]);
        // Each row begins with the filter that it went through: none.
        let rows = self.pixels.chunks(self.width * self.channels);
        let raw: Vec<u8> = rows.flat_map(|row| std::iter::once(0).chain(row.iter().copied())).collect();
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, contents) in [(b"IHDR", header), (b"IDAT", stored(&raw)), (b"IEND", Vec::new())] {
            file.extend((contents.len() as u32).to_be_bytes());
            let start = file.len();
            file.extend(name);
            file.extend(contents);
            file.extend(crc32fast::hash(&file[start..]).to_be_bytes());
        }
        file
    }
}

/// A zlib stream (RFC 1950) of blocks that are stored as they are (RFC 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    const MOST: usize = 0xffff;
    let mut out = vec![0x78, 0x01];
    let last = bytes.len().div_ceil(MOST).saturating_sub(1);
    for (index, block) in bytes.chunks(MOST).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(index == last));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    // Adler-32.
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > group.len() { '=' } else { letter.into() });
        }
    }
    text
}

impl Display for Picture {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let largest = self.width.max(self.height).max(1);
        let shown = largest.clamp(LEAST_SHOWN, MOST_SHOWN);
        let size = |side: usize| (side * shown).div_ceil(largest);
        let mut image = String::new();
        put(&mut image, format_args!("<img class=\"pixels\" alt=\"{}\"", Escaped(&self.text)));
        put(&mut image, format_args!(" width=\"{}\" height=\"{}\"", size(self.width), size(self.height)));
        write!(f, "{image} src=\"data:image/png;base64,{}\"/>", base64(&self.png()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_stream_is_that_of_other_programs() {
        // `zlib.compress(b"abc", 0)` of Python.
        assert_eq!(stored(b"abc"), b"\x78\x01\x01\x03\x00\xfc\xff\x61\x62\x63\x02\x4d\x01\x27");
    }

    #[test]
    fn pixels_stand_in_rows_with_their_colours_together() {
        let values = [0.0, 1.0, 0.5, f64::NAN, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0];
        let picture = Picture::of_planes(&values, [3, 2, 2], "four").unwrap();
        assert_eq!(picture.pixels, [0, 255, 0, 255, 255, 0, 128, 0, 0, 0, 0, 255]);
        let png = picture.png();
        assert_eq!(&png[16..26], [0, 0, 0, 2, 0, 0, 0, 2, 8, 2]);
        // Signature, header, the rows with a byte each in front within a stored block, and the end.
        assert_eq!(png.len(), 8 + (12 + 13) + (12 + 2 + 5 + 14 + 4) + 12);
    }

    #[test]
    fn other_shapes_are_no_pictures() {
        assert_eq!(Picture::of_planes(&[0.0; 8], [2, 2, 2], ""), None);
        assert_eq!(Picture::of_planes(&[0.0; 5], [1, 2, 2], ""), None);
        assert_eq!(Picture::of_planes(&[], [1, 0, 2], ""), None);
    }

    #[test]
    fn a_picture_says_in_words_what_it_shows() {
        let html = Picture::of_planes(&[0.0; 64], [1, 8, 8], "a <3>").unwrap().to_string();
        assert!(
            html.starts_with(
                "<img class=\"pixels\" alt=\"a &lt;3&gt;\" width=\"64\" height=\"64\" src=\"data:"
            )
        );
    }
}
