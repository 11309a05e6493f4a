//! A sum of values each of which is zero where the others are not is those values side by side.
//!
//! Slices of one value have gradients that are padded with zeros and added up; with many slices, the steps of a
//! recurrent network say, that is quadratic work, and side by side it is one copy of each.

use super::chain::{chains, uses};
use crate::graph::{Graph, Source};
use downhill_autograd::operation::Movement;
use downhill_autograd::{Lowering, Precision, ops};
use std::sync::Arc;

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    for (value, pads) in chains(graph, &uses(graph)) {
        if let Some((axis, parts)) = side_by_side(graph, value, &pads) {
            graph.values[value].source = Source::Operation {
                operation: Arc::new(ops::Concat { axis }),
                lowering: Lowering::Concat(axis),
                operands: parts,
            };
        }
    }
}

/// The axis and the values that lie along it, if these pads fill all of it and do not overlap.
fn side_by_side<T: Precision>(graph: &Graph<T>, sum: usize, pads: &[usize]) -> Option<(usize, Vec<usize>)> {
    let mut common = None;
    let mut parts = Vec::with_capacity(pads.len());
    for &pad in pads {
        let Source::Operation {
            lowering: Lowering::Move(Movement::Pad { axis, start, step: 1 }),
            operands,
            ..
        } = &graph.values[pad].source
        else {
            return None;
        };
        if *common.get_or_insert(*axis) != *axis || graph.values[pad].ty != graph.values[sum].ty {
            return None;
        }
        parts.push((*start, graph.values[operands[0]].ty.shape[*axis], operands[0]));
    }
    let axis = common?;
    parts.sort_unstable();
    let mut end = 0;
    for &(start, count, _) in &parts {
        if start != end {
            return None;
        }
        end += count;
    }
    let full = end == graph.values[sum].ty.shape[axis];
    full.then(|| (axis, parts.into_iter().map(|(_, _, value)| value).collect()))
}
