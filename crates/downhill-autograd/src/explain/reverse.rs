//! What the reverse mode of the library delivers for the same values, to compare with.

use super::{Recording, constant, declare, is_constant, scalar_output};
use crate::interpreter::{Value, evaluate};
use crate::program::Node;
use crate::{Data, Kind, Output, Program, Result, Tape};
use downhill_tensor::Key;

/// The gradient of an output, a scalar, with respect to each real value of a program, in the order of the program, as
/// [`Tape::vjp`] records it; zeros for values that it does not depend on, nothing for whole numbers.
///
/// This is how training gets its gradient: one operation after the other hands on a whole cotangent, and no Jacobian
/// and no path ever exists. [`explain`](super::explain) comes to the same numbers the long way.
///
/// # Errors
/// As [`explain`](super::explain).
pub fn reverse_mode(
    program: &Program,
    output: &str,
    inputs: &[Data<'_, f64>],
    key: Key,
) -> Result<Vec<Vec<f64>>> {
    let recording = Recording::new(program, inputs, key)?;
    let loss = scalar_output(program, output)?;
    let tape = Tape::new();
    let mut vars = Vec::with_capacity(program.len());
    let mut data = Vec::new();
    for id in program.ids() {
        vars.push(match program.node(id) {
            Node::Leaf(leaf) if is_constant(leaf) => constant(&tape, leaf),
            Node::Leaf(_) => {
                data.push(match &recording.values[id.index()] {
                    Value::Float(x) => Data::Float(x),
                    Value::Index(x) => Data::Index(x),
                });
                declare(&tape, &format!("input {}", data.len()), program.ty(id))
            }
            Node::Operation(operation, operands) => {
                let own: Vec<_> = operands.iter().map(|operand| vars[operand.index()]).collect();
                tape.at_path(&program.place(id).path, || tape.record_shared(operation.clone(), &own))
            }
        });
    }
    let loss = vars[loss.index()];
    // By all that depends on an input; constants that nobody learns may have operations without a derivative.
    let wrt: Vec<_> =
        program.ids().filter(|&id| recording.depends[id.index()]).map(|id| vars[id.index()]).collect();
    let one = tape.ones(loss.shape());
    let gradients = tape.vjp_or_zeros(&[(loss, one)], &wrt);
    let outputs: Vec<_> = gradients.iter().map(|var| Output::new("gradient", var)).collect();
    let derived = tape.finish(&outputs)?;
    let values = evaluate(&derived, &data, key, &mut |_| {})?;
    let mut delivered = derived.outputs().iter().map(|port| match &values[port.parts[0].node.index()] {
        Value::Float(x) => x.clone(),
        Value::Index(_) => Vec::new(),
    });
    let of = |id: crate::NodeId| match (recording.depends[id.index()], program.ty(id).kind) {
        (true, _) => delivered.next().unwrap_or_default(),
        (false, Kind::Float) => vec![0.0; program.ty(id).shape.size()],
        (false, Kind::Index) => Vec::new(),
    };
    Ok(program.ids().map(of).collect())
}
