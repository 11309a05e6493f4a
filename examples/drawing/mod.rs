//! Two kinds of picture as SVG text: a decision surface, and curves over the steps of a training.
//!
//! It knows nothing of networks: it takes numbers and gives text. The colours follow the reader's choice of a
//! light or a dark page, and classes differ by shape as well, for those who see colours differently.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// The bands between these probabilities have a colour each.
const LEVELS: [f64; 7] = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98];
const LIGHT: [&str; 8] =
    ["#a3c7e6", "#bcd7ed", "#d3e4f2", "#e8eff6", "#faeee1", "#f9dfc4", "#f6cfa5", "#f2bd83"];
const DARK: [&str; 8] =
    ["#1f4d77", "#1f4161", "#20374d", "#222d39", "#362d24", "#4b3622", "#624120", "#7b4d1d"];

/// The values of a function at `side` x `side` points of the square from `-reach` to `reach`, by rows from the
/// top.
pub struct Field<'a> {
    pub values: &'a [f32],
    pub side: usize,
    pub reach: f64,
}

/// A point to be drawn on the surface.
pub struct Point {
    pub at: [f64; 2],
    pub class: i64,
    pub held_out: bool,
}

/// The probability of class 1, of which `logits` are given, as coloured bands with the points on top.
pub fn surface(title: &str, logits: &Field<'_>, points: &[Point]) -> String {
    const SIZE: f64 = 440.0;
    let (left, top) = (66.0, 74.0);
    let to_x = |x: f64| left + (x / logits.reach + 1.0) / 2.0 * SIZE;
    let to_y = |y: f64| top + (1.0 - y / logits.reach) / 2.0 * SIZE;

    let mut bands = format!("<rect class='b0' x='{left}' y='{top}' width='{SIZE}' height='{SIZE}'/>\n");
    for (band, level) in LEVELS.iter().enumerate() {
        let mut path = String::new();
        for outline in outlines(logits, (level / (1.0 - level)).ln()) {
            for (place, [column, row]) in outline.iter().enumerate() {
                let scale = SIZE / (logits.side - 1) as f64;
                let start = if place == 0 { "M" } else { " " };
                put(&mut path, format_args!("{start}{:.1} {:.1}", left + column * scale, top + row * scale));
            }
            path.push('Z');
        }
        put(&mut bands, format_args!("<path class='b{}' d='{path}'/>\n", band + 1));
    }

    let mut marks = String::new();
    for point in points {
        put(&mut marks, mark(to_x(point.at[0]), to_y(point.at[1]), point.class, point.held_out));
    }

    let mut axes = format!("<rect class='frame' x='{left}' y='{top}' width='{SIZE}' height='{SIZE}'/>\n");
    for tick in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let (x, y) = (to_x(tick), to_y(tick));
        let bottom = top + SIZE;
        put(&mut axes, format_args!("<path class='frame' d='M{x:.1} {bottom}v5M{left} {y:.1}h-5'/>"));
        put(&mut axes, text(x, bottom + 19.0, "middle", tick));
        put(&mut axes, text(left - 10.0, y + 4.0, "end", tick));
    }
    put(&mut axes, text(left + SIZE / 2.0, top + SIZE + 40.0, "middle", "x"));
    put(&mut axes, text(24.0, top + SIZE / 2.0 + 4.0, "middle", "y"));

    // Above the surface what the marks mean, below it what the colours mean.
    let mut legend = String::new();
    for (x, class, held_out, label) in [
        (left + 6.0, 0, false, "class 0"),
        (left + 82.0, 1, false, "class 1"),
        (left + 190.0, 0, true, ""),
        (left + 206.0, 1, true, "held out from training"),
    ] {
        put(&mut legend, mark(x, 56.0, class, held_out));
        put(&mut legend, text(x + 11.0, 60.0, "start", label));
    }
    let (y, width) = (top + SIZE + 58.0, 30.0);
    put(&mut legend, text(left, y + 12.0, "start", "probability of class 1"));
    for band in 0..=LEVELS.len() {
        let x = left + 190.0 + width * band as f64;
        put(&mut legend, format_args!("<rect class='b{band}' x='{x}' y='{y}' width='{width}' height='14'/>"));
        if let Some(level) = LEVELS.get(band) {
            put(&mut legend, text(x + width, y + 29.0, "middle", level));
        }
    }
    page(540, 620, title, &format!("{bands}{marks}\n{axes}\n{legend}"))
}

