//! Operations that change nothing are left out: multiplication by 1, addition of 0, and movements that move
//! nothing. Only identities that hold for every number, infinities and NaN included, are used: `x * 0` is
//! not 0, and `x + 0` keeps the bits of x but for the sign of a negative zero.

use crate::graph::{Graph, Source};
use downhill_autograd::{Lowering, Precision};
use downhill_tensor::kernels::scalar::{Binary, Unary};

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    let mut replacement: Vec<usize> = (0..graph.values.len()).collect();
    for number in 0..graph.values.len() {
        let Source::Operation { lowering, operands, .. } = &graph.values[number].source else { continue };
        let operands: Vec<usize> = operands.iter().map(|&operand| replacement[operand]).collect();
        let same_type = |operand: usize| graph.values[operand].ty == graph.values[number].ty;
        let all = |operand: usize, x: f64| constant(graph, operand) == Some(x);
        let kept = match (lowering, operands.as_slice()) {
            (Lowering::Binary(Binary::Mul), &[a, b]) if all(b, 1.0) => Some(a),
            (Lowering::Binary(Binary::Mul), &[a, b]) if all(a, 1.0) => Some(b),
            (Lowering::Binary(Binary::Div), &[a, b]) if all(b, 1.0) => Some(a),
            (Lowering::Binary(Binary::Add | Binary::Sub), &[a, b]) if all(b, 0.0) => Some(a),
            (Lowering::Binary(Binary::Add), &[a, b]) if all(a, 0.0) => Some(b),
            (Lowering::Unary(Unary::Neg), &[a]) => match &graph.values[a].source {
                Source::Operation { lowering: Lowering::Unary(Unary::Neg), operands, .. } => {
                    Some(replacement[operands[0]])
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(kept) = kept.filter(|&kept| same_type(kept)) {
            replacement[number] = kept;
        }
    }
    graph.redirect(&replacement);
}

/// The number of which a value consists entirely, if it is known: a constant of equal numbers, or one that
/// is repeated.
fn constant<T: Precision>(graph: &Graph<T>, value: usize) -> Option<f64> {
    match &graph.values[value].source {
        Source::Floats(numbers) => {
            let (first, rest) = numbers.split_first()?;
            rest.iter().all(|x| x == first).then(|| first.to_f64())
        }
        Source::Operation { lowering: Lowering::Move(movement), operands, .. }
            if !matches!(movement, downhill_autograd::operation::Movement::Pad { .. }) =>
        {
            constant(graph, operands[0])
        }
        _ => None,
    }
}
