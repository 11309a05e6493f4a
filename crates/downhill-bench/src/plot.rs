//! A diagram of curves with both axes logarithmic, as SVG text.
//!
//! The colours follow the reader's choice of a light or a dark page. The first curve is drawn with its points,
//! the others as dashed lines to compare it with.

use std::fmt::{self, Display, Formatter, Write};

/// A line of the diagram.
pub struct Curve<'a> {
    /// What stands at its end.
    pub name: &'a str,
    /// Its points, all positive.
    pub points: Vec<(f64, f64)>,
}

/// The diagram; `Display` writes the SVG.
pub struct Plot<'a> {
    /// What stands above it.
    pub title: &'a str,
    /// What the horizontal axis shows.
    pub x_axis: &'a str,
    /// What the vertical axis shows.
    pub y_axis: &'a str,
    /// The curves.
    pub curves: &'a [Curve<'a>],
}

const WIDTH: f64 = 430.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 84.0;
const TOP: f64 = 50.0;

const STYLE: &str = "\
.page{fill:#ffffff}text{fill:#24292f;font:13px system-ui,sans-serif}.title{font-size:15px;font-weight:600}\
.frame{fill:none;stroke:#6e7781}.grid{stroke:#6e7781;stroke-opacity:.3}.line{fill:none;stroke-width:2}\
.l0{stroke:#1f5f99}.l1{stroke:#ad4e00;stroke-dasharray:5 4}.p0{fill:#1f5f99}text.t0{fill:#1f5f99}text.t1{fill:#ad4e00}\
@media (prefers-color-scheme: dark){\
.page{fill:#0d1117}text{fill:#e6edf3}.frame{stroke:#8b949e}.grid{stroke:#8b949e}\
.l0{stroke:#86c5ff}.l1{stroke:#ffb470}.p0{fill:#86c5ff}text.t0{fill:#86c5ff}text.t1{fill:#ffb470}}";

/// One axis: the range of its logarithms, and where a value lies between 0 and 1.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().map(f64::log10).fold(f64::INFINITY, f64::min);
        let high = values.map(f64::log10).fold(f64::NEG_INFINITY, f64::max);
        // A little air on both sides, and a range even for a single value.
        let air = 0.05 * (high - low).max(0.5);
        Axis { low: low - air, high: high + air }
    }

    fn place(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    /// The powers of ten in range; where these are fewer than three, also twice and five times them.
    fn ticks(&self) -> Vec<f64> {
        let of = |factors: &[f64]| -> Vec<f64> {
            let powers = self.low.floor() as i32..=self.high.ceil() as i32;
            let all = powers.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
            all.filter(|&tick| (0.0..=1.0).contains(&self.place(tick))).collect()
        };
        let powers = of(&[1.0]);
        if powers.len() < 3 { of(&[1.0, 2.0, 5.0]) } else { powers }
    }
}

impl Display for Plot<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let (x_axis, y_axis) = (Axis::of(points().map(|p| p.0)), Axis::of(points().map(|p| p.1)));
        let to_x = |x: f64| LEFT + x_axis.place(x) * WIDTH;
        let to_y = |y: f64| TOP + (1.0 - y_axis.place(y)) * HEIGHT;
        let (bottom, right) = (TOP + HEIGHT, LEFT + WIDTH);

        writeln!(
            f,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 640 390' width='640' height='390' \
             role='img'>\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class='page' width='640' height='390' rx='6'/>",
            self.title
        )?;
        text(f, "title", 320.0, 28.0, "middle", self.title)?;
        for tick in x_axis.ticks() {
            writeln!(f, "<path class='grid' d='M{:.1} {TOP}v{HEIGHT}'/>", to_x(tick))?;
            text(f, "", to_x(tick), bottom + 19.0, "middle", &label(tick))?;
        }
        for tick in y_axis.ticks() {
            writeln!(f, "<path class='grid' d='M{LEFT} {:.1}h{WIDTH}'/>", to_y(tick))?;
            text(f, "", LEFT - 8.0, to_y(tick) + 4.0, "end", &label(tick))?;
        }
        writeln!(f, "<path class='frame' d='M{LEFT} {TOP}v{HEIGHT}h{WIDTH}'/>")?;
        text(f, "", LEFT + WIDTH / 2.0, bottom + 42.0, "middle", self.x_axis)?;
        let (x, y) = (22.0, TOP + HEIGHT / 2.0);
        writeln!(f, "<g transform='rotate(-90 {x} {y})'>")?;
        text(f, "", x, y, "middle", self.y_axis)?;
        writeln!(f, "</g>")?;

        // Names stand at the ends of the curves, and apart where the ends meet.
        let end = |curve: &Curve<'_>| curve.points.last().map_or(TOP, |&(_, y)| to_y(y));
        let mut order: Vec<usize> = (0..self.curves.len()).collect();
        order.sort_by(|&a, &b| end(&self.curves[a]).total_cmp(&end(&self.curves[b])));
        let mut free = TOP;
        for number in order {
            let (curve, class) = (&self.curves[number], number.min(1));
            let mut path = String::new();
            for (place, &(x, y)) in curve.points.iter().enumerate() {
                let start = if place == 0 { 'M' } else { ' ' };
                write!(path, "{start}{:.1} {:.1}", to_x(x), to_y(y))?;
            }
            writeln!(f, "<path class='line l{class}' d='{path}'/>")?;
            if number == 0 {
                for &(x, y) in &curve.points {
                    writeln!(f, "<circle class='p0' cx='{:.1}' cy='{:.1}' r='3.4'/>", to_x(x), to_y(y))?;
                }
            }
            let y = end(curve).max(free);
            free = y + 16.0;
            text(f, &format!("t{class}"), right + 8.0, y + 4.0, "start", curve.name)?;
        }
        writeln!(f, "</svg>")
    }
}

fn text(f: &mut Formatter<'_>, class: &str, x: f64, y: f64, anchor: &str, content: &str) -> fmt::Result {
    writeln!(f, "<text class='{class}' x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{content}</text>")
}

/// A number of an axis in few characters.
fn label(value: f64) -> String {
    let power = value.log10().floor() as i32;
    if (-3..5).contains(&power) {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        let factor = (value / 10f64.powi(power)).round();
        format!("{factor}e{power}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_an_axis_are_short() {
        let labels = [1e-6, 5e-4, 0.001, 0.02, 1.0, 5.0, 1e3, 1e5].map(label);
        assert_eq!(labels, ["1e-6", "5e-4", "0.001", "0.02", "1", "5", "1000", "1e5"]);
    }

    #[test]
    fn an_axis_of_one_value_has_a_range_and_a_tick() {
        let axis = Axis::of([3.0].into_iter());
        assert!((axis.place(3.0) - 0.5).abs() < 1e-12);
        assert!(axis.ticks().len() <= 3);
    }

    #[test]
    fn equal_factors_lie_equally_far_apart() {
        let axis = Axis::of([1.0, 1000.0].into_iter());
        let step = axis.place(10.0) - axis.place(1.0);
        assert!((axis.place(100.0) - axis.place(10.0) - step).abs() < 1e-12);
    }

    #[test]
    fn a_curve_is_drawn_with_its_name() {
        let curves = [Curve { name: "a step", points: vec![(16.0, 1e-3), (32.0, 2e-3)] }];
        let svg = Plot { title: "t", x_axis: "width", y_axis: "seconds", curves: &curves }.to_string();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains(">a step</text>") && !svg.contains("NaN"));
    }
}
