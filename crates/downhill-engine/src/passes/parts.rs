//! A part of a concatenation that is one of what was put together is that value itself.
//!
//! The cotangents of values that an operation delivers side by side come to its gradient put together, and are taken
//! apart there.

use crate::graph::{Graph, Source};
use downhill_autograd::operation::Movement;
use downhill_autograd::{Lowering, Precision};

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    let mut replacement: Vec<usize> = (0..graph.values.len()).collect();
    for number in 0..graph.values.len() {
        let Source::Operation {
            lowering: Lowering::Move(Movement::Slice { axis, start, step: 1 }),
            operands,
            ..
        } = &graph.values[number].source
        else {
            continue;
        };
        let Source::Operation { lowering: Lowering::Concat(along), operands: parts, .. } =
            &graph.values[replacement[operands[0]]].source
        else {
            continue;
        };
        let mut position = 0;
        let part = parts.iter().find(|&&part| {
            let begins = position == *start;
            position += graph.values[part].ty.shape[*axis];
            begins
        });
        if let Some(&part) = part.filter(|_| axis == along)
            && graph.values[part].ty == graph.values[number].ty
        {
            replacement[number] = replacement[part];
        }
    }
    graph.redirect(&replacement);
}
