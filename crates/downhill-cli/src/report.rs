//! Tables and numbers for people.

use downhill::train::page::{self, Cell};
use std::fmt;

/// A table of texts whose columns are as wide as their widest cell.
pub struct Table {
    /// The header first.
    rows: Vec<Vec<String>>,
    /// Whether a column is flush right.
    right: Vec<bool>,
}

impl Table {
    /// A table with this header, whose columns in the range `right` (from 0) are flush right.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>, right: std::ops::Range<usize>) -> Self {
        let header: Vec<String> = header.into_iter().map(S::into).collect();
        let right = (0..header.len()).map(|column| right.contains(&column)).collect();
        Table { rows: vec![header], right }
    }

    /// A table of the library, its numbers flush right.
    pub fn of(table: &page::Table) -> Self {
        let text = |cell: &Cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Picture(picture) => picture.text().into(),
            Cell::Number(value) => number(*value),
            Cell::Count(count) => grouped(*count),
            Cell::Share(share) => percent(*share),
            _ => "-".into(),
        };
        let rows = table.rows.iter().map(|row| row.iter().map(text).collect());
        let is_number = |cell: &Cell| matches!(cell, Cell::Number(_) | Cell::Count(_) | Cell::Share(_));
        let numeric = |column: usize| table.rows.iter().any(|row| row.get(column).is_some_and(is_number));
        Table {
            rows: std::iter::once(table.columns.clone()).chain(rows).collect(),
            right: (0..table.columns.len()).map(numeric).collect(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, &width), &right) in row.iter().zip(&widths).zip(&self.right) {
                let cell = if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
                line += &cell;
                line += "  ";
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A whole number with a comma after every three digits: `1,797`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `1 epoch`, `1,797 examples`. The plural is the singular with an s.
pub fn count(number: u64, singular: &str) -> String {
    format!("{} {singular}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A share in percent: `98.06 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A number in about four digits, without an exponent where it is readable so.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-4..1e6).contains(&size) => format!("{value:.3e}"),
        size if size < 1.0 => format!("{value:.4}"),
        size => format!("{value:.*}", 4usize.saturating_sub(size.log10() as usize)),
    }
}

/// A number with four decimals.
pub fn decimals(value: f64) -> String {
    let text = format!("{value:.4}");
    // The sign of what is rounded to 0 says nothing.
    if text == "-0.0000" { "0.0000".into() } else { text }
}

/// The same text with a capital at its beginning.
pub fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

/// A time in a unit that fits it.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{:.1} ms", 1e3 * s),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 100.0 => format!("{s:.1} s"),
        s => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

/// A word of a command line, quoted for a shell where it needs to be.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A cell of a CSV file, quoted where it needs to be (RFC 4180, section 2).
pub fn csv_cell(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["", "loss"], 1..2);
        table.row(["train", "12.5"].map(String::from));
        table.row(["validation", "7"].map(String::from));
        assert_eq!(table.to_string(), "            loss\ntrain       12.5\nvalidation     7\n");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0u64, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((count(1, "step"), count(2000, "step")), ("1 step".into(), "2,000 steps".into()));
    }

    #[test]
    fn numbers_have_about_four_digits() {
        let shown = [0.0, 0.01234, 2.345678, -45.678, 12345.6, 654321.0, 1e7, 1.5e-7, f64::NAN].map(number);
        assert_eq!(decimals(-8e-6), "0.0000");
        assert_eq!(
            shown,
            ["0", "0.0123", "2.3457", "-45.678", "12346", "654321", "1.000e7", "1.500e-7", "NaN"]
        );
    }

    #[test]
    fn times_have_a_unit_that_fits_them() {
        assert_eq!([0.00123, 0.5, 12.34, 150.0].map(seconds), ["1.2 ms", "0.50 s", "12.3 s", "2 min 30 s"]);
    }

    #[test]
    fn words_with_blanks_are_quoted_for_the_shell_and_in_tables() {
        assert_eq!((shell("runs/digits-2"), shell("it's")), ("runs/digits-2".into(), r"'it'\''s'".into()));
        assert_eq!((csv_cell("a b"), csv_cell("a,\"b\"")), ("a b".into(), "\"a,\"\"b\"\"\"".into()));
    }
}
