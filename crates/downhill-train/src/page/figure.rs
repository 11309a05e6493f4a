//! A figure of a page: a picture, what is to be seen in it, and its numbers.

use super::canvas::{NARROW, WIDE};
use super::markup::Escaped;
use super::{Chart, Drawing, Table};
use std::fmt::{self, Display, Formatter};

/// A picture with its caption and, folded away beneath it, its numbers. `Display` writes it as HTML.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it, in a sentence or two, for everybody.
    pub caption: String,
    /// What it shows, for those who cannot see it.
    pub description: String,
    /// What has to be said about it.
    pub remarks: Vec<String>,
    /// The picture: for wide places and, if there is a second one, for narrow ones.
    pub drawings: Vec<Drawing>,
    /// Its numbers.
    pub numbers: Option<Table>,
    /// The rule by which numbers were left out of the table, and the address of all of them.
    more: Option<(String, String)>,
}

/// The most rows of a table beneath a figure.
const MOST_ROWS: usize = 25;
/// The most bytes of CSV that a page holds for a figure.
const MOST_BYTES: usize = 400_000;

impl Figure {
    /// The figure of a chart.
    pub fn of(chart: &dyn Chart) -> Self {
        let figure = Figure {
            title: chart.title().into(),
            caption: chart.caption().into(),
            description: chart.in_words(),
            remarks: chart.remarks(),
            drawings: vec![chart.draw(WIDE), chart.draw(NARROW)],
            numbers: None,
            more: None,
        };
        figure.with_numbers(chart.summary(), &chart.numbers())
    }

    /// The figure of a picture that was drawn elsewhere. `description` is for those who cannot see it.
    pub fn new(title: impl Into<String>, description: impl Into<String>, drawing: Drawing) -> Self {
        let (title, description) = (title.into(), description.into());
        Figure { title, description, drawings: vec![drawing], ..Figure::default() }
    }

    /// With a sentence or two on what is to be seen.
    pub fn describe(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// With its numbers beneath it; of long tables some rows, and all of them as a file in the page.
    pub fn numbers(self, table: Table) -> Self {
        let all = table.clone();
        self.with_numbers(table, &all)
    }

    fn with_numbers(mut self, shown: Table, all: &Table) -> Self {
        let (thin, rule) = shown.thinned(MOST_ROWS);
        self.more = rule.map(|rule| {
            let address = all.address();
            (rule, if address.len() <= MOST_BYTES { address } else { String::new() })
        });
        self.numbers = Some(thin).filter(|table| !table.rows.is_empty());
        self
    }
}

impl Display for Figure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let title = Escaped(&self.title);
        write!(f, "<figure><figcaption><strong>{title}</strong>")?;
        for text in std::iter::once(&self.caption).chain(&self.remarks).filter(|text| !text.is_empty()) {
            write!(f, "<span>{}</span>", Escaped(text))?;
        }
        f.write_str("</figcaption>")?;
        for (index, drawing) in self.drawings.iter().enumerate() {
            let svg = drawing.inline(&self.title, &self.description);
            match (index, self.drawings.len()) {
                // What there is in one size only is not made smaller than can be read: it scrolls.
                (0, 1) => write!(
                    f,
                    "<div class=\"drawing\" tabindex=\"0\" role=\"region\" aria-label=\"Figure: {title}\">\
                     <div style=\"min-width:{}px;max-width:{}px\">{svg}</div></div>",
                    (drawing.width * 0.85).round(),
                    (drawing.width * 1.15).round()
                )?,
                (0, _) => write!(f, "<div class=\"drawing wide\">{svg}</div>")?,
                _ => write!(f, "<div class=\"drawing narrow\">{svg}</div>")?,
            }
        }
        if let Some(table) = &self.numbers {
            write!(
                f,
                "<details><summary>The numbers<span class=\"unseen\"> of {title}</span></summary>{table}"
            )?;
            if let Some((rule, address)) = &self.more {
                write!(f, "<p>{}", Escaped(rule))?;
                if !address.is_empty() {
                    write!(f, " <a download=\"numbers.csv\" href=\"{address}\">All numbers as CSV</a>")?;
                }
                f.write_str("</p>")?;
            }
            f.write_str("</details>")?;
        }
        f.write_str("</figure>")
    }
}
