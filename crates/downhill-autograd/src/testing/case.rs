//! One case: an operation with its operands, and its variations.

use super::{CaseRng, Values};
use crate::{Data, Output, Precision, Program, Result, Tape, Var};
use downhill_tensor::{Float, Slice, Tensor};
use std::sync::Arc;

/// What records the result of a case from its inputs: the float ones first, the index ones behind.
pub type Record = Arc<dyn for<'t> Fn(&'t Tape, &[Var<'t>]) -> Var<'t> + Send + Sync>;

/// A row of the registry.
#[derive(Clone, Copy, Debug)]
pub struct OperationCase {
    /// The name of the operation, or of the method that composes it of others.
    pub name: &'static str,
    /// Whether the derivative is zero by nature, so that no gradient reaches the operands.
    pub flat: bool,
    /// Makes a case.
    pub make: fn(&mut CaseRng) -> Case,
}

impl OperationCase {
    /// A row of an operation that has a derivative.
    pub(super) fn smooth(name: &'static str, make: fn(&mut CaseRng) -> Case) -> Self {
        OperationCase { name, flat: false, make }
    }

    /// A row of an operation whose derivative is zero by nature.
    pub(super) fn flat(name: &'static str, make: fn(&mut CaseRng) -> Case) -> Self {
        OperationCase { name, flat: true, make }
    }

    /// The case of this seed, with numbers drawn as `values` says.
    pub fn case(&self, seed: u64, values: Values) -> Case {
        let mut rng = CaseRng::with_values(seed, values);
        let case = (self.make)(&mut rng);
        Case { smooth: case.smooth && !self.flat && values == Values::Ordinary, ..case }
    }
}

/// An operation with random operands.
#[derive(Clone)]
pub struct Case {
    /// The real operands, often views with strides of their own.
    pub floats: Vec<Tensor<f64>>,
    /// The whole-number operands.
    pub indices: Vec<Tensor<i64>>,
    /// Records the result.
    pub record: Record,
    /// Whether finite differences are right here: every real operand has a gradient, and none of them stands
    /// where the derivative jumps.
    pub smooth: bool,
}

/// The data of one input of a program, in some precision.
#[derive(Clone, Debug)]
pub enum Input<T> {
    /// Real numbers.
    Float(Vec<T>),
    /// Whole numbers.
    Index(Vec<i64>),
}

impl<T> Input<T> {
    /// The data as executors take them.
    pub fn data(&self) -> Data<'_, T> {
        match self {
            Input::Float(values) => Data::Float(values),
            Input::Index(values) => Data::Index(values),
        }
    }
}

impl Input<f64> {
    /// The same input in another precision.
    pub fn rounded<T: Precision>(&self) -> Input<T> {
        match self {
            Input::Float(values) => Input::Float(values.iter().map(|&x| T::from_f64(x)).collect()),
            Input::Index(values) => Input::Index(values.clone()),
        }
    }
}

impl Case {
    /// A smooth case without whole-number operands.
    pub fn new(
        floats: Vec<Tensor<f64>>,
        record: impl for<'t> Fn(&'t Tape, &[Var<'t>]) -> Var<'t> + Send + Sync + 'static,
    ) -> Self {
        Case { floats, indices: Vec::new(), record: Arc::new(record), smooth: true }
    }

    /// A smooth case of one operand.
    pub(super) fn of(
        operand: Tensor<f64>,
        record: impl for<'t> Fn(Var<'t>) -> Var<'t> + Send + Sync + 'static,
    ) -> Self {
        Case::new(vec![operand], move |_, x| record(x[0]))
    }

    /// With these whole-number operands, which are handed to `record` behind the real ones.
    pub fn with_indices(self, indices: Vec<Tensor<i64>>) -> Self {
        Case { indices, ..self }
    }

