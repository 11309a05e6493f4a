//! Rows for reductions, movements of data, products, rows and indices.

use super::{Case, CaseRng, OperationCase};
use crate::Var;
use crate::ops::{
    Attention, AttentionGradient, CrossEntropyGradient, IndexRow, LstmCellGradient, NormalizeGradient,
    OffsetIndex, Pad, RepeatIndex, SoftmaxGradient,
};
use downhill_tensor::kernels::rows::Epsilon;
use downhill_tensor::{Shape, Slice, Tensor};

/// A case of one operand of this shape.
fn of(
    rng: &mut CaseRng,
    shape: Shape,
    record: impl for<'t> Fn(Var<'t>) -> Var<'t> + Send + Sync + 'static,
) -> Case {
    Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |_, x| record(x[0]))
}

/// A case of one operand and some of its axes; no axis is empty if the function cannot take it.
fn over_axes(
    rng: &mut CaseRng,
    may_be_empty: bool,
    record: for<'t> fn(Var<'t>, &[isize]) -> Var<'t>,
) -> Case {
    let shape = if may_be_empty { rng.shape(0..=4) } else { rng.full_shape(0..=4) };
    let axes = rng.axes(shape.rank());
    of(rng, shape, move |x| record(x, &axes))
}

/// The shape of these dimensions, which are few and small.
fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap_or(Shape::SCALAR)
}

fn random_slice(rng: &mut CaseRng, length: usize) -> Slice {
    let n = length as isize;
    let bound = |rng: &mut CaseRng| match rng.below(3) {
        0 => None,
        1 => Some(rng.below(length + 2) as isize),
        _ => Some(-(rng.below(length + 2) as isize)),
    };
    if rng.chance(0.2) {
        return Slice { start: Some(n - 1), end: None, step: -1 };
    }
    Slice { start: bound(rng), end: bound(rng), step: rng.pick(&[1, 1, 2, 3, -1, -2]) }
}

pub(super) fn rows() -> Vec<OperationCase> {
    [reductions(), movements(), products(), last_axis(), composites(), attentions(), by_index()].concat()
}

fn reductions() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("sum", |rng| over_axes(rng, true, |x, axes| x.sum_over(axes))),
        OperationCase::smooth("sum of all", |rng| {
            let shape = rng.shape(0..=4);
            of(rng, shape, |x| x.sum())
        }),
        OperationCase::smooth("sum_keep", |rng| over_axes(rng, true, |x, axes| x.sum_keep(axes))),
        OperationCase::smooth("mean", |rng| over_axes(rng, false, |x, axes| x.mean_over(axes))),
        OperationCase::smooth("mean of all", |rng| {
            let shape = rng.full_shape(0..=4);
            of(rng, shape, |x| x.mean())
        }),
        OperationCase::smooth("mean_keep", |rng| over_axes(rng, false, |x, axes| x.mean_keep(axes))),
        OperationCase::smooth("variance_keep", |rng| over_axes(rng, false, |x, axes| x.variance_keep(axes))),
        OperationCase::smooth("max", |rng| over_axes(rng, false, |x, axes| x.max_over(axes))),
        OperationCase::smooth("min", |rng| over_axes(rng, false, |x, axes| x.min_over(axes))),
        OperationCase::smooth("sum_to", |rng| {
            let whole = rng.shape(0..=4);
            let part = rng.broadcast_part(whole);
            of(rng, whole, move |x| x.sum_to(part))
        }),
    ]
}

