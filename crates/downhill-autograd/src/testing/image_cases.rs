//! Rows for convolutions and poolings, with their adjoints as operations of their own.

use super::{Case, CaseRng, OperationCase};
use crate::operation::PoolPart;
use crate::ops::{Conv2d, Conv2dInputGradient, Conv2dWeightGradient, Pool2d, Pooling};
use downhill_tensor::Shape;

/// A convolution with the shapes of its input, weight and result.
struct Convolution {
    conv: Conv2d,
    x: Shape,
    w: Shape,
    y: Shape,
}

impl Convolution {
    fn random(rng: &mut CaseRng) -> Self {
        let pair = |rng: &mut CaseRng, choices: &[usize]| [rng.pick(choices), rng.pick(choices)];
        let conv = Conv2d {
            stride: pair(rng, &[1, 1, 2, 3]),
            padding: pair(rng, &[0, 0, 1, 2]),
            dilation: pair(rng, &[1, 1, 2]),
            groups: rng.pick(&[1, 1, 2, 3]),
        };
        let window = pair(rng, &[1, 2, 3]);
        let (in_group, out_group) =
            if conv.groups == 1 { (1 + rng.below(2), 1 + rng.below(2)) } else { (1, 1 + rng.below(2)) };
        // Now and then an empty batch.
        let n = rng.pick(&[1, 1, 2, 2, 0]);
        let size = [0, 1].map(|axis| {
            let reach: usize = conv.dilation[axis] * (window[axis] - 1) + 1;
            reach.saturating_sub(2 * conv.padding[axis]).max(1) + rng.below(3)
        });
        let x = Shape::from([n, in_group * conv.groups, size[0], size[1]]);
        let w = Shape::from([out_group * conv.groups, in_group, window[0], window[1]]);
        let length = |axis: usize| {
            let reach = conv.dilation[axis] * (window[axis] - 1) + 1;
            (size[axis] + 2 * conv.padding[axis] - reach) / conv.stride[axis] + 1
        };
        let y = Shape::from([n, out_group * conv.groups, length(0), length(1)]);
        Convolution { conv, x, w, y }
    }
}

fn random_pool(rng: &mut CaseRng) -> (Pool2d, Shape, Shape) {
    let kernel = [1 + rng.below(3), 1 + rng.below(3)];
    let pool = Pool2d {
        kernel,
        stride: [1 + rng.below(3), 1 + rng.below(3)],
        padding: kernel.map(|k| rng.below(k / 2 + 1)),
    };
    let size = kernel.map(|k| k + rng.below(3));
    let (n, c) = (rng.pick(&[1, 2, 0]), 1 + rng.below(2));
    let length = |axis: usize| (size[axis] + 2 * pool.padding[axis] - kernel[axis]) / pool.stride[axis] + 1;
    (pool, Shape::from([n, c, size[0], size[1]]), Shape::from([n, c, length(0), length(1)]))
}

/// A pooling or adjoint of one real operand; `of_result` if that has the shape of the result.
fn pooling(rng: &mut CaseRng, part: PoolPart, of_result: bool) -> Case {
    let (pool, x, y) = random_pool(rng);
    let operation = Pooling { part, pool, input: [x[2], x[3]] };
    let operand = if of_result { y } else { x };
    Case::new(vec![rng.tensor(operand, -2.0, 2.0)], move |tape, v| tape.record(operation, &[v[0]]))
}

/// An adjoint of max-pooling: the image, whose largest elements only say where to look, is a constant.
fn max_adjoint(rng: &mut CaseRng, part: PoolPart, of_result: bool) -> Case {
    let (pool, x, y) = random_pool(rng);
    let operation = Pooling { part, pool, input: [x[2], x[3]] };
    let image = rng.tensor(x, -2.0, 2.0);
    let operand = rng.tensor(if of_result { y } else { x }, -2.0, 2.0);
    Case::new(vec![operand], move |tape, v| tape.record(operation, &[tape.constant(image.clone()), v[0]]))
}

pub(super) fn rows() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("conv2d", |rng| {
            let Convolution { conv, x, w, .. } = Convolution::random(rng);
            let operands = vec![rng.tensor(x, -2.0, 2.0), rng.tensor(w, -2.0, 2.0)];
            Case::new(operands, move |_, v| v[0].conv2d(v[1], conv))
        }),
        OperationCase::smooth("conv2d_input_gradient", |rng| {
            let Convolution { conv, x, w, y } = Convolution::random(rng);
            let operation = Conv2dInputGradient { conv, input: [x[2], x[3]] };
            let operands = vec![rng.tensor(y, -2.0, 2.0), rng.tensor(w, -2.0, 2.0)];
            Case::new(operands, move |tape, v| tape.record(operation, &[v[0], v[1]]))
        }),
        OperationCase::smooth("conv2d_weight_gradient", |rng| {
            let Convolution { conv, x, w, y } = Convolution::random(rng);
            let operation = Conv2dWeightGradient { conv, kernel: [w[2], w[3]] };
            let operands = vec![rng.tensor(x, -2.0, 2.0), rng.tensor(y, -2.0, 2.0)];
            Case::new(operands, move |tape, v| tape.record(operation, &[v[0], v[1]]))
        }),
        OperationCase::smooth("max_pool2d", |rng| pooling(rng, PoolPart::Max, false)),
        OperationCase::smooth("max_pool2d_scatter", |rng| max_adjoint(rng, PoolPart::MaxScatter, true)),
        OperationCase::smooth("max_pool2d_gather", |rng| max_adjoint(rng, PoolPart::MaxGather, false)),
        OperationCase::smooth("avg_pool2d", |rng| pooling(rng, PoolPart::Average, false)),
        OperationCase::smooth("avg_pool2d_scatter", |rng| pooling(rng, PoolPart::AverageScatter, true)),
    ]
}
