//! What an operation is: the trait that each one implements, in a file of its own.

use crate::{Batch, Tape, Var};
pub use downhill_tensor::kernels::rows::RowFunction;
use downhill_tensor::kernels::scalar::{Binary, Unary};
use downhill_tensor::{Float, Key, Shape};
use std::any::Any;
use std::fmt;

/// What kind of numbers a value holds. Programs say *float*; the precision belongs to the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Real numbers, in the precision of the executor.
    Float,
    /// Whole numbers: labels, tokens, rows (`i64`). They have no derivative.
    Index,
}

/// The type of a recorded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// What kind of numbers.
    pub kind: Kind,
    /// In what shape.
    pub shape: Shape,
}

impl Type {
    /// Real numbers of this shape.
    pub fn float(shape: impl Into<Shape>) -> Self {
        Type { kind: Kind::Float, shape: shape.into() }
    }

    /// Whole numbers of this shape.
    pub fn index(shape: impl Into<Shape>) -> Self {
        Type { kind: Kind::Index, shape: shape.into() }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Float => "float",
            Kind::Index => "index",
        };
        write!(f, "{kind}{}", self.shape)
    }
}

/// An operation has no derivative rule; the default of [`Operation::vjp`] and [`Operation::jvp`].
#[derive(Clone, Copy, Debug)]
pub struct NoDerivative;

/// The operands and the result of a recorded operation, handed to its derivative rules.
pub struct At<'a, 't> {
    /// The operands.
    pub inputs: &'a [Var<'t>],
    /// The result.
    pub output: Var<'t>,
    pub(crate) needed: &'a [bool],
}

impl<'t> At<'_, 't> {
    /// Whether the derivative with respect to operand `i` is asked for. Rules may skip the others.
    pub fn needs(&self, i: usize) -> bool {
        self.needed[i]
    }

    /// The tape.
    pub fn tape(&self) -> &'t Tape {
        self.output.tape()
    }
}

/// The operands of [`Operation::eval`]: contiguous slices in row-major order.
pub struct Args<'a, T> {
    pub(crate) data: &'a [crate::Data<'a, T>],
    pub(crate) shapes: &'a [Shape],
    pub(crate) output_shape: Shape,
    pub(crate) key: Key,
}

impl<'a, T: Float> Args<'a, T> {
    /// Operands for an executor that calls [`Operation::eval`] itself.
    pub fn new(data: &'a [crate::Data<'a, T>], shapes: &'a [Shape], output_shape: Shape, key: Key) -> Self {
        Args { data, shapes, output_shape, key }
    }

    /// The elements of operand `i`, whose type `infer` has found to be float; empty for an index operand.
    pub fn float(&self, i: usize) -> &'a [T] {
        match self.data[i] {
            crate::Data::Float(values) => values,
            crate::Data::Index(_) | crate::Data::InPlace => &[],
        }
    }

    /// The elements of operand `i`, whose type `infer` has found to be index; empty for a float operand.
    #[allow(clippy::should_implement_trait)] // beside `float`, it can only be read as it is meant
    pub fn index(&self, i: usize) -> &'a [i64] {
        match self.data[i] {
            crate::Data::Index(values) => values,
            crate::Data::Float(_) | crate::Data::InPlace => &[],
        }
    }

    /// The shape of operand `i`.
    pub fn shape(&self, i: usize) -> Shape {
        self.shapes[i]
    }

    /// The shape of the result.
    pub fn output_shape(&self) -> Shape {
        self.output_shape
    }

    /// The random key of this run.
    pub fn key(&self) -> Key {
        self.key
    }
}

/// Where [`Operation::eval`] writes its result: every element, in row-major order.
pub enum Out<'a, T> {
    /// A float result.
    Float(&'a mut [T]),
    /// An index result.
    Index(&'a mut [i64]),
}

impl<'a, T> Out<'a, T> {
    /// The elements of a float result; empty for an index result.
    pub fn float(self) -> &'a mut [T] {
        match self {
            Out::Float(values) => values,
            Out::Index(_) => &mut [],
        }
    }

    /// The elements of an index result; empty for a float result.
    pub fn index(self) -> &'a mut [i64] {
        match self {
            Out::Index(values) => values,
            Out::Float(_) => &mut [],
        }
    }
}

