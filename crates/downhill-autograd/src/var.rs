//! The handle on a recorded value, and its arithmetic.

use crate::program::{Leaf, Node, NodeId};
use crate::{Error, Kind, Place, Tape, Type};
use downhill_tensor::Shape;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value on a [`Tape`]: a `Copy` handle whose methods record operations.
///
/// Operands broadcast by NumPy's rule. A wrong shape is noted on the tape and reported by [`Tape::finish`];
/// the value returned then keeps silent in whatever it is used.
///
/// The methods that record stand beside their operations in [`crate::ops`].
#[derive(Clone, Copy)]
pub struct Var<'t> {
    tape: &'t Tape,
    id: NodeId,
}

impl<'t> Var<'t> {
    pub(crate) fn new(tape: &'t Tape, id: NodeId) -> Self {
        Var { tape, id }
    }

    /// The tape on which this value is recorded.
    pub fn tape(self) -> &'t Tape {
        self.tape
    }

    /// The number of this value on its tape.
    pub fn id(self) -> NodeId {
        self.id
    }

    pub(crate) fn is_poison(self) -> bool {
        self.id == NodeId(u32::MAX)
    }

    /// Kind and shape; float of rank 0 for a value that an error has made meaningless.
    pub fn ty(self) -> Type {
        self.tape.entry(self.id, |entry| entry.ty).unwrap_or(Type::float(()))
    }

    /// The shape; rank 0 for a value that an error has made meaningless.
    pub fn shape(self) -> Shape {
        self.ty().shape
    }

    /// The length of an axis; negative axes count from the end (-1 is the last).
    ///
    /// An axis that does not exist is noted as an error on the tape, and 1 is returned.
    #[track_caller]
    pub fn dim(self, axis: isize) -> usize {
        self.axis("dim", axis).map_or(1, |axis| self.shape()[axis])
    }

    /// The number of dimensions.
    pub fn rank(self) -> usize {
        self.shape().rank()
    }

    /// The position of an axis, negative ones counted from the end; notes an error if there is none.
    #[track_caller]
    pub(crate) fn axis(self, operation: &'static str, axis: isize) -> Option<usize> {
        match self.shape().axis(axis) {
            Ok(axis) => Some(axis),
            Err(error) => {
                self.refuse(operation, error.to_string());
                None
            }
        }
    }

    /// The positions of several axes; notes an error and returns `None` if they do not exist.
    #[track_caller]
    pub(crate) fn axes(self, operation: &'static str, axes: &[isize]) -> Option<Vec<usize>> {
        match self.shape().axes(axes) {
            Ok(axes) => Some(axes),
            Err(error) => {
                self.refuse(operation, error.to_string());
                None
            }
        }
    }

    /// Notes that `operation` cannot take this value, and why. Returns the silent value.
    ///
    /// Layers use it for rules of their own, so that those are reported like all others.
    #[track_caller]
    pub fn refuse(self, operation: &str, expected: impl Into<String>) -> Var<'t> {
        if self.is_poison() {
            return self;
        }
        self.tape.fail(Error::Operands {
            operation: operation.into(),
            inputs: vec![self.ty()],
            expected: expected.into(),
            place: self.tape.here(),
        })
    }

    /// Where this value was recorded.
    #[track_caller]
    pub(crate) fn place(self) -> Place {
        self.tape.entry(self.id, |entry| entry.place()).unwrap_or_else(|| self.tape.here())
    }

    /// Delivers this value among the outputs of the program, under this name, and returns it.
    pub fn watch(self, name: &str) -> Var<'t> {
        if !self.is_poison() {
            self.tape.watch(name, self.id);
        }
        self
    }

    /// The number that this value is, if it is one that the program knows.
    pub(crate) fn known_scalar(self) -> Option<f64> {
        self.tape
            .entry(self.id, |entry| match &entry.node {
                Node::Leaf(Leaf::Scalar(value)) => Some(*value),
                _ => None,
            })
            .flatten()
    }

    /// Whether this value holds real numbers.
    pub fn is_float(self) -> bool {
        self.ty().kind == Kind::Float
    }
}

impl fmt::Debug for Var<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_poison() { write!(f, "%?") } else { write!(f, "{}: {}", self.id, self.ty()) }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<'t> $trait for Var<'t> {
            type Output = Var<'t>;
            #[track_caller]
            fn $method(self, other: Var<'t>) -> Var<'t> {
                Var::$method(self, other)
            }
        }
        impl<'t> $trait<f64> for Var<'t> {
            type Output = Var<'t>;
            #[track_caller]
            fn $method(self, other: f64) -> Var<'t> {
                Var::$method(self, self.tape.scalar(other))
            }
        }
        impl<'t> $trait<Var<'t>> for f64 {
            type Output = Var<'t>;
            #[track_caller]
            fn $method(self, other: Var<'t>) -> Var<'t> {
                Var::$method(other.tape.scalar(self), other)
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<'t> Neg for Var<'t> {
    type Output = Var<'t>;
    #[track_caller]
    fn neg(self) -> Var<'t> {
        Var::neg(self)
    }
}