fn movements() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("reshape", |rng| {
            let from = rng.shape(0..=4);
            let mut dims = from.to_vec();
            dims.insert(rng.below(from.rank() + 1), 1);
            dims.reverse();
            let to = if rng.chance(0.4) { shape(&[from.size()]) } else { shape(&dims) };
            of(rng, from, move |x| x.reshape(to))
        }),
        OperationCase::smooth("after", |rng| {
            let shape = rng.shape(0..=3);
            of(rng, shape, |x| (x * x.sin().after(x.exp())).after(x))
        }),
        OperationCase::smooth("checkpoint", |rng| {
            let shape = rng.shape(0..=3);
            of(rng, shape, |x| {
                let tape = x.tape();
                let inner = tape.checkpoint(|| tape.checkpoint(|| x.sin() * x) + x.exp());
                tape.checkpoint(|| (inner * inner.cos()) * x)
            })
        }),
        OperationCase::smooth("flatten_from", |rng| {
            let shape = rng.shape(0..=4);
            let start = rng.below(shape.rank() + 1);
            of(rng, shape, move |x| x.flatten_from(start))
        }),
        OperationCase::smooth("unsqueeze and squeeze", |rng| {
            let shape = rng.shape(0..=4);
            let axis = rng.axis(shape.rank() + 1);
            of(rng, shape, move |x| x.unsqueeze(axis).sin().squeeze(axis))
        }),
        OperationCase::smooth("permute", |rng| {
            let shape = rng.shape(0..=4);
            let order = rng.order(shape.rank());
            of(rng, shape, move |x| x.permute(&order))
        }),
        OperationCase::smooth("transpose", |rng| {
            let shape = rng.shape(2..=4);
            of(rng, shape, |x| x.transpose())
        }),
        OperationCase::smooth("broadcast_to", |rng| {
            let whole = rng.shape(0..=4);
            let part = rng.broadcast_part(whole);
            of(rng, part, move |x| x.broadcast_to(whole))
        }),
        OperationCase::smooth("slice", |rng| {
            let shape = rng.shape(1..=4);
            let axis = rng.axis(shape.rank());
            let length = shape[axis.rem_euclid(shape.rank() as isize) as usize];
            let part = random_slice(rng, length);
            of(rng, shape, move |x| x.slice(axis, part))
        }),
        OperationCase::smooth("select_at", |rng| {
            let shape = rng.full_shape(1..=4);
            let axis = rng.below(shape.rank());
            let index = rng.below(shape[axis]);
            of(rng, shape, move |x| x.select_at(axis as isize, index))
        }),
        OperationCase::smooth("pad", |rng| {
            let shape = rng.shape(1..=4);
            let (axis, before, after) = (rng.axis(shape.rank()), rng.below(3), rng.below(3));
            of(rng, shape, move |x| x.pad(axis, before, after))
        }),
        OperationCase::smooth("pad with steps", |rng| {
            let shape = rng.full_shape(1..=4);
            let axis = rng.below(shape.rank());
            let step = rng.pick(&[2isize, 3, -1, -2]);
            let reach = (shape[axis] - 1) * step.unsigned_abs();
            let (before, after) = (rng.below(2), rng.below(2));
            let start = before + if step < 0 { reach } else { 0 };
            let pad = Pad { axis, start, step, length: before + reach + 1 + after };
            Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |tape, x| tape.record(pad, &[x[0]]))
        }),
        OperationCase::smooth("flip", |rng| {
            let shape = rng.shape(1..=4);
            let axis = rng.axis(shape.rank());
            of(rng, shape, move |x| x.flip(axis))
        }),
        OperationCase::smooth("concat", |rng| {
            let first = rng.shape(1..=4);
            let axis = rng.axis(first.rank());
            let position = axis.rem_euclid(first.rank() as isize) as usize;
            let count = 1 + rng.below(4);
            let mut parts = vec![rng.tensor(first, -2.0, 2.0)];
            for _ in 1..count {
                let part = first.with(position, rng.below(4)).unwrap_or(first);
                parts.push(rng.tensor(part, -2.0, 2.0));
            }
            Case::new(parts, move |tape, x| tape.concat(x, axis))
        }),
        OperationCase::smooth("stack", |rng| {
            let shape = rng.shape(0..=3);
            let (axis, count) = (rng.axis(shape.rank() + 1), 1 + rng.below(3));
            let parts = (0..count).map(|_| rng.tensor(shape, -2.0, 2.0)).collect();
            Case::new(parts, move |tape, x| tape.stack(x, axis))
        }),
    ]
}

