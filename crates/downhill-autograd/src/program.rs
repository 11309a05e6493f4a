//! A recorded computation as a value: what goes in, what is done, what comes out.

use crate::operation::AnyOperation;
use crate::{Kind, Place, Type};
use downhill_tensor::{Shape, Tensor};
use std::fmt;
use std::sync::Arc;

/// The number of a value in a [`Program`] or on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The number as an index into the values of a [`Program`], in their order.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// A value that is not computed from others.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// A part of an input port, by the numbers of the port and of the part.
    Input {
        /// The number of the port.
        port: usize,
        /// The number of the part in it.
        part: usize,
    },
    /// One real number.
    Scalar(f64),
    /// Real numbers.
    Float(Tensor<f64>),
    /// Whole numbers.
    Index(Tensor<i64>),
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Node {
    /// A value that is not computed.
    Leaf(Leaf),
    /// An operation on earlier values.
    Operation(Arc<dyn AnyOperation>, Vec<NodeId>),
}

/// One value of a program: how it comes about, its type, and where it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub node: Node,
    pub ty: Type,
    pub path: Arc<str>,
    pub location: &'static std::panic::Location<'static>,
}

impl Entry {
    pub fn place(&self) -> Place {
        Place { path: self.path.to_string(), location: self.location }
    }

    /// Whether a value comes about as this one does, when its operands have these numbers here.
    pub fn same(&self, other: &Entry, number: impl Fn(NodeId) -> NodeId) -> bool {
        self.ty == other.ty
            && match (&self.node, &other.node) {
                (Node::Leaf(own), Node::Leaf(leaf)) => own.same(leaf),
                (Node::Operation(own, ids), Node::Operation(operation, operands)) => {
                    ids.len() == operands.len()
                        && ids.iter().zip(operands).all(|(id, operand)| *id == number(*operand))
                        && own.same(&**operation)
                }
                _ => false,
            }
    }
}

impl Leaf {
    /// Whether both are the same part of the same port, or constants of the same bits.
    pub(crate) fn same(&self, other: &Leaf) -> bool {
        let bits = |(a, b): (f64, f64)| a.to_bits() == b.to_bits();
        match (self, other) {
            (Leaf::Input { port, part }, Leaf::Input { port: to, part: of }) => (port, part) == (to, of),
            (Leaf::Scalar(a), Leaf::Scalar(b)) => bits((*a, *b)),
            (Leaf::Float(a), Leaf::Float(b)) => a.shape() == b.shape() && a.iter().zip(b.iter()).all(bits),
            (Leaf::Index(a), Leaf::Index(b)) => a == b,
            _ => false,
        }
    }
}

/// A part of a port: one value, at its offset in the port's flat vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// The position of its first element.
    pub offset: usize,
    /// The value.
    pub node: NodeId,
}

/// An input or output of a program: a flat vector, in which one or more values lie one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What kind of numbers it holds.
    pub kind: Kind,
    /// Its shape: that of its only part, or `[length]` for a flat vector.
    pub shape: Shape,
    /// The values in it.
    pub parts: Vec<Part>,
    /// Of an output, the input whose place it takes, if it does: see [`Output::update`].
    pub updates: Option<usize>,
}

impl Port {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.size()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a program shall deliver under one name: see [`crate::Tape::finish`].
#[derive(Clone, Copy)]
pub struct Output<'a, 't> {
    pub(crate) name: &'a str,
    pub(crate) parts: &'a [crate::Var<'t>],
    pub(crate) flat: bool,
    pub(crate) updates: Option<&'a str>,
}

impl<'a, 't> Output<'a, 't> {
    /// One value in its own shape.
    pub fn new(name: &'a str, value: &'a crate::Var<'t>) -> Self {
        Output { name, parts: std::slice::from_ref(value), flat: false, updates: None }
    }

    /// Several values one after the other in a flat vector.
    pub fn flat(name: &'a str, values: &'a [crate::Var<'t>]) -> Self {
        Output { name, parts: values, flat: true, updates: None }
    }

    /// Several values one after the other in a flat vector that takes the place of the input `input`: one
    /// stretch of memory holds the input's numbers before a run and the output's afterwards. When the program
    /// runs, the input is bound with [`Data::InPlace`](crate::Data::InPlace) and its numbers lie in the
    /// output. All reads of the input see the old numbers.
    ///
    /// An input of another kind or length is an error, which [`Tape::finish`](crate::Tape::finish) returns.
    pub fn update(input: &'a str, values: &'a [crate::Var<'t>]) -> Self {
        Output { name: input, parts: values, flat: true, updates: Some(input) }
    }
}

/// A recorded computation, complete and free of errors.
///
/// It is a value: print it (`Display`), draw it ([`Program::graphviz`]), run it with an
/// [`Executor`](crate::Executor).
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) entries: Vec<Entry>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

impl Program {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How a value comes about. Operands always have smaller numbers than what is computed from them.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.entries[id.index()].node
    }

    /// The type of a value.
    pub fn ty(&self, id: NodeId) -> Type {
        self.entries[id.index()].ty
    }

    /// Where a value was recorded.
    pub fn place(&self, id: NodeId) -> Place {
        self.entries[id.index()].place()
    }

