//! A sum of products over rows is one product over all of those rows.
//!
//! The gradient of weights that are used at each step of a recurrent network is a sum of `Aₜᵀ Bₜ` over the steps,
//! each of them over the few rows of a batch. With the Aₜ one below the other, and the Bₜ, it is one product with a
//! long inner dimension, which brings each result to and from memory once instead of once a step.

use super::chain::{chains, uses};
use crate::graph::{Graph, Source, Value};
use downhill_autograd::operation::Movement;
use downhill_autograd::{Lowering, Precision, Type, ops};
use downhill_tensor::Shape;
use std::sync::Arc;

/// Rows with which a product is long enough by itself.
const MANY_ROWS: usize = 256;

/// A product `Aᵀ B` of two matrices.
struct Term {
    value: usize,
    a: usize,
    b: usize,
}

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    let uses = uses(graph);
    for (value, addends) in chains(graph, &uses) {
        let (mut terms, mut rest) = (Vec::new(), Vec::new());
        for addend in addends {
            match term(graph, addend).filter(|_| uses[addend] == 1) {
                Some(term) => terms.push(term),
                None => rest.push(addend),
            }
        }
        if terms.len() < 2 {
            continue;
        }
        // Gradients come about from the last use to the first; whoever puts the same matrices together elsewhere
        // is likely to begin with the first.
        terms.sort_by_key(|term| std::cmp::Reverse(term.value));
        let joined = join(graph, &terms);
        match rest.split_first() {
            None => graph.values[value].source = joined,
            Some((&first, others)) => {
                let (ty, origin) = (graph.values[value].ty, graph.values[value].origin);
                let product = graph.push(Value { source: joined, ty, origin });
                let sum = others
                    .iter()
                    .fold(first, |sum, &other| graph.push(Value { source: add(sum, other), ty, origin }));
                graph.values[value].source = add(sum, product);
            }
        }
    }
    graph.sort();
}

/// The product that an addend is, if it is one over few rows.
fn term<T: Precision>(graph: &mut Graph<T>, value: usize) -> Option<Term> {
    let Source::Operation { lowering: Lowering::MatMul, operands, .. } = &graph.values[value].source else {
        return None;
    };
    let &[left, b] = operands.as_slice() else { return None };
    let matrices = [left, b].iter().all(|&matrix| graph.values[matrix].ty.shape.rank() == 2);
    if !matrices || graph.values[b].ty.shape[0] >= MANY_ROWS {
        return None;
    }
    let a = match &graph.values[left].source {
        Source::Operation { lowering: Lowering::Move(Movement::Permute(order)), operands, .. }
            if order.as_slice() == [1, 0] =>
        {
            operands[0]
        }
        // The state before the first step, say, whose transpose is known.
        Source::Floats(_) => transposed(graph, left),
        _ => return None,
    };
    Some(Term { value, a, b })
}

/// Another view of a matrix.
fn transposed<T: Precision>(graph: &mut Graph<T>, matrix: usize) -> usize {
    let Value { ty, origin, .. } = graph.values[matrix];
    let source = Source::Operation {
        operation: Arc::new(ops::Permute { order: vec![1, 0] }),
        lowering: Lowering::Move(Movement::Permute(vec![1, 0])),
        operands: vec![matrix],
    };
    let ty = Type::float(Shape::from([ty.shape[1], ty.shape[0]]));
    graph.push(Value { source, ty, origin })
}

/// One product for all of them.
fn join<T: Precision>(graph: &mut Graph<T>, terms: &[Term]) -> Source<T> {
    let origin = graph.values[terms[0].value].origin;
    let mut below = |of: fn(&Term) -> usize| {
        let parts: Vec<usize> = terms.iter().map(of).collect();
        let rows = parts.iter().map(|&part| graph.values[part].ty.shape[0]).sum();
        let shape = Shape::from([rows, graph.values[parts[0]].ty.shape[1]]);
        let source = Source::Operation {
            operation: Arc::new(ops::Concat { axis: 0 }),
            lowering: Lowering::Concat(0),
            operands: parts,
        };
        graph.push(Value { source, ty: Type::float(shape), origin })
    };
    let (a, b) = (below(|term| term.a), below(|term| term.b));
    let left = transposed(graph, a);
    Source::Operation {
        operation: Arc::new(ops::MatMul),
        lowering: Lowering::MatMul,
        operands: vec![left, b],
    }
}

fn add<T>(a: usize, b: usize) -> Source<T> {
    use downhill_tensor::kernels::scalar::Binary;
    Source::Operation {
        operation: Arc::new(ops::BinaryOperation(Binary::Add)),
        lowering: Lowering::Binary(Binary::Add),
        operands: vec![a, b],
    }
}