/// A circle for class 0, a square on its corner for class 1; hollow if it was held out.
fn mark(x: f64, y: f64, class: i64, held_out: bool) -> String {
    let kind = if held_out { "hollow" } else { "mark" };
    if class == 0 {
        format!("<circle class='{kind} c0' cx='{x:.1}' cy='{y:.1}' r='3.6'/>")
    } else {
        format!("<path class='{kind} c1' d='M{x:.1} {:.1}l4.4 4.4-4.4 4.4-4.4-4.4z'/>", y - 4.4)
    }
}

/// The outlines of the region where a function is above a level, as closed lines in columns and rows of its
/// points. Holes are outlines of their own.
///
/// Each square of four neighbouring points is cut by straight lines (marching squares). Around the square one
/// goes into the region and out of it again; the cut leads from where one goes out to where one came in. On
/// the far side of that edge it is the other way round, so the cuts join to closed lines.
fn outlines(field: &Field<'_>, level: f64) -> Vec<Vec<[f64; 2]>> {
    // A border of points below every level closes the lines at the edge of the picture.
    let side = field.side + 2;
    let inner = |node: usize| Some(((node % side).checked_sub(1)?, (node / side).checked_sub(1)?));
    let value = |node: usize| match inner(node) {
        Some((x, y)) if x < field.side && y < field.side => f64::from(field.values[y * field.side + x]),
        _ => f64::NEG_INFINITY,
    };
    let inside = |node: usize| value(node) > level;

    let mut cuts = BTreeMap::new();
    for corner in (0..side - 1).flat_map(|row| (0..side - 1).map(move |column| row * side + column)) {
        let around = [corner, corner + 1, corner + 1 + side, corner + side];
        let edge = |k: usize| {
            let (a, b) = (around[k % 4], around[(k + 1) % 4]);
            (a.min(b), a.max(b))
        };
        for entry in (0..4).filter(|&k| !inside(around[k]) && inside(around[(k + 1) % 4])) {
            let exit = (entry + 1..entry + 4).find(|&k| !inside(around[(k + 1) % 4])).unwrap_or(entry);
            cuts.insert(edge(exit), edge(entry));
        }
    }

    let crossing = |(a, b): (usize, usize)| {
        let share = (level - value(a)) / (value(b) - value(a));
        // Next to the border the share is that of infinity: the line keeps to the point inside.
        let share = if value(a).is_infinite() {
            1.0
        } else if value(b).is_infinite() {
            0.0
        } else {
            share
        };
        let place = |of: &dyn Fn(usize) -> usize| of(a) as f64 + share * (of(b) as f64 - of(a) as f64) - 1.0;
        [place(&|node| node % side), place(&|node| node / side)]
    };
    let mut lines = Vec::new();
    while let Some((start, mut at)) = cuts.pop_first() {
        let mut line = vec![crossing(start)];
        while at != start {
            line.push(crossing(at));
            match cuts.remove(&at) {
                Some(next) => at = next,
                None => break,
            }
        }
        lines.push(line);
    }
    lines
}

/// A line of a diagram of curves: its name and its values at the given steps.
pub struct Curve<'a> {
    pub name: &'a str,
    pub values: &'a [f64],
}

