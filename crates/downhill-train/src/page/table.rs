//! Tables: for people in HTML, for programs as CSV.

use super::Picture;
use super::markup::{Escaped, data_address, put};
use super::numbers::{count, readable};
use std::fmt::{self, Display, Formatter};

/// One cell of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A text.
    Text(String),
    /// A number: four significant digits for people, all of them in CSV.
    Number(f64),
    /// How many of something.
    Count(u64),
    /// A share, shown in percent.
    Share(f64),
    /// A picture; in CSV what it shows in words.
    Picture(Picture),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Cell::Text(text.clone())
    }
}

impl From<Picture> for Cell {
    fn from(picture: Picture) -> Self {
        Cell::Picture(picture)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Cell::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Cell::Count(count)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Cell::Count(count as u64)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Cell::Empty, Into::into)
    }
}

impl Cell {
    /// As people read it; not escaped.
    fn text(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Picture(picture) => picture.text().into(),
            Cell::Number(number) => readable(*number),
            Cell::Count(number) => count(*number),
            Cell::Share(share) if share.is_finite() => format!("{:.1}\u{a0}%", 100.0 * share),
            Cell::Share(share) => readable(*share),
        }
    }

    /// As programs read it.
    fn csv(&self) -> String {
        match self {
            // As `f64::from_str` and other languages take it back.
            Cell::Number(number) | Cell::Share(number) => {
                let text = format!("{number:?}");
                text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
            }
            Cell::Count(count) => count.to_string(),
            other => {
                let text = other.text();
                if text.contains([',', '"', '\n', '\r']) || text != text.trim() {
                    format!("\"{}\"", text.replace('"', "\"\""))
                } else {
                    text
                }
            }
        }
    }
}

/// A table with a heading for each column. `Display` writes it as HTML.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// The headings.
    pub columns: Vec<String>,
    /// The rows, each with a cell for each column; what is missing is empty.
    pub rows: Vec<Vec<Cell>>,
    /// Whether the first cell of each row is the name of the row.
    pub named_rows: bool,
    /// What has to be said about it: by which rule numbers were left out.
    pub note: String,
}

impl Table {
    /// An empty table whose rows are named by their first cell.
    pub fn new<T: Into<String>>(caption: impl Into<String>, columns: impl IntoIterator<Item = T>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Table { caption: caption.into(), columns, named_rows: true, ..Table::default() }
    }

    /// With one more row.
    pub fn row<T: Into<Cell>>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row.
    pub fn push<T: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as CSV with a line of headings; texts are quoted where they must be (RFC 4180, with `\n`).
    pub fn csv(&self) -> String {
        let mut out = String::new();
        let headings = self.columns.iter().map(|name| Cell::Text(name.clone()).csv()).collect::<Vec<_>>();
        put(&mut out, format_args!("{}\n", headings.join(",")));
        for row in &self.rows {
            let cells =
                (0..self.columns.len()).map(|column| row.get(column).map_or(String::new(), Cell::csv));
            put(&mut out, format_args!("{}\n", cells.collect::<Vec<_>>().join(",")));
        }
        out
    }

    /// The address of a file with all rows, which is in the address itself.
    pub(super) fn address(&self) -> String {
        data_address("text/csv", &self.csv())
    }

    /// The table with rows left out, if there are more than `most`: evenly, with the first and the last kept. The note
    /// says so.
    pub fn thinned(&self, most: usize) -> Table {
        let count = self.rows.len();
        if count <= most {
            return self.clone();
        }
        let step = count.div_ceil(most.max(2) - 1);
        let mut kept: Vec<usize> = (0..count).step_by(step).collect();
        if kept.last() != Some(&(count - 1)) {
            kept.push(count - 1);
        }
        let rows = kept.into_iter().map(|row| self.rows[row].clone()).collect();
        let note =
            format!("Every {} of {} rows, and the last.", ordinal(step), super::numbers::count(count as u64));
        Table { rows, note, ..self.clone() }
    }

    /// Whether the cells of a column are numbers, which stand right.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells =
            self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| **cell != Cell::Empty);
        let number = |cell: &Cell| matches!(cell, Cell::Number(_) | Cell::Count(_) | Cell::Share(_));
        cells.clone().next().is_some() && cells.all(number)
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

impl Display for Table {
    /// The table in a box of its own that scrolls, by keyboard as well.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let caption = Escaped(&self.caption);
        write!(
            f,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table: {caption}\"><table>"
        )?;
        write!(f, "<caption>{caption}</caption><thead><tr>")?;
        let numeric: Vec<bool> = (0..self.columns.len()).map(|column| self.is_numeric(column)).collect();
        let class = |column: usize| if numeric[column] { " class=\"number\"" } else { "" };
        for (column, name) in self.columns.iter().enumerate() {
            write!(f, "<th scope=\"col\"{}>{}</th>", class(column), Escaped(name))?;
        }
        f.write_str("</tr></thead><tbody>")?;
        for row in &self.rows {
            f.write_str("<tr>")?;
            for column in 0..self.columns.len() {
                let cell = row.get(column).unwrap_or(&Cell::Empty);
                let content = match cell {
                    Cell::Picture(picture) => picture.to_string(),
                    cell => Escaped(&cell.text()).to_string(),
                };
                if column == 0 && self.named_rows {
                    write!(f, "<th scope=\"row\"{}>{content}</th>", class(column))?;
                } else {
                    write!(f, "<td{}>{content}</td>", class(column))?;
                }
            }
            f.write_str("</tr>")?;
        }
        f.write_str("</tbody></table></div>")?;
        if self.note.is_empty() { Ok(()) } else { write!(f, "<p class=\"note\">{}</p>", Escaped(&self.note)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(cell: impl Into<Cell>) -> Cell {
        cell.into()
    }

    #[test]
    fn csv_has_all_digits_and_quotes_what_it_must() {
        let table = Table::new("", ["a, b", "n"])
            .row([cell("say \"x\""), cell(0.1 + 0.2)])
            .row([cell(None::<f64>), cell(1e-7)])
            .row([cell(" x"), cell(f64::NAN)])
            .row([cell("y"), cell(10.0)])
            .row([cell("short")]);
        let expected = "\"a, b\",n\n\"say \"\"x\"\"\",0.30000000000000004\n,1e-7\n\" x\",NaN\ny,10\nshort,\n";
        assert_eq!(table.csv(), expected);
    }

    #[test]
    fn numbers_stand_right_and_names_are_escaped() {
        let html = Table::new("<c>", ["n & m", "v"]).row([cell("<i>"), cell(2.0)]).to_string();
        assert!(html.contains("aria-label=\"Table: &lt;c&gt;\""), "{html}");
        assert!(html.contains("<th scope=\"row\">&lt;i&gt;</th><td class=\"number\">2</td>"), "{html}");
    }

    #[test]
    fn long_tables_are_thinned_with_a_rule_that_is_said() {
        let mut table = Table::new("", ["n"]);
        for number in 0..101usize {
            table.push([number]);
        }
        let thin = table.thinned(25);
        assert_eq!(thin.note, "Every 5th of 101 rows, and the last.");
        assert_eq!(
            (thin.rows.len(), &thin.rows[1], &thin.rows[20]),
            (21, &vec![cell(5usize)], &vec![cell(100usize)])
        );
        assert_eq!(table.thinned(101), table);
    }
}
