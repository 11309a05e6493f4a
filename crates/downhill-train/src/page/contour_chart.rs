//! A surface seen from above: coloured bands between levels, with paths and marks on it.

use super::axis::{Axis, Range};
use super::canvas::{Anchor, Canvas, FONT, short};
use super::chart::Chart;
use super::colours::{STEPS, step};
use super::contours::outlines;
use super::frame::{Frame, Room, legend};
use super::markup::put;
use super::numbers::readable;
use super::{Cell, Drawing, Series, Table, labels, lines, series};

/// The values of a function at evenly spaced points of a rectangle: even on the axes as they are drawn, so on a
/// logarithmic axis with equal ratios.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// The first and the last place of the horizontal axis.
    pub x: [f64; 2],
    /// The first and the last place of the vertical axis.
    pub y: [f64; 2],
    /// How many places there are on the horizontal axis.
    pub columns: usize,
    /// The values, row by row, the lowest row first. What is not finite is left blank.
    pub values: Vec<f64>,
}

impl Grid {
    /// The values of a function at `columns` times `rows` points.
    pub fn of(
        x: [f64; 2],
        y: [f64; 2],
        [columns, rows]: [usize; 2],
        mut f: impl FnMut(f64, f64) -> f64,
    ) -> Self {
        let at = |[from, to]: [f64; 2], index: usize, count: usize| {
            let share = index as f64 / count.saturating_sub(1).max(1) as f64;
            from * (1.0 - share) + to * share
        };
        let mut values = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                values.push(f(at(x, column, columns), at(y, row, rows)));
            }
        }
        Grid { x, y, columns, values }
    }

    fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// The smallest and the largest finite value.
    fn ends(&self) -> Option<[f64; 2]> {
        let finite = self.values.iter().copied().filter(|value| value.is_finite());
        finite.fold(None, |ends: Option<[f64; 2]>, value| {
            Some(ends.map_or([value, value], |[low, high]| [low.min(value), high.max(value)]))
        })
    }
}

/// Where the bands of a surface end.
#[derive(Clone, Debug, PartialEq)]
pub enum Levels {
    /// About so many, at equal differences.
    Linear(usize),
    /// About so many, at equal ratios; values of zero and less lie below all of them.
    Logarithmic(usize),
    /// At these values.
    At(Vec<f64>),
}

impl Default for Levels {
    fn default() -> Self {
        Levels::Linear(9)
    }
}

/// How values become colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ramp {
    /// The lower, the stronger: depths, as on a map of the sea. For losses.
    #[default]
    Depth,
    /// Blue below the middle level, orange above it, pale in between. For probabilities and differences.
    Diverging,
}

/// A surface seen from above, with paths and marks on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContourChart {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What the values are: `loss`.
    pub value: String,
    /// The values.
    pub grid: Grid,
    /// Where the bands end.
    pub levels: Levels,
    /// Their colours.
    pub ramp: Ramp,
    /// Ways over the surface. Each begins at a hollow mark and ends at a full one.
    pub paths: Vec<Series>,
    /// Groups of points on the surface.
    pub groups: Vec<Series>,
    /// Places with a name beside them.
    pub marks: Vec<(String, [f64; 2])>,
}

