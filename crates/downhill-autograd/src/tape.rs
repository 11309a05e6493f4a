//! The record of a computation in the making.

use crate::operation::{AnyOperation, Operation};
use crate::program::{Entry, Leaf, Node, NodeId, Output, Part, Port, Program};
use crate::{Error, Kind, Place, Result, Type, Var};
use downhill_tensor::{Shape, Tensor};
use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;

/// A record of operations on values whose shapes are known and whose numbers are not.
///
/// The first error is kept with its place, what follows from it stays silent, and [`Tape::finish`] returns
/// it. So formulas need no `?`, and nothing panics.
///
/// ```
/// use downhill_autograd::{Output, Tape};
/// let tape = Tape::new();
/// let x = tape.input("x", [3]);
/// let y = (x * x).sum();
/// let gradient = tape.grad(y, &[x])[0];
/// let program = tape.finish(&[Output::new("y", &y), Output::new("gradient", &gradient)])?;
/// println!("{program}");
/// # Ok::<(), downhill_autograd::Error>(())
/// ```
#[derive(Default)]
pub struct Tape {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    inputs: Vec<Port>,
    error: Option<Error>,
    path: Option<Arc<str>>,
    /// The line that stands for the caller's while the derivatives of an operation are recorded.
    line: Option<&'static Location<'static>>,
    watched: Vec<(String, NodeId)>,
    streams: u64,
}

