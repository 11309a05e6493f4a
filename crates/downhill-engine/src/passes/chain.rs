//! Sums of more than two values, as passes look at them.

use crate::graph::{Graph, Source};
use downhill_autograd::{Lowering, Precision};
use downhill_tensor::kernels::scalar::Binary;

/// How often each value is used by what is needed, and delivered.
pub(super) fn uses<T: Precision>(graph: &Graph<T>) -> Vec<usize> {
    let needed = graph.needed();
    let mut uses = vec![0usize; graph.values.len()];
    for value in (0..graph.values.len()).filter(|&value| needed[value]) {
        graph.operands(value).iter().for_each(|&operand| uses[operand] += 1);
    }
    graph.deliveries.iter().for_each(|delivery| uses[delivery.value] += 1);
    uses
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

/// What is added up by an addition and by those that serve nothing but it; and these additions.
fn chain<T: Precision>(graph: &Graph<T>, value: usize, uses: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let (mut parts, mut sums, mut open) = (Vec::new(), Vec::new(), vec![value]);
    while let Some(sum) = open.pop() {
        sums.push(sum);
        for addend in addends(graph, sum).into_iter().flatten() {
            let same = graph.values[addend].ty == graph.values[value].ty && uses[addend] == 1;
            if same && addends(graph, addend).is_some() {
                open.push(addend);
            } else {
                parts.push(addend);
            }
        }
    }
    (parts, sums)
}

/// Every sum that is no part of a longer one, the last first, with what is added up by it.
pub(super) fn chains<T: Precision>(graph: &Graph<T>, uses: &[usize]) -> Vec<(usize, Vec<usize>)> {
    let needed = graph.needed();
    let mut taken = vec![false; graph.values.len()];
    let mut found = Vec::new();
    // From the last sum back, so that a chain is met at its end.
    for value in (0..graph.values.len()).rev() {
        if needed[value] && !taken[value] && addends(graph, value).is_some() {
            let (parts, sums) = chain(graph, value, uses);
            sums.iter().for_each(|&sum| taken[sum] = true);
            found.push((value, parts));
        }
    }
    found
}
