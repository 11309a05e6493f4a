//! What depends on constants alone is computed now, where its result is small.

use crate::graph::{Graph, Source};
use downhill_autograd::{Args, Data, Kind, Lowering, Out, Precision};
use downhill_tensor::{Key, Shape};

/// Larger results would cost more memory than they save time; a constant that is merely repeated is free.
const MAX_SIZE: usize = 4096;

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    for number in 0..graph.values.len() {
        let value = &graph.values[number];
        let Source::Operation { operation, lowering, operands } = &value.source else { continue };
        let known = value.ty.kind == Kind::Float
            && value.ty.shape.size() <= MAX_SIZE
            // What it draws is not known ahead, and an operation of a user's own may have its reasons.
            && !matches!(lowering, Lowering::Uniform(_) | Lowering::Scan | Lowering::Opaque)
            && !operands.is_empty()
            && operands.iter().all(|&operand| graph.known_floats(operand).is_some());
        if !known {
            continue;
        }
        let data: Vec<_> = operands.iter().filter_map(|&o| graph.known_floats(o)).map(Data::Float).collect();
        let shapes: Vec<Shape> = operands.iter().map(|&operand| graph.values[operand].ty.shape).collect();
        let mut result = vec![T::NAN; value.ty.shape.size()];
        let args = Args::new(&data, &shapes, value.ty.shape, Key::new(0));
        if T::eval(&**operation, &args, Out::Float(&mut result)).is_ok() {
            graph.values[number].source = Source::Floats(result.into());
        }
    }
}
