//! From what a tape holds to a program.

use super::{POISON, Tape};
use crate::program::{Entry, Leaf, Node, NodeId, Output, Part, Port, Program};
use crate::{Error, Place, Result, Type, Var};
use downhill_tensor::Shape;

/// What [`Tape::finish_among`] has found.
#[derive(Clone, Debug)]
pub enum Finished {
    /// The number of the first known program that is the [same](Program::same).
    Known(usize),
    /// A program that is not among them.
    New(Program),
}

impl Tape {
    /// The program that delivers these outputs, followed by the values watched with [`Var::watch`]. What
    /// they do not need is left out; inputs stay, needed or not, so that the program's signature is what was
    /// declared.
    ///
    /// # Errors
    /// The first error that was noted while recording.
    #[track_caller]
    pub fn finish(&self, outputs: &[Output<'_, '_>]) -> Result<Program> {
        self.finished(outputs, |finish| finish.program())
    }

    /// Like [`Tape::finish`], for who knows programs already: the program is built only if none of them is the
    /// same. To find it allocates little and copies nothing.
    ///
    /// # Errors
    /// The first error that was noted while recording.
    #[track_caller]
    pub fn finish_among<'p>(
        &self,
        outputs: &[Output<'_, '_>],
        known: impl IntoIterator<Item = &'p Program>,
    ) -> Result<Finished> {
        self.finished(outputs, |finish| match known.into_iter().position(|program| finish.is(program)) {
            Some(number) => Finished::Known(number),
            None => Finished::New(finish.program()),
        })
    }

    #[track_caller]
    fn finished<R>(&self, outputs: &[Output<'_, '_>], then: impl FnOnce(&Finish<'_>) -> R) -> Result<R> {
        let foreign =
            |output: &Output<'_, '_>| output.parts.iter().any(|var| !std::ptr::eq(var.tape(), self));
        if outputs.iter().any(foreign) {
            self.fail(Error::ForeignVar { operation: "finish".into(), place: self.here() });
        }
        let place = self.here();
        let inner = self.inner.borrow();
        if let Some(error) = &inner.error {
            return Err(error.clone());
        }
        let watched: Vec<_> = inner.watched.iter().map(|(name, id)| (name, Var::new(self, *id))).collect();
        let watched = watched.iter().map(|(name, var)| Output::new(name, var));
        let outputs = outputs.iter().copied().chain(watched).collect();
        let recording = &inner.memory.now;
        let inputs = recording.inputs();
        let finish = Finish::new(recording.entries(), &inputs, outputs, place)?;
        Ok(then(&finish))
    }
}

/// What is needed of a recording for some outputs.
struct Finish<'a> {
    entries: &'a [Entry],
    inputs: &'a [Port],
    outputs: Vec<Output<'a, 'a>>,
    /// The input whose place each output takes, if it takes one.
    updates: Vec<Option<usize>>,
    /// The values that stay, in order.
    kept: Vec<NodeId>,
    /// The number that each value has in the program.
    numbers: Vec<NodeId>,
}

impl<'a> Finish<'a> {
    fn new(
        entries: &'a [Entry],
        inputs: &'a [Port],
        outputs: Vec<Output<'a, 'a>>,
        place: Place,
    ) -> Result<Self> {
        let updates = updates(entries, inputs, &outputs, place)?;
        let mut keep: Vec<bool> =
            entries.iter().map(|entry| matches!(entry.node, Node::Leaf(Leaf::Input { .. }))).collect();
        outputs.iter().flat_map(ids).for_each(|id| keep[id.index()] = true);
        // Operands come before what uses them, so one walk back meets every user before its operands.
        for id in (0..entries.len()).rev() {
            if let (true, Node::Operation(_, operands)) = (keep[id], &entries[id].node) {
                operands.iter().for_each(|operand| keep[operand.index()] = true);
            }
        }
        let mut kept = Vec::with_capacity(entries.len());
        let mut numbers = vec![POISON; entries.len()];
        for id in (0..entries.len()).filter(|&id| keep[id]) {
            numbers[id] = NodeId(kept.len() as u32);
            kept.push(NodeId(id as u32));
        }
        Ok(Finish { entries, inputs, outputs, updates, kept, numbers })
    }

    fn number(&self, id: NodeId) -> NodeId {
        self.numbers[id.index()]
    }