/// A differentiable operation: its shape rule, its meaning, its derivatives, and the kind of loop it is.
///
/// An operation of a user's own is the same struct in the user's crate; record it with [`Tape::record`].
/// See `examples/own_operation.rs`.
///
/// Two of them are equal if they have the same attributes: the same meaning, and the same derivatives. A tape that
/// is recorded again ([`Tape::clear`]) and a cache of plans take one for the other, and opaque operations are no
/// exception. An operation of which that cannot be said (it holds a closure, say) answers `false`, even to itself;
/// it is recorded and compiled anew each time.
pub trait Operation: fmt::Debug + Clone + PartialEq + Send + Sync + 'static {
    /// The field's standard name for it.
    fn name(&self) -> &'static str;

    /// The type of the result for operands of these types.
    ///
    /// # Errors
    /// The rule that the operands break, in words.
    fn infer(&self, inputs: &[Type]) -> Result<Type, String>;

    /// The reference meaning, on contiguous slices, in either precision. `out` holds arbitrary values.
    ///
    /// # Errors
    /// Values that the operation cannot take, an index out of range say, in words.
    fn eval<T: Precision>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String>;

    /// The cotangents of the operands, given that of the result, written in [`Var`]s so that they can be
    /// differentiated again. `None` where the derivative is zero by nature.
    ///
    /// # Errors
    /// [`NoDerivative`] where there is no rule, which is the default.
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        let _ = (at, cotangent);
        Err(NoDerivative)
    }

    /// The tangent of the result, given those of the operands (`None` is zero).
    ///
    /// # Errors
    /// [`NoDerivative`] where there is no rule, which is the default.
    fn jvp<'t>(
        &self,
        at: &At<'_, 't>,
        tangents: &[Option<Var<'t>>],
    ) -> Result<Option<Var<'t>>, NoDerivative> {
        let _ = (at, tangents);
        Err(NoDerivative)
    }

    /// The result for a batch of examples at once, for [`Tape::vmap`]. The default, `None`, has the operation
    /// recorded once for each example, which is always right where the result is float.
    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let _ = batch;
        None
    }

    /// What kind of loop this is, for engines. The default, [`Lowering::Opaque`], runs [`Operation::eval`].
    fn lower(&self) -> Lowering {
        Lowering::Opaque
    }

    /// Whether a gradient that ends here is meant to; only `stop_gradient` says yes.
    fn stops_gradient(&self) -> bool {
        false
    }

    /// What the text form of a program shows of it behind the name; by default the fields, as `Debug` does.
    fn attributes(&self) -> String {
        let text = format!("{self:?}");
        match text.find(['{', '(']) {
            Some(start) => {
                let inner = &text[start + 1..];
                inner.strip_suffix(['}', ')']).unwrap_or(inner).trim().to_string()
            }
            None => String::new(),
        }
    }
}

/// The small closed set of loops that an engine knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lowering {
    /// One scalar function of one operand.
    Unary(Unary),
    /// One scalar function of two operands, which broadcast.
    Binary(Binary),
    /// `condition != 0 ? a : b`, which broadcast.
    Select,
    /// A reduction over `axes` (sorted).
    Reduce(Reduction, Vec<usize>),
    /// A product of matrices in the last two axes, with the axes before them broadcast.
    MatMul,
    /// A movement of data that a change of layout can express, or a copy.
    Move(Movement),
    /// The first operand, not before the second is there.
    After,
    /// The operands one after the other along an axis.
    Concat(usize),
    /// A function over rows along the last axis: as many as the first operand has along all axes but the last.
    Rows(RowFunction),
    /// Multi-head attention on packed projections, or its gradient.
    Attention(AttentionPart, crate::ops::Attention),
    /// A convolution or one of its adjoints.
    Conv2d(ConvPart, crate::ops::Conv2d),
    /// A pooling or one of its adjoints.
    Pool2d(PoolPart, crate::ops::Pool2d),
    /// Rows of the first operand chosen by the indices in the second.
    Gather,
    /// The rows of the first operand added into zeros, at the rows named by the second.
    ScatterAdd,
    /// A program step after step, as [`Scan`](crate::ops::Scan) says.
    Scan,
    /// Uniform random numbers of this stream of the run's key.
    Uniform(u64),
    /// Whatever `eval` does.
    Opaque,
}

/// How elements are joined along reduced axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Their sum; 0 for none.
    Sum,
    /// Their largest; NaN if any is.
    Max,
    /// Their smallest; NaN if any is.
    Min,
}

/// A movement of data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Movement {
    /// The same elements in the same order in another shape.
    Reshape,
    /// Axis `i` of the result is axis `order[i]` of the operand.
    Permute(Vec<usize>),
    /// Repetition along new or length-1 axes.
    Broadcast,
    /// Part of one axis.
    Slice {
        /// The axis.
        axis: usize,
        /// The first position.
        start: usize,
        /// The distance between positions, negative to walk backwards.
        step: isize,
    },
    /// The adjoint of `Slice`: zeros, with the operand at the positions that `Slice` reads.
    Pad {
        /// The axis.
        axis: usize,
        /// The first position.
        start: usize,
        /// The distance between positions, negative to walk backwards.
        step: isize,
    },
}

