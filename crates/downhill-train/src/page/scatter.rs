//! Points: predictions against targets, residuals, one measure against another.

use super::axis::{Axis, Range};
use super::canvas::{Anchor, Canvas};
use super::chart::Chart;
use super::frame::{Frame, Room, legend};
use super::markup::put;
use super::numbers::readable;
use super::{Cell, Drawing, Series, Table, series};

/// Groups of points between two axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scatter {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The groups, each with a colour and a mark of its own.
    pub groups: Vec<Series>,
    /// Whether the line is drawn on which both are equal. The axes then have the same ends.
    pub diagonal: bool,
    /// A value of the vertical axis to compare with, as a dotted line.
    pub level: Option<f64>,
}

/// The most points of a group that are drawn.
const MOST_POINTS: usize = 1500;

impl Scatter {
    /// A chart without any points yet.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Scatter { title: title.into(), x, y, ..Scatter::default() }
    }

    /// With a sentence or two on what is to be seen.
    pub fn describe(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// With a group of points.
    pub fn group(mut self, group: Series) -> Self {
        self.groups.push(group);
        self
    }

    /// With the line on which both are equal.
    pub fn diagonal(mut self) -> Self {
        self.diagonal = true;
        self
    }

    /// With a value of the vertical axis to compare with.
    pub fn level(mut self, value: f64) -> Self {
        self.level = Some(value);
        self
    }

    fn ranges(&self) -> Option<(Range, Range)> {
        let points = || self.groups.iter().flat_map(|group| &group.points);
        let (across, up) = (points().map(|point| point[0]), points().map(|point| point[1]));
        if self.diagonal {
            let both = || across.clone().chain(up.clone());
            return Some((Range::of(&self.x, both(), false)?, Range::of(&self.y, both(), false)?));
        }
        Some((Range::of(&self.x, across, false)?, Range::of(&self.y, up.chain(self.level), false)?))
    }
}

/// One of so many points is drawn.
fn stride(points: usize) -> usize {
    points.div_ceil(MOST_POINTS).max(1)
}

impl Chart for Scatter {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn in_words(&self) -> String {
        let mut words = format!("Points of {} against {}.", self.y.heading(), self.x.heading());
        for group in &self.groups {
            let ends = |axis: usize| {
                let values = group.points.iter().map(|point| point[axis]).filter(|value| value.is_finite());
                values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
                    [low.min(value), high.max(value)]
                })
            };
            let ([left, right], [low, high]) = (ends(0), ends(1));
            put(&mut words, format_args!(" {}: {} points", group.name, group.points.len()));
            if left <= right && low <= high {
                let [left, right, low, high] = [left, right, low, high].map(readable);
                put(
                    &mut words,
                    format_args!(" between {left} and {right}, at heights between {low} and {high}"),
                );
            }
            words.push('.');
        }
        words
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = series::remarks(&self.groups, [&self.x, &self.y], self.ranges());
        for group in self.groups.iter().filter(|group| group.points.len() > MOST_POINTS) {
            let (stride, all) = (stride(group.points.len()), group.points.len());
            remarks.push(format!("Of {all} points of {} one in {stride} is drawn.", group.name));
        }
        remarks
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut canvas = Canvas::default();
        let Some((x, y)) = self.ranges() else {
            canvas.text("quiet", [0.0, 20.0], Anchor::Start, "Nothing to draw.");
            return canvas.finish(width, 32.0);
        };
        let names: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
        let shown: &[&str] = if names.len() > 1 { &names } else { &[] };
        let sign = |canvas: &mut Canvas, index: usize, [x, y]: [f64; 2]| {
            let group = &self.groups[index];
            canvas.group(&group.class(index), |canvas| group.mark(canvas, index, [x + 15.0, y], 4.0));
        };
        let above = legend(Some(&mut canvas), shown, width, sign);
        // With a diagonal it is a square, as far as there is room for one.
        let (plot, right) = match self.diagonal {
            true => (width * 0.62, width * 0.26),
            false => (if width < 480.0 { 210.0 } else { 280.0 }, 14.0),
        };
        let (plot, right) = if width < 480.0 { (plot.max(240.0), 14.0) } else { (plot, right) };
        let frame = Frame::new(&Room { width, plot, above, right }, [&self.x, &self.y], x, y, false);
        frame.draw_grid(&mut canvas);
        frame.within(&mut canvas, 5.0, |canvas| {
            if self.diagonal {
                canvas.line("rule", [frame.left, frame.bottom], [frame.right, frame.top]);
            }
            if let Some(y) = self.level.and_then(|level| frame.to_y(level)) {
                canvas.line("rule", [frame.left, y], [frame.right, y]);
            }
            for (index, group) in self.groups.iter().enumerate() {
                canvas.group(&format!("points {}", group.class(index)), |canvas| {
                    for &point in group.points.iter().step_by(stride(group.points.len())) {
                        if let Some(place) = frame.point(point).filter(|place| frame.holds(*place)) {
                            group.mark(canvas, index, place, 3.2);
                        }
                    }
                });
            }
        });
        frame.draw_axes(&mut canvas);
        canvas.finish(width, frame.height())
    }

    fn numbers(&self) -> Table {
        let mut table = Table::new(&self.title, ["group".to_owned(), self.x.heading(), self.y.heading()]);
        for group in &self.groups {
            for &[x, y] in &group.points {
                table.push([Cell::from(&group.name), x.into(), y.into()]);
            }
        }
        table
    }
}
