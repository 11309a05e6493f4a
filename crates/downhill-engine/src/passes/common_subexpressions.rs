//! Values that are computed twice in the same way are computed once.
//!
//! Only operations that the engine knows are compared: what an opaque one does is its own affair.

use crate::graph::{Graph, Source};
use downhill_autograd::{Lowering, Precision, Type};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

#[derive(PartialEq, Eq, Hash)]
enum Form {
    Constant(Vec<u64>),
    Operation(Lowering, Vec<usize>),
}

/// Constants longer than this are not worth comparing.
const MAX_CONSTANT: usize = 64;

pub(super) fn run<T: Precision>(graph: &mut Graph<T>) {
    let mut first: HashMap<(Form, Type), usize> = HashMap::new();
    let mut replacement: Vec<usize> = (0..graph.values.len()).collect();
    for (number, value) in graph.values.iter().enumerate() {
        let form = match &value.source {
            Source::Floats(x) if x.len() <= MAX_CONSTANT => {
                Form::Constant(x.iter().map(|x| x.to_f64().to_bits()).collect())
            }
            Source::Operation { lowering, operands, .. }
                if !matches!(lowering, Lowering::Opaque | Lowering::Scan) =>
            {
                let operands = operands.iter().map(|&operand| replacement[operand]).collect();
                Form::Operation(lowering.clone(), operands)
            }
            _ => continue,
        };
        match first.entry((form, value.ty)) {
            Entry::Occupied(earlier) => replacement[number] = *earlier.get(),
            Entry::Vacant(slot) => {
                slot.insert(number);
            }
        }
    }
    graph.redirect(&replacement);
}
