//! The pictures themselves: charts, tables, and a page of them.

use super::{Landscape, PathPicture, Surface};
use crate::page::{Axis, ContourChart, Figure, Grid, Levels, LineChart, Page, Section, Series, Table};

/// The bands of a surface.
const BANDS: usize = 9;

/// The points of the path that a page lists; all are among the numbers of its picture.
const ROWS: usize = 21;

/// How far the losses of a surface must be apart for its levels to have equal ratios.
const WIDE: f64 = 10.0;

impl Landscape {
    /// Over what the loss is taken, as a sentence.
    pub fn scope(&self) -> String {
        match self.examples == self.of {
            true => format!("The loss is the mean over all {} training examples of {}.", self.of, self.data),
            false => format!(
                "The loss is the mean over {} of the {} training examples of {}, drawn by the seed {}.",
                self.examples, self.of, self.data, self.seed
            ),
        }
    }

    /// The loss along the two random directions.
    pub fn random_chart(&self) -> ContourChart {
        let axis = |name: &str| Axis::linear(format!("{name} random direction"));
        chart(&self.random, "The loss along two random directions", [axis("first"), axis("second")])
            .describe(
                "A step of 1 changes every filter by its own length (Li et al. 2018); biases stay. The model stands in \
                 the middle.",
            )
            .mark("model", [0.0, 0.0])
    }

    /// The picture that says most: the path, or where there is none the random directions.
    pub fn chart(&self) -> ContourChart {
        self.path.as_ref().map_or_else(|| self.random_chart(), PathPicture::chart)
    }

    /// All that there is, as a page.
    pub fn page(&self) -> Page {
        let mut page = Page::new(
            format!("The loss around a model of {}", self.data),
            format!("{} At the model it is {:.6}.", self.scope(), self.loss),
        );
        if let Some(path) = &self.path {
            page = page
                .section(
                    Section::new("The path of the training")
                        .verdicts(&self.verdicts())
                        .figure(Figure::of(&path.chart()))
                        .figure(Figure::of(&path.distance_chart()))
                        .table(path.table().thinned(ROWS)),
                )
                .section(
                    Section::new("From the first parameters to the last")
                        .figure(Figure::of(&path.line_chart())),
                );
        }
        page.section(Section::new("Random directions").figure(Figure::of(&self.random_chart())))
    }

    /// All numbers: one line for each place of each picture.
    pub fn csv(&self) -> String {
        let columns = ["picture", "step", "x", "y", "loss", "distance_from_plane"];
        let mut table = Table::new("", columns);
        let text = |x: f64| x.to_string();
        let mut add = |picture: &str, step: String, x: String, y: String, loss: f64, distance: String| {
            table.push([picture.to_owned(), step, x, y, text(loss), distance]);
        };
        let none = String::new;
        for ([x, y], loss) in self.random.places() {
            add("random directions", none(), text(x), text(y), loss, none());
        }
        if let Some(path) = &self.path {
            for ([x, y], loss) in path.surface.places() {
                add("plane of the path", none(), text(x), text(y), loss, text(0.0));
            }
            for (index, step) in path.steps.iter().enumerate() {
                let [x, y] = path.places[index];
                let (loss, distance) = (path.losses[index], path.distances[index]);
                add("path", step.to_string(), text(x), text(y), loss, text(distance));
            }
            for (share, loss) in path.line.shares.iter().zip(&path.line.losses) {
                add("line", none(), text(*share), none(), *loss, none());
            }
        }
        table.csv()
    }
}

impl PathPicture {
    /// The loss on the plane of the path, with the path on it.
    pub fn chart(&self) -> ContourChart {
        let axis =
            |name: &str, share: f64| Axis::linear(format!("{name} direction ({:.1} %)", 100.0 * share));
        let axes = [axis("first", self.explained[0]), axis("second", self.explained[1])];
        let chart = chart(&self.surface, "The loss on the plane of the path", axes)
            .describe(format!(
                "The plane of the path's two principal directions holds {:.1} % of its variance, each the share in \
                 brackets; the path lies up to {:.3} beside it.",
                100.0 * (self.explained[0] + self.explained[1]),
                self.distances.iter().copied().fold(0.0, f64::max)
            ))
            .path(Series::new("path", self.places.iter().copied()));
        let end = self.places.last().copied().unwrap_or_default();
        if self.model == end && self.model_distance == 0.0 { chart } else { chart.mark("model", self.model) }
    }

    /// How far the path is from the plane, and from its end.
    pub fn distance_chart(&self) -> LineChart {
        let over_steps = |values: &[f64]| -> Vec<[f64; 2]> {
            self.steps.iter().zip(values).map(|(&step, &value)| [step as f64, value]).collect()
        };
        LineChart::new("What the plane leaves out", Axis::linear("step"), Axis::linear("distance"))
            .describe("Where the two lines meet, the picture shows nothing of where the path really is.")
            .series(Series::new("from the end of the path", over_steps(&self.from_end)))
            .series(Series::new("from the plane", over_steps(&self.distances)))
    }

    /// The loss along the line from the first parameters to the model's.
    pub fn line_chart(&self) -> LineChart {
        let points = self.line.shares.iter().zip(&self.line.losses).map(|(&share, &loss)| [share, loss]);
        let x = Axis::linear("α: 0 at the first parameters, 1 at the model's");
        LineChart::new("The loss along the straight line", x, Axis::linear("loss"))
            .describe("The training did not go this way; the line only joins its two ends.")
            .series(Series::new("loss", points))
            .event("first", 0.0)
            .event("model", 1.0)
    }

    /// The points of the path.
    pub fn table(&self) -> Table {
        let columns = ["step", "loss", "x", "y", "from the plane", "from the end"];
        let mut table =
            Table::new("Points of the path, and how far each is from the plane that is drawn", columns);
        for (index, step) in self.steps.iter().enumerate() {
            let [x, y] = self.places[index];
            let numbers = [self.losses[index], x, y, self.distances[index], self.from_end[index]];
            table.push(std::iter::once(crate::page::Cell::Count(*step)).chain(numbers.map(Into::into)));
        }
        table
    }
}

fn chart(surface: &Surface, title: &str, [x, y]: [Axis; 2]) -> ContourChart {
    let grid = Grid { x: surface.x, y: surface.y, columns: surface.columns, values: surface.losses.clone() };
    let levels = match surface.ends() {
        Some([low, high]) if low > 0.0 && high > WIDE * low => Levels::Logarithmic(BANDS),
        _ => Levels::Linear(BANDS),
    };
    ContourChart::new(title, x, y, "loss", grid).levels(levels)
}
