//! Rows for inverses, systems of equations, determinants and Cholesky factors.

use super::{Case, CaseRng, OperationCase};
use crate::Var;
use downhill_tensor::{Shape, Tensor};

/// Square matrices, now and then none or empty ones.
fn square(rng: &mut CaseRng) -> (Shape, usize) {
    let (batch, n) = (rng.shape(0..=2), rng.pick(&[1, 2, 2, 3, 0]));
    let lead: Vec<usize> = batch.iter().map(|&dim| dim.min(2)).collect();
    (Shape::new(&[&lead[..], &[n, n]].concat()).unwrap_or(Shape::SCALAR), n)
}

/// Whatever the operand holds, matrices whose diagonal outweighs the rest of each row, and which are so regular.
fn regular<'t>(x: Var<'t>) -> Var<'t> {
    if x.rank() < 2 { x } else { 0.4 * x.sin() + 2.0 * x.tape().eye(x.dim(-1)) }
}

fn of_square(rng: &mut CaseRng, function: fn(Var<'_>) -> Var<'_>) -> Case {
    let (shape, _) = square(rng);
    Case::of(rng.tensor(shape, -2.0, 2.0), move |x| function(regular(x)))
}

fn operands(rng: &mut CaseRng, a: &[usize], b: &[usize]) -> Vec<Tensor<f64>> {
    [a, b].map(|dims| rng.tensor(Shape::new(dims).unwrap_or(Shape::SCALAR), -2.0, 2.0)).to_vec()
}

pub(super) fn rows() -> Vec<OperationCase> {
    vec![
        OperationCase::smooth("inverse", |rng| of_square(rng, |a| a.inverse())),
        OperationCase::smooth("det", |rng| of_square(rng, |a| a.det())),
        OperationCase::smooth("log_abs_det", |rng| of_square(rng, |a| a.log_abs_det())),
        OperationCase::smooth("cholesky", |rng| of_square(rng, |a| a.cholesky())),
        OperationCase::smooth("solve", |rng| {
            let (n, k, batch) = (rng.pick(&[1, 2, 3]), rng.below(3), 1 + rng.below(2));
            let operands = match rng.below(5) {
                0 => operands(rng, &[n, n], &[n]),
                1 => operands(rng, &[n, n], &[n, k]),
                2 => operands(rng, &[batch, n, n], &[batch, n, k]),
                3 => operands(rng, &[n, n], &[batch, n, k]),
                _ => operands(rng, &[batch, n, n], &[n, k]),
            };
            Case::new(operands, |_, x| regular(x[0]).solve(x[1]))
        }),
    ]
}
