//! The model at work on data that it did not learn from: what it takes for what, or how far it is off.

use crate::page::{Axis, Bar, BarChart, Figure, Matrix, Scatter, Section, Series};
use crate::{Model, Predictions, Result};
use downhill_data::InMemory;
use downhill_nn::metrics::ConfusionMatrix;

/// The most classes that are shown in a matrix, and in bars.
const MOST_CLASSES: usize = 120;
const MOST_BARS: usize = 40;
/// The most numbers of an example that have pictures of their own.
const MOST_NUMBERS: usize = 4;

/// What a model does with the examples of a part.
pub(super) fn section(
    model: &Model,
    part: &str,
    data: &InMemory,
    confusion: Option<&ConfusionMatrix>,
) -> Result<Section> {
    if let Some(confusion) = confusion {
        return Ok(classes(part, model.schema().target.classes(), confusion));
    }
    let Predictions::Values { name, width, values } = model.predict(data)? else {
        let section = Section::new("What was taken for what");
        return Ok(section.paragraph(format!("It was not counted on the part “{part}”.")));
    };
    Ok(numbers(part, &name, width, &data.values().unwrap_or_default(), &values))
}

fn classes(part: &str, names: &[String], confusion: &ConfusionMatrix) -> Section {
    let section = Section::new("What was taken for what");
    let count = names.len();
    if count > MOST_CLASSES {
        return section.paragraph(format!("There are {count} classes, too many to be shown here."));
    }
    let counts = (0..count * count).map(|at| confusion.count(at / count, at % count));
    let matrix =
        Matrix::new("What was taken for what", names, counts).axes("true", "predicted").describe(format!(
            "Examples of the part “{part}”. The darker, the more of its row. Right ones lie on the diagonal."
        ));
    let section = section.figure(Figure::of(&matrix));
    if count > MOST_BARS {
        return section;
    }
    let mut bars = BarChart::new("Found of each class", Axis::linear("recall").unit("%"))
        .describe("The share of the examples of each class that was recognized.");
    for (class, name) in names.iter().enumerate() {
        bars = bars.bar(Bar::new(name, 100.0 * confusion.recall(class)));
    }
    section.figure(Figure::of(&bars))
}

fn numbers(part: &str, name: &str, width: usize, targets: &[f64], predictions: &[f64]) -> Section {
    let mut section = Section::new("How far it is off");
    for output in 0..width.min(MOST_NUMBERS) {
        let of = |numbers: &[f64]| numbers.iter().skip(output).step_by(width).copied().collect::<Vec<_>>();
        let (targets, predictions) = (of(targets), of(predictions));
        let name = if width == 1 { name.to_owned() } else { format!("{name}, number {}", output + 1) };
        let pairs = || targets.iter().zip(&predictions);
        let against = Scatter::new(
            format!("{name}: predictions against targets"),
            Axis::linear(format!("target: {name}")),
            Axis::linear(format!("prediction: {name}")),
        )
        .describe(format!("Examples of the part “{part}”. On the dotted line both are equal."))
        .diagonal()
        .group(Series::new(part, pairs().map(|(target, prediction)| [*target, *prediction])));
        let residuals = Scatter::new(
            format!("{name}: what is left"),
            Axis::linear(format!("prediction: {name}")),
            Axis::linear("target less prediction"),
        )
        .describe("A pattern in it is something that could still be learned.")
        .level(0.0)
        .group(Series::new(part, pairs().map(|(target, prediction)| [*prediction, target - prediction])));
        section = section.figure(Figure::of(&against)).figure(Figure::of(&residuals));
    }
    if width > MOST_NUMBERS {
        section = section.paragraph(format!("Of {width} numbers the first {MOST_NUMBERS} are shown."));
    }
    section
}
