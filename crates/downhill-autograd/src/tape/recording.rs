//! What is recorded on a tape, and what is expected to be recorded again.

use crate::Var;
use crate::program::{Entry, Leaf, Node, NodeId, Part, Port};
use crate::{Kind, Operation, Type};
use downhill_tensor::Shape;
use std::borrow::Cow;

/// Values, inputs and transforms, in the order in which they were recorded.
///
/// After [`Recording::rewind`] they stay as expectations: what is recorded next is compared with what stands at
/// its place, and where both agree nothing is built. What differs is appended where nothing more is expected.
#[derive(Clone, Default)]
pub(super) struct Recording {
    entries: Vec<Entry>,
    inputs: Vec<Port>,
    transforms: Vec<Transform>,
    /// How many of the entries have been recorded, or recorded again; the others are expectations.
    len: usize,
    /// The same of the inputs.
    declared: usize,
}

/// What a transform was asked for, what it gave, and which entries it recorded.
#[derive(Clone)]
struct Transform {
    name: &'static str,
    asked: Vec<NodeId>,
    results: Vec<NodeId>,
    start: usize,
    end: usize,
    streams: u64,
}

impl Recording {
    /// Makes expectations of everything.
    pub fn rewind(&mut self) {
        (self.len, self.declared) = (0, 0);
    }

