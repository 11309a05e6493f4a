//! The walks, to look at.

use super::problem::{Problem, point};
use super::walk::Walk;
use crate::report::{number, sentence};
use downhill::optim::minimize::Objective;
use downhill::train::page::{
    Axis, Cell, Chart, ContourChart, Figure, Grid, Levels, LineChart, Page, Section, Series, Table,
};

/// So many points of a way are drawn.
const DRAWN: usize = 600;

/// So many places of a surface are computed along each side.
const SIDE: usize = 121;

/// The chart of the walks alone: in the plane the surface with the ways on it, elsewhere the values.
pub fn chart(problem: &mut Problem, walks: &[Walk]) -> Box<dyn Chart> {
    match surface(problem, walks) {
        Some(chart) => Box::new(chart),
        None => Box::new(values(problem, walks)),
    }
}

/// The page.
pub fn page(problem: &mut Problem, walks: &[Walk]) -> Page {
    let lead = format!("f = {}, from {}.", problem.formula, point(&problem.start));
    let mut result = Section::new("The walks").table(results(walks));
    for walk in walks {
        result = result.paragraph(format!("{}: {}.", walk.entrant.name, ending(walk)));
    }
    let mut page = Page::new(format!("Minimizing {}", problem.name), lead).section(result);
    if let Some(chart) = surface(problem, walks) {
        page = page.section(Section::new("The ways").figure(Figure::of(&chart)));
    }
    page = page.section(Section::new("The values").figure(Figure::of(&values(problem, walks))));
    if !problem.minima.is_empty() {
        page = page.section(Section::new("What is known").table(minima(problem)));
    }
    page
}

/// How a walk ended, in words.
pub fn ending(walk: &Walk) -> String {
    let Walk { end, last_value, nature, .. } = walk;
    let mut text = format!("{}; {}", sentence(&end.reason.to_string()), nature.sentence());
    // A walk that runs away must not look as if it stood still at its start.
    if walk.places.first().is_some_and(|start| *last_value > start.value) {
        text += &format!("; it is the best of the way, which had come to the value {}", number(*last_value));
    }
    text
}

/// A row for each walk.
pub fn results(walks: &[Walk]) -> Table {
    let columns =
        ["method", "learning rate", "point", "value", "gradient", "iterations", "evaluations", "end"];
    let mut table = Table::new("Where each method came to, and at what price", columns);
    for walk in walks {
        let (end, entrant) = (&walk.end, &walk.entrant);
        table.push([
            Cell::from(&entrant.name),
            entrant.learning_rate.into(),
            point(&walk.x).into(),
            end.value.into(),
            end.gradient_norm.into(),
            end.iterations.into(),
            end.evaluations.calls().into(),
            super::walk::reason(&end.reason).replace('_', " ").into(),
        ]);
    }
    if walks.iter().all(|walk| walk.entrant.learning_rate.is_none()) {
        table.columns.remove(1);
        table.rows.iter_mut().for_each(|row| drop(row.remove(1)));
    }
    table
}

fn minima(problem: &Problem) -> Table {
    let mut table = Table::new("The minima that are known", ["kind", "point", "value"]);
    for (x, value, global) in &problem.minima {
        let kind = if *global { "global" } else { "local" };
        table.push([Cell::from(kind), point(x).into(), (*value).into()]);
    }
    table
}

/// Every place that was kept of every way.
pub fn ways(problem: &Problem, walks: &[Walk]) -> Table {
    let columns = ["method", "iteration", "evaluations", "value", "gradient norm"].map(String::from);
    let columns = columns.into_iter().chain(problem.variables.iter().cloned());
    let mut table = Table::new(format!("The ways on {}", problem.name), columns);
    for walk in walks {
        for place in &walk.places {
            let cells = [
                Cell::from(&walk.entrant.name),
                place.iteration.into(),
                place.evaluations.into(),
                place.value.into(),
                place.gradient_norm.into(),
            ];
            table.push(cells.into_iter().chain(place.x.iter().map(|&x| x.into())));
        }
    }
    table
}

/// What values are measured from: the lowest that is known or was seen.
fn lowest(problem: &Problem, walks: &[Walk], more: impl Iterator<Item = f64>) -> f64 {
    let seen = walks.iter().flat_map(|walk| walk.places.iter().map(|place| place.value)).chain(more);
    let seen = seen.filter(|value| value.is_finite()).fold(f64::INFINITY, f64::min);
    problem.lowest.unwrap_or(seen)
}

/// What the values are called if they are measured from this one.
fn above(lowest: f64) -> String {
    if lowest == 0.0 {
        "value".into()
    } else if lowest < 0.0 {
        format!("value + {}", number(-lowest))
    } else {
        format!("value - {}", number(lowest))
    }
}

