//! A drawing, and the strokes that it is made of.

use super::colours::CHART_STYLE;
use super::markup::{Escaped, put};

/// A finished picture: what is inside an SVG, and how large it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Its width, in pixels of the size at which it is meant to be seen.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// The elements of the SVG. They are put into pages as they are: names in them must be escaped.
    ///
    /// Classes that the page knows: `s0` to `s7` set the colour of a series, `line`, `fill`, `band` and `mark` draw
    /// with it; `grid`, `axis`, `quiet` (text), `strong` (text), `surface` (the background).
    pub body: String,
}

/// What is added above a picture that stands alone, for its title.
const HEADING: f64 = 34.0;

impl Drawing {
    /// The picture within a page, which has the style.
    pub(super) fn inline(&self, title: &str, description: &str) -> String {
        let Drawing { width, height, body } = self;
        let size = if *width < NARROW_BELOW { " small" } else { "" };
        format!(
            "<svg class=\"chart{size}\" role=\"img\" aria-label=\"{0}\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\"><title>{0}</title><desc>{1}</desc>{body}</svg>",
            Escaped(title),
            Escaped(description)
        )
    }

    /// The picture as a file of its own, with its title written above it.
    pub(super) fn standalone(&self, title: &str, description: &str) -> String {
        let Drawing { width, height, body } = self;
        let whole = height + HEADING;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" aria-label=\"{0}\" \
             viewBox=\"0 0 {width} {whole}\" width=\"{width}\" height=\"{whole}\">\n<title>{0}</title>\n\
             <desc>{1}</desc>\n<style>{CHART_STYLE}</style>\n\
             <rect class=\"surface\" width=\"{width}\" height=\"{whole}\"/>\n\
             <text class=\"strong\" x=\"12\" y=\"24\">{2}</text>\n<g transform=\"translate(0 {HEADING})\">{body}</g>\n\
             </svg>\n",
            Escaped(title),
            Escaped(description),
            Escaped(&super::labels::fitted(title, FONT * 1.1, width - 24.0))
        )
    }
}

/// The height of the font of pictures, in pixels.
pub(super) const FONT: f64 = 13.0;

/// The width of a picture for wide places, and of one for narrow ones.
pub(super) const WIDE: f64 = 600.0;
/// See [`WIDE`].
pub(super) const NARROW: f64 = 360.0;
/// Below it a drawing is meant for narrow places.
const NARROW_BELOW: f64 = 480.0;

/// Where a text is anchored.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// Elements of an SVG, one after the other.
#[derive(Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    /// What was drawn.
    pub fn finish(self, width: f64, height: f64) -> Drawing {
        Drawing { width, height: height.ceil(), body: self.body }
    }

    pub fn text(&mut self, class: &str, [x, y]: [f64; 2], anchor: Anchor, content: &str) {
        put(&mut self.body, format_args!("<text{} x=\"{}\" y=\"{}\"", attribute(class), short(x), short(y)));
        if !matches!(anchor, Anchor::Start) {
            put(&mut self.body, format_args!(" text-anchor=\"{}\"", anchor.name()));
        }
        put(&mut self.body, format_args!(">{}</text>", Escaped(content)));
    }

    /// A text that is read from below to above.
    pub fn standing_text(&mut self, [x, y]: [f64; 2], content: &str) {
        let (x, y) = (short(x), short(y));
        put(
            &mut self.body,
            format_args!(
                "<text x=\"{x}\" y=\"{y}\" transform=\"rotate(-90 {x} {y})\">{}</text>",
                Escaped(content)
            ),
        );
    }

    pub fn path(&mut self, class: &str, data: &str) {
        if !data.is_empty() {
            put(&mut self.body, format_args!("<path{} d=\"{data}\"/>", attribute(class)));
        }
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, [x, y]: [f64; 2], [to_x, to_y]: [f64; 2]) {
        self.path(class, &format!("M{} {}L{} {}", short(x), short(y), short(to_x), short(to_y)));
    }

    pub fn rectangle(&mut self, class: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
        put(
            &mut self.body,
            format_args!(
                "<rect{} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                attribute(class),
                short(x),
                short(y),
                short(width.max(0.0)),
                short(height.max(0.0))
            ),
        );
    }

    /// One of eight shapes that can be told apart without colours, around a point.
    pub fn mark(&mut self, class: &str, shape: usize, [x, y]: [f64; 2], radius: f64) {
        let r = radius;
        let data = match shape % 8 {
            0 => {
                let (x, y, r) = (short(x), short(y), short(r));
                put(
                    &mut self.body,
                    format_args!("<circle{} cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>", attribute(class)),
                );
                return;
            }
            1 => polygon(&[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], x, y, r),
            2 => polygon(&[[0.0, -1.25], [1.25, 0.0], [0.0, 1.25], [-1.25, 0.0]], x, y, r),
            3 => polygon(&[[0.0, -1.2], [1.15, 0.8], [-1.15, 0.8]], x, y, r),
            4 => polygon(&[[0.0, 1.2], [1.15, -0.8], [-1.15, -0.8]], x, y, r),
            5 => polygon(&[[-1.2, -0.45], [1.2, -0.45], [1.2, 0.45], [-1.2, 0.45]], x, y, r),
            6 => polygon(&[[-0.45, -1.2], [0.45, -1.2], [0.45, 1.2], [-0.45, 1.2]], x, y, r),
            _ => polygon(
                &[[-1.2, 0.0], [-0.6, -1.0], [0.6, -1.0], [1.2, 0.0], [0.6, 1.0], [-0.6, 1.0]],
                x,
                y,
                r,
            ),
        };
        self.path(class, &data);
    }

    /// Whatever `draw` draws, in a group of this class.
    pub fn group(&mut self, class: &str, draw: impl FnOnce(&mut Canvas)) {
        put(&mut self.body, format_args!("<g{}>", attribute(class)));
        draw(self);
        self.body.push_str("</g>");
    }

    /// Whatever `draw` draws, cut off outside a rectangle. The coordinates stay what they were.
    pub fn within(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], draw: impl FnOnce(&mut Canvas)) {
        let (x, y, width, height) = (short(x), short(y), short(width), short(height));
        put(
            &mut self.body,
            format_args!(
                "<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
                 viewBox=\"{x} {y} {width} {height}\">"
            ),
        );
        draw(self);
        self.body.push_str("</svg>");
    }
}

fn polygon(corners: &[[f64; 2]], x: f64, y: f64, radius: f64) -> String {
    let mut data = String::new();
    for (index, [dx, dy]) in corners.iter().enumerate() {
        let start = if index == 0 { "M" } else { "L" };
        put(&mut data, format_args!("{start}{} {}", short(x + dx * radius), short(y + dy * radius)));
    }
    data + "Z"
}

fn attribute(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

/// A coordinate to a tenth of a pixel.
pub(super) fn short(coordinate: f64) -> f64 {
    debug_assert!(coordinate.is_finite(), "a coordinate is {coordinate}");
    // `+ 0.0` makes zero of minus zero.
    (coordinate * 10.0).round() / 10.0 + 0.0
}
