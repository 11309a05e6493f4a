//! Lines over an axis: curves of a training, races, sizes against times.

use super::axis::{Axis, Range, Scale};
use super::canvas::{Anchor, Canvas, FONT, short};
use super::chart::Chart;
use super::frame::{Frame, Room, legend};
use super::markup::put;
use super::numbers::readable;
use super::{Cell, Drawing, Series, Table, labels, lines, series};
use std::collections::{BTreeMap, BTreeSet};

/// Lines over an axis, each with its name at its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineChart {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// Values to compare with, as dotted horizontal lines.
    pub levels: Vec<(String, f64)>,
    /// Places of the horizontal axis at which something happened, as dotted vertical lines.
    pub events: Vec<(String, f64)>,
}

/// Lines with at most so many points show each of them as a mark.
const FEW: usize = 12;

impl LineChart {
    /// A chart without any lines yet.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        LineChart { title: title.into(), x, y, ..LineChart::default() }
    }

    /// With a sentence or two on what is to be seen.
    pub fn describe(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// With one more line.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// With a value to compare with.
    pub fn level(mut self, name: impl Into<String>, value: f64) -> Self {
        self.levels.push((name.into(), value));
        self
    }

    /// With a place at which something happened.
    pub fn event(mut self, name: impl Into<String>, place: f64) -> Self {
        self.events.push((name.into(), place));
        self
    }

    /// The names of the lines and of the levels.
    fn names(&self) -> Vec<&str> {
        let series = self.series.iter().map(|series| series.name.as_str());
        series.chain(self.levels.iter().map(|(name, _)| name.as_str())).collect()
    }

    fn ranges(&self) -> Option<(Range, Range)> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        // What has no height does not make the axis longer.
        let shown = |point: &&[f64; 2]| Range::of(&self.y, [point[1]], true).is_some();
        let across = points().filter(shown).map(|point| point[0]).chain(self.events.iter().map(|(_, x)| *x));
        let bands = self.series.iter().flat_map(|series| series.band.iter().flatten().copied());
        let up = points().map(|point| point[1]).chain(bands).chain(self.levels.iter().map(|(_, y)| *y));
        Some((Range::of(&self.x, across, true)?, Range::of(&self.y, up, false)?))
    }

    /// Whether everything on the horizontal axis is a whole number.
    fn whole(&self) -> bool {
        self.series.iter().flat_map(|series| &series.points).all(|[x, _]| !x.is_finite() || x.fract() == 0.0)
    }

    fn draw_series(&self, canvas: &mut Canvas, frame: &Frame, index: usize) {
        let series = &self.series[index];
        canvas.group(&series.class(index), |canvas| {
            canvas.path("band", &band(frame, series));
            let mut data = String::new();
            for stretch in lines::stretches(frame, &series.points) {
                if stretch.len() == 1 || series.points.len() <= FEW {
                    for &place in stretch.iter().filter(|place| frame.holds(**place)) {
                        series.mark(canvas, index, place, 3.4);
                    }
                }
                if stretch.len() > 1 {
                    data += &lines::path(&lines::thinned(&stretch));
                }
            }
            canvas.path("line", &data);
        });
    }

    /// Marks and names at the ends of the lines, and names of the levels.
    fn draw_names(&self, canvas: &mut Canvas, frame: &Frame) {
        let end = |series: &Series| series.points.iter().rev().find_map(|&point| frame.point(point));
        let ends = self.series.iter().map(end);
        let levels = self.levels.iter().map(|(_, value)| frame.to_y(*value).map(|y| [frame.right, y]));
        let ends: Vec<Option<[f64; 2]>> = ends.chain(levels).collect();
        let inside = |y: f64| y.clamp(frame.top, frame.bottom);
        let wanted: Vec<f64> = ends.iter().flatten().map(|[_, y]| inside(*y)).collect();
        let mut places = labels::spread(&wanted, 17.0, frame.top, frame.bottom).into_iter();
        let names = self.names();
        for (index, end) in ends.iter().enumerate() {
            let Some(([x, y], place)) = end.and_then(|end| Some((end, places.next()?))) else { continue };
            let name = labels::fitted(names[index], FONT, frame.margin - 14.0);
            let class = self.series.get(index).map_or(String::new(), |series| series.class(index));
            canvas.group(&class, |canvas| {
                if let Some(series) = self.series.get(index).filter(|_| frame.holds([x, y])) {
                    series.mark(canvas, index, [x, y], 4.0);
                }
                // A line leads to a name that stands elsewhere.
                if (place - y).abs() > 4.0 && (x - frame.right).abs() < 1.0 {
                    canvas.line("grid", [x + 5.0, inside(y)], [frame.right + 11.0, place]);
                }
                let class = if index < self.series.len() { "in" } else { "quiet" };
                canvas.text(class, [frame.right + 13.0, place + 4.5], Anchor::Start, &name);
            });
        }
    }

    /// The room above the plot for the names of the events, and, once there is a frame, the events.
    fn draw_events(&self, canvas: &mut Canvas, frame: &Frame) {
        // Each name in the first row in which it does not touch another.
        let mut rows: Vec<f64> = Vec::new();
        let mut events: Vec<(f64, &str)> =
            self.events.iter().filter_map(|(name, x)| Some((frame.to_x(*x)?, name.as_str()))).collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (x, name) in events {
            let name = labels::fitted(name, FONT, frame.right - frame.left);
            let width = labels::width(&name, FONT);
            let start = (x + 5.0).min(frame.right - width).max(frame.left);
            let row = rows.iter().position(|&end| end + 8.0 <= start).unwrap_or_else(|| {
                rows.push(0.0);
                rows.len() - 1
            });
            rows[row] = start + width;
            canvas.line("rule", [x, frame.top], [x, frame.bottom]);
            let y = (frame.top + 12.0 + 17.0 * row as f64).min(frame.bottom);
            canvas.text("quiet halo", [start, y], Anchor::Start, &name);
        }
    }
}

