//! Rows for further convolutions, for pooling to a size, and for interpolation.

use super::{Case, CaseRng, OperationCase};
use crate::Var;
use crate::ops::{Conv1d, Conv2d, Conv3d, Interpolation};
use downhill_tensor::Shape;

/// Along one axis of a convolution.
#[derive(Clone, Copy)]
struct Axis {
    stride: usize,
    padding: usize,
    dilation: usize,
    window: usize,
    length: usize,
    /// Less than the stride.
    extra: usize,
}

impl Axis {
    /// For a convolution, long enough for one window; for a transposed one, with a result.
    fn random(rng: &mut CaseRng) -> Self {
        let (stride, dilation) = (rng.pick(&[1, 1, 2, 3]), rng.pick(&[1, 1, 2]));
        let window = rng.pick(&[1, 2, 3]);
        let reach = dilation * (window - 1) + 1;
        let padding = rng.below(2).min(reach / 2);
        let length = reach.saturating_sub(2 * padding).max(1) + rng.below(3);
        Axis { stride, padding, dilation, window, length, extra: rng.below(stride) }
    }
}

/// The shapes of an input with these lengths, and of a weight whose second axis has a group's channels.
fn shapes(rng: &mut CaseRng, axes: &[Axis]) -> (Shape, Shape, usize) {
    let (groups, n) = (rng.pick(&[1, 1, 2]), rng.pick(&[1, 2, 0]));
    let (a, b) = (1 + rng.below(2), 1 + rng.below(2));
    let lengths: Vec<usize> = axes.iter().map(|axis| axis.length).collect();
    let windows: Vec<usize> = axes.iter().map(|axis| axis.window).collect();
    let x = [&[n, a * groups], &lengths[..]].concat();
    let w = [&[b * groups, a], &windows[..]].concat();
    (Shape::new(&x).unwrap_or(Shape::SCALAR), Shape::new(&w).unwrap_or(Shape::SCALAR), groups)
}

/// For a transposed convolution, the first axis of the weight is that of the input's channels.
fn transposed_shapes(rng: &mut CaseRng, axes: &[Axis]) -> (Shape, Shape, usize) {
    let (x, w, groups) = shapes(rng, axes);
    let w = w.with(0, x[1]).unwrap_or(w);
    (x, w, groups)
}

fn case(
    rng: &mut CaseRng,
    x: Shape,
    w: Shape,
    record: impl for<'t> Fn(Var<'t>, Var<'t>) -> Var<'t> + Send + Sync + 'static,
) -> Case {
    Case::new(vec![rng.tensor(x, -2.0, 2.0), rng.tensor(w, -2.0, 2.0)], move |_, v| record(v[0], v[1]))
}

fn conv1d_of(axis: Axis, groups: usize) -> Conv1d {
    Conv1d { stride: axis.stride, padding: axis.padding, dilation: axis.dilation, groups }
}

/// An image, pooled to a size no larger than it.
fn pooled(rng: &mut CaseRng, function: for<'t> fn(Var<'t>, [usize; 2]) -> Var<'t>) -> Case {
    let lengths = [1 + rng.below(6), 1 + rng.below(6)];
    let size = lengths.map(|length| 1 + rng.below(length));
    let shape = [rng.pick(&[1, 2, 0]), 1 + rng.below(2), lengths[0], lengths[1]];
    Case::of(rng.tensor(shape.into(), -2.0, 2.0), move |x| function(x, size))
}

fn pooled_line(rng: &mut CaseRng, function: for<'t> fn(Var<'t>, usize) -> Var<'t>) -> Case {
    let length = 1 + rng.below(7);
    let size = 1 + rng.below(length);
    let shape = [rng.pick(&[1, 2, 0]), 2, length];
    Case::of(rng.tensor(shape.into(), -2.0, 2.0), move |x| function(x, size))
}

fn resampled(rng: &mut CaseRng, interpolation: Interpolation) -> Case {
    let (lengths, size) = ([0; 2].map(|_| 1 + rng.below(4)), [0; 2].map(|_| 1 + rng.below(6)));
    let shape = [rng.pick(&[1, 2, 0]), 1 + rng.below(2), lengths[0], lengths[1]];
    Case::of(rng.tensor(shape.into(), -2.0, 2.0), move |x| x.interpolate2d(size, interpolation))
}

pub(super) fn rows() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("conv1d", |rng| {
            let axis = Axis::random(rng);
            let (x, w, groups) = shapes(rng, &[axis]);
            case(rng, x, w, move |x, w| x.conv1d(w, conv1d_of(axis, groups)))
        }),
        OperationCase::smooth("conv3d", |rng| {
            let axes = [0; 3].map(|_| {
                let mut axis = Axis::random(rng);
                (axis.window, axis.length) = (axis.window.min(2), axis.length.min(3).max(axis.dilation + 1));
                axis
            });
            let (x, w, groups) = shapes(rng, &axes);
            let options = Conv3d {
                stride: axes.map(|axis| axis.stride),
                padding: axes.map(|axis| axis.padding),
                dilation: axes.map(|axis| axis.dilation),
                groups,
            };
            case(rng, x, w, move |x, w| x.conv3d(w, options))
        }),
        OperationCase::smooth("conv_transpose1d", |rng| {
            let axis = Axis::random(rng);
            let (x, w, groups) = transposed_shapes(rng, &[axis]);
            case(rng, x, w, move |x, w| x.conv_transpose1d(w, conv1d_of(axis, groups), axis.extra))
        }),
        OperationCase::smooth("conv_transpose2d", |rng| {
            let axes = [0; 2].map(|_| Axis::random(rng));
            let (x, w, groups) = transposed_shapes(rng, &axes);
            let options = Conv2d {
                stride: axes.map(|axis| axis.stride),
                padding: axes.map(|axis| axis.padding),
                dilation: axes.map(|axis| axis.dilation),
                groups,
            };
            case(rng, x, w, move |x, w| x.conv_transpose2d(w, options, axes.map(|axis| axis.extra)))
        }),
        OperationCase::smooth("adaptive_avg_pool2d", |rng| {
            pooled(rng, |x, size| x.adaptive_avg_pool2d(size))
        }),
        OperationCase::smooth("adaptive_max_pool2d", |rng| {
            pooled(rng, |x, size| x.adaptive_max_pool2d(size))
        }),
        OperationCase::smooth("adaptive_avg_pool1d", |rng| {
            pooled_line(rng, |x, size| x.adaptive_avg_pool1d(size))
        }),
        OperationCase::smooth("adaptive_max_pool1d", |rng| {
            pooled_line(rng, |x, size| x.adaptive_max_pool1d(size))
        }),
        OperationCase::smooth("interpolate2d nearest", |rng| resampled(rng, Interpolation::Nearest)),
        OperationCase::smooth("interpolate2d linear", |rng| resampled(rng, Interpolation::Linear)),
        OperationCase::smooth("resample", |rng| {
            let shape = rng.full_shape(1..=4);
            let (axis, length) = (rng.axis(shape.rank()), 1 + rng.below(7));
            let interpolation = rng.pick(&[Interpolation::Nearest, Interpolation::Linear]);
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.resample(axis, length, interpolation))
        }),
    ]
}