    /// Declares the inputs on a tape: `x0, x1, ..` for the real ones, `i0, ..` for the whole numbers.
    pub fn declare<'t>(&self, tape: &'t Tape) -> Vec<Var<'t>> {
        let floats = self.floats.iter().enumerate();
        let mut vars: Vec<_> = floats.map(|(i, x)| tape.input(&format!("x{i}"), x.shape())).collect();
        let indices = self.indices.iter().enumerate();
        vars.extend(indices.map(|(i, x)| tape.index_input(&format!("i{i}"), x.shape())));
        vars
    }

    /// The data of the inputs, in the order of [`Case::declare`].
    pub fn inputs<T: Float>(&self) -> Vec<Input<T>> {
        let round = |x: &Tensor<f64>| Input::Float(x.to_vec().into_iter().map(T::from_f64).collect());
        let whole = self.indices.iter().map(|x| Input::Index(x.to_vec()));
        self.floats.iter().map(round).chain(whole).collect()
    }

    /// The program of the result alone, under the name `y`.
    ///
    /// # Errors
    /// What is wrong with the case; in the registry, nothing.
    pub fn program(&self) -> Result<Program> {
        let tape = Tape::new();
        let y = (self.record)(&tape, &self.declare(&tape));
        tape.finish(&[Output::new("y", &y)])
    }

    /// The program of the result `y` and of `gradient`: that of `Σ sin(k) yₖ` (numbers `k = 1, 2, ..`, so
    /// that no two cotangents are equal) with respect to all real operands, one after the other. The result
    /// must be real, and the case not flat.
    ///
    /// # Errors
    /// As [`Case::program`].
    pub fn gradient_program(&self) -> Result<Program> {
        let tape = Tape::new();
        let vars = self.declare(&tape);
        let y = (self.record)(&tape, &vars);
        let mut k = 0.0f64;
        let cotangent = Tensor::from_fn(y.shape(), |_| {
            k += 1.0;
            k.sin()
        });
        let gradient = tape.vjp(&[(y, tape.constant(cotangent))], &vars[..self.floats.len()]);
        tape.finish(&[Output::new("y", &y), Output::flat("gradient", &gradient)])
    }

    /// The same result from inputs that lie in memory in another way, and are brought back by operations
    /// that move data: transposed, flipped, or cut from a larger one.
    pub fn through_views(&self, rng: &mut CaseRng) -> Case {
        let moves: Vec<Move> = self.floats.iter().map(|x| Move::random(rng, x.rank())).collect();
        let floats = self.floats.iter().zip(&moves).map(|(x, m)| m.away(x)).collect();
        let record = self.record.clone();
        Case {
            floats,
            record: Arc::new(move |tape, vars| {
                let mut vars = vars.to_vec();
                for (var, m) in vars.iter_mut().zip(&moves) {
                    *var = m.back(*var);
                }
                record(tape, &vars)
            }),
            ..self.clone()
        }
    }

    /// The operation in the middle of a computation: its operands are computed, its result is used further
    /// together with them. Zeros, signs and ties of the operands stay as they are.
    pub fn mid_graph(&self) -> Case {
        let (record, count) = (self.record.clone(), self.floats.len());
        Case {
            record: Arc::new(move |tape, vars| {
                let mut vars = vars.to_vec();
                for var in &mut vars[..count] {
                    *var = *var + 0.1 * var.sin();
                }
                let y = record(tape, &vars);
                let again = vars[..count].iter().map(|x| (0.3 * *x).tanh().sum());
                0.5 * y + (0.3 * y).sin() * again.fold(tape.scalar(0.5), |sum, x| sum + x)
            }),
            ..self.clone()
        }
    }

    /// The first operand in place of the second as well: `x op x`. `None` where they differ in shape.
    pub fn with_one_operand_twice(&self) -> Option<Case> {
        if self.floats.len() < 2 || self.floats[0].shape() != self.floats[1].shape() {
            return None;
        }
        let record = self.record.clone();
        let mut floats = self.floats.clone();
        floats.remove(1);
        Some(Case {
            floats,
            record: Arc::new(move |tape, vars| {
                let mut vars = vars.to_vec();
                vars.insert(1, vars[0]);
                record(tape, &vars)
            }),
            ..self.clone()
        })
    }
}

/// A way to lay out an operand otherwise, and the operations that undo it.
#[derive(Clone, Debug)]
enum Move {
    Stay,
    Permute { order: Vec<usize>, inverse: Vec<usize> },
    Flip { axis: isize },
    Cut { axis: isize },
}

impl Move {
    fn random(rng: &mut CaseRng, rank: usize) -> Self {
        if rank == 0 {
            return Move::Stay;
        }
        match rng.below(3) {
            0 => {
                let order = rng.order(rank);
                let mut inverse = vec![0; rank];
                for (to, &from) in order.iter().enumerate() {
                    inverse[from] = to;
                }
                Move::Permute { order, inverse }
            }
            1 => Move::Flip { axis: rng.axis(rank) },
            _ => Move::Cut { axis: rng.axis(rank) },
        }
    }

    /// `x` laid out otherwise. These moves always fit their operand.
    fn away(&self, x: &Tensor<f64>) -> Tensor<f64> {
        let moved = match self {
            Move::Stay => Ok(x.clone()),
            Move::Permute { inverse, .. } => {
                x.permute(&inverse.iter().map(|&axis| axis as isize).collect::<Vec<_>>())
            }
            Move::Flip { axis } => x.flip(*axis),
            Move::Cut { axis } => {
                let edge = x.slice(*axis, Slice { start: None, end: Some(1), step: 1 });
                edge.and_then(|edge| Tensor::concatenate(&[edge.clone(), x.clone(), edge], *axis))
            }
        };
        moved.unwrap_or_else(|_| x.clone())
    }

    fn back<'t>(&self, x: Var<'t>) -> Var<'t> {
        match self {
            Move::Stay => x,
            Move::Permute { order, .. } => x.permute(order),
            Move::Flip { axis } => x.flip(*axis),
            // What was put at both ends: nothing where the axis is empty.
            Move::Cut { axis } => match x.dim(*axis) {
                0 => x,
                length => x.slice(*axis, 1..length - 1),
            },
        }
    }
}
