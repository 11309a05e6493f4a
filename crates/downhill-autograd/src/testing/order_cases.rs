//! Rows for sorting, and for choosing along an axis.

use super::{Case, CaseRng, OperationCase};
use crate::ops::ScatterAddAlongAxis;
use downhill_tensor::{Shape, Tensor};

/// A shape, an axis (also counted from the end), and numbers along it, fewer or more than its elements, and along
/// other axes sometimes fewer.
fn along(rng: &mut CaseRng) -> (Shape, isize, Tensor<i64>) {
    let shape = rng.full_shape(1..=4);
    let axis = rng.axis(shape.rank());
    let position = shape.axis(axis).unwrap_or(0);
    let dims: Vec<usize> = (0..shape.rank())
        .map(|other| match other == position {
            true => rng.below(5),
            false if rng.chance(0.2) => 1,
            false => shape[other],
        })
        .collect();
    let chosen = Shape::new(&dims).unwrap_or(shape);
    (shape, axis, rng.indices(chosen, shape[position]))
}

pub(super) fn rows() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("sort", |rng| {
            let (shape, descending) = (rng.shape(1..=4), rng.chance(0.5));
            let axis = rng.axis(shape.rank());
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.sort(axis, descending).0)
        }),
        OperationCase::smooth("topk", |rng| {
            let (shape, largest) = (rng.shape(1..=4), rng.chance(0.5));
            let axis = rng.axis(shape.rank());
            let count = rng.below(shape[shape.axis(axis).unwrap_or(0)] + 1);
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.topk(count, axis, largest).0)
        }),
        // Through a table, so that the result is real like all others.
        OperationCase::flat("argsort", |rng| {
            let (shape, descending) = (rng.full_shape(1..=3), rng.chance(0.5));
            let axis = rng.axis(shape.rank());
            let n = shape[shape.axis(axis).unwrap_or(0)];
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.argsort(axis, descending).one_hot(n))
        }),
        OperationCase::smooth("take_along_axis", |rng| {
            let (shape, axis, indices) = along(rng);
            Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |_, x| x[0].take_along_axis(x[1], axis))
                .with_indices(vec![indices])
        }),
        OperationCase::smooth("scatter_add_along_axis", |rng| {
            let (shape, axis, indices) = along(rng);
            let operands = vec![rng.tensor(shape, -2.0, 2.0), rng.tensor(indices.shape(), -2.0, 2.0)];
            Case::new(operands, move |_, x| x[0].scatter_add_along_axis(axis, x[2], x[1]))
                .with_indices(vec![indices])
        }),
        OperationCase::smooth("scatter_add_along_axis into zeros", |rng| {
            let (shape, axis, indices) = along(rng);
            let operation = ScatterAddAlongAxis { axis: shape.axis(axis).unwrap_or(0), shape };
            let values = rng.tensor(indices.shape(), -2.0, 2.0);
            Case::new(vec![values], move |tape, x| tape.record(operation, &[x[0], x[1]]))
                .with_indices(vec![indices])
        }),
        OperationCase::smooth("scatter_along_axis", |rng| {
            let (shape, axis, indices) = along(rng);
            let operands = vec![rng.tensor(shape, -2.0, 2.0), rng.tensor(indices.shape(), -2.0, 2.0)];
            Case::new(operands, move |_, x| x[0].scatter_along_axis(axis, x[2], x[1]))
                .with_indices(vec![indices])
        }),
        OperationCase::smooth("index_select", |rng| {
            let shape = rng.full_shape(1..=4);
            let axis = rng.axis(shape.rank());
            let count = rng.below(5);
            let indices = rng.indices([count].into(), shape[shape.axis(axis).unwrap_or(0)]);
            Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |_, x| x[0].index_select(axis, x[1]))
                .with_indices(vec![indices])
        }),
    ]
}
