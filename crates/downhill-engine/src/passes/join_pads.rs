//! A sum of values each of which is zero where the others are not is those values side by side.
//!
//! Slices of one value have gradients that are padded with zeros and added up; with many slices, the steps of a
//! recurrent network say, that is quadratic work, and side by side it is one copy of each.

use crate::graph::{Graph, Source};
use downhill_autograd::operation::Movement;
use downhill_autograd::{Lowering, Precision, ops};
use downhill_tensor::kernels::scalar::Binary;
use std::sync::Arc;

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    let needed = graph.needed();
    let mut uses = vec![0usize; graph.values.len()];
    for value in (0..graph.values.len()).filter(|&value| needed[value]) {
        graph.operands(value).iter().for_each(|&operand| uses[operand] += 1);
    }
    graph.deliveries.iter().for_each(|delivery| uses[delivery.value] += 1);
    // From the last sum back, so that a chain is met at its end.
    let mut taken = vec![false; graph.values.len()];
    for value in (0..graph.values.len()).rev() {
        if !needed[value] || taken[value] || addends(graph, value).is_none() {
            continue;
        }
        let (mut pads, mut sums) = (Vec::new(), vec![value]);
        while let Some(sum) = sums.pop() {
            taken[sum] = true;
            for addend in addends(graph, sum).into_iter().flatten() {
                let same = graph.values[addend].ty == graph.values[value].ty && uses[addend] == 1;
                if same && addends(graph, addend).is_some() {
                    sums.push(addend);
                } else {
                    pads.push(addend);
                }
            }
        }
        if let Some((axis, parts)) = side_by_side(graph, value, &pads) {
            graph.values[value].source = Source::Operation {
                operation: Arc::new(ops::Concat { axis }),
                lowering: Lowering::Concat(axis),
                operands: parts,
            };
        }
    }
}

/// The operands of an addition.
fn addends<T: Precision>(graph: &Graph<T>, value: usize) -> Option<[usize; 2]> {
    match &graph.values[value].source {
        Source::Operation { lowering: Lowering::Binary(Binary::Add), operands, .. } => {
            Some([operands[0], operands[1]])
        }
        _ => None,
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