    /// The values recorded so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries[..self.len]
    }

    /// The number of inputs declared so far.
    pub fn declared(&self) -> usize {
        self.declared
    }

    /// An input declared so far; there may be more parts in it that are expected.
    pub fn input(&self, port: usize) -> Option<&Port> {
        self.inputs[..self.declared].get(port)
    }

    /// The inputs declared so far, with the parts declared so far.
    pub fn inputs(&self) -> Cow<'_, [Port]> {
        let declared = &self.inputs[..self.declared];
        if self.entries.len() == self.len {
            return Cow::Borrowed(declared);
        }
        let mut inputs = declared.to_vec();
        for port in &mut inputs {
            let expected = self.parts(port).len();
            if let Some(part) = port.parts.get(expected) {
                // A flat vector: an input of one value is declared together with it.
                port.shape = Shape::from([part.offset]);
                port.parts.truncate(expected);
            }
        }
        Cow::Owned(inputs)
    }

    /// The parts of an input that are declared so far.
    fn parts<'a>(&self, port: &'a Port) -> &'a [Part] {
        &port.parts[..port.parts.partition_point(|part| part.node.index() < self.len)]
    }

    /// Whether more is expected than was recorded so far.
    pub fn expects_more(&self) -> bool {
        self.entries.len() > self.len || self.inputs.len() > self.declared
    }

    /// What was recorded so far, without expectations.
    pub fn beginning(&self) -> Recording {
        let transforms = self.transforms.iter().take_while(|transform| transform.end <= self.len);
        Recording {
            entries: self.entries().to_vec(),
            inputs: self.inputs().into_owned(),
            transforms: transforms.cloned().collect(),
            ..*self
        }
    }

    /// Goes to where `other` is, if what was recorded there so far is expected here as well.
    pub fn begins_as(&mut self, other: &Recording) -> bool {
        if self.entries.len() < other.len || self.inputs.len() < other.declared {
            return false;
        }
        (self.len, self.declared) = (other.len, other.declared);
        let same_port = |(own, port): (&Port, &Port)| {
            // The length of a vector follows from all of its parts.
            let flat = own.shape.rank() == 1 && port.shape.rank() == 1;
            own.name == port.name
                && own.kind == port.kind
                && (own.shape == port.shape || flat)
                && self.parts(own) == other.parts(port)
        };
        self.inputs[..self.declared].iter().zip(&other.inputs[..other.declared]).all(same_port)
            && self.entries().iter().zip(other.entries()).all(|(own, entry)| own.same(entry, |id| id))
    }

    /// The number of the next value, if the one that is expected there is the `same`.
    pub fn again(&mut self, same: impl Fn(&Entry) -> bool) -> Option<NodeId> {
        let found = self.entries.get(self.len).is_some_and(same);
        found.then(|| self.advance())
    }

    fn advance(&mut self) -> NodeId {
        self.len += 1;
        NodeId(self.len as u32 - 1)
    }

    /// Appends a value. Nothing more may be expected.
    pub fn push(&mut self, entry: Entry) -> NodeId {
        self.entries.push(entry);
        self.advance()
    }

    /// Declares an input of one value, if the one that is expected there is the same.
    pub fn input_again(&mut self, name: &str, ty: Type) -> Option<NodeId> {
        let port = self.inputs.get(self.declared)?;
        if port.name != name || (port.kind, port.shape) != (ty.kind, ty.shape) {
            return None;
        }
        let id = self.part_again(self.declared, name, ty)?;
        self.declared += 1;
        Some(id)
    }

    /// Appends an input. Nothing more may be expected.
    pub fn push_input(&mut self, name: &str, ty: Type) -> usize {
        let Type { kind, shape } = ty;
        self.inputs.push(Port { name: name.into(), kind, shape, parts: Vec::new(), updates: None });
        self.declared += 1;
        self.declared - 1
    }

    /// Declares a flat vector whose parts follow, if the one that is expected there is the same.
    pub fn vector_again(&mut self, name: &str) -> Option<usize> {
        let port = self.inputs.get(self.declared)?;
        if port.name != name || port.kind != Kind::Float || port.shape.rank() != 1 {
            return None;
        }
        self.declared += 1;
        Some(self.declared - 1)
    }

    /// The next part of an input, if the one that is expected there is the same.
    pub fn part_again(&mut self, port: usize, name: &str, ty: Type) -> Option<NodeId> {
        let entry = self.entries.get(self.len).filter(|entry| entry.ty == ty)?;
        let Node::Leaf(Leaf::Input { port: at, part }) = entry.node else { return None };
        (at == port && self.inputs[port].parts[part].name == name).then(|| self.advance())
    }

    /// Appends a part to an input, whose value must be pushed next. Nothing more may be expected.
    pub fn push_part(&mut self, port: usize, name: &str, ty: Type) -> Leaf {
        let target = &mut self.inputs[port];
        let offset = target.parts.last().map_or(0, |_| target.shape.size());
        target.parts.push(Part { name: name.into(), offset, node: NodeId(self.len as u32) });
        if target.parts.len() > 1 || target.shape != ty.shape {
            target.shape = [offset + ty.shape.size()].into();
        }
        Leaf::Input { port, part: target.parts.len() - 1 }
    }

    /// The results of a transform and the number of streams after it, if it is expected here.
    pub fn transform_again(
        &mut self,
        name: &'static str,
        asked: impl Iterator<Item = NodeId> + Clone,
    ) -> Option<(&[NodeId], u64)> {
        // They stand here in the order in which they end.
        let ahead = self.transforms.partition_point(|transform| transform.end <= self.len);
        let found = self.transforms[ahead..].iter().find(|transform| {
            transform.start == self.len
                && transform.name == name
                && transform.asked.iter().copied().eq(asked.clone())
        })?;
        self.len = found.end;
        Some((&found.results, found.streams))
    }

    /// Notes what a transform has recorded since `start`, so that it need not be done again.
    pub fn note_transform(
        &mut self,
        name: &'static str,
        asked: impl Iterator<Item = NodeId>,
        results: &[Var<'_>],
        start: usize,
        streams: u64,
    ) {
        if start < self.len && self.len == self.entries.len() {
            let (asked, results) = (asked.collect(), results.iter().map(|var| var.id()).collect());
            self.transforms.push(Transform { name, asked, results, start, end: self.len, streams });
        }
    }
}

/// Whether a value is this operation on these operands.
pub(super) fn is_operation(entry: &Entry, operation: &impl Operation, operands: &[Var<'_>]) -> bool {
    match &entry.node {
        Node::Operation(known, ids) => {
            ids.iter().copied().eq(operands.iter().map(|operand| operand.id()))
                && known.as_any().downcast_ref() == Some(operation)
        }
        Node::Leaf(_) => false,
    }
}
