//! A named sequence of points: a line, a path, a group of marks.

use super::axis::{Axis, Range, Scale};
use super::canvas::Canvas;
use super::colours;

/// One line of a chart: a name and points, perhaps with a band around them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its points, in the order in which they are joined. What has no place on the axes is a gap.
    pub points: Vec<[f64; 2]>,
    /// For each point how low and how high it might have been; empty, or as many as points.
    pub band: Vec<[f64; 2]>,
    /// Which of the eight colours and marks it has, where that should not follow from its place among the others.
    pub look: Option<usize>,
    /// Whether its marks are hollow.
    pub hollow: bool,
}

impl Series {
    /// A line through these points.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        Series { name: name.into(), points: points.into_iter().collect(), ..Series::default() }
    }

    /// A line through these values, at 1, 2, 3 and so on.
    pub fn counted(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Series::new(name, values.into_iter().enumerate().map(|(index, value)| [(index + 1) as f64, value]))
    }

    /// With this one of the eight colours and marks.
    pub fn look(mut self, look: usize) -> Self {
        self.look = Some(look);
        self
    }

    /// With hollow marks.
    pub fn hollow(mut self) -> Self {
        self.hollow = true;
        self
    }

    /// With a band from the low to the high number at each point.
    pub fn band(mut self, band: impl IntoIterator<Item = [f64; 2]>) -> Self {
        self.band = band.into_iter().collect();
        self
    }

    /// The class that sets its colour and its dashes, if it stands at this place among the others.
    pub(super) fn class(&self, index: usize) -> String {
        colours::series(self.look.unwrap_or(index))
    }

    /// One of its points.
    pub(super) fn mark(&self, canvas: &mut Canvas, index: usize, place: [f64; 2], radius: f64) {
        canvas.mark(if self.hollow { "hollow" } else { "mark" }, self.look.unwrap_or(index), place, radius);
    }

    /// How many of its points cannot be seen, with the reason.
    fn unseen(&self, axes: [&Axis; 2], ranges: Option<(Range, Range)>) -> Vec<(usize, &'static str)> {
        let (mut unreal, mut unplaced, mut outside) = (0, 0, 0);
        for point in &self.points {
            let positive = |(axis, value): (&Axis, &f64)| axis.scale == Scale::Linear || *value > 0.0;
            let within = |place: Option<f64>| place.is_some_and(|place| (-0.001..=1.001).contains(&place));
            if !point.iter().all(|value| value.is_finite()) {
                unreal += 1;
            } else if !axes.into_iter().zip(point).all(positive) {
                unplaced += 1;
            } else if ranges.is_some_and(|(x, y)| !within(x.place(point[0])) || !within(y.place(point[1]))) {
                outside += 1;
            }
        }
        vec![
            (unreal, "not finite numbers"),
            (unplaced, "zero or less, which a logarithmic axis cannot show"),
            (outside, "beyond the axes"),
        ]
    }
}

/// What to say of points that cannot be seen between these axes.
pub(super) fn remarks(series: &[Series], axes: [&Axis; 2], ranges: Option<(Range, Range)>) -> Vec<String> {
    let mut remarks = Vec::new();
    for series in series {
        for (number, why) in series.unseen(axes, ranges).into_iter().filter(|(number, _)| *number > 0) {
            let (all, are) = (series.points.len(), if number == 1 { "is" } else { "are" });
            remarks.push(format!("{number} of {all} points of {} {are} {why}: left out.", series.name));
        }
    }
    if ranges.is_none() {
        remarks.push("There is nothing to draw.".into());
    }
    remarks
}
