//! What an operation is told when it is carried out for a whole batch at once.

use crate::ops::RepeatIndex;
use crate::{Operation, Type, Var};
use downhill_tensor::Shape;

/// The operands of an operation for a batch of examples, handed to [`Operation::batch`]. The rule returns the result
/// with the axis of the examples in front of the axes that it has for one.
pub struct Batch<'a, 't> {
    pub(crate) inputs: &'a [Var<'t>],
    pub(crate) batched: &'a [bool],
    pub(crate) size: usize,
    pub(crate) output: Type,
}

impl<'t> Batch<'_, 't> {
    /// The number of examples.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Operand `i` as it is: with an axis of examples in front if it [is batched](Batch::is_batched).
    pub fn input(&self, i: usize) -> Var<'t> {
        self.inputs[i]
    }

    /// Whether operand `i` differs between examples.
    pub fn is_batched(&self, i: usize) -> bool {
        self.batched[i]
    }

    /// The type of the result for one example.
    pub fn output(&self) -> Type {
        self.output
    }

    /// The shape of operand `i` for one example.
    pub fn shape(&self, i: usize) -> Shape {
        let shape = self.inputs[i].shape();
        if self.batched[i] { shape.reduced(&[0], false) } else { shape }
    }

    /// The shape with the axis of examples in front.
    pub fn prefixed(&self, shape: Shape) -> Shape {
        // The transform has refused what has too many axes or elements.
        Shape::new(&[&[self.size], shape.dims()].concat()).unwrap_or(shape)
    }

    /// Operand `i` with an axis of examples, repeated along it if all share it.
    #[track_caller]
    pub fn all(&self, i: usize) -> Var<'t> {
        let x = self.inputs[i];
        match (self.batched[i], x.is_float()) {
            (true, _) => x,
            (false, true) => x.broadcast_to(self.prefixed(x.shape())),
            (false, false) => x.tape().record(RepeatIndex { axis: 0, count: self.size }, &[x]),
        }
    }

    /// Operand `i` such that it broadcasts against others for each example as it did for one.
    #[track_caller]
    pub fn aligned(&self, i: usize) -> Var<'t> {
        let (x, own) = (self.inputs[i], self.shape(i));
        if !self.batched[i] || own.rank() >= self.output.shape.rank() {
            return x;
        }
        let ones = vec![1; self.output.shape.rank() - own.rank()];
        x.reshape_dims(&[&[self.size], &ones[..], own.dims()].concat())
    }

    /// Operand `i` with the axis of examples joined with its first one, for operations of which the first axis is that
    /// of a batch already.
    #[track_caller]
    pub fn joined(&self, i: usize) -> Var<'t> {
        let shape = self.shape(i);
        let (first, rest) = shape.split_first().map_or((1, &[][..]), |(first, rest)| (*first, rest));
        self.all(i).reshape_dims(&[&[self.size * first], rest].concat())
    }

    /// A result of [`Batch::joined`] operands, with the axis of examples apart again.
    #[track_caller]
    pub fn parted(&self, result: Var<'t>) -> Var<'t> {
        result.reshape(self.prefixed(self.output.shape))
    }

    /// The operation on operands that broadcast.
    #[track_caller]
    pub fn elementwise(&self, operation: &impl Operation) -> Var<'t> {
        let operands: Vec<_> = (0..self.inputs.len()).map(|i| self.aligned(i)).collect();
        self.record(operation.clone(), &operands)
    }

    /// The operation on operands of which each has an axis of examples: for one that treats what lies in front of the
    /// axes that it knows as examples anyway.
    #[track_caller]
    pub fn leading(&self, operation: impl Operation) -> Var<'t> {
        let operands: Vec<_> = (0..self.inputs.len()).map(|i| self.all(i)).collect();
        self.record(operation, &operands)
    }

    /// Records an operation.
    #[track_caller]
    pub fn record(&self, operation: impl Operation, operands: &[Var<'t>]) -> Var<'t> {
        self.inputs[0].tape().record(operation, operands)
    }
}