    /// The numbers of all values, in the order in which they can be computed.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.entries.len() as u32).map(NodeId)
    }

    /// What must be given to run it, in this order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What it delivers, in this order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The number of the input of this name.
    pub fn input(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|port| port.name == name)
    }

    /// The number of the output of this name.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|port| port.name == name)
    }

    /// The number of the output that takes the place of an input, if one does.
    pub fn updated_by(&self, input: usize) -> Option<usize> {
        self.outputs.iter().position(|port| port.updates == Some(input))
    }

    /// Whether both are the same but for where they were recorded: the same operations with the same attributes
    /// on the same operands, the same shapes, constants of the same bits, the same inputs, outputs and names, in
    /// the same order. So a plan made for one can be run for the other.
    ///
    /// A program with an operation that is not equal to itself is not even the same as itself.
    pub fn same(&self, other: &Program) -> bool {
        self.len() == other.len()
            && self.inputs == other.inputs
            && self.outputs == other.outputs
            && self.entries.iter().zip(&other.entries).all(|(own, entry)| own.same(entry, |id| id))
    }

    /// The name of what a value is: its operation, `input` or `constant`.
    pub fn operation_name(&self, id: NodeId) -> &'static str {
        match self.node(id) {
            Node::Leaf(Leaf::Input { .. }) => "input",
            Node::Leaf(_) => "constant",
            Node::Operation(operation, _) => operation.name(),
        }
    }
}

/// One line of the text form: the value's number, its type, and how it comes about.
pub(crate) fn describe(program: &Program, id: NodeId) -> String {
    match program.node(id) {
        Node::Leaf(Leaf::Input { port, part }) => {
            let port = &program.inputs[*port];
            let part = &port.parts[*part];
            if part.name == port.name {
                format!("input {}", port.name)
            } else {
                let end = part.offset + program.ty(id).shape.size();
                format!("input {}[{}..{end}] \"{}\"", port.name, part.offset, part.name)
            }
        }
        Node::Leaf(Leaf::Scalar(value)) => format!("constant {value}"),
        Node::Leaf(Leaf::Float(_) | Leaf::Index(_)) => "constant".into(),
        Node::Operation(operation, operands) => {
            let mut text = operation.name().to_string();
            let attributes = operation.attributes();
            if !attributes.is_empty() {
                text.push_str(&format!(" {{{attributes}}}"));
            }
            for (i, operand) in operands.iter().enumerate() {
                text.push_str(if i == 0 { " " } else { ", " });
                text.push_str(&operand.to_string());
            }
            text
        }
    }
}

impl fmt::Display for Program {
    /// The text form: one line a value, with the layer path as a comment where it changes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ports: &[Port]| {
            let items =
                ports.iter().map(|p| format!("{}: {}", p.name, Type { kind: p.kind, shape: p.shape }));
            items.collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "program({}) -> ({})", list(&self.inputs), list(&self.outputs))?;
        let mut path: &str = "";
        for id in self.ids() {
            let entry = &self.entries[id.index()];
            if &*entry.path != path {
                path = &entry.path;
                writeln!(f, "  # {}", if path.is_empty() { "(top)" } else { path })?;
            }
            writeln!(f, "  {:<5} {:<20} = {}", id.to_string(), entry.ty.to_string(), describe(self, id))?;
        }
        for port in &self.outputs {
            let parts = port.parts.iter().map(|part| part.node.to_string()).collect::<Vec<_>>();
            writeln!(f, "  return {} = {}", port.name, parts.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::ArgExtreme;
    use crate::testing::{CaseRng, random_program};

    /// A program with one thing changed.
    fn mutated(program: &Program, rng: &mut CaseRng) -> Program {
        let mut program = program.clone();
        let at = rng.below(program.entries.len());
        let entry = &mut program.entries[at];
        let changed = rng.below(8);
        match (&mut entry.node, changed) {
            (_, 0) => entry.ty = Type::float([7, 7]),
            (_, 1) if entry.ty.kind == Kind::Index => entry.ty.kind = Kind::Float,
            (_, 1) => entry.ty.kind = Kind::Index,
            (_, 2) => program.inputs[0].name.push('\''),
            (_, 3) => program.outputs[0].updates = Some(0),
            (_, 4) => program.outputs[2].parts[0].node.0 ^= 1,
            (_, 5) => drop(program.outputs.pop()),
            (Node::Operation(_, operands), 6) if !operands.is_empty() => operands[0].0 ^= 1,
            (Node::Operation(operation, _), _) => {
                *operation = Arc::new(ArgExtreme { axis: 9, largest: true })
            }
            // Infinity and 1 more are the same.
            (Node::Leaf(Leaf::Scalar(value)), _) => {
                *value = if value.is_finite() { *value + 1.0 } else { 0.0 }
            }
            (Node::Leaf(Leaf::Input { part, .. }), _) => *part += 1,
            (node, _) => *node = Node::Leaf(Leaf::Scalar(0.5)),
        }
        program
    }

    #[test]
    fn a_program_with_one_thing_changed_is_another() {
        for seed in 0..200 {
            let mut rng = CaseRng::new(seed);
            let (program, _) = random_program(&mut rng, 6).unwrap();
            assert!(program.same(&program.clone()), "program {seed}");
            for _ in 0..10 {
                let other = mutated(&program, &mut rng);
                assert!(
                    !program.same(&other) && !other.same(&program),
                    "program {seed}:\n{program}\n{other}"
                );
            }
        }
    }
}
