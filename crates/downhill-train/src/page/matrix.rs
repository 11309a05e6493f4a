//! A matrix of counts: what was taken for what.

use super::canvas::{Anchor, Canvas, FONT, short};
use super::chart::Chart;
use super::colours::step;
use super::markup::put;
use super::numbers::grouped;
use super::{Cell, Drawing, Table, labels};

/// Counts in rows and columns, each coloured by its share of its row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// What the rows are: `true class`.
    pub row_title: String,
    /// What the columns are: `predicted class`.
    pub column_title: String,
    /// The names of the rows.
    pub row_names: Vec<String>,
    /// The names of the columns.
    pub column_names: Vec<String>,
    /// The counts, row by row.
    pub counts: Vec<u64>,
}

/// From so many columns on, cells are too small for numbers.
const MOST_NUMBERS: usize = 40;

impl Matrix {
    /// A matrix whose rows and columns have the same names. Missing counts are zero.
    pub fn new(title: impl Into<String>, names: &[String], counts: impl IntoIterator<Item = u64>) -> Self {
        let (row_names, column_names) = (names.to_vec(), names.to_vec());
        Matrix {
            title: title.into(),
            row_names,
            column_names,
            counts: counts.into_iter().collect(),
            ..Matrix::default()
        }
    }

    /// With what rows and columns are.
    pub fn axes(mut self, rows: impl Into<String>, columns: impl Into<String>) -> Self {
        (self.row_title, self.column_title) = (rows.into(), columns.into());
        self
    }

    /// With a sentence or two on what is to be seen.
    pub fn describe(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    fn count(&self, row: usize, column: usize) -> u64 {
        self.counts.get(row * self.column_names.len() + column).copied().unwrap_or(0)
    }

    /// The sum of a row, as a number: sums of large counts do not overflow.
    fn sum(&self, row: usize) -> f64 {
        (0..self.column_names.len()).map(|column| self.count(row, column) as f64).sum()
    }
}

impl Chart for Matrix {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    /// The largest count of each row, and the largest one that is not on the diagonal.
    fn in_words(&self) -> String {
        let mut words = format!("A matrix. Rows: {}. Columns: {}.", self.row_title, self.column_title);
        for (row, name) in self.row_names.iter().enumerate() {
            let largest = (0..self.column_names.len()).rev().max_by_key(|&column| self.count(row, column));
            if let Some(column) = largest.filter(|&column| self.count(row, column) > 0) {
                let (count, of) = (self.count(row, column), self.sum(row));
                put(&mut words, format_args!(" {name}: {count} of {of} are {}.", self.column_names[column]));
            }
        }
        words
    }

    fn remarks(&self) -> Vec<String> {
        let empty = (0..self.row_names.len()).filter(|&row| self.sum(row) == 0.0).count();
        let mut remarks = Vec::new();
        if self.column_names.len() >= MOST_NUMBERS {
            remarks.push("The cells are too small for their numbers, which stand below.".into());
        }
        if empty > 0 && empty < self.row_names.len() {
            remarks.push(format!("{empty} of {} rows have no examples.", self.row_names.len()));
        }
        remarks
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut canvas = Canvas::default();
        let (rows, columns) = (self.row_names.len(), self.column_names.len());
        if rows == 0 || columns == 0 {
            canvas.text("quiet", [0.0, 20.0], Anchor::Start, "Nothing to draw.");
            return canvas.finish(width, 32.0);
        }
        let numbered = columns < MOST_NUMBERS;
        let widest = |texts: &mut dyn Iterator<Item = String>| {
            texts.map(|text| labels::width(&text, FONT)).fold(0.0, f64::max)
        };
        let numbers = widest(&mut self.counts.iter().map(|count| grouped(&count.to_string())));
        let left = 10.0 + widest(&mut self.row_names.iter().cloned()).min(0.3 * width);
        let least = if numbered { (numbers + 8.0).max(24.0) } else { 16.0 };
        // The names of the columns lie if they fit, else they stand.
        let names = widest(&mut self.column_names.iter().cloned());
        let cell = ((width - left - 8.0) / columns as f64).min((names + 8.0).clamp(48.0, 100.0)).max(least);
        let height = cell.min(40.0);
        let lying = names + 6.0 <= cell;
        let head = if lying { 20.0 } else { names.min(130.0) + 10.0 };
        let top = 22.0 + head;
        let right = left + cell * columns as f64;
        canvas.text("quiet", [0.0, 13.0], Anchor::Start, &self.row_title);
        let after = labels::width(&self.row_title, FONT) + 12.0;
        let begin = left.max(after);
        let title = labels::fitted(&self.column_title, FONT, (right.max(width) - begin).max(40.0));
        canvas.text("quiet", [begin, 13.0], Anchor::Start, &format!("{title} →"));
        for (column, name) in self.column_names.iter().enumerate() {
            let middle = left + cell * (column as f64 + 0.5);
            if lying {
                canvas.text("", [middle, top - 7.0], Anchor::Middle, name);
            } else {
                canvas.standing_text([middle + 4.5, top - 6.0], &labels::fitted(name, FONT, 130.0));
            }
        }
        for (row, name) in self.row_names.iter().enumerate() {
            let (y, sum) = (top + height * row as f64, self.sum(row));
            let name = labels::fitted(name, FONT, left - 8.0);
            canvas.text("", [left - 8.0, y + height / 2.0 + 4.5], Anchor::End, &name);
            for column in 0..columns {
                let (x, count) = (left + cell * column as f64, self.count(row, column));
                let step = if count == 0 { 0 } else { step(count as f64 / sum).max(1) };
                let (gap_x, gap_y) = (short(x + 0.5), short(y + 0.5));
                canvas.rectangle(&format!("r{step}"), [gap_x, gap_y], [cell - 1.0, height - 1.0]);
                if numbered {
                    let class = if count == 0 { "faint on0".to_owned() } else { format!("on{step}") };
                    let count = grouped(&count.to_string());
                    canvas.text(&class, [x + cell / 2.0, y + height / 2.0 + 4.5], Anchor::Middle, &count);
                }
            }
        }
        canvas.finish(width.max(right + 4.0), top + height * rows as f64 + 4.0)
    }

    fn numbers(&self) -> Table {
        let corner = format!("{} \\ {}", self.row_title, self.column_title);
        let mut table =
            Table::new(&self.title, std::iter::once(corner).chain(self.column_names.iter().cloned()));
        for (row, name) in self.row_names.iter().enumerate() {
            let counts = (0..self.column_names.len()).map(|column| Cell::Count(self.count(row, column)));
            table.push(std::iter::once(Cell::from(name)).chain(counts));
        }
        table
    }
}
