//! The frame of a chart: two axes with their ticks, and where a point lies between them.

use super::axis::{Axis, Range, Tick};
use super::canvas::{Anchor, Canvas, FONT};
use super::labels;

/// Where the plot is, and how its axes run.
pub(super) struct Frame {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    /// The room to the right of it.
    pub margin: f64,
    pub x: Range,
    pub y: Range,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    /// What is written at the axes.
    headings: [String; 2],
}

/// The room around a plot.
pub(super) struct Room {
    pub width: f64,
    /// The height of the plot without what stands around it.
    pub plot: f64,
    /// What stands above it, other than the heading of the vertical axis.
    pub above: f64,
    /// What stands to the right of it.
    pub right: f64,
}

/// The room for the heading of the vertical axis, and half a label.
const HEAD: f64 = 28.0;
/// The room for the labels of the horizontal axis and its heading.
const FOOT: f64 = 44.0;

impl Frame {
    /// The plot in its room. `whole` says that the horizontal axis shows whole numbers.
    pub fn new(room: &Room, axes: [&Axis; 2], x: Range, y: Range, whole: bool) -> Self {
        let y_ticks = y.ticks(((room.plot / 44.0) as usize).max(2), false);
        let widest = y_ticks.iter().map(|tick| labels::width(&tick.label, FONT)).fold(0.0, f64::max);
        let left = (widest + 10.0).min(room.width * 0.4);
        let right = room.width - room.right.max(14.0);
        let top = room.above + HEAD;
        let mut x_ticks = Vec::new();
        // As many as fit: the labels depend on how many there are.
        for most in (2..=10).rev() {
            x_ticks = x.ticks(most, whole);
            let widest = x_ticks.iter().map(|tick| labels::width(&tick.label, FONT)).fold(0.0, f64::max);
            if (widest + 14.0) * x_ticks.len() as f64 <= right - left {
                break;
            }
        }
        let headings = axes.map(Axis::heading);
        let margin = room.width - right;
        Frame { left, right, top, bottom: top + room.plot, margin, x, y, x_ticks, y_ticks, headings }
    }

    /// The height of a picture that ends with this frame.
    pub fn height(&self) -> f64 {
        self.bottom + FOOT
    }

    pub fn to_x(&self, value: f64) -> Option<f64> {
        self.x.place(value).map(|place| self.left + place * (self.right - self.left))
    }

    pub fn to_y(&self, value: f64) -> Option<f64> {
        self.y.place(value).map(|place| self.bottom - place * (self.bottom - self.top))
    }

    /// Where a point lies in the picture; `None` for one without a place.
    pub fn point(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        Some([self.to_x(x)?, self.to_y(y)?])
    }

    /// Whether a place in the picture is within the plot.
    pub fn holds(&self, [x, y]: [f64; 2]) -> bool {
        // Half a pixel for what is rounded.
        let within = |low: f64, high: f64, at: f64| (low - 0.5..=high + 0.5).contains(&at);
        within(self.left, self.right, x) && within(self.top, self.bottom, y)
    }

    /// Lines at the ticks of the vertical axis, to be drawn before what the chart shows.
    pub fn draw_grid(&self, canvas: &mut Canvas) {
        for tick in &self.y_ticks {
            if let Some(y) = self.to_y(tick.value) {
                canvas.line("grid", [self.left, y], [self.right, y]);
            }
        }
    }

    /// The axes, their labels and headings.
    pub fn draw_axes(&self, canvas: &mut Canvas) {
        for tick in &self.y_ticks {
            if let Some(y) = self.to_y(tick.value) {
                canvas.text("quiet", [self.left - 7.0, y + 4.5], Anchor::End, &tick.label);
            }
        }
        canvas.line("axis", [self.left, self.bottom], [self.right, self.bottom]);
        for tick in &self.x_ticks {
            if let Some(x) = self.to_x(tick.value) {
                canvas.line("axis", [x, self.bottom], [x, self.bottom + 4.0]);
                canvas.text("quiet", [x, self.bottom + 18.0], Anchor::Middle, &tick.label);
            }
        }
        let [across, up] = &self.headings;
        let most = self.right - self.left;
        canvas.text("", [0.0, self.top - 16.0], Anchor::Start, &labels::fitted(up, FONT, most));
        let middle = f64::midpoint(self.left, self.right);
        canvas.text("", [middle, self.bottom + 37.0], Anchor::Middle, &labels::fitted(across, FONT, most));
    }

    /// Calls `draw` with a canvas that is cut off outside the plot, with room for the width of a line and, if asked,
    /// for marks.
    pub fn within(&self, canvas: &mut Canvas, slack: f64, draw: impl FnOnce(&mut Canvas)) {
        let origin = [self.left - slack, self.top - slack];
        canvas.within(
            origin,
            [self.right - self.left + 2.0 * slack, self.bottom - self.top + 2.0 * slack],
            draw,
        );
    }
}

/// The names of what a chart shows, each behind a sign, in as many rows as they need. Returns the height of the rows;
/// `canvas` is where they are drawn, if anywhere yet.
pub(super) fn legend(
    mut canvas: Option<&mut Canvas>,
    names: &[&str],
    width: f64,
    sign: impl Fn(&mut Canvas, usize, [f64; 2]),
) -> f64 {
    const ROW: f64 = 20.0;
    const SIGN: f64 = 30.0;
    let (mut x, mut y) = (0.0, 0.0);
    for (index, name) in names.iter().enumerate() {
        let name = labels::fitted(name, FONT, width - SIGN);
        let needed = SIGN + labels::width(&name, FONT);
        if x > 0.0 && x + needed > width {
            (x, y) = (0.0, y + ROW);
        }
        if let Some(canvas) = canvas.as_deref_mut() {
            sign(canvas, index, [x, y + 9.0]);
            canvas.text("", [x + SIGN, y + 13.5], Anchor::Start, &name);
        }
        x += needed + 16.0;
    }
    if names.is_empty() { 0.0 } else { y + ROW + 4.0 }
}
