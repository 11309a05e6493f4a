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
    /// The address of a file of all of them, where the table has not.
    all: String,
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
            all: String::new(),
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
        let table = shown.thinned(MOST_ROWS);
        if !table.note.is_empty() {
            self.all = Some(all.address()).filter(|address| address.len() <= MOST_BYTES).unwrap_or_default();
        }
        self.numbers = Some(table).filter(|table| !table.rows.is_empty());
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
        f.write_str("<div class=\"drawings\">")?;
        for (index, drawing) in self.drawings.iter().enumerate() {
            let (class, room) = match (index, self.drawings.len()) {
                (0, 1) => ("drawing", NARROW),
                (0, _) => ("drawing wide", WIDE),
                _ => ("drawing narrow", NARROW),
            };
            let svg = drawing.inline(&self.title, &self.description);
            if drawing.width > room {
                // What is wider than its place is not made smaller than can be read: it scrolls.
                let (least, most) = ((drawing.width * 0.85).round(), (drawing.width * 1.15).round());
                write!(
                    f,
                    "<div class=\"{class} large\" tabindex=\"0\" role=\"region\" aria-label=\"Figure: {title}\">\
                     <div style=\"min-width:{least}px;max-width:{most}px\">{svg}</div></div>"
                )?;
            } else {
                write!(f, "<div class=\"{class}\">{svg}</div>")?;
            }
        }
        f.write_str("</div>")?;
        if let Some(table) = &self.numbers {
            write!(
                f,
                "<details><summary>The numbers<span class=\"unseen\"> of {title}</span></summary>{table}"
            )?;
            if !self.all.is_empty() {
                write!(f, "<p><a download=\"numbers.csv\" href=\"{}\">All numbers as CSV</a></p>", self.all)?;
            }
            f.write_str("</details>")?;
        }
        f.write_str("</figure>")
    }
}
