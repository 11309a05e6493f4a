//! Pages and pictures to look at: HTML with inline SVG, from numbers.
//!
//! A [`Page`] is one self-contained file: no script, no network, light and dark by the reader's choice, a style for
//! print, readable from a telephone to a wide screen. It is made of [`Section`]s, which hold paragraphs, tables,
//! [`Figure`]s and verdicts. A figure is drawn by a [`Chart`]: [`LineChart`], [`BarChart`], [`Scatter`], [`Matrix`],
//! [`ContourChart`]; each also gives its picture alone ([`Chart::svg`]) and its numbers ([`Chart::csv`]).
//!
//! The module knows nothing of networks or runs: it takes numbers and names, and gives text. Equal input gives equal
//! text; there is no time in it. Whatever a name contains is escaped. Numbers that cannot be drawn (not a number,
//! infinite, zero or less on a logarithmic axis) are gaps, and the figure says how many there are.
//!
//! ```
//! use downhill_train::page::{Axis, Chart, Figure, LineChart, Page, Section, Series};
//!
//! let losses = [[1.0, 2.3], [2.0, 0.9], [3.0, 0.4]];
//! let chart = LineChart::new("The loss on its way down", Axis::linear("epoch"), Axis::logarithmic("loss"))
//!     .describe("Lower is better.")
//!     .series(Series::new("training", losses));
//! let page = Page::new("A run", "What happened.").section(Section::new("Curves").figure(Figure::of(&chart)));
//! assert!(page.to_string().starts_with("<!DOCTYPE html>"));
//! assert!(chart.svg().starts_with("<svg"));
//! assert_eq!(chart.csv().lines().nth(1), Some("training,1,2.3"));
//! ```

mod axis;
mod bar_chart;
mod canvas;
mod chart;
mod colours;
mod contour_chart;
mod contours;
mod document;
mod figure;
mod frame;
mod labels;
mod line_chart;
mod lines;
mod markup;
mod matrix;
mod network_diagram;
mod numbers;
mod picture;
mod scatter;
mod section;
mod series;
mod table;
#[cfg(test)]
mod tests;

pub use axis::{Axis, Scale};
pub use bar_chart::{Bar, BarChart};
pub use canvas::Drawing;
pub use chart::Chart;
pub use contour_chart::{ContourChart, Grid, Levels, Ramp};
pub use document::Page;
pub use figure::Figure;
pub use line_chart::LineChart;
pub use matrix::Matrix;
pub use network_diagram::{DiagramEdge, DiagramNode, NetworkDiagram};
pub(crate) use numbers::{count, readable};
pub use picture::Picture;
pub use scatter::Scatter;
pub use section::{Block, Section};
pub use series::Series;
pub use table::{Cell, Table};
