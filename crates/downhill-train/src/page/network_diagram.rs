//! A drawing of values that follow from each other: circles in columns, joined by lines.

use super::canvas::{Anchor, Canvas};
use super::labels::{fitted, spread};
use super::numbers::readable;
use super::{Drawing, Figure, Table};

/// A circle of a [`NetworkDiagram`]: a value, with the derivative of the result by it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiagramNode {
    /// What it is called; written above it.
    pub name: String,
    /// The column that it stands in, from 0 at the left.
    pub column: usize,
    /// The value, written into it.
    pub value: f64,
    /// The derivative, written below it.
    pub gradient: Option<f64>,
    /// What else is written below it.
    pub notes: Vec<String>,
}

/// A line of a [`NetworkDiagram`] from one value to another that follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiagramEdge {
    /// The number of the node at the left.
    pub from: usize,
    /// The number of the node at the right.
    pub to: usize,
    /// What is written on it.
    pub label: String,
    /// How strong it is; the strongest of the diagram is drawn widest.
    pub strength: f64,
    /// The derivative of the result by what is written on it.
    pub gradient: Option<f64>,
}

/// A network with a number in each place: values in circles, column by column, and lines between them.
///
/// ```
/// use downhill_train::page::{DiagramEdge, DiagramNode, NetworkDiagram};
/// let node = |name: &str, column, value| DiagramNode { name: name.into(), column, value, ..Default::default() };
/// let diagram = NetworkDiagram {
///     title: "A weight".into(),
///     columns: vec!["input".into(), "output".into()],
///     nodes: vec![node("x", 0, 2.0), node("y", 1, 1.0)],
///     edges: vec![DiagramEdge { from: 0, to: 1, label: "0.5".into(), strength: 0.5, gradient: None }],
///     ..NetworkDiagram::default()
/// };
/// assert!(diagram.draw().body.contains(">0.5</text>"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkDiagram {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// The headings of the columns.
    pub columns: Vec<String>,
    /// The circles; in a column they stand in this order. One in a column that has no heading is not drawn.
    pub nodes: Vec<DiagramNode>,
    /// The lines; those that do not lead from one column to a later one are not drawn.
    pub edges: Vec<DiagramEdge>,
}

const RADIUS: f64 = 34.0;
const LINE: f64 = 15.0;
/// Between the last line below a circle and the name of the next.
const GAP: f64 = 20.0;
const HEADING: f64 = 30.0;
const MARGIN: f64 = 14.0;
/// The width of a column, circle included, and what each further place for labels adds.
const COLUMN: f64 = 190.0;
const PLACE: f64 = 95.0;
/// More lines than these between two columns are drawn without what is written on them.
const MOST_LABELS: usize = 32;

impl NetworkDiagram {
    /// The picture, as large as it must be to be read.
    pub fn draw(&self) -> Drawing {
        let layout = Layout::of(self);
        let mut canvas = Canvas::default();
        for (column, heading) in self.columns.iter().enumerate() {
            let (x, room) = (layout.x[column], layout.room(column));
            canvas.text("quiet", [x, MARGIN + 6.0], Anchor::Middle, &fitted(heading, 13.0, room));
        }
        let drawn: Vec<&DiagramEdge> =
            self.edges.iter().filter(|edge| layout.leads_right(self, edge)).collect();
        let strongest =
            drawn.iter().map(|edge| edge.strength.abs()).filter(|s| s.is_finite()).fold(0.0, f64::max);
        canvas.group("s0", |canvas| {
            for edge in &drawn {
                let [from, to] = layout.ends(edge);
                let share = if strongest > 0.0 { edge.strength.abs() / strongest } else { 0.0 };
                let class = if share > 0.5 { "line" } else { "axis" };
                canvas.line(class, from, to);
            }
        });
        for column in 0..self.columns.len() {
            self.write_labels(&mut canvas, &layout, column, &drawn);
        }
        for (node, place) in self.nodes.iter().zip(&layout.places) {
            let Some([x, y]) = *place else { continue };
            canvas.group("s0", |canvas| canvas.mark("hollow", 0, [x, y], RADIUS));
            let room = layout.room(node.column);
            canvas.text("halo", [x, y - RADIUS - 5.0], Anchor::Middle, &fitted(&node.name, 13.0, room));
            canvas.text("", [x, y + 4.5], Anchor::Middle, &readable(node.value));
            let mut below = y + RADIUS + LINE;
            if let Some(gradient) = node.gradient {
                canvas.group("s1", |canvas| {
                    canvas.text("in halo", [x, below], Anchor::Middle, &derivative(gradient))
                });
                below += LINE;
            }
            for note in &node.notes {
                canvas.text("quiet halo", [x, below], Anchor::Middle, &fitted(note, 13.0, room));
                below += LINE;
            }
        }
        canvas.finish(layout.width, layout.height)
    }

