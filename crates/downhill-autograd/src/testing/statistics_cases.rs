//! Rows for variances, norms, products and recurrences along axes.

use super::{Case, CaseRng, OperationCase};
use crate::Var;
use downhill_tensor::Shape;

/// A shape and some of its axes, over which there are at least `least` elements.
fn reducible(rng: &mut CaseRng, least: usize) -> (Shape, Vec<isize>) {
    loop {
        let shape = rng.full_shape(0..=4);
        let axes = rng.axes(shape.rank());
        let positions = shape.axes(&axes).unwrap_or_default();
        if positions.iter().map(|&axis| shape[axis]).product::<usize>() >= least {
            return (shape, axes);
        }
    }
}

/// Distances that set equal numbers apart: where all are equal, deviations are rounding errors.
fn spread(x: Var<'_>) -> Var<'_> {
    let mut k = 0.0f64;
    let ramp = downhill_tensor::Tensor::from_fn(x.shape(), |_| {
        k += 1.0;
        k.sin()
    });
    x + x.tape().constant(ramp)
}

fn norm(rng: &mut CaseRng, p: f64) -> Case {
    let (shape, axes) = reducible(rng, 1);
    Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.norm_over(&axes, p))
}

pub(super) fn rows() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("var", |rng| {
            let correction = rng.below(2);
            let (shape, axes) = reducible(rng, correction + 1);
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.var_over(&axes, correction))
        }),
        OperationCase::smooth("std", |rng| {
            let correction = rng.below(2);
            let (shape, axes) = reducible(rng, 3);
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| spread(x).std_over(&axes, correction))
        }),
        OperationCase::smooth("norm of all", |rng| {
            let shape = rng.shape(0..=4);
            Case::of(rng.tensor(shape, -2.0, 2.0), |x| x.norm())
        }),
        OperationCase::smooth("norm 1", |rng| norm(rng, 1.0)),
        OperationCase::smooth("norm 2", |rng| norm(rng, 2.0)),
        OperationCase::smooth("norm 3", |rng| norm(rng, 3.0)),
        OperationCase::smooth("norm inf", |rng| norm(rng, f64::INFINITY)),
        OperationCase::smooth("norm -inf", |rng| norm(rng, f64::NEG_INFINITY)),
        OperationCase::smooth("norm -1", |rng| norm(rng, -1.0)),
        OperationCase::flat("norm 0", |rng| norm(rng, 0.0)),
        OperationCase::smooth("logsumexp_over", |rng| {
            let (shape, axes) = reducible(rng, 1);
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.logsumexp_over(&axes))
        }),
        OperationCase::smooth("prod", |rng| {
            let shape = rng.shape(0..=4);
            let axes = rng.axes(shape.rank());
            Case::of(rng.tensor(shape, -1.5, 1.5), move |x| x.prod_over(&axes))
        }),
        OperationCase::smooth("prod of all", |rng| {
            let shape = rng.shape(0..=2);
            Case::of(rng.tensor(shape, -1.5, 1.5), |x| x.prod())
        }),
        OperationCase::smooth("cumsum", |rng| {
            let shape = rng.shape(1..=4);
            let axis = rng.axis(shape.rank());
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.cumsum(axis))
        }),
        OperationCase::smooth("cumprod", |rng| {
            let shape = rng.shape(1..=4);
            let axis = rng.axis(shape.rank());
            Case::of(rng.tensor(shape, -1.5, 1.5), move |x| x.cumprod(axis))
        }),
        OperationCase::smooth("recurrence", |rng| {
            let shape = rng.shape(1..=4);
            let axis = rng.axis(shape.rank());
            let operands = vec![rng.tensor(shape, -1.0, 1.0), rng.tensor(shape, -2.0, 2.0)];
            Case::new(operands, move |_, x| x[0].recurrence(x[1], axis))
        }),
    ]
}
