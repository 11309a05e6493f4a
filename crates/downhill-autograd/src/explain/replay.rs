//! A program carried out again from one of its values on, with an element of that value changed.

use super::Recording;
use crate::interpreter::{Value, apply};
use crate::program::{Node, NodeId};
use downhill_tensor::Key;

/// The derivatives of the scalar `loss` by each element of a value, by central differences
/// `(L(v + h) - L(v - h)) / 2h` with h = ∛ε max(1, |v|), for which the errors of the formula (h²) and of rounding (ε/h)
/// are alike small: some 1e-10 of the third derivative and of the loss. Nothing where an operation refuses the changed
/// numbers, as a factorization does that wants a symmetric matrix.
pub(super) fn finite_differences(
    recording: &Recording<'_>,
    node: NodeId,
    loss: NodeId,
    key: Key,
) -> Option<Vec<f64>> {
    let Value::Float(here) = &recording.values[node.index()] else { return None };
    let mut differences = Vec::with_capacity(here.len());
    for (element, &middle) in here.iter().enumerate() {
        let step = f64::EPSILON.cbrt() * middle.abs().max(1.0);
        let at = |number: f64| {
            let mut changed = here.clone();
            changed[element] = number;
            replay(recording, node, Value::Float(changed), loss, key)
        };
        let (above, below) = (middle + step, middle - step);
        differences.push((at(above)? - at(below)?) / (above - below));
    }
    Some(differences)
}

/// The scalar `loss` when `node` has other numbers: what is computed from it is computed again, all else stays.
fn replay(
    recording: &Recording<'_>,
    node: NodeId,
    numbers: Value<f64>,
    loss: NodeId,
    key: Key,
) -> Option<f64> {
    let program = recording.program;
    let mut changed: Vec<Option<Value<f64>>> = vec![None; program.len()];
    changed[node.index()] = Some(numbers);
    for id in program.ids().skip(node.index() + 1).take_while(|id| *id <= loss) {
        let Node::Operation(operation, operands) = program.node(id) else { continue };
        if operands.iter().all(|operand| changed[operand.index()].is_none()) {
            continue;
        }
        let of = |id: &NodeId| changed[id.index()].as_ref().unwrap_or(&recording.values[id.index()]);
        let own: Vec<_> = operands.iter().map(of).collect();
        let shapes: Vec<_> = operands.iter().map(|&operand| program.ty(operand).shape).collect();
        let value = apply(&**operation, &own, &shapes, program.ty(id), key).ok()?;
        changed[id.index()] = Some(value);
    }
    match changed[loss.index()].as_ref().unwrap_or(&recording.values[loss.index()]) {
        Value::Float(x) => x.first().copied(),
        Value::Index(_) => None,
    }
}