    /// What is written on the lines that begin in a column, side by side in as many places as it takes.
    fn write_labels(&self, canvas: &mut Canvas, layout: &Layout, column: usize, drawn: &[&DiagramEdge]) {
        let own: Vec<&&DiagramEdge> = drawn
            .iter()
            .filter(|edge| self.nodes[edge.from].column == column && !edge.label.is_empty())
            .collect();
        if own.len() > MOST_LABELS {
            return;
        }
        let places = layout.label_places[column];
        let two_lines = own.iter().any(|edge| edge.gradient.is_some());
        for place in 0..places {
            let here: Vec<&&&DiagramEdge> =
                own.iter().filter(|edge| layout.rank[edge.to] % places == place).collect();
            let share = (place as f64 + 1.0) / (places as f64 + 1.0);
            let share = if places == 1 { 0.45 } else { share };
            let wanted: Vec<[f64; 2]> = here
                .iter()
                .map(|edge| {
                    let [[x, y], [to_x, to_y]] = layout.ends(edge);
                    [x + share * (to_x - x), y + share * (to_y - y)]
                })
                .collect();
            let heights: Vec<f64> = wanted.iter().map(|[_, y]| *y).collect();
            let gap = if two_lines { 2.0 * LINE + 2.0 } else { LINE + 3.0 };
            let spread = spread(&heights, gap, HEADING + MARGIN, layout.height - MARGIN);
            for ((edge, [x, _]), y) in here.iter().zip(&wanted).zip(spread) {
                let first = if edge.gradient.is_some() { y - 2.0 } else { y + 4.5 };
                canvas.text("halo", [*x, first], Anchor::Middle, &edge.label);
                if let Some(gradient) = edge.gradient {
                    let text = derivative(gradient);
                    canvas.group("s1", |canvas| {
                        canvas.text("in halo", [*x, first + LINE], Anchor::Middle, &text)
                    });
                }
            }
        }
    }

    /// What it shows, for those who cannot see it.
    pub fn in_words(&self) -> String {
        let count =
            |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let mut text = format!(
            "A network diagram of {} in {}, joined by {}.",
            count(self.nodes.len(), "value"),
            count(self.columns.len(), "column"),
            count(self.edges.len(), "line")
        );
        if let Some(last) = self.nodes.iter().max_by_key(|node| node.column) {
            text += &format!(" It ends with {} = {}.", last.name, readable(last.value));
        }
        text
    }

    /// All of its numbers: the values, then what is written on the lines.
    pub fn numbers(&self) -> Table {
        let mut table = Table::new("", ["what", "number", "derivative of the result by it"]);
        for node in &self.nodes {
            table.push(
                [node.name.as_str().into(), node.value.into(), node.gradient.into()] as [super::Cell; 3]
            );
        }
        for edge in self.edges.iter().filter(|edge| !edge.label.is_empty()) {
            let (Some(from), Some(to)) = (self.nodes.get(edge.from), self.nodes.get(edge.to)) else {
                continue;
            };
            let name = format!("{} to {}", from.name, to.name);
            table.push([name.into(), edge.label.as_str().into(), edge.gradient.into()] as [super::Cell; 3]);
        }
        table
    }