    /// Whether a program is the same as the one that would be built.
    fn is(&self, program: &Program) -> bool {
        program.entries.len() == self.kept.len()
            && program.inputs.len() == self.inputs.len()
            && program.outputs.len() == self.outputs.len()
            && self.inputs.iter().zip(&program.inputs).all(|(own, port)| self.is_input(own, port))
            && (0..self.outputs.len()).all(|number| self.is_output(number, &program.outputs[number]))
            && self
                .kept
                .iter()
                .zip(&program.entries)
                .all(|(id, entry)| entry.same(&self.entries[id.index()], |operand| self.number(operand)))
    }

    fn is_input(&self, own: &Port, port: &Port) -> bool {
        (&own.name, own.kind, own.shape, own.parts.len())
            == (&port.name, port.kind, port.shape, port.parts.len())
            && own.parts.iter().zip(&port.parts).all(|(own, part)| {
                own.name == part.name && own.offset == part.offset && self.number(own.node) == part.node
            })
    }

    fn is_output(&self, number: usize, port: &Port) -> bool {
        let output = &self.outputs[number];
        let Type { kind, shape } = ty(self.entries, output);
        // The offsets follow from the values.
        (output.name, kind, shape, self.updates[number]) == (&*port.name, port.kind, port.shape, port.updates)
            && ids(output).map(|id| self.number(id)).eq(port.parts.iter().map(|part| part.node))
    }

    fn program(&self) -> Program {
        let entries = self.kept.iter().map(|id| {
            let mut entry = self.entries[id.index()].clone();
            if let Node::Operation(_, operands) = &mut entry.node {
                operands.iter_mut().for_each(|operand| *operand = self.number(*operand));
            }
            entry
        });
        let mut inputs = self.inputs.to_vec();
        for part in inputs.iter_mut().flat_map(|port| &mut port.parts) {
            part.node = self.number(part.node);
        }
        let outputs = self.outputs.iter().zip(&self.updates).map(|(output, updates)| {
            let mut end = 0;
            let part = |id: NodeId| {
                let offset = end;
                end += self.entries[id.index()].ty.shape.size();
                Part { name: output.name.into(), offset, node: self.number(id) }
            };
            let parts = ids(output).map(part).collect();
            let Type { kind, shape } = ty(self.entries, output);
            Port { name: output.name.into(), kind, shape, parts, updates: *updates }
        });
        Program { entries: entries.collect(), inputs, outputs: outputs.collect() }
    }
}

/// The numbers of an output's values.
fn ids<'a>(output: &Output<'a, 'a>) -> impl Iterator<Item = NodeId> + use<'a> {
    output.parts.iter().map(|var| var.id())
}

/// The type of an output: that of its only value, or of a flat vector of all.
fn ty(entries: &[Entry], output: &Output<'_, '_>) -> Type {
    let types = || output.parts.iter().map(|var| entries[var.id().index()].ty);
    let first = types().next().unwrap_or(Type::float(()));
    let flat = || Shape::from([types().map(|ty| ty.shape.size()).sum()]);
    Type { kind: first.kind, shape: if output.flat { flat() } else { first.shape } }
}

/// The number of the input whose place each output takes, if it takes one.
fn updates(
    entries: &[Entry],
    inputs: &[Port],
    outputs: &[Output<'_, '_>],
    place: Place,
) -> Result<Vec<Option<usize>>> {
    let unknown = |actual: String| Error::Count {
        what: "the input that an output updates",
        expected: "the name of an input that no other output updates".into(),
        actual,
        place: place.clone(),
    };
    let mut updates = Vec::with_capacity(outputs.len());
    for output in outputs {
        let Some(name) = output.updates else {
            updates.push(None);
            continue;
        };
        let number = inputs.iter().position(|port| port.name == name);
        let number = number.ok_or_else(|| unknown(format!("`{name}`")))?;
        if updates.contains(&Some(number)) {
            return Err(unknown(format!("`{name}` a second time")));
        }
        let (input, Type { kind, shape }) = (&inputs[number], ty(entries, output));
        if (kind, shape.size()) != (input.kind, input.len()) {
            return Err(Error::Binding {
                direction: "output",
                name: output.name.into(),
                expected: format!("{} elements, as the input that it updates has", input.len()),
                actual: format!("{} of kind {}", shape.size(), format!("{kind:?}").to_lowercase()),
            });
        }
        updates.push(Some(number));
    }
    Ok(updates)
}