/// The values over the evaluations.
fn values(problem: &Problem, walks: &[Walk]) -> LineChart {
    let lowest = lowest(problem, walks, std::iter::empty());
    let caption = if problem.lowest.is_some() {
        "How far each method is above the lowest value that is known. Lower is better."
    } else {
        "How far each method is above the lowest value that any of them saw. Lower is better."
    };
    let title = "The values over what they cost";
    let axis = Axis::logarithmic("evaluations");
    let mut chart = LineChart::new(title, axis, Axis::logarithmic(above(lowest))).describe(caption);
    for walk in walks {
        let places = thin(&walk.places).into_iter();
        // What has reached the lowest value has no place on a logarithmic axis: the line ends before it.
        let points = places.map(|place| [place.evaluations as f64, place.value - lowest]);
        let points = points.filter(|[_, height]| *height > 0.0);
        chart = chart.series(Series::new(&walk.entrant.name, points));
    }
    chart
}

/// Some of many, the first and the last among them.
fn thin<T>(all: &[T]) -> Vec<&T> {
    let step = all.len().div_ceil(DRAWN).max(1);
    let mut some: Vec<&T> = all.iter().step_by(step).collect();
    if all.len() % step != 1 && step > 1 {
        some.extend(all.last());
    }
    some
}

/// The function seen from above with the ways on it, if it has two variables.
fn surface(problem: &mut Problem, walks: &[Walk]) -> Option<ContourChart> {
    if problem.variables.len() != 2 {
        return None;
    }
    let [x, y] = region(problem, walks);
    let mut gradient = [0.0; 2];
    let mut grid = Grid::of(x, y, [SIDE, SIDE], |x, y| {
        problem.value_and_gradient(&[x, y], &mut gradient).unwrap_or(f64::NAN)
    });
    let lowest = lowest(problem, walks, grid.values.iter().copied());
    let mut heights: Vec<f64> =
        grid.values.iter().map(|value| value - lowest).filter(|height| height.is_finite()).collect();
    heights.sort_by(f64::total_cmp);
    let (&middle, &highest) = (heights.get(heights.len() / 4)?, heights.last()?);
    // Where a quarter of the picture is a small part of its height, equal differences would show nothing of it.
    let steep = highest > 20.0 * middle && highest > 0.0;
    let (what, levels) = if steep {
        let least = highest * 1e-8;
        grid.values
            .iter_mut()
            .for_each(|value| *value = if value.is_finite() { (*value - lowest).max(least) } else { *value });
        (above(lowest), Levels::Logarithmic(9))
    } else {
        ("value".into(), Levels::Linear(9))
    };
    let names = &problem.variables;
    let caption = if steep {
        format!("Between two colours the {what} changes by an equal ratio. The stronger, the lower.")
    } else {
        "Between two colours the value changes by an equal difference. The stronger, the lower.".to_owned()
    };
    let (axis_x, axis_y) =
        (Axis::linear(&names[0]).range(x[0], x[1]), Axis::linear(&names[1]).range(y[0], y[1]));
    let title = format!("{} from above", sentence(&problem.name));
    let mut chart = ContourChart::new(title, axis_x, axis_y, what, grid).describe(caption).levels(levels);
    for walk in walks {
        let points = thin(&walk.places).into_iter().map(|place| [place.x[0], place.x[1]]);
        chart = chart.path(Series::new(&walk.entrant.name, points));
    }
    for (x, _, global) in &problem.minima {
        chart = chart.mark(if *global { "minimum" } else { "local" }, [x[0], x[1]]);
    }
    Some(chart)
}

/// What is drawn: where the ways go, but for those that went off, and what is known nearby.
fn region(problem: &Problem, walks: &[Walk]) -> [[f64; 2]; 2] {
    let good = |walk: &&Walk| walk.end.reason.converged();
    let any = walks.iter().any(|walk| good(&walk));
    let mut points: Vec<&[f64]> = vec![&problem.start];
    for walk in walks.iter().filter(|walk| !any || good(walk)) {
        points.extend(walk.places.iter().map(|place| &place.x[..]));
    }
    points.extend(problem.minima.iter().filter(|minimum| minimum.2).map(|minimum| &minimum.0[..]));
    [0, 1].map(|axis| {
        let ends = points.iter().map(|x| x[axis]).filter(|x| x.is_finite());
        let [low, high] =
            ends.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
        let size = (high - low).max(1e-3 * low.abs().max(high.abs())).max(1e-6);
        [low - 0.2 * size, high + 0.2 * size]
    })
}