fn products() -> Vec<OperationCase> {
    fn product(rng: &mut CaseRng, a: &[usize], b: &[usize]) -> Case {
        let operands = vec![rng.tensor(shape(a), -2.0, 2.0), rng.tensor(shape(b), -2.0, 2.0)];
        Case::new(operands, |_, x| x[0].matmul(x[1]))
    }
    fn dims(rng: &mut CaseRng) -> [usize; 3] {
        [0; 3].map(|_| rng.pick(&[0, 1, 2, 2, 3, 3, 4]))
    }
    vec![
        OperationCase::smooth("matmul", |rng| {
            let [m, k, n] = dims(rng);
            product(rng, &[m, k], &[k, n])
        }),
        OperationCase::smooth("scan", |rng| {
            let (steps, n, h) = (rng.below(4), 1 + rng.below(3), 1 + rng.below(3));
            let operands = vec![
                rng.tensor(shape(&[n, h]), -1.0, 1.0),
                rng.tensor(shape(&[steps, n, h]), -1.0, 1.0),
                rng.tensor(shape(&[h, h]), -1.0, 1.0),
            ];
            Case::new(operands, move |tape, x| {
                let (carried, all) = tape.scan(steps, &[x[0]], &[x[1]], &[x[2]], |step| {
                    let h = (step.carried[0].matmul(step.constants[0]) + step.elements[0]).tanh();
                    (vec![h], vec![h * step.elements[0]])
                });
                // Without a step, too, all of it depends on all operands.
                carried[0] * (all[0].sum_over(&[0]) + x[1].sum_over(&[0])) + x[0].matmul(x[2])
            })
        }),
        OperationCase::smooth("matmul of squares", |rng| {
            let n = 1 + rng.below(4);
            product(rng, &[n, n], &[n, n])
        }),
        OperationCase::smooth("matmul in batches", |rng| {
            let ([m, k, n], batch) = (dims(rng), 1 + rng.below(3));
            product(rng, &[batch, m, k], &[batch, k, n])
        }),
        OperationCase::smooth("matmul with broadcast batches", |rng| {
            let ([m, k, n], [p, q]) = ([0; 3].map(|_| 1 + rng.below(2)), [0; 2].map(|_| 1 + rng.below(3)));
            match rng.below(4) {
                0 => product(rng, &[p, 1, m, k], &[1, q, k, n]),
                1 => product(rng, &[m, k], &[p, q, k, n]),
                2 => product(rng, &[p, q, m, k], &[k, n]),
                _ => product(rng, &[q, m, k], &[p, 1, k, n]),
            }
        }),
        OperationCase::smooth("matmul with vectors", |rng| {
            let ([m, k, n], batch) = (dims(rng), 1 + rng.below(2));
            match rng.below(5) {
                0 => product(rng, &[k], &[k]),
                1 => product(rng, &[k], &[k, n]),
                2 => product(rng, &[m, k], &[k]),
                3 => product(rng, &[k], &[batch, k, n]),
                _ => product(rng, &[batch, m, k], &[k]),
            }
        }),
    ]
}

fn last_axis() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("softmax", |rng| {
            let shape = rng.shape(1..=4);
            of(rng, shape, |x| x.softmax())
        }),
        OperationCase::smooth("softmax_gradient", |rng| {
            let shape = rng.shape(1..=4);
            let operands = vec![rng.tensor(shape, 0.0, 1.0), rng.tensor(shape, -2.0, 2.0)];
            Case::new(operands, |tape, x| tape.record(SoftmaxGradient, &[x[0], x[1]]))
        }),
        OperationCase::smooth("log_softmax", |rng| {
            let shape = rng.shape(1..=4);
            of(rng, shape, |x| x.log_softmax())
        }),
        OperationCase::smooth("logsumexp", |rng| {
            let shape = rng.full_shape(1..=4);
            of(rng, shape, |x| x.logsumexp())
        }),
        // Through a table, so that the result is real like all others.
        OperationCase::flat("argmax", |rng| {
            let shape = rng.full_shape(1..=4);
            let classes = shape[shape.rank() - 1];
            of(rng, shape, move |x| x.argmax().one_hot(classes))
        }),
        OperationCase::flat("argmin", |rng| {
            let shape = rng.full_shape(1..=4);
            let classes = shape[shape.rank() - 1];
            of(rng, shape, move |x| x.argmin().one_hot(classes))
        }),
        OperationCase::flat("argmax_over", |rng| {
            let (shape, largest) = (rng.full_shape(1..=4), rng.chance(0.5));
            let axis = rng.axis(shape.rank());
            let classes = shape[shape.axis(axis).unwrap_or(0)];
            of(rng, shape, move |x| {
                if largest { x.argmax_over(axis) } else { x.argmin_over(axis) }.one_hot(classes)
            })
        }),
    ]
}

