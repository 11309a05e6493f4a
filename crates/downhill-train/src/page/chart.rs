//! What every chart can do.

use super::canvas::WIDE;
use super::{Drawing, Table};

/// A picture of numbers.
pub trait Chart {
    /// What stands above it.
    fn title(&self) -> &str;

    /// What is to be seen in it, in a sentence or two. It is shown below the title.
    fn caption(&self) -> &str;

    /// What it shows, for those who cannot see it: its kind, its axes, where each series begins and ends.
    fn in_words(&self) -> String;

    /// What has to be said about it: which numbers could not be drawn.
    fn remarks(&self) -> Vec<String>;

    /// The picture, so many pixels wide.
    fn draw(&self, width: f64) -> Drawing;

    /// All of its numbers.
    fn numbers(&self) -> Table;

    /// The numbers as people read them beneath the picture, where these are other than all of them in order. Where some
    /// are left out, the note of the table says by which rule.
    fn summary(&self) -> Table {
        self.numbers()
    }

    /// The picture as a file of its own.
    fn svg(&self) -> String {
        self.draw(WIDE).standalone(self.title(), &format!("{} {}", self.caption(), self.in_words()))
    }

    /// All of its numbers as CSV, in full precision.
    fn csv(&self) -> String {
        self.numbers().csv()
    }
}