/// Curves over the steps, on a logarithmic scale, with a horizontal line for comparison.
pub fn curves(title: &str, y_title: &str, steps: &[u64], curves: &[Curve<'_>], base: (&str, f64)) -> String {
    const WIDTH: f64 = 470.0;
    const HEIGHT: f64 = 260.0;
    let (left, top) = (76.0, 50.0);
    let values = || curves.iter().flat_map(|curve| curve.values).copied().chain([base.1]);
    let lowest = values().fold(f64::INFINITY, f64::min).log10().floor() as i32;
    let highest = values().fold(f64::NEG_INFINITY, f64::max).log10().ceil() as i32;
    let last = steps.last().copied().unwrap_or(1).max(1) as f64;
    let to_x = |step: u64| left + step as f64 / last * WIDTH;
    let to_y = |value: f64| {
        top + (f64::from(highest) - value.log10()) / f64::from((highest - lowest).max(1)) * HEIGHT
    };

    let mut body = String::new();
    for power in lowest..=highest {
        let y = to_y(10f64.powi(power));
        put(&mut body, format_args!("<path class='grid' d='M{left} {y:.1}h{WIDTH}'/>"));
        put(&mut body, text(left - 8.0, y + 4.0, "end", 10f64.powi(power)));
    }
    for quarter in 0..=4 {
        let step = (last * f64::from(quarter) / 4.0).round() as u64;
        let (x, bottom) = (to_x(step), top + HEIGHT);
        put(&mut body, format_args!("<path class='frame' d='M{x:.1} {bottom}v5'/>"));
        put(&mut body, text(x, bottom + 19.0, "middle", step));
    }
    put(&mut body, format_args!("<path class='frame' d='M{left} {top}v{HEIGHT}h{WIDTH}'/>"));
    put(&mut body, text(left + WIDTH / 2.0, top + HEIGHT + 40.0, "middle", "step"));
    let (x, y) = (22.0, top + HEIGHT / 2.0);
    put(&mut body, format_args!("<g transform='rotate(-90 {x} {y})'>{}</g>", text(x, y, "middle", y_title)));

    let y = to_y(base.1);
    put(&mut body, format_args!("<path class='base' d='M{left} {y:.1}h{WIDTH}'/>"));
    put(&mut body, text(left + WIDTH - 4.0, y - 6.0, "end", base.0));
    // Each name stands at the end of its curve, and below the one before it where the ends meet.
    let end = |curve: &Curve<'_>| curve.values.last().map_or(top, |&value| to_y(value));
    let mut order: Vec<(usize, &Curve<'_>)> = curves.iter().enumerate().collect();
    order.sort_by(|a, b| end(a.1).total_cmp(&end(b.1)));
    let mut lowest_free = top;
    for (number, curve) in order {
        let mut path = String::new();
        for (place, (&step, &value)) in steps.iter().zip(curve.values).enumerate() {
            let start = if place == 0 { "M" } else { " " };
            put(&mut path, format_args!("{start}{:.1} {:.1}", to_x(step), to_y(value)));
        }
        put(&mut body, format_args!("<path class='line l{number}' d='{path}'/>"));
        let y = end(curve).max(lowest_free);
        lowest_free = y + 16.0;
        let label = text(left + WIDTH + 6.0, y + 4.0, "start", curve.name);
        put(&mut body, label.replacen("<text", &format!("<text class='t{number}'"), 1));
    }
    page(640, 370, title, &body)
}

fn text(x: f64, y: f64, anchor: &str, content: impl Display) -> String {
    format!("<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{content}</text>")
}

/// Writing to a string cannot fail.
fn put(out: &mut String, what: impl Display) {
    let _ = write!(out, "{what}");
}

/// The frame of every picture: a background, a title, and the colours for light and dark pages.
fn page(width: u32, height: u32, title: &str, body: &str) -> String {
    let style = |page, ink, faint, zero, one, bands: [&str; 8]| {
        let mut css = format!(
            ".page{{fill:{page}}}text{{fill:{ink};font:13px system-ui,sans-serif}}\
             .frame{{fill:none;stroke:{faint}}}.grid{{stroke:{faint};stroke-opacity:.35}}\
             .base{{stroke:{faint};stroke-dasharray:2 3}}.c0{{fill:{zero};stroke:{page}}}\
             .c1{{fill:{one};stroke:{page}}}.hollow{{fill:{page};stroke-width:1.6}}\
             .hollow.c0,.l0{{stroke:{zero}}}.hollow.c1,.l1{{stroke:{one}}}\
             .line{{fill:none;stroke-width:2}}.t0{{fill:{zero}}}.t1{{fill:{one}}}"
        );
        for (band, colour) in bands.iter().enumerate() {
            put(&mut css, format_args!(".b{band}{{fill:{colour}}}"));
        }
        css
    };
    let light = style("#ffffff", "#24292f", "#6e7781", "#1f5f99", "#ad4e00", LIGHT);
    let dark = style("#0d1117", "#e6edf3", "#8b949e", "#86c5ff", "#ffb470", DARK);
    let heading = text(f64::from(width) / 2.0, 28.0, "middle", title).replacen(
        "<text",
        "<text style='font-size:15px;font-weight:600'",
        1,
    );
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' \
         height='{height}' role='img'>\n<title>{title}</title>\n<style>{light}\n\
         @media (prefers-color-scheme: dark){{{dark}}}</style>\n\
         <rect class='page' width='{width}' height='{height}' rx='6'/>\n{heading}\n{body}\n</svg>\n"
    )
}
