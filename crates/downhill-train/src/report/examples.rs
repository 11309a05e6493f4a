//! The examples on which the loss is largest, with what the model was given.

use crate::page::{Cell, Picture, Section, Table, readable};
use crate::{Model, Predictions, Result};
use downhill_data::{ColumnKind, InMemory, InputSchema};

/// How many examples are shown, and how many columns of a table.
const MOST_EXAMPLES: usize = 12;
const MOST_COLUMNS: usize = 8;

/// The examples of a part on which the loss is largest.
pub(super) fn section(model: &Model, part: &str, data: &InMemory) -> Result<Section> {
    let losses = model.losses(data)?;
    let mut order: Vec<usize> = (0..losses.len()).collect();
    // What is not a number is worst; equal ones stay in their order.
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    order.truncate(MOST_EXAMPLES);
    let failed = crate::Error::data("the held-out data");
    let worst = data.subset(&order).map_err(&failed)?;
    let predictions = model.predict(&worst)?;

    let image = shape_of_image(&model.schema().inputs);
    let columns = model.schema().inputs.columns();
    let mut headings = vec!["row".to_owned(), "loss".to_owned()];
    headings.extend(image.map(|_| "input".to_owned()));
    headings.push("target".into());
    headings.push("prediction".into());
    if matches!(predictions, Predictions::Classes { .. }) {
        headings.extend(["its probability".to_owned(), "that of the target".to_owned()]);
    }
    headings.extend(columns.iter().take(MOST_COLUMNS).map(|column| column.name.clone()));
    let mut table = Table::new(format!("The largest losses on the part “{part}”, the worst first"), headings);
    let (labels, values) = (worst.labels(), worst.values());
    for (example, &row) in order.iter().enumerate() {
        // People count from 1.
        let number = data.position(row).map_err(&failed)? + 1;
        let mut cells = vec![Cell::from(number), losses[row].into()];
        let input = worst.input(example).map_err(&failed)?;
        if let Some(shape) = image {
            let text = format!("The image of row {number}");
            cells.push(Picture::of_planes(&scaled(&input), shape, text).into());
        }
        match &predictions {
            Predictions::Classes { names, labels: predicted, .. } => {
                let target = labels.as_ref().and_then(|labels| usize::try_from(labels[example]).ok());
                let name = |class: Option<usize>| class.and_then(|class| names.get(class));
                let predicted = predicted.get(example).copied();
                let probability =
                    |class: Option<usize>| predictions.row(example).get(class?).copied().map(Cell::Share);
                cells.extend([name(target).into(), name(predicted).into()]);
                cells.extend([probability(predicted), probability(target)].map(Option::unwrap_or_default));
            }
            Predictions::Values { width, .. } => {
                let target = values.iter().flatten().skip(example * width).take(*width).copied();
                cells.extend([numbers(&target.collect::<Vec<_>>()), numbers(predictions.row(example))]);
            }
        }
        for (column, &value) in columns.iter().zip(&input).take(MOST_COLUMNS) {
            cells.push(match &column.kind {
                ColumnKind::Numeric => value.into(),
                ColumnKind::Categorical { categories } => categories.get(value as usize).into(),
            });
        }
        table.push(cells);
    }
    let mut note = "Rows count from 1, in the order of the data, without a header.".to_owned();
    if columns.len() > MOST_COLUMNS {
        note += &format!(" Of {} columns the first {MOST_COLUMNS} are shown.", columns.len());
    }
    table.note = note;
    Ok(Section::new("Where it errs most").table(table))
}

/// One number, or several as a text.
fn numbers(numbers: &[f64]) -> Cell {
    match numbers {
        [number] => Cell::Number(*number),
        numbers => numbers.iter().map(|number| readable(*number)).collect::<Vec<_>>().join(", ").into(),
    }
}

/// Planes, rows and columns of inputs that can be looked at.
fn shape_of_image(inputs: &InputSchema) -> Option<[usize; 3]> {
    let InputSchema::Array { shape, .. } = inputs else { return None };
    match shape[..] {
        [height, width] => Some([1, height, width]),
        [channels @ (1 | 3), height, width] => Some([channels, height, width]),
        _ => None,
    }
}

/// Values between 0 and 1: as they are if they lie there, else from their smallest to their largest.
fn scaled(values: &[f64]) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low >= 0.0 && high <= 1.0 {
        return values.to_vec();
    }
    let length = if high > low { high - low } else { 1.0 };
    values.iter().map(|value| (value - low) / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_size_can_be_looked_at() {
        assert_eq!(scaled(&[0.0, 0.25]), [0.0, 0.25]);
        assert_eq!(scaled(&[-2.0, 0.0, 2.0]), [0.0, 0.5, 1.0]);
        assert_eq!(scaled(&[7.0, 7.0]), [0.0, 0.0]);
    }
}