/// The band of a series: for each stretch of points there and back.
fn band(frame: &Frame, series: &Series) -> String {
    let ends = |(point, band): (&[f64; 2], &[f64; 2])| {
        let x = frame.to_x(point[0])?;
        // What is at or below zero on a logarithmic axis is below everything.
        let low =
            if band[0].is_finite() { frame.to_y(band[0]).unwrap_or(frame.bottom) } else { return None };
        Some([x, low, frame.to_y(band[1])?])
    };
    let placed: Vec<Option<[f64; 3]>> = series.points.iter().zip(&series.band).map(ends).collect();
    let mut data = String::new();
    for stretch in placed.split(Option::is_none) {
        let places: Vec<[f64; 3]> = stretch.iter().copied().flatten().collect();
        if places.len() > 1 {
            let there: Vec<[f64; 2]> = places.iter().map(|[x, low, _]| [*x, *low]).collect();
            let back: Vec<[f64; 2]> = places.iter().map(|[x, _, high]| [*x, *high]).collect();
            data += &lines::path(&lines::thinned(&there));
            for [x, y] in lines::thinned(&back).iter().rev() {
                put(&mut data, format_args!(" {} {}", short(*x), short(*y)));
            }
            data.push('Z');
        }
    }
    data
}

impl Chart for LineChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn in_words(&self) -> String {
        let logarithmic = |axis: &Axis| if axis.scale == Scale::Logarithmic { ", logarithmic" } else { "" };
        let mut words = format!(
            "Lines of {}{} over {}{}.",
            self.y.heading(),
            logarithmic(&self.y),
            self.x.heading(),
            logarithmic(&self.x)
        );
        for series in &self.series {
            put(&mut words, format_args!(" {}: {}", series.name, course(&series.points)));
        }
        for (name, value) in &self.levels {
            put(&mut words, format_args!(" To compare with: {name}, {}.", readable(*value)));
        }
        for (name, place) in &self.events {
            put(&mut words, format_args!(" At {}: {name}.", readable(*place)));
        }
        words
    }

    fn remarks(&self) -> Vec<String> {
        series::remarks(&self.series, [&self.x, &self.y], self.ranges())
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut canvas = Canvas::default();
        let Some((x, y)) = self.ranges() else {
            canvas.text("quiet", [0.0, 20.0], Anchor::Start, "Nothing to draw.");
            return canvas.finish(width, 32.0);
        };
        let names = self.names();
        let widest = names.iter().map(|name| labels::width(name, FONT)).fold(0.0, f64::max);
        let named = names.len() > 1;
        // Names stand at the ends of the lines where there is room, else above.
        let room = widest.min(0.3 * width);
        let direct = named && width >= 480.0 && tell_apart(&names, room);
        let sign = |canvas: &mut Canvas, index: usize, [x, y]: [f64; 2]| {
            if let Some(series) = self.series.get(index) {
                canvas.group(&series.class(index), |canvas| {
                    canvas.line("line", [x, y], [x + 24.0, y]);
                    series.mark(canvas, index, [x + 12.0, y], 3.6);
                });
            } else {
                canvas.line("rule", [x, y], [x + 24.0, y]);
            }
        };
        let shown: &[&str] = if named && !direct { &names } else { &[] };
        let above = legend(None, shown, width, sign);
        legend(Some(&mut canvas), shown, width, sign);
        let least = if width < 480.0 { 190.0 } else { 240.0 };
        let plot = if direct { (17.0 * names.len() as f64).max(least) } else { least };
        let right = if direct { room + 20.0 } else { 14.0 };
        let frame = Frame::new(&Room { width, plot, above, right }, [&self.x, &self.y], x, y, self.whole());
        frame.draw_grid(&mut canvas);
        frame.within(&mut canvas, 5.0, |canvas| {
            for (_, value) in &self.levels {
                if let Some(y) = frame.to_y(*value) {
                    canvas.line("rule", [frame.left, y], [frame.right, y]);
                }
            }
            for index in 0..self.series.len() {
                self.draw_series(canvas, &frame, index);
            }
        });
        frame.draw_axes(&mut canvas);
        self.draw_events(&mut canvas, &frame);
        if direct {
            self.draw_names(&mut canvas, &frame);
        }
        canvas.finish(width, frame.height())
    }

    /// A row for each point.
    fn numbers(&self) -> Table {
        let banded = self.series.iter().any(|series| !series.band.is_empty());
        let mut columns = vec!["series".to_owned(), self.x.heading(), self.y.heading()];
        if banded {
            columns.extend(["low".to_owned(), "high".to_owned()]);
        }
        let mut table = Table::new(&self.title, columns);
        for series in &self.series {
            for (index, &[x, y]) in series.points.iter().enumerate() {
                let mut row = vec![Cell::from(&series.name), x.into(), y.into()];
                if banded {
                    let band = series.band.get(index);
                    row.extend([band.map(|band| band[0]).into(), band.map(|band| band[1]).into()]);
                }
                table.push(row);
            }
        }
        table
    }

    /// A row for each place of the horizontal axis, where the lines share these.
    fn summary(&self) -> Table {
        let mut rows: BTreeMap<u64, (f64, Vec<Cell>)> = BTreeMap::new();
        let longest = self.series.iter().map(|series| series.points.len()).max().unwrap_or(0);
        for (index, series) in self.series.iter().enumerate() {
            for &[x, y] in &series.points {
                let (_, cells) =
                    rows.entry(ordered(x)).or_insert_with(|| (x, vec![Cell::Empty; self.series.len()]));
                if cells[index] != Cell::Empty {
                    return self.numbers();
                }
                cells[index] = y.into();
            }
        }
        if rows.len() > 2 * longest || self.series.iter().any(|series| !series.band.is_empty()) {
            return self.numbers();
        }
        let names = self.series.iter().map(|series| series.name.clone());
        let mut table = Table::new(&self.title, std::iter::once(self.x.heading()).chain(names));
        let whole = self.whole();
        for (x, cells) in rows.into_values() {
            let place =
                if whole && (0.0..1e15).contains(&x) { Cell::Count(x as u64) } else { Cell::Number(x) };
            table.push(std::iter::once(place).chain(cells));
        }
        table
    }
}

/// Whether names can be told apart when they are cut to this width.
fn tell_apart(names: &[&str], width: f64) -> bool {
    let cut: BTreeSet<String> = names.iter().map(|name| labels::fitted(name, FONT, width)).collect();
    cut.len() == names.iter().collect::<BTreeSet<_>>().len()
}

/// A key by which numbers sort as numbers.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Where a line begins, ends and is lowest and highest.
fn course(points: &[[f64; 2]]) -> String {
    let finite = || points.iter().filter(|point| point.iter().all(|value| value.is_finite()));
    let (Some(first), Some(last)) = (finite().next(), finite().next_back()) else {
        return "no points.".into();
    };
    let at = |point: &[f64; 2]| format!("{} at {}", readable(point[1]), readable(point[0]));
    let count = finite().count();
    if count == 1 {
        return format!("one point, {}.", at(first));
    }
    let by = |a: &&[f64; 2], b: &&[f64; 2]| a[1].total_cmp(&b[1]);
    let (low, high) = (finite().min_by(by).unwrap_or(first), finite().max_by(by).unwrap_or(first));
    format!("{count} points from {} to {}, lowest {}, highest {}.", at(first), at(last), at(low), at(high))
}
