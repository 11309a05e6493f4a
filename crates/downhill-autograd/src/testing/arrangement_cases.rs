//! Rows for elements in other places, paddings, and sums of products by index letters.

use super::{Case, CaseRng, OperationCase};
use crate::Var;
use crate::ops::Padding;
use downhill_tensor::{Shape, Tensor};

/// An operand, and one of its axes.
fn with_axis(
    rng: &mut CaseRng,
    record: impl Fn(&mut CaseRng, Shape, isize, usize, Tensor<f64>) -> Case,
) -> Case {
    let shape = rng.shape(1..=4);
    let axis = rng.axis(shape.rank());
    let x = rng.tensor(shape, -2.0, 2.0);
    record(rng, shape, axis, shape[shape.axis(axis).unwrap_or(0)], x)
}

fn padded(rng: &mut CaseRng, padding: Padding, most: fn(usize) -> usize) -> Case {
    let shape = rng.full_shape(1..=4);
    let axis = rng.axis(shape.rank());
    let most = most(shape[shape.axis(axis).unwrap_or(0)]).min(3);
    let (before, after) = (rng.below(most + 1), rng.below(most + 1));
    Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.pad_with(axis, before, after, padding))
}

/// Matrices, and the number of a diagonal.
fn matrices(rng: &mut CaseRng, function: for<'t> fn(Var<'t>, isize) -> Var<'t>) -> Case {
    let (shape, diagonal) = (rng.shape(2..=4), rng.below(7) as isize - 3);
    Case::of(rng.tensor(shape, -2.0, 2.0), move |x| function(x, diagonal))
}

/// Formulas, among them those of diagonals, traces, transposes, batches, three operands, ellipses, and sums over what
/// occurs once.
const FORMULAS: [&str; 18] = [
    "ij,jk->ik",
    "bij,bjk->bik",
    "ij,jk,kl->il",
    "i,j->ij",
    "i,i->",
    "ij->ji",
    "ij->",
    "ij->j",
    "ii->i",
    "ii",
    "bii->b",
    "ij,ij->ij",
    "ijk,k->ij",
    "bhqd,bhkd->bhqk",
    "...i,...i->...",
    "...ij,...jk",
    "i,k->k",
    "ijj,jk->ki",
];

fn einsum(rng: &mut CaseRng) -> Case {
    let formula = rng.pick(&FORMULAS);
    let lengths: Vec<usize> = (0..26).map(|_| rng.pick(&[1, 2, 2, 3, 3])).collect();
    let free = rng.below(3);
    let terms = formula.split("->").next().unwrap_or(formula).split(',');
    let operands = terms
        .map(|term| {
            let mut dims = Vec::new();
            if term.starts_with("...") {
                dims.extend([2, 3, 2].iter().take(free));
            }
            dims.extend(term.bytes().filter(u8::is_ascii_lowercase).map(|c| lengths[usize::from(c - b'a')]));
            rng.tensor(Shape::new(&dims).unwrap_or(Shape::SCALAR), -1.5, 1.5)
        })
        .collect();
    Case::new(operands, move |tape, x| tape.einsum(formula, x))
}

pub(super) fn rows() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("move_axis", |rng| {
            with_axis(rng, |rng, shape, from, _, x| {
                let to = rng.axis(shape.rank());
                Case::of(x, move |x| x.move_axis(from, to))
            })
        }),
        OperationCase::smooth("swap_axes", |rng| {
            with_axis(rng, |rng, shape, a, _, x| {
                let b = rng.axis(shape.rank());
                Case::of(x, move |x| x.swap_axes(a, b))
            })
        }),
        OperationCase::smooth("roll", |rng| {
            with_axis(rng, |rng, _, axis, _, x| {
                let by = rng.below(13) as isize - 6;
                Case::of(x, move |x| x.roll(axis, by))
            })
        }),
        OperationCase::smooth("tile", |rng| {
            let shape = rng.shape(0..=3);
            let lead = rng.below(2);
            let counts: Vec<usize> = (0..shape.rank() + lead).map(|_| rng.pick(&[1, 2, 2, 0, 3])).collect();
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.tile(&counts))
        }),
        OperationCase::smooth("repeat", |rng| {
            with_axis(rng, |rng, _, axis, _, x| {
                let count = rng.below(4);
                Case::of(x, move |x| x.repeat(axis, count))
            })
        }),
        OperationCase::smooth("split", |rng| {
            with_axis(rng, |rng, _, axis, n, x| {
                let first = rng.below(n + 1);
                Case::of(x, move |x| {
                    let parts = x.split(axis, &[first, n - first]);
                    parts[0].sin().sum() * parts[1]
                })
            })
        }),
        OperationCase::smooth("chunk", |rng| {
            with_axis(rng, |rng, _, axis, _, x| {
                let count = 1 + rng.below(3);
                Case::of(x, move |x| {
                    let parts = x.chunk(axis, count);
                    let rest =
                        parts[1..].iter().fold(x.tape().scalar(1.0), |sum, part| sum + part.sin().sum());
                    parts[0] * rest
                })
            })
        }),
        OperationCase::smooth("diagonal", |rng| matrices(rng, |x, offset| x.diagonal(offset))),
        OperationCase::smooth("diag_embed", |rng| {
            let (shape, offset) = (rng.shape(1..=3), rng.below(5) as isize - 2);
            Case::of(rng.tensor(shape, -2.0, 2.0), move |x| x.diag_embed(offset))
        }),
        OperationCase::smooth("trace", |rng| matrices(rng, |x, _| x.trace())),
        OperationCase::smooth("tril", |rng| matrices(rng, |x, diagonal| x.tril(diagonal))),
        OperationCase::smooth("triu", |rng| matrices(rng, |x, diagonal| x.triu(diagonal))),
        OperationCase::smooth("pad_with constant", |rng| {
            let value = rng.pick(&[1.5, 0.0, -2.0]);
            padded(rng, Padding::Constant(value), |_| 3)
        }),
        OperationCase::smooth("pad_with reflect", |rng| padded(rng, Padding::Reflect, |n| n - 1)),
        OperationCase::smooth("pad_with replicate", |rng| padded(rng, Padding::Replicate, |_| 3)),
        OperationCase::smooth("pad_with circular", |rng| padded(rng, Padding::Circular, |n| n)),
        OperationCase::smooth("einsum", einsum),
        OperationCase::smooth("dot", |rng| {
            let shape = rng.shape(1..=1);
            Case::new(vec![rng.tensor(shape, -2.0, 2.0), rng.tensor(shape, -2.0, 2.0)], |_, x| x[0].dot(x[1]))
        }),
        OperationCase::smooth("outer", |rng| {
            let (a, b) = (rng.shape(1..=1), rng.shape(1..=1));
            Case::new(vec![rng.tensor(a, -2.0, 2.0), rng.tensor(b, -2.0, 2.0)], |_, x| x[0].outer(x[1]))
        }),
    ]
}
