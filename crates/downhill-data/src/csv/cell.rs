//! What the text of one cell says.

/// A cell, read without regard to its column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// No value.
    Missing,
    /// A finite number.
    Number(f64),
    /// A number that is infinite, by its name or because it is too large.
    NotFinite,
    /// Anything else.
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// Reads a cell without white space around it.
    pub(super) fn parse(text: &'a str) -> Self {
        if ["", "?", "na", "n/a", "nan", "null"].iter().any(|missing| text.eq_ignore_ascii_case(missing)) {
            return Cell::Missing;
        }
        match text.parse::<f64>() {
            // A signed NaN is as missing as one without.
            Ok(number) if number.is_nan() => Cell::Missing,
            Ok(number) if number.is_infinite() => Cell::NotFinite,
            // -0 and 0 are one value, also where values are compared as texts.
            Ok(number) => Cell::Number(number + 0.0),
            Err(_) => Cell::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_texts_and_gaps_are_told_apart() {
        for (text, cell) in [
            ("1", Cell::Number(1.0)),
            ("-2.5e3", Cell::Number(-2500.0)),
            ("+.5", Cell::Number(0.5)),
            ("", Cell::Missing),
            ("NA", Cell::Missing),
            ("NaN", Cell::Missing),
            ("-nan", Cell::Missing),
            ("?", Cell::Missing),
            ("inf", Cell::NotFinite),
            ("-Infinity", Cell::NotFinite),
            ("1e999", Cell::NotFinite),
            ("1,5", Cell::Text("1,5")),
            ("0x10", Cell::Text("0x10")),
            ("none", Cell::Text("none")),
        ] {
            assert_eq!(Cell::parse(text), cell, "{text}");
        }
    }
}