    /// The figure of it.
    pub fn figure(&self) -> Figure {
        Figure::new(self.title.clone(), self.in_words(), self.draw())
            .describe(self.caption.clone())
            .numbers(self.numbers())
    }

    /// The picture as a file of its own.
    pub fn svg(&self) -> String {
        self.draw().standalone(&self.title, &format!("{} {}", self.caption, self.in_words()))
    }
}

fn derivative(gradient: f64) -> String {
    format!("∂ {}", readable(gradient))
}

/// How many lines begin in a column.
fn lines_from(diagram: &NetworkDiagram, column: usize) -> usize {
    let begins = |edge: &&DiagramEdge| diagram.nodes.get(edge.from).is_some_and(|node| node.column == column);
    diagram.edges.iter().filter(begins).count()
}

/// Where everything stands.
struct Layout {
    /// The middle of each column.
    x: Vec<f64>,
    /// The middle of each circle that is drawn.
    places: Vec<Option<[f64; 2]>>,
    /// The position of each circle in its column.
    rank: Vec<usize>,
    /// In how many places side by side the lines that begin in a column are written on.
    label_places: Vec<usize>,
    width: f64,
    height: f64,
}

impl Layout {
    fn of(diagram: &NetworkDiagram) -> Self {
        let columns = diagram.columns.len();
        let mut rank = Vec::with_capacity(diagram.nodes.len());
        let mut heights = vec![0.0f64; columns];
        let mut counts = vec![0usize; columns];
        let height = |node: &DiagramNode| {
            let below = node.notes.len() + usize::from(node.gradient.is_some());
            LINE + 2.0 * RADIUS + below as f64 * LINE + GAP
        };
        for node in &diagram.nodes {
            rank.push(counts.get(node.column).copied().unwrap_or(0));
            if node.column < columns {
                counts[node.column] += 1;
                heights[node.column] += height(node);
            }
        }
        // Many lines into many circles: what is written on them stands side by side.
        let label_places: Vec<usize> = (0..columns)
            .map(|column| {
                let next = counts.get(column + 1).copied().unwrap_or(0);
                if lines_from(diagram, column) > counts[column].max(next) { next.clamp(1, 3) } else { 1 }
            })
            .collect();
        let mut x = Vec::with_capacity(columns);
        let mut right = MARGIN + 0.5 * COLUMN;
        for places in &label_places {
            x.push(right);
            right += COLUMN + PLACE * (*places as f64 - 1.0);
        }
        let width = x.last().map_or(0.0, |last| last + 0.5 * COLUMN + MARGIN);
        let tallest = heights.iter().copied().fold(0.0, f64::max);
        let mut top: Vec<f64> = heights.iter().map(|own| HEADING + MARGIN + 0.5 * (tallest - own)).collect();
        let place = |node: &DiagramNode| {
            let top = top.get_mut(node.column)?;
            let middle = *top + LINE + RADIUS;
            *top += height(node);
            Some([x[node.column], middle])
        };
        let places = diagram.nodes.iter().map(place).collect();
        Layout { places, rank, label_places, width, height: HEADING + 2.0 * MARGIN + tallest, x }
    }

    /// How wide a text may be that stands in the middle of a column.
    fn room(&self, column: usize) -> f64 {
        let step = |a: usize, b: usize| Some(self.x.get(b)? - self.x.get(a)?);
        let right = step(column, column + 1).unwrap_or(f64::INFINITY);
        let left = column.checked_sub(1).and_then(|before| step(before, column)).unwrap_or(f64::INFINITY);
        right.min(left).min(COLUMN) - 8.0
    }

    fn leads_right(&self, diagram: &NetworkDiagram, edge: &DiagramEdge) -> bool {
        let column =
            |node: usize| diagram.nodes.get(node).filter(|_| self.places[node].is_some()).map(|n| n.column);
        matches!((column(edge.from), column(edge.to)), (Some(from), Some(to)) if from < to)
    }

