//! The record of a computation in the making.

mod finish;
mod memory;
mod recording;

pub use finish::Finished;

use crate::operation::{AnyOperation, Operation};
use crate::program::{Entry, Leaf, Node, NodeId};
use crate::transform::Blocks;
use crate::{Error, Kind, Place, Type, Var};
use downhill_tensor::{Shape, Tensor};
use memory::Memory;
use recording::is_operation;
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
///
/// A tape on which the same is recorded again and again, once each training step say, is [cleared](Tape::clear) in
/// between, which makes it cheap.
#[derive(Default)]
pub struct Tape {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    memory: Memory,
    error: Option<Error>,
    path: Arc<str>,
    /// The line that stands for the caller's while the derivatives of an operation are recorded.
    line: Option<&'static Location<'static>>,
    watched: Vec<(String, NodeId)>,
    streams: u64,
    blocks: Blocks,
}

/// The mark of a value that an error has made meaningless.
const POISON: NodeId = NodeId(u32::MAX);

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty tape again, which remembers what was on it.
    ///
    /// What is recorded now is compared with that, value by value. As long as both agree nothing is built: shapes
    /// are not inferred, and derivatives are not derived, again. Where they differ, another of the last 16
    /// different recordings may agree; if none does, recording goes on as on a new tape. Either way the result
    /// is that of a new tape; only the layer paths and source lines, which messages show, stay those of the
    /// first time.
    ///
    /// ```
    /// use downhill_autograd::{Output, Tape};
    /// let mut tape = Tape::new();
    /// for length in [3, 3, 5] {
    ///     tape.clear();
    ///     let x = tape.input("x", [length]);
    ///     let gradient = tape.grad(x.square().sum(), &[x])[0];
    ///     let program = tape.finish(&[Output::new("gradient", &gradient)])?;
    ///     assert_eq!(program.outputs()[0].len(), length);
    /// }
    /// # Ok::<(), downhill_autograd::Error>(())
    /// ```
    pub fn clear(&mut self) {
        let inner = self.inner.get_mut();
        inner.memory.rewind();
        inner.watched.clear();
        inner.blocks.clear();
        (inner.error, inner.path, inner.line, inner.streams) = (None, Arc::default(), None, 0);
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
        let memory = &mut self.inner.borrow_mut().memory;
        let again = memory.recall(|recording| recording.vector_again(name));
        again.unwrap_or_else(|| memory.now.push_input(name, Type::float([0])))
    }

    /// Declares the next part of the flat vector `port`: the value `name` in this shape, behind the parts
    /// that are there already. A number that is no float port's is noted as an error.
    #[track_caller]
    pub fn part(&self, port: usize, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        let kind = self.inner.borrow().memory.now.input(port).map(|port| port.kind);
        if kind != Some(Kind::Float) {
            return self.fail(Error::Count {
                what: "the port of a part",
                expected: "the number that `Tape::vector` returned".into(),
                actual: port.to_string(),
                place: self.here(),
            });
        }
        let ty = Type::float(shape);
        let again = self.inner.borrow_mut().memory.recall(|recording| recording.part_again(port, name, ty));
        match again {
            Some(id) => Var::new(self, id),
            None => self.push_part(port, name, ty),
        }
    }

    #[track_caller]
    fn single_input(&self, name: &str, ty: Type) -> Var<'_> {
        let again = self.inner.borrow_mut().memory.recall(|recording| recording.input_again(name, ty));
        if let Some(id) = again {
            return Var::new(self, id);
        }
        let port = self.inner.borrow_mut().memory.now.push_input(name, ty);
        self.push_part(port, name, ty)
    }

    #[track_caller]
    fn push_part(&self, port: usize, name: &str, ty: Type) -> Var<'_> {
        let leaf = self.inner.borrow_mut().memory.now.push_part(port, name, ty);
        self.push(Node::Leaf(leaf), ty)
    }

    /// A real number that the program knows.
    #[track_caller]
    pub fn scalar(&self, value: f64) -> Var<'_> {
        self.leaf(Leaf::Scalar(value), Type::float(()))
    }

    /// Real numbers that the program knows.
    #[track_caller]
    pub fn constant(&self, value: Tensor<f64>) -> Var<'_> {
        let ty = Type::float(value.shape());
        self.leaf(Leaf::Float(value), ty)
    }

    /// Whole numbers that the program knows.
    #[track_caller]
    pub fn index_constant(&self, value: Tensor<i64>) -> Var<'_> {
        let ty = Type::index(value.shape());
        self.leaf(Leaf::Index(value), ty)
    }

    #[track_caller]
    fn leaf(&self, leaf: Leaf, ty: Type) -> Var<'_> {
        let same = |entry: &Entry| matches!(&entry.node, Node::Leaf(known) if known.same(&leaf));
        let again = self.inner.borrow_mut().memory.recall(|recording| recording.again(same));
        match again {
            Some(id) => Var::new(self, id),
            None => self.push(Node::Leaf(leaf), ty),
        }
    }

    /// Records an operation on these values. This is how every method of [`Var`] is made, and how an
    /// operation from outside this crate is used.
    #[track_caller]
    pub fn record<'t>(&'t self, operation: impl Operation, operands: &[Var<'t>]) -> Var<'t> {
        if operands.iter().any(|operand| !std::ptr::eq(operand.tape(), self)) {
            return self.fail(Error::ForeignVar { operation: operation.name().into(), place: self.here() });
        }
        if operands.iter().any(|operand| operand.is_poison()) {
            return self.poison();
        }
        let same = |entry: &Entry| is_operation(entry, &operation, operands);
        let again = self.inner.borrow_mut().memory.recall(|recording| recording.again(same));
        match again {
            Some(id) => Var::new(self, id),
            None => self.record_new(Arc::new(operation), operands),
        }
    }

    /// Records an operation that another value has as well.
    #[track_caller]
    pub(crate) fn record_shared<'t>(
        &'t self,
        operation: Arc<dyn AnyOperation>,
        operands: &[Var<'t>],
    ) -> Var<'t> {
        if operands.iter().any(|operand| operand.is_poison()) {
            return self.poison();
        }
        let same = |entry: &Entry| match &entry.node {
            Node::Operation(known, ids) => {
                ids.iter().copied().eq(operands.iter().map(|operand| operand.id())) && known.same(&*operation)
            }
            Node::Leaf(_) => false,
        };
        let again = self.inner.borrow_mut().memory.recall(|recording| recording.again(same));
        match again {
            Some(id) => Var::new(self, id),
            None => self.record_new(operation, operands),
        }
    }

    /// Looks at, or changes, which blocks are computed again.
    pub(crate) fn blocks<R>(&self, with: impl FnOnce(&mut Blocks) -> R) -> R {
        with(&mut self.inner.borrow_mut().blocks)
    }

    #[track_caller]
    fn record_new<'t>(&'t self, operation: Arc<dyn AnyOperation>, operands: &[Var<'t>]) -> Var<'t> {
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
        let path = inner.path.clone();
        let location = inner.line.unwrap_or(Location::caller());
        let id = inner.memory.now.push(Entry { node, ty, path, location });
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
        Place { path: inner.path.to_string(), location: inner.line.unwrap_or(Location::caller()) }
    }

    /// Records under `path` what `record` records; the path before is restored afterwards.
    pub fn at_path<R>(&self, path: &str, record: impl FnOnce() -> R) -> R {
        let before = std::mem::replace(&mut self.inner.borrow_mut().path, Arc::from(path));
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
            (std::mem::replace(&mut inner.path, path), inner.line.replace(line))
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
        self.inner.borrow().memory.now.entries().get(id.index()).map(read)
    }

    /// The name of the input that a value is, if it is one.
    pub(crate) fn input_name(&self, id: NodeId) -> Option<String> {
        let inner = self.inner.borrow();
        match inner.memory.now.entries().get(id.index())?.node {
            Node::Leaf(Leaf::Input { port, part }) => {
                Some(inner.memory.now.input(port)?.parts[part].name.clone())
            }
            _ => None,
        }
    }

    /// The number of values recorded so far.
    pub fn len(&self) -> usize {
        self.inner.borrow().memory.now.entries().len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