impl ContourChart {
    /// The surface of a grid of values.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis, value: impl Into<String>, grid: Grid) -> Self {
        ContourChart { title: title.into(), x, y, value: value.into(), grid, ..ContourChart::default() }
    }

    /// With a sentence or two on what is to be seen.
    pub fn describe(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// With bands that end here.
    pub fn levels(mut self, levels: Levels) -> Self {
        self.levels = levels;
        self
    }

    /// With these colours.
    pub fn ramp(mut self, ramp: Ramp) -> Self {
        self.ramp = ramp;
        self
    }

    /// With a way over the surface.
    pub fn path(mut self, path: Series) -> Self {
        self.paths.push(path);
        self
    }

    /// With a group of points.
    pub fn group(mut self, group: Series) -> Self {
        self.groups.push(group);
        self
    }

    /// With a named place.
    pub fn mark(mut self, name: impl Into<String>, place: [f64; 2]) -> Self {
        self.marks.push((name.into(), place));
        self
    }

    /// The levels, ascending, with what is written for each.
    fn steps(&self) -> Vec<(f64, String)> {
        let (axis, most) = match &self.levels {
            Levels::Linear(most) => (Axis::linear(""), *most),
            Levels::Logarithmic(most) => (Axis::logarithmic(""), *most),
            Levels::At(levels) => {
                let mut levels: Vec<f64> = levels.iter().copied().filter(|level| level.is_finite()).collect();
                levels.sort_by(f64::total_cmp);
                levels.dedup();
                return levels.into_iter().map(|level| (level, readable(level))).collect();
            }
        };
        let Some(range) = Range::of(&axis, self.grid.values.iter().copied(), true) else { return Vec::new() };
        let Some([low, high]) = self.grid.ends() else { return Vec::new() };
        let ticks = range.ticks(most, false).into_iter();
        ticks
            .filter(|tick| low < tick.value && tick.value < high)
            .map(|tick| (tick.value, tick.label))
            .collect()
    }

    fn ranges(&self) -> Option<(Range, Range)> {
        let x = Range::of(&self.x, self.grid.x, true)?;
        Some((x, Range::of(&self.y, self.grid.y, true)?))
    }

    /// The class of the band above so many levels out of all.
    fn band(&self, above: usize, levels: usize) -> String {
        let share = above as f64 / levels.max(1) as f64;
        match self.ramp {
            Ramp::Depth => format!("r{}", step(1.0 - share)),
            Ramp::Diverging => format!("d{}", (share * (STEPS - 1) as f64).round() as usize),
        }
    }

    /// How high the plot is for its width: as high as makes both units equally long, if these are of a size.
    fn shape(&self) -> f64 {
        let length = |[from, to]: [f64; 2]| (to - from).abs();
        let shape = length(self.grid.y) / length(self.grid.x);
        if self.x.scale == self.y.scale && (0.55..=1.35).contains(&shape) { shape } else { 0.8 }
    }

    fn draw_surface(&self, canvas: &mut Canvas, frame: &Frame, steps: &[(f64, String)]) {
        let Grid { columns, values, .. } = &self.grid;
        let (columns, rows) = (*columns, self.grid.rows());
        let (width, height) = (frame.right - frame.left, frame.bottom - frame.top);
        let unit = |count: usize, length: f64| length / count.saturating_sub(1).max(1) as f64;
        let (across, up) = (unit(columns, width), unit(rows, height));
        canvas.rectangle(&self.band(0, steps.len()), [frame.left, frame.top], [width, height]);
        let Some([_, high]) = self.grid.ends() else { return };
        // What is left blank does not bend the contours around it more than the largest value would.
        let whole: Vec<f64> =
            values[..rows * columns].iter().map(|v| if v.is_finite() { *v } else { high }).collect();
        for (above, (level, _)) in steps.iter().enumerate() {
            let mut data = String::new();
            for outline in outlines(columns, &whole, *level) {
                let place =
                    |[column, row]: &[f64; 2]| [frame.left + column * across, frame.bottom - row * up];
                let places: Vec<[f64; 2]> = outline.iter().map(place).collect();
                data += &lines::path(&places);
                data.push('Z');
            }
            canvas.path(&format!("contour {}", self.band(above + 1, steps.len())), &data);
        }
        let mut blank = String::new();
        for (node, _) in values.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
            let (x, y) = ((node % columns) as f64 * across, (node / columns) as f64 * up);
            let (left, top) = (short(frame.left + x - across / 2.0), short(frame.bottom - y - up / 2.0));
            put(
                &mut blank,
                format_args!("M{left} {top}h{0}v{1}h-{0}z", short(across.max(0.2)), short(up.max(0.2))),
            );
        }
        canvas.path("missing", &blank);
    }

    fn draw_paths(&self, canvas: &mut Canvas, frame: &Frame) {
        for (index, path) in self.paths.iter().enumerate() {
            canvas.group(&path.class(index), |canvas| {
                let stretches = lines::stretches(frame, &path.points);
                let data: String =
                    stretches.iter().filter(|stretch| stretch.len() > 1).map(|s| lines::path(s)).collect();
                canvas.path("casing", &data);
                canvas.path("line", &data);
                let ends =
                    stretches.first().and_then(|s| s.first()).zip(stretches.last().and_then(|s| s.last()));
                if let Some((&first, &last)) = ends {
                    for (class, end, radius) in [("hollow", first, 4.4), ("mark", last, 5.0)] {
                        if frame.holds(end) {
                            canvas.mark(class, path.look.unwrap_or(index), end, radius);
                        }
                    }
                }
            });
        }
        for (index, group) in self.groups.iter().enumerate() {
            let index = index + self.paths.len();
            canvas.group(&group.class(index), |canvas| {
                for place in group
                    .points
                    .iter()
                    .filter_map(|&point| frame.point(point))
                    .filter(|place| frame.holds(*place))
                {
                    group.mark(canvas, index, place, 3.6);
                }
            });
        }
    }

    /// Named places, each with its name where it lies on no other.
    fn draw_marks(&self, canvas: &mut Canvas, frame: &Frame) {
        let mut taken: Vec<[f64; 4]> = Vec::new();
        for (name, place) in &self.marks {
            let Some([x, y]) = frame.point(*place) else { continue };
            if !frame.holds([x, y]) {
                continue;
            }
            canvas.path(
                "cross",
                &format!(
                    "M{0} {2}L{1} {3}M{0} {3}L{1} {2}",
                    short(x - 4.5),
                    short(x + 4.5),
                    short(y - 4.5),
                    short(y + 4.5)
                ),
            );
            let name = labels::fitted(name, FONT, frame.right - frame.left);
            let width = labels::width(&name, FONT);
            let left = (x - width / 2.0).clamp(frame.left, (frame.right - width).max(frame.left));
            let tries = [
                [x + 9.0, y + 4.5],
                [x - 9.0 - width, y + 4.5],
                [left, y - 10.0],
                [left, y + 20.0],
                [left, y - 27.0],
                [left, y + 37.0],
            ];
            let boxed = |[x, y]: [f64; 2]| [x, y - 12.0, x + width, y + 4.0];
            let free = |place: &&[f64; 2]| {
                let [left, top, right, bottom] = boxed(**place);
                let inside =
                    left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom;
                inside && taken.iter().all(|b| right < b[0] || b[2] < left || bottom < b[1] || b[3] < top)
            };
            // Where there is no room, the name is left to the table of numbers.
            if let Some(&place) = tries.iter().find(free) {
                canvas.text("halo", place, Anchor::Start, &name);
                taken.push(boxed(place));
            }
        }
    }

    /// What the colours mean: a box for each band, with the levels where boxes meet. Returns the height.
    fn draw_key(&self, canvas: &mut Canvas, frame: &Frame, steps: &[(f64, String)]) -> f64 {
        let boxes = steps.len() + 1;
        let top = frame.height() + 8.0;
        let room = frame.right - frame.left;
        let value = labels::fitted(&self.value, FONT, room);
        canvas.text("", [frame.left, top + 12.0], Anchor::Start, &value);
        let size = (room / boxes as f64).min(44.0);
        if let (true, Some([low, high])) = (steps.is_empty(), self.grid.ends()) {
            let words = if low < high {
                format!("from {} to {}", readable(low), readable(high))
            } else {
                readable(low)
            };
            canvas.text("quiet", [frame.left + size + 8.0, top + 31.0], Anchor::Start, &words);
        }
        let mut free = frame.left - 20.0;
        for above in 0..boxes {
            let x = frame.left + size * above as f64;
            canvas.rectangle(&self.band(above, steps.len()), [x, top + 20.0], [size, 12.0]);
            if let Some((_, label)) = steps.get(above) {
                let (middle, half) = (x + size, labels::width(label, FONT) / 2.0);
                if middle - half > free && middle + half < frame.right + 14.0 {
                    canvas.line("axis", [middle, top + 32.0], [middle, top + 36.0]);
                    canvas.text("quiet", [middle, top + 49.0], Anchor::Middle, label);
                    free = middle + half + 6.0;
                }
            }
        }
        canvas.path(
            "axis",
            &format!("M{} {}h{}v12h-{2}z", short(frame.left), short(top + 20.0), short(size * boxes as f64)),
        );
        top + 56.0
    }
}

