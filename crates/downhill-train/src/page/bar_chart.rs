//! Bars: one number for each of several names.

use super::axis::{Axis, Range, Scale};
use super::canvas::{Anchor, Canvas, FONT, short};
use super::chart::Chart;
use super::numbers::{not_finite, readable};
use super::{Cell, Drawing, Table, labels};

/// One bar: a name and a number, perhaps with a range around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// What it is.
    pub name: String,
    /// How long it is.
    pub value: f64,
    /// How low and how high the number might have been.
    pub band: Option<[f64; 2]>,
    /// Which of the eight colours it has; the first, if nothing is said.
    pub look: Option<usize>,
}

impl Bar {
    /// A bar of this length.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Bar { name: name.into(), value, ..Bar::default() }
    }

    /// With how low and how high the number might have been.
    pub fn band(mut self, low: f64, high: f64) -> Self {
        self.band = Some([low, high]);
        self
    }

    /// In this one of the eight colours.
    pub fn look(mut self, look: usize) -> Self {
        self.look = Some(look);
        self
    }
}

/// Horizontal bars, from above to below, each with its name before and its number behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BarChart {
    /// What stands above it.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// What the lengths are. Bars begin at zero; on a logarithmic axis at its lower end.
    pub axis: Axis,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// The height of a bar with its distance to the next.
const ROW: f64 = 26.0;
const THICKNESS: f64 = 15.0;

impl BarChart {
    /// A chart without any bars yet.
    pub fn new(title: impl Into<String>, axis: Axis) -> Self {
        BarChart { title: title.into(), axis, ..BarChart::default() }
    }

    /// With a sentence or two on what is to be seen.
    pub fn describe(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// With one more bar.
    pub fn bar(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }

    fn range(&self) -> Option<Range> {
        let ends =
            self.bars.iter().flat_map(|bar| std::iter::once(bar.value).chain(bar.band.into_iter().flatten()));
        // A logarithmic axis begins a little below the shortest bar, which would not be seen else.
        let (zero, close) = match self.axis.scale {
            Scale::Linear => (Some(0.0), true),
            Scale::Logarithmic => (None, false),
        };
        // With nothing but zeros, some length has to be one.
        let any = self.bars.iter().any(|bar| bar.value.is_finite());
        Range::of(&self.axis, ends.chain(zero.filter(|_| any)), close)
    }

    fn has_place(&self, value: f64) -> bool {
        value.is_finite() && (self.axis.scale == Scale::Linear || value > 0.0)
    }
}

impl Chart for BarChart {
    fn title(&self) -> &str {
        &self.title
    }

    fn caption(&self) -> &str {
        &self.caption
    }

    fn in_words(&self) -> String {
        let bars = self.bars.iter().map(|bar| format!(" {}: {}.", bar.name, readable(bar.value)));
        format!("Bars of {}.{}", self.axis.heading(), bars.collect::<String>())
    }

    fn remarks(&self) -> Vec<String> {
        let without = self.bars.iter().filter(|bar| bar.value.is_finite() && !self.has_place(bar.value));
        let remark =
            |bar: &Bar| format!("{} is zero or less, which a logarithmic axis cannot show.", bar.name);
        let nothing = self.range().is_none().then(|| "There is nothing to draw.".to_owned());
        without.map(remark).chain(nothing).collect()
    }

    fn draw(&self, width: f64) -> Drawing {
        let mut canvas = Canvas::default();
        if self.bars.is_empty() {
            canvas.text("quiet", [0.0, 20.0], Anchor::Start, "Nothing to draw.");
            return canvas.finish(width, 32.0);
        }
        let widest = |texts: &mut dyn Iterator<Item = String>| {
            texts.map(|text| labels::width(&text, FONT)).fold(0.0, f64::max)
        };
        let names = widest(&mut self.bars.iter().map(|bar| bar.name.clone()));
        let numbers = widest(&mut self.bars.iter().map(|bar| readable(bar.value)));
        // Long names stand above their bars.
        let beside = names + 12.0 <= 0.36 * width;
        let left = if beside { names + 12.0 } else { 0.0 };
        let right = width - numbers - 12.0;
        let row = if beside { ROW } else { ROW + 18.0 };
        let top = 24.0;
        canvas.text("", [0.0, 13.0], Anchor::Start, &labels::fitted(&self.axis.heading(), FONT, width));
        let range = self.range();
        let to_x = |value: f64| range.as_ref()?.place(value).map(|place| left + place * (right - left));
        let base = to_x(0.0).unwrap_or(left).clamp(left, right);
        let bottom = top + row * self.bars.len() as f64;
        for (index, bar) in self.bars.iter().enumerate() {
            let above = top + row * index as f64 + (row - ROW);
            let baseline = above + THICKNESS / 2.0 + 4.5;
            if beside {
                canvas.text("", [left - 12.0, baseline], Anchor::End, &bar.name);
            } else {
                canvas.text("", [0.0, above - 5.0], Anchor::Start, &labels::fitted(&bar.name, FONT, width));
            }
            canvas.group(&format!("s{}", bar.look.unwrap_or(0) % 8), |canvas| {
                if let Some(x) = to_x(bar.value) {
                    let x = x.clamp(left, right);
                    // Even a bar of no length can be seen.
                    canvas.rectangle("fill", [base.min(x), above], [(base - x).abs().max(1.0), THICKNESS]);
                }
            });
            if let Some([low, high]) = bar.band {
                let low = to_x(low).unwrap_or(left).clamp(left, right);
                if let Some(high) = to_x(high).map(|high| high.clamp(left, right)) {
                    let (middle, reach) = (above + THICKNESS / 2.0, 3.5);
                    let (low, high) = (short(low), short(high));
                    let (from, to) = (short(middle - reach), short(middle + reach));
                    let data = format!("M{low} {middle}H{high}M{low} {from}V{to}M{high} {from}V{to}");
                    canvas.path("casing", &data);
                    canvas.path("whisker", &data);
                }
            }
            let class = if not_finite(bar.value).is_some() { "quiet" } else { "" };
            canvas.text(class, [width, baseline], Anchor::End, &readable(bar.value));
        }
        canvas.line("axis", [base, top - 4.0], [base, bottom - ROW + THICKNESS + 4.0]);
        canvas.finish(width, bottom)
    }

    fn numbers(&self) -> Table {
        let banded = self.bars.iter().any(|bar| bar.band.is_some());
        let mut columns = vec!["name".to_owned(), self.axis.heading()];
        if banded {
            columns.extend(["low".to_owned(), "high".to_owned()]);
        }
        let mut table = Table::new(&self.title, columns);
        for bar in &self.bars {
            let mut row = vec![Cell::from(&bar.name), bar.value.into()];
            if banded {
                row.extend([bar.band.map(|band| band[0]).into(), bar.band.map(|band| band[1]).into()]);
            }
            table.push(row);
        }
        table
    }
}
