//! From the program of a network to nodes of a graph.

use super::graph::{Attribute, ElementType, Graph};
use super::operators;
use crate::{Error, Result};
use downhill_autograd::{Leaf, Node, NodeId, Program};
use downhill_tensor::{ParameterLayout, Shape};

/// The batch sizes of the two programs by which it is found out what depends on the batch.
pub(super) const SIZES: [usize; 2] = [2, 3];

/// A dimension as a graph has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Fixed(usize),
    /// This many times the batch.
    Batches(usize),
}

/// The program that is translated, and what is known of its values so far.
pub(super) struct Translation<'a> {
    pub graph: &'a mut Graph,
    program: &'a Program,
    /// The same program at another batch size, if the batch is free.
    other: Option<&'a Program>,
    /// The names of the values so far.
    names: Vec<String>,
    /// The value from whose first dimension the batch is read.
    input: &'a str,
    batch: Option<String>,
}

/// The numbers of a network, in the order of its layouts.
pub(super) struct Numbers<'a> {
    pub layouts: [&'a ParameterLayout; 2],
    pub values: [&'a [f32]; 2],
}

/// Whether two programs of different batch sizes are the same function of a batch of any size: the same
/// operations, with shapes that differ by nothing but the batch.
pub(super) fn same_at_any_size(left: &Program, right: &Program) -> bool {
    left.len() == right.len()
        && left.ids().all(|id| {
            let lengths = lengths(left.ty(id).shape, right.ty(id).shape);
            let nodes = match (left.node(id), right.node(id)) {
                (Node::Leaf(a), Node::Leaf(b)) => same_leaf(a, b),
                (Node::Operation(a, of), Node::Operation(b, with)) => {
                    // A shape is the only attribute that may follow the batch.
                    of == with && (a.same(&**b) || (operators::has_shape_alone(&**a) && a.name() == b.name()))
                }
                _ => false,
            };
            lengths.is_some() && nodes
        })
}

fn same_leaf(left: &Leaf, right: &Leaf) -> bool {
    match (left, right) {
        (Leaf::Input { port, part }, Leaf::Input { port: to, part: of }) => (port, part) == (to, of),
        (Leaf::Scalar(a), Leaf::Scalar(b)) => a.to_bits() == b.to_bits(),
        (Leaf::Float(a), Leaf::Float(b)) => a == b,
        (Leaf::Index(a), Leaf::Index(b)) => a == b,
        _ => false,
    }
}

/// The dimensions of a shape that was found at both batch sizes; nothing if they depend on the batch in another
/// way than by a factor.
fn lengths(left: Shape, right: Shape) -> Option<Vec<Length>> {
    if left.rank() != right.rank() {
        return None;
    }
    let length = |(&a, &b): (&usize, &usize)| match (a == b, a % SIZES[0], b % SIZES[1]) {
        (true, ..) => Some(Length::Fixed(a)),
        (false, 0, 0) if a / SIZES[0] == b / SIZES[1] => Some(Length::Batches(a / SIZES[0])),
        _ => None,
    };
    left.iter().zip(right.iter()).map(length).collect()
}

impl<'a> Translation<'a> {
    /// Adds a program to a graph. `input` is the name of the value for its input `input`. Returns the name of its
    /// first output.
    ///
    /// # Errors
    /// An operation that ONNX does not have.
    pub fn run(
        graph: &'a mut Graph,
        program: &'a Program,
        other: Option<&'a Program>,
        numbers: &Numbers<'_>,
        input: &'a str,
    ) -> Result<String> {
        let names = Vec::with_capacity(program.len());
        let mut translation = Translation { graph, program, other, names, input, batch: None };
        for id in program.ids() {
            translation.graph.enter(&program.place(id).path);
            let name = match program.node(id) {
                Node::Leaf(leaf) => translation.leaf(leaf, numbers),
                Node::Operation(operation, operands) => {
                    operators::add(&mut translation, &**operation, operands, id).map_err(|reason| {
                        let path = program.place(id).path;
                        let layer =
                            if path.is_empty() { "at the top".into() } else { format!("of layer '{path}'") };
                        let what = format!("the operation `{}` {layer}", operation.name());
                        Error::NotExportable { format: "ONNX", what, reason }
                    })?
                }
            };
            translation.names.push(name);
        }
        translation.graph.enter("");
        Ok(translation.names[program.outputs()[0].parts[0].node.index()].clone())
    }

    fn leaf(&mut self, leaf: &Leaf, numbers: &Numbers<'_>) -> String {
        match leaf {
            Leaf::Input { port, part } => {
                // Parameters, state, and behind them the input.
                let (Some(layout), Some(values)) = (numbers.layouts.get(*port), numbers.values.get(*port))
                else {
                    return self.input.into();
                };
                let part = &self.program.inputs()[*port].parts[*part];
                match layout.get(&part.name) {
                    Some(entry) => {
                        let numbers = values[entry.range()].iter().copied();
                        self.graph.named_floats(&part.name, entry.shape.dims(), numbers);
                        part.name.clone()
                    }
                    // A port without parts is one value of no elements.
                    None => self.graph.floats(&[0], []),
                }
            }
            Leaf::Scalar(value) => self.graph.floats(&[], [*value as f32]),
            Leaf::Float(tensor) => {
                self.graph.floats(tensor.shape().dims(), tensor.iter().map(|value| value as f32))
            }
            Leaf::Index(tensor) => self.graph.integers(tensor.shape().dims(), tensor.iter()),
        }
    }

    /// The name of a value.
    pub fn name(&self, id: NodeId) -> &str {
        &self.names[id.index()]
    }

    /// The shape of a value, at the batch size of the program.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.program.ty(id).shape
    }

    /// The dimensions of a value.
    pub fn lengths(&self, id: NodeId) -> Vec<Length> {
        let fixed = || self.shape(id).iter().map(|&length| Length::Fixed(length)).collect();
        match self.other {
            Some(other) => lengths(self.shape(id), other.ty(id).shape).unwrap_or_else(fixed),
            None => fixed(),
        }
    }

    /// The name of a vector with these dimensions.
    pub fn dimensions(&mut self, lengths: &[Length]) -> String {
        if let Some(fixed) = lengths.iter().map(|length| fixed(*length)).collect::<Option<Vec<_>>>() {
            return self.graph.integers(&[fixed.len()], fixed);
        }
        let batch = match self.batch.clone() {
            Some(batch) => batch,
            None => {
                let ends = [Attribute::Int("start", 0), Attribute::Int("end", 1)];
                self.batch.insert(self.graph.node("Shape", &[self.input], &ends)).clone()
            }
        };
        let mut pieces = Vec::new();
        for length in lengths {
            pieces.push(match *length {
                Length::Fixed(length) => self.graph.integers(&[1], [length as i64]),
                Length::Batches(1) => batch.clone(),
                Length::Batches(count) => {
                    let count = self.graph.integers(&[1], [count as i64]);
                    self.graph.node("Mul", &[&batch, &count], &[])
                }
            });
        }
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        self.graph.node("Concat", &pieces, &[Attribute::Int("axis", 0)])
    }

    /// A value in another shape. One dimension that follows the batch needs no computing.
    pub fn reshape(&mut self, value: &str, lengths: &[Length]) -> String {
        let free = lengths.iter().filter(|length| fixed(**length).is_none()).count();
        let empty = lengths.contains(&Length::Fixed(0));
        let shape = if free == 1 && !empty {
            let dims: Vec<i64> = lengths.iter().map(|length| fixed(*length).unwrap_or(-1)).collect();
            self.graph.integers(&[dims.len()], dims)
        } else {
            self.dimensions(lengths)
        };
        // A 0 shall be a 0, and not the dimension of the operand.
        self.graph.node("Reshape", &[value, &shape], &[Attribute::Int("allowzero", 1)])
    }

    /// A value in another element type.
    pub fn cast(&mut self, value: &str, to: ElementType) -> String {
        self.graph.node("Cast", &[value], &[Attribute::Int("to", to as i64)])
    }
}

fn fixed(length: Length) -> Option<i64> {
    match length {
        Length::Fixed(length) => Some(length as i64),
        Length::Batches(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_follow_the_batch_by_a_factor_or_not_at_all() {
        let (batches, fixed) = (Length::Batches, Length::Fixed);
        assert_eq!(lengths([2, 7].into(), [3, 7].into()), Some(vec![batches(1), fixed(7)]));
        assert_eq!(lengths([10, 2].into(), [15, 2].into()), Some(vec![batches(5), fixed(2)]));
        assert_eq!(lengths([1].into(), [2].into()), None);
        assert_eq!(lengths([4].into(), [9].into()), None);
        assert_eq!(lengths([2].into(), [2, 1].into()), None);
    }
}