impl Chart for ContourChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn in_words(&self) -> String {
        let mut words =
            format!("Contours of {} over {} and {}", self.value, self.x.heading(), self.y.heading());
        if let Some([low, high]) = self.grid.ends() {
            put(&mut words, format_args!(", from {} to {}", readable(low), readable(high)));
        }
        words.push('.');
        let place = |[x, y]: &[f64; 2]| format!("({}, {})", readable(*x), readable(*y));
        for path in &self.paths {
            if let (Some(first), Some(last)) = (path.points.first(), path.points.last()) {
                let (count, first, last) = (path.points.len(), place(first), place(last));
                put(
                    &mut words,
                    format_args!(" {}: a path of {count} points from {first} to {last}.", path.name),
                );
            }
        }
        for group in &self.groups {
            put(&mut words, format_args!(" {}: {} points.", group.name, group.points.len()));
        }
        for (name, at) in &self.marks {
            put(&mut words, format_args!(" {name} at {}.", place(at)));
        }
        words
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let missing = self.grid.values.iter().filter(|value| !value.is_finite()).count();
        if missing > 0 {
            let all = self.grid.values.len();
            remarks
                .push(format!("{missing} of {all} values of {} are not finite numbers: blank.", self.value));
        }
        let lines: Vec<Series> = self.paths.iter().chain(&self.groups).cloned().collect();
        remarks.extend(series::remarks(&lines, [&self.x, &self.y], self.ranges()));
        remarks
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut canvas = Canvas::default();
        let ranges = self.ranges().filter(|_| self.grid.rows() > 0 && self.grid.ends().is_some());
        let Some((x, y)) = ranges else {
            canvas.text("quiet", [0.0, 20.0], Anchor::Start, "Nothing to draw.");
            return canvas.finish(width, 32.0);
        };
        let steps = self.steps();
        let names: Vec<&str> =
            self.paths.iter().chain(&self.groups).map(|series| series.name.as_str()).collect();
        let sign = |canvas: &mut Canvas, index: usize, [x, y]: [f64; 2]| {
            let Some(path) = self.paths.get(index) else {
                let group = &self.groups[index - self.paths.len()];
                canvas.group(&group.class(index), |canvas| group.mark(canvas, index, [x + 15.0, y], 4.0));
                return;
            };
            canvas.group(&path.class(index), |canvas| {
                canvas.line("line", [x + 3.0, y], [x + 21.0, y]);
                canvas.mark("hollow", path.look.unwrap_or(index), [x + 4.0, y], 3.6);
                canvas.mark("mark", path.look.unwrap_or(index), [x + 21.0, y], 4.2);
            });
        };
        let above = legend(Some(&mut canvas), &names, width, sign);
        let room = if width < 480.0 { width - 60.0 } else { (width - 70.0).min(480.0) };
        let plot = room * self.shape();
        let mut frame =
            Frame::new(&Room { width, plot, above, right: 14.0 }, [&self.x, &self.y], x, y, false);
        frame.right = frame.right.min(frame.left + room);
        let frame = frame;
        frame.within(&mut canvas, 0.0, |canvas| self.draw_surface(canvas, &frame, &steps));
        frame.within(&mut canvas, 0.0, |canvas| self.draw_paths(canvas, &frame));
        canvas.path(
            "axis",
            &format!(
                "M{0} {1}H{2}V{3}H{0}Z",
                short(frame.left),
                short(frame.top),
                short(frame.right),
                short(frame.bottom)
            ),
        );
        self.draw_marks(&mut canvas, &frame);
        frame.draw_axes(&mut canvas);
        let height = self.draw_key(&mut canvas, &frame, &steps);
        canvas.finish(width, height)
    }

    /// A row for each value of the grid, then for each point of paths, groups and marks.
    fn numbers(&self) -> Table {
        let mut table = Table::new(
            &self.title,
            ["what".to_owned(), self.x.heading(), self.y.heading(), self.value.clone()],
        );
        let (columns, rows) = (self.grid.columns, self.grid.rows());
        let (xs, ys) = (places(&self.x, self.grid.x, columns), places(&self.y, self.grid.y, rows));
        for (index, &value) in self.grid.values.iter().enumerate().take(columns * rows) {
            table.push([
                Cell::from("grid"),
                xs[index % columns].into(),
                ys[index / columns].into(),
                value.into(),
            ]);
        }
        for series in self.paths.iter().chain(&self.groups) {
            for &[x, y] in &series.points {
                table.push([Cell::from(&series.name), x.into(), y.into()]);
            }
        }
        for (name, [x, y]) in &self.marks {
            table.push([Cell::from(name), (*x).into(), (*y).into()]);
        }
        table
    }

    /// The values as a table of some rows and columns, the highest row first, as in the picture.
    fn summary(&self) -> Table {
        let (columns, rows) = (self.grid.columns, self.grid.rows());
        let (across, up) = (columns.div_ceil(7).max(1), rows.div_ceil(9).max(1));
        let (xs, ys) = (places(&self.x, self.grid.x, columns), places(&self.y, self.grid.y, rows));
        let corner = format!("{} \\ {}", self.y.heading(), self.x.heading());
        let headings = xs.iter().step_by(across).map(|x| readable(*x));
        let mut table =
            Table::new(format!("{}: {}", self.title, self.value), std::iter::once(corner).chain(headings));
        for row in (0..rows).step_by(up).collect::<Vec<_>>().into_iter().rev() {
            let values =
                (0..columns).step_by(across).map(|column| self.grid.values[row * columns + column].into());
            table.push(std::iter::once(Cell::Number(ys[row])).chain(values));
        }
        if across > 1 || up > 1 || !self.paths.is_empty() || !self.groups.is_empty() {
            let some = |step: usize, what: &str| {
                if step > 1 {
                    format!("one in {step} {what}")
                } else {
                    format!("every {}", &what[..what.len() - 1])
                }
            };
            table.note = format!("Of the grid {} and {}.", some(across, "columns"), some(up, "rows"));
        }
        table
    }
}

/// So many places from one end of an axis to the other.
fn places(axis: &Axis, [from, to]: [f64; 2], count: usize) -> Vec<f64> {
    let share = |index: usize| index as f64 / count.saturating_sub(1).max(1) as f64;
    match axis.scale {
        super::Scale::Linear => {
            (0..count).map(|index| from * (1.0 - share(index)) + to * share(index)).collect()
        }
        super::Scale::Logarithmic => {
            (0..count).map(|index| from.powf(1.0 - share(index)) * to.powf(share(index))).collect()
        }
    }
}