/// Functions of rows that are one pass each way, and their gradients.
fn composites() -> Vec<OperationCase> {
    /// Logits, and the class of each row.
    fn logits(rng: &mut CaseRng) -> (Tensor<f64>, Tensor<i64>) {
        let shape = rng.full_shape(1..=3);
        let (rows, classes) = (shape.reduced(&[shape.rank() - 1], false), shape[shape.rank() - 1]);
        (rng.tensor(shape, -2.0, 2.0), rng.indices(rows, classes))
    }
    /// Preactivations of the gates, and the state, of a few cells.
    fn cells(rng: &mut CaseRng) -> Vec<Tensor<f64>> {
        let (rows, width) = (rng.shape(0..=1), 1 + rng.below(3));
        let widths = [4 * width, width, 2 * width];
        widths.map(|width| rng.tensor(shape(&[&rows[..], &[width]].concat()), -2.0, 2.0)).to_vec()
    }
    // Large enough that ties do not leave a row without a scale.
    const EPSILON: f64 = 0.1;
    vec![
        OperationCase::smooth("cross_entropy", |rng| {
            let (x, classes) = logits(rng);
            Case::new(vec![x], |_, x| x[0].cross_entropy(x[1])).with_indices(vec![classes])
        }),
        OperationCase::smooth("cross_entropy_gradient", |rng| {
            let (x, classes) = logits(rng);
            let cotangent = rng.tensor(classes.shape(), -2.0, 2.0);
            Case::new(vec![x, cotangent], |tape, x| tape.record(CrossEntropyGradient, &[x[0], x[2], x[1]]))
                .with_indices(vec![classes])
        }),
        OperationCase::smooth("normalize", |rng| {
            let shape = rng.full_shape(1..=4);
            of(rng, shape, |x| x.normalize(EPSILON))
        }),
        OperationCase::smooth("normalize_gradient", |rng| {
            let shape = rng.full_shape(1..=3);
            let operands = vec![rng.tensor(shape, -2.0, 2.0), rng.tensor(shape, -2.0, 2.0)];
            let operation = NormalizeGradient { epsilon: Epsilon::new(EPSILON) };
            Case::new(operands, move |tape, x| tape.record(operation, &[x[0], x[1]]))
        }),
        OperationCase::smooth("lstm_cell", |rng| {
            let mut operands = cells(rng);
            operands.truncate(2);
            Case::new(operands, |tape, x| {
                let (output, state) = x[0].lstm_cell(x[1]);
                tape.concat(&[output, state], -1)
            })
        }),
        OperationCase::smooth("lstm_cell_gradient", |rng| {
            let operands = cells(rng);
            Case::new(operands, |tape, x| {
                let h = x[1].dim(-1);
                let cotangents = [x[2].slice(-1, ..h), x[2].slice(-1, h..)];
                tape.record(LstmCellGradient, &[x[0], x[1], cotangents[0], cotangents[1]])
            })
        }),
    ]
}

fn attentions() -> Vec<OperationCase> {
    /// Projections, a cotangent of the result, and the attention.
    fn packed(rng: &mut CaseRng) -> (Vec<Tensor<f64>>, Attention) {
        let (n, length) = (rng.below(3), rng.within(1..=3));
        let (heads, depth) = (rng.within(1..=2), rng.within(1..=2));
        let widths = [3 * heads * depth, heads * depth];
        let operands = widths.map(|width| rng.tensor(shape(&[n, length, width]), -2.0, 2.0)).to_vec();
        (operands, Attention { heads, causal: rng.chance(0.5) })
    }
    vec![
        OperationCase::smooth("attention", |rng| {
            let (mut operands, Attention { heads, causal }) = packed(rng);
            operands.truncate(1);
            Case::new(operands, move |_, x| x[0].attention(heads, causal))
        }),
        OperationCase::smooth("attention_gradient", |rng| {
            let (operands, attention) = packed(rng);
            Case::new(operands, move |tape, x| tape.record(AttentionGradient { attention }, &[x[0], x[1]]))
        }),
    ]
}

