//! Random directions in which one step means as much to every layer.

use crate::{Error, Result};
use downhill_tensor::{Key, ParameterEntry, ParameterLayout, Tensor};

/// A random direction, filter by filter as long as θ itself: Gaussian numbers d, of which each filter is scaled,
/// `d_f ← d_f ‖θ_f‖ / ‖d_f‖`. So a step of 1 changes every filter by its own length, and planes of networks whose layers
/// are of different sizes can be compared.
///
/// A filter is what makes one output: a column of a weight `[inputs, outputs]`, the first axis of the weight of a
/// convolution, a row of an embedding. Parameters of fewer than two dimensions (biases, normalization) stay as they are:
/// their part of the direction is 0, as in the authors' pictures. Where a network has no others (a single dimension
/// everywhere), each such parameter is a filter of its own.
///
/// # Errors
/// A θ of another length than the layout.
///
/// # Source
/// H. Li et al., *Visualizing the loss landscape of neural nets* (2018), section 4.
pub fn filter_normalized_direction(layout: &ParameterLayout, theta: &[f64], key: Key) -> Result<Vec<f64>> {
    if theta.len() != layout.len() {
        let reason = format!("{} numbers came, and the network has {}", theta.len(), layout.len());
        return Err(Error::Mismatch { what: "the vector of parameters".into(), reason });
    }
    let mut direction = vec![0.0; theta.len()];
    let has_filters = layout.entries().iter().any(|entry| entry.shape.rank() >= 2);
    for entry in layout.entries().iter().filter(|entry| entry.shape.rank() >= 2 || !has_filters) {
        let drawn = Tensor::<f64>::normal(key.named(&entry.name), [entry.shape.size()], 0.0, 1.0)?.to_vec();
        let weights = &theta[entry.range()];
        let part = &mut direction[entry.range()];
        for filter in filters(entry) {
            let length =
                |values: &[f64]| filter.clone().map(|at| values[at] * values[at]).sum::<f64>().sqrt();
            let (ours, theirs) = (length(weights), length(&drawn));
            if theirs > 0.0 {
                filter.clone().for_each(|at| part[at] = drawn[at] * (ours / theirs));
            }
        }
    }
    Ok(direction)
}

/// The places of each filter of a parameter, counted from its beginning.
fn filters(entry: &ParameterEntry) -> Vec<std::iter::StepBy<std::ops::Range<usize>>> {
    let size = entry.shape.size();
    match *entry.shape {
        // A matrix maps inputs to outputs, unless it is a table of vectors.
        [_, columns] if !entry.sparse => (0..columns).map(|column| (column..size).step_by(columns)).collect(),
        [units, _, ..] if units > 0 => {
            let each = (size / units).max(1);
            (0..units).map(|unit| (unit * each..(unit + 1) * each).step_by(1)).collect()
        }
        _ => vec![(0..size).step_by(1)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> ParameterLayout {
        let mut layout = ParameterLayout::default();
        layout.push("linear", [3, 2], false).unwrap();
        layout.push("bias", [2], false).unwrap();
        layout.push("filters", [2, 1, 2, 2], false).unwrap();
        layout.push("table", [2, 3], true).unwrap();
        layout
    }

    #[test]
    fn every_filter_is_as_long_as_that_of_the_parameters_and_biases_stay() {
        let layout = layout();
        let mut theta: Vec<f64> =
            (0..layout.len()).map(|i| (i as f64 * 0.9).sin() * (1.0 + i as f64)).collect();
        theta[1] = 0.0;
        theta[3] = 0.0;
        theta[5] = 0.0;
        let direction = filter_normalized_direction(&layout, &theta, Key::new(1)).unwrap();
        let length = |values: &[f64], at: &[usize]| at.iter().map(|&i| values[i].powi(2)).sum::<f64>().sqrt();
        let all: [&[usize]; 6] =
            [&[0, 2, 4], &[1, 3, 5], &[8, 9, 10, 11], &[12, 13, 14, 15], &[16, 17, 18], &[19, 20, 21]];
        for filter in all {
            assert!((length(&direction, filter) - length(&theta, filter)).abs() < 1e-12, "{filter:?}");
        }
        assert_eq!(direction[6..8], [0.0, 0.0]);
        assert_ne!(direction, filter_normalized_direction(&layout, &theta, Key::new(2)).unwrap());
        assert_eq!(direction, filter_normalized_direction(&layout, &theta, Key::new(1)).unwrap());
        assert!(filter_normalized_direction(&layout, &theta[1..], Key::new(1)).is_err());
    }

    #[test]
    fn where_there_are_no_filters_each_parameter_is_one() {
        let layout = ParameterLayout::flat(2);
        let direction = filter_normalized_direction(&layout, &[3.0, 4.0], Key::new(1)).unwrap();
        assert!((direction[0].hypot(direction[1]) - 5.0).abs() < 1e-12);
    }
}