/// The mark of a value that an error has made meaningless.
const POISON: NodeId = NodeId(u32::MAX);

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a float input of this name and shape.
    #[track_caller]
    pub fn input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        self.single_input(name, Type::float(shape))
    }

    /// Declares an index input (labels, tokens, rows) of this name and shape.
    #[track_caller]
    pub fn index_input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        self.single_input(name, Type::index(shape))
    }

    /// Declares a flat vector of real numbers, whose parts are declared with [`Tape::part`], and returns the
    /// number of its port.
    pub fn vector(&self, name: &str) -> usize {
        let mut inner = self.inner.borrow_mut();
        inner.inputs.push(Port {
            name: name.into(),
            kind: Kind::Float,
            shape: [0].into(),
            parts: Vec::new(),
            updates: None,
        });
        inner.inputs.len() - 1
    }

    /// Declares the next part of the flat vector `port`: the value `name` in this shape, behind the parts
    /// that are there already. A number that is no float port's is noted as an error.
    #[track_caller]
    pub fn part(&self, port: usize, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        let kind = self.inner.borrow().inputs.get(port).map(|port| port.kind);
        if kind != Some(Kind::Float) {
            return self.fail(Error::Count {
                what: "the port of a part",
                expected: "the number that `Tape::vector` returned".into(),
                actual: port.to_string(),
                place: self.here(),
            });
        }
        self.push_part(port, name, Type::float(shape))
    }

    #[track_caller]
    fn single_input(&self, name: &str, ty: Type) -> Var<'_> {
        let port = {
            let mut inner = self.inner.borrow_mut();
            let parts = Vec::new();
            let port = Port { name: name.into(), kind: ty.kind, shape: ty.shape, parts, updates: None };
            inner.inputs.push(port);
            inner.inputs.len() - 1
        };
        self.push_part(port, name, ty)
    }

    #[track_caller]
    fn push_part(&self, port: usize, name: &str, ty: Type) -> Var<'_> {
        let part = {
            let mut inner = self.inner.borrow_mut();
            let node = NodeId(inner.entries.len() as u32);
            let target = &mut inner.inputs[port];
            let offset = target.parts.last().map_or(0, |_| target.shape.size());
            target.parts.push(Part { name: name.into(), offset, node });
            if target.parts.len() > 1 || target.shape != ty.shape {
                target.shape = [offset + ty.shape.size()].into();
            }
            target.parts.len() - 1
        };
        self.push(Node::Leaf(Leaf::Input { port, part }), ty)
    }

    /// A real number that the program knows.
    #[track_caller]
    pub fn scalar(&self, value: f64) -> Var<'_> {
        self.push(Node::Leaf(Leaf::Scalar(value)), Type::float(()))
    }

    /// Real numbers that the program knows.
    #[track_caller]
    pub fn constant(&self, value: Tensor<f64>) -> Var<'_> {
        let ty = Type::float(value.shape());
        self.push(Node::Leaf(Leaf::Float(value)), ty)
    }

    /// Whole numbers that the program knows.
    #[track_caller]
    pub fn index_constant(&self, value: Tensor<i64>) -> Var<'_> {
        let ty = Type::index(value.shape());
        self.push(Node::Leaf(Leaf::Index(value)), ty)
    }

    /// Records an operation on these values. This is how every method of [`Var`] is made, and how an
    /// operation from outside this crate is used.
    #[track_caller]
    pub fn record<'t>(&'t self, operation: impl Operation, operands: &[Var<'t>]) -> Var<'t> {
        self.record_any(Arc::new(operation), operands)
    }

    #[track_caller]
    pub(crate) fn record_any<'t>(
        &'t self,
        operation: Arc<dyn AnyOperation>,
        operands: &[Var<'t>],
    ) -> Var<'t> {
        if operands.iter().any(|operand| !std::ptr::eq(operand.tape(), self)) {
            return self.fail(Error::ForeignVar { operation: operation.name().into(), place: self.here() });
        }
        if operands.iter().any(|operand| operand.is_poison()) {
            return self.poison();
        }
        // Nearly all operations have at most three operands.
        let mut few = [Type::float(()); 3];
        let many: Vec<Type>;
        let types = if operands.len() <= few.len() {
            for (slot, operand) in few.iter_mut().zip(operands) {
                *slot = operand.ty();
            }
            &few[..operands.len()]
        } else {
            many = operands.iter().map(|operand| operand.ty()).collect();
            &many
        };
        match operation.infer(types) {
            Ok(ty) => self.push(Node::Operation(operation, operands.iter().map(|o| o.id()).collect()), ty),
            Err(expected) => self.fail(Error::Operands {
                operation: operation.name().into(),
                inputs: types.to_vec(),
                expected,
                place: self.here(),
            }),
        }
    }

    #[track_caller]
    fn push(&self, node: Node, ty: Type) -> Var<'_> {
        let mut inner = self.inner.borrow_mut();
        let id = NodeId(inner.entries.len() as u32);
        let path = inner.path.clone().unwrap_or_else(|| Arc::from(""));
        let location = inner.line.unwrap_or(Location::caller());
        inner.entries.push(Entry { node, ty, path, location });
        Var::new(self, id)
    }

    /// Notes an error unless there is one already, and returns a value on which operations stay silent.
    #[track_caller]
    pub fn fail(&self, error: Error) -> Var<'_> {
        self.inner.borrow_mut().error.get_or_insert(error);
        self.poison()
    }

    pub(crate) fn poison(&self) -> Var<'_> {
        Var::new(self, POISON)
    }

    /// The first error so far, if there is one.
    pub fn error(&self) -> Option<Error> {
        self.inner.borrow().error.clone()
    }

    /// The current layer path and the caller's line.
    #[track_caller]
    pub fn here(&self) -> Place {
        let inner = self.inner.borrow();
        Place {
            path: inner.path.as_ref().map(ToString::to_string).unwrap_or_default(),
            location: inner.line.unwrap_or(Location::caller()),
        }
    }

    /// Records under `path` what `record` records; the path before is restored afterwards.
    pub fn at_path<R>(&self, path: &str, record: impl FnOnce() -> R) -> R {
        let before = self.inner.borrow_mut().path.replace(Arc::from(path));
        let result = record();
        self.inner.borrow_mut().path = before;
        result
    }

    /// Records the derivatives of an operation as if at its place: that is where a person can do something
    /// about an error in them.
    pub(crate) fn at_place_of<R>(&self, value: Var<'_>, record: impl FnOnce() -> R) -> R {
        let entry = self.entry(value.id(), |entry| (entry.path.clone(), entry.location));
        let Some((path, line)) = entry else { return record() };
        let before = {
            let mut inner = self.inner.borrow_mut();
            (inner.path.replace(path), inner.line.replace(line))
        };
        let result = record();
        let mut inner = self.inner.borrow_mut();
        (inner.path, inner.line) = before;
        result
    }

    /// A number for a new stream of random numbers, the same whenever the same program is recorded.
    pub(crate) fn next_stream(&self) -> u64 {
        let mut inner = self.inner.borrow_mut();
        inner.streams += 1;
        inner.streams - 1
    }

    pub(crate) fn watch(&self, name: &str, id: NodeId) {
        self.inner.borrow_mut().watched.push((name.into(), id));
    }

    pub(crate) fn entry<R>(&self, id: NodeId, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        self.inner.borrow().entries.get(id.index()).map(read)
    }

    /// The name of the input that a value is, if it is one.
    pub(crate) fn input_name(&self, id: NodeId) -> Option<String> {
        let inner = self.inner.borrow();
        match inner.entries.get(id.index())?.node {
            Node::Leaf(Leaf::Input { port, part }) => Some(inner.inputs[port].parts[part].name.clone()),
            _ => None,
        }
    }

    /// The number of values recorded so far.
    pub fn len(&self) -> usize {
        self.inner.borrow().entries.len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The program that delivers these outputs, followed by the values watched with [`Var::watch`]. What
    /// they do not need is left out; inputs stay, needed or not, so that the program's signature is what was
    /// declared.
    ///
    /// # Errors
    /// The first error that was noted while recording.
    #[track_caller]
    pub fn finish(&self, outputs: &[Output<'_, '_>]) -> Result<Program> {
        let foreign = |var: &Var<'_>| !std::ptr::eq(var.tape(), self);
        if outputs.iter().any(|output| output.parts.iter().any(foreign)) {
            self.fail(Error::ForeignVar { operation: "finish".into(), place: self.here() });
        }
        let inner = self.inner.borrow();
        if let Some(error) = &inner.error {
            return Err(error.clone());
        }
        let mut keep = vec![false; inner.entries.len()];
        for (id, entry) in inner.entries.iter().enumerate() {
            keep[id] = matches!(entry.node, Node::Leaf(Leaf::Input { .. }));
        }
        let wanted = outputs.iter().flat_map(|output| output.parts.iter().map(|var| var.id()));
        for id in wanted.chain(inner.watched.iter().map(|(_, id)| *id)) {
            keep[id.index()] = true;
        }
        // Operands come before what uses them, so one walk back meets every user before its operands.
        for id in (0..inner.entries.len()).rev() {
            if let (true, Node::Operation(_, operands)) = (keep[id], &inner.entries[id].node) {
                operands.iter().for_each(|operand| keep[operand.index()] = true);
            }
        }
        let mut renumbered = vec![POISON; inner.entries.len()];
        let mut entries = Vec::new();
        for (id, entry) in inner.entries.iter().enumerate().filter(|(id, _)| keep[*id]) {
            let mut entry = entry.clone();
            if let Node::Operation(_, operands) = &mut entry.node {
                for operand in operands {
                    *operand = renumbered[operand.index()];
                }
            }
            renumbered[id] = NodeId(entries.len() as u32);
            entries.push(entry);
        }
        let mut inputs = inner.inputs.clone();
        for part in inputs.iter_mut().flat_map(|port| &mut port.parts) {
            part.node = renumbered[part.node.index()];
        }
        let port = |name: &str, ids: &[NodeId], flat: bool, updates: Option<usize>| {
            let mut offset = 0;
            let mut parts = Vec::with_capacity(ids.len());
            for id in ids {
                parts.push(Part { name: name.into(), offset, node: renumbered[id.index()] });
                offset += inner.entries[id.index()].ty.shape.size();
            }
            let first = ids.first().map(|id| inner.entries[id.index()].ty);
            let kind = first.map_or(Kind::Float, |ty| ty.kind);
            let shape = if flat { [offset].into() } else { first.map_or(Shape::SCALAR, |ty| ty.shape) };
            Port { name: name.into(), kind, shape, parts, updates }
        };
        let mut ports: Vec<Port> = Vec::with_capacity(outputs.len() + inner.watched.len());
        for output in outputs {
            let ids: Vec<NodeId> = output.parts.iter().map(|var| var.id()).collect();
            let updates = match output.updates {
                Some(name) => Some(updated_port(&inner.inputs, &ports, name, self.here())?),
                None => None,
            };
            let made = port(output.name, &ids, output.flat, updates);
            if let Some(input) = updates.map(|input| &inner.inputs[input])
                && (made.kind, made.len()) != (input.kind, input.len())
            {
                return Err(Error::Binding {
                    direction: "output",
                    name: made.name,
                    expected: format!("{} elements, as the input that it updates has", input.len()),
                    actual: format!(
                        "{} of kind {}",
                        made.shape.size(),
                        format!("{:?}", made.kind).to_lowercase()
                    ),
                });
            }
            ports.push(made);
        }
        ports.extend(inner.watched.iter().map(|(name, id)| port(name, &[*id], false, None)));
        Ok(Program { entries, inputs, outputs: ports })
    }
}

/// The number of the input of this name, for the output that takes its place.
fn updated_port(inputs: &[Port], outputs: &[Port], name: &str, place: Place) -> Result<usize> {
    let unknown = |actual: String| Error::Count {
        what: "the input that an output updates",
        expected: "the name of an input that no other output updates".into(),
        actual,
        place: place.clone(),
    };
    let port =
        inputs.iter().position(|port| port.name == name).ok_or_else(|| unknown(format!("`{name}`")))?;
    match outputs.iter().any(|output| output.updates == Some(port)) {
        true => Err(unknown(format!("`{name}` a second time"))),
        false => Ok(port),
    }
}