fn by_index() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("gather", |rng| {
            let table = rng.full_shape(1..=3);
            let chosen = rng.shape(0..=2);
            let indices = rng.indices(chosen, table[0]);
            Case::new(vec![rng.tensor(table, -2.0, 2.0)], |_, x| x[0].gather(x[1]))
                .with_indices(vec![indices])
        }),
        OperationCase::smooth("scatter_add", |rng| {
            // Few rows, so that most are named several times and some never.
            let (chosen, width, rows) = (rng.shape(0..=2), rng.shape(0..=1), 1 + rng.below(4));
            let indices = rng.indices(chosen, rows);
            let values = shape(&[chosen.dims(), width.dims()].concat());
            Case::new(vec![rng.tensor(values, -2.0, 2.0)], move |_, x| x[0].scatter_add(x[1], rows))
                .with_indices(vec![indices])
        }),
        OperationCase::smooth("one_hot", |rng| {
            let (chosen, classes) = (rng.shape(0..=3), 1 + rng.below(4));
            let indices = rng.indices(chosen, classes);
            // Weights, so that there is something to differentiate by.
            let weights = rng.tensor(shape(&[classes]), -2.0, 2.0);
            Case::new(vec![weights], move |_, x| x[1].one_hot(classes) * x[0]).with_indices(vec![indices])
        }),
        OperationCase::smooth("index_constant", |rng| {
            let table = rng.full_shape(1..=3);
            let chosen = rng.shape(0..=2);
            let indices: Tensor<i64> = rng.indices(chosen, table[0]);
            Case::new(vec![rng.tensor(table, -2.0, 2.0)], move |tape, x| {
                x[0].gather(tape.index_constant(indices.clone()))
            })
        }),
        OperationCase::smooth("index_row", |rng| {
            let (table, chosen, row) = (rng.full_shape(1..=2), rng.shape(0..=1), rng.below(3));
            let axis = rng.below(chosen.rank() + 1);
            let mut dims = chosen.to_vec();
            dims.insert(axis, 3);
            let indices = rng.indices(shape(&dims), table[0]);
            Case::new(vec![rng.tensor(table, -2.0, 2.0)], move |tape, x| {
                x[0].gather(tape.record(IndexRow { axis, row }, &[x[1]]))
            })
            .with_indices(vec![indices])
        }),
        OperationCase::smooth("repeat_index", |rng| {
            let (table, chosen, count) = (rng.full_shape(1..=2), rng.shape(0..=2), rng.below(4));
            let (indices, axis) = (rng.indices(chosen, table[0]), rng.below(chosen.rank() + 1));
            Case::new(vec![rng.tensor(table, -2.0, 2.0)], move |tape, x| {
                x[0].gather(tape.record(RepeatIndex { axis, count }, &[x[1]]))
            })
            .with_indices(vec![indices])
        }),
        OperationCase::smooth("offset_index", |rng| {
            let (rows, count, chosen) = (1 + rng.below(3), rng.below(3), rng.shape(0..=1));
            let indices = rng.indices(shape(&[&[count], chosen.dims()].concat()), rows);
            let tables = shape(&[(count * rows).max(1), 2]);
            Case::new(vec![rng.tensor(tables, -2.0, 2.0)], move |tape, x| {
                x[0].gather(tape.record(OffsetIndex { axis: 0, rows }, &[x[1]]))
            })
            .with_indices(vec![indices])
        }),
        OperationCase::smooth("uniform", |rng| {
            let shape = rng.shape(0..=3);
            Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |tape, x| {
                // Two streams, which must not be the same numbers.
                x[0] * (tape.uniform(shape) - tape.uniform(shape))
            })
        }),
        OperationCase::smooth("normal", |rng| {
            let shape = rng.shape(0..=3);
            Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |tape, x| x[0] * tape.normal(shape))
        }),
        OperationCase::smooth("bernoulli", |rng| {
            let shape = rng.shape(0..=3);
            Case::new(vec![rng.tensor(shape, -2.0, 2.0)], move |tape, x| x[0] * tape.bernoulli(0.4, shape))
        }),
    ]
}