/// Attention or its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttentionPart {
    /// Operand: the packed projections.
    Forward,
    /// Operands: the packed projections, the cotangent of the result.
    Gradient,
}

/// A convolution or one of its adjoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvPart {
    /// Operands: input, weight.
    Forward,
    /// Operands: cotangent of the result, weight.
    InputGradient,
    /// Operands: input, cotangent of the result.
    WeightGradient,
}

/// A pooling or one of its adjoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolPart {
    /// The largest of each window. Operand: input.
    Max,
    /// Adds each element of the second operand at the position of the first's largest in the window.
    MaxScatter,
    /// Picks from the second operand at the position of the first's largest in each window.
    MaxGather,
    /// The mean of each window. Operand: input.
    Average,
    /// The adjoint of `Average`.
    AverageScatter,
}

/// A precision in which programs run: `f32` or `f64`.
pub trait Precision: Float {
    /// Calls [`Operation::eval`] in this precision.
    ///
    /// # Errors
    /// Those of the operation.
    fn eval(operation: &dyn AnyOperation, args: &Args<'_, Self>, out: Out<'_, Self>) -> Result<(), String>;
}

impl Precision for f32 {
    fn eval(operation: &dyn AnyOperation, args: &Args<'_, f32>, out: Out<'_, f32>) -> Result<(), String> {
        operation.eval_f32(args, out)
    }
}

impl Precision for f64 {
    fn eval(operation: &dyn AnyOperation, args: &Args<'_, f64>, out: Out<'_, f64>) -> Result<(), String> {
        operation.eval_f64(args, out)
    }
}

/// An [`Operation`] behind a pointer, as nodes hold it.
pub trait AnyOperation: fmt::Debug + Send + Sync {
    /// See [`Operation::name`].
    fn name(&self) -> &'static str;
    /// See [`Operation::infer`].
    #[allow(missing_docs, clippy::missing_errors_doc)]
    fn infer(&self, inputs: &[Type]) -> Result<Type, String>;
    /// See [`Operation::eval`].
    #[allow(missing_docs, clippy::missing_errors_doc)]
    fn eval_f32(&self, args: &Args<'_, f32>, out: Out<'_, f32>) -> Result<(), String>;
    /// See [`Operation::eval`].
    #[allow(missing_docs, clippy::missing_errors_doc)]
    fn eval_f64(&self, args: &Args<'_, f64>, out: Out<'_, f64>) -> Result<(), String>;
    /// See [`Operation::vjp`].
    #[allow(missing_docs, clippy::missing_errors_doc)]
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative>;
    /// See [`Operation::jvp`].
    #[allow(missing_docs, clippy::missing_errors_doc)]
    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>])
    -> Result<Option<Var<'t>>, NoDerivative>;
    /// See [`Operation::batch`].
    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>>;
    /// See [`Operation::lower`].
    fn lower(&self) -> Lowering;
    /// See [`Operation::stops_gradient`].
    fn stops_gradient(&self) -> bool;
    /// See [`Operation::attributes`].
    fn attributes(&self) -> String;
    /// Whether `other` is an operation of the same type, and equal.
    fn same(&self, other: &dyn AnyOperation) -> bool;
    /// This operation as itself, to look what it is.
    fn as_any(&self) -> &dyn Any;
}

impl<O: Operation> AnyOperation for O {
    fn name(&self) -> &'static str {
        Operation::name(self)
    }
    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Operation::infer(self, inputs)
    }
    fn eval_f32(&self, args: &Args<'_, f32>, out: Out<'_, f32>) -> Result<(), String> {
        Operation::eval(self, args, out)
    }
    fn eval_f64(&self, args: &Args<'_, f64>, out: Out<'_, f64>) -> Result<(), String> {
        Operation::eval(self, args, out)
    }
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Result<Vec<Option<Var<'t>>>, NoDerivative> {
        Operation::vjp(self, at, cotangent)
    }
    fn jvp<'t>(
        &self,
        at: &At<'_, 't>,
        tangents: &[Option<Var<'t>>],
    ) -> Result<Option<Var<'t>>, NoDerivative> {
        Operation::jvp(self, at, tangents)
    }
    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Operation::batch(self, batch)
    }
    fn lower(&self) -> Lowering {
        Operation::lower(self)
    }
    fn stops_gradient(&self) -> bool {
        Operation::stops_gradient(self)
    }
    fn attributes(&self) -> String {
        Operation::attributes(self)
    }
    fn same(&self, other: &dyn AnyOperation) -> bool {
        other.as_any().downcast_ref() == Some(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