    /// From the right of one circle to the left of the other.
    fn ends(&self, edge: &DiagramEdge) -> [[f64; 2]; 2] {
        let of = |node: usize| self.places[node].unwrap_or([0.0; 2]);
        let ([x, y], [to_x, to_y]) = (of(edge.from), of(edge.to));
        [[x + RADIUS, y], [to_x - RADIUS, to_y]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagram(widths: &[usize]) -> NetworkDiagram {
        let mut diagram = NetworkDiagram { title: "<net>".into(), ..NetworkDiagram::default() };
        let mut before: Vec<usize> = Vec::new();
        for (column, &width) in widths.iter().enumerate() {
            diagram.columns.push(format!("column {column}"));
            let first = diagram.nodes.len();
            for row in 0..width {
                diagram.nodes.push(DiagramNode {
                    name: format!("a{column}[{row}] & more"),
                    column,
                    value: -0.123_456,
                    gradient: Some(1e-7),
                    notes: vec!["bias 0.1".into(), "∂ 0.2".into()],
                });
            }
            let now: Vec<usize> = (first..diagram.nodes.len()).collect();
            for &from in &before {
                for &to in &now {
                    let label = "0.25".into();
                    diagram.edges.push(DiagramEdge { from, to, label, strength: 0.25, gradient: Some(0.5) });
                }
            }
            before = now;
        }
        diagram
    }

    /// The places of all texts, with what they say.
    fn texts(body: &str) -> Vec<(f64, f64, String)> {
        let number = |text: &str, name: &str| {
            let (_, rest) = text.split_once(&format!(" {name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.parse::<f64>().unwrap()
        };
        let of = |text: &str| {
            let content = text.split_once('>').unwrap().1.split_once('<').unwrap().0;
            (number(text, "x"), number(text, "y"), content.to_owned())
        };
        body.split("<text").skip(1).map(of).collect()
    }

    #[test]
    fn nothing_is_written_over_anything_else() {
        for widths in [&[1, 1][..], &[2, 2, 1], &[2, 3, 2, 1], &[4, 4, 3]] {
            let drawing = diagram(widths).draw();
            let texts = texts(&drawing.body);
            let width = |text: &str| super::super::labels::width(&text.replace("&amp;", "&"), 13.0);
            for (i, (x, y, text)) in texts.iter().enumerate() {
                assert!(
                    x - 0.5 * width(text) >= 0.0 && x + 0.5 * width(text) <= drawing.width,
                    "{text} at {x}"
                );
                assert!(*y > 0.0 && *y < drawing.height, "{text} at {y}");
                for (other_x, other_y, other) in &texts[..i] {
                    let apart = (x - other_x).abs() >= 0.5 * 0.8 * (width(text) + width(other));
                    assert!(
                        apart || (y - other_y).abs() >= 11.0,
                        "{widths:?}: '{text}' at {x},{y} and '{other}' at {other_x},{other_y}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_are_escaped_and_numbers_are_in_the_table() {
        let diagram = diagram(&[2, 1]);
        let html = diagram.figure().to_string();
        assert!(html.contains("&lt;net&gt;") && html.contains("a0[0] &amp; more") && !html.contains("<net>"));
        let numbers = diagram.numbers();
        assert_eq!(numbers.rows.len(), 3 + 2);
        assert!(
            diagram.in_words().starts_with("A network diagram of 3 values in 2 columns, joined by 2 lines.")
        );
        assert!(diagram.svg().starts_with("<svg"));
    }

    #[test]
    fn what_points_nowhere_is_left_out() {
        let mut diagram = diagram(&[1, 1]);
        diagram.edges.push(DiagramEdge { from: 1, to: 0, ..DiagramEdge::default() });
        diagram.edges.push(DiagramEdge { from: 0, to: 9, ..DiagramEdge::default() });
        diagram.nodes.push(DiagramNode { column: 7, ..DiagramNode::default() });
        let lines = diagram.draw().body.matches("<path").count();
        assert_eq!(lines, 1);
        assert_eq!(NetworkDiagram::default().draw().width, 0.0);
    }
}
