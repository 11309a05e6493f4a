//! The cell of an LSTM, behind the products that make its gates.

use super::composite::{eval_rows, formula_gradient, formula_jvp, formula_vjp};
use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out, RowFunction};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Shape};

/// From the preactivations of the gates `[.., 4h]` (input i, forget f, candidate g, output o, side by side) and
/// the state c `[.., h]` to `[.., 2h]`: the output `σ(o) tanh(c')`, and behind it the new state
/// `c' = σ(f) c + σ(i) tanh(g)`.
///
/// # Source
/// Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber and Cummins, "Learning to
/// forget", 2000. The order of the gates is PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LstmCell;

/// The cotangents of the operands of [`LstmCell`] side by side, `[.., 5h]`, given those of the output and of the new
/// state (third and fourth operand, each `[.., h]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LstmCellGradient;

/// The width h of the state, and the shape `[.., parts h]`.
fn widened(inputs: &[Type], parts: usize) -> Result<Shape, String> {
    let (gates, state) = (inputs[0].shape, inputs[1].shape);
    let (Some((width, rows)), Some((h, state_rows))) = (gates.split_last(), state.split_last()) else {
        return Err("gates and state must have a last axis".into());
    };
    if rows != state_rows || h.checked_mul(4) != Some(*width) {
        return Err("the gates must be [.., 4h], four times as wide as the state [.., h]".into());
    }
    let mut dims = rows.to_vec();
    dims.push(h.saturating_mul(parts));
    Shape::new(&dims).map_err(|error| error.to_string())
}

/// The parts `of` a value that holds parts of this width side by side along its last axis.
fn parts<'t, const N: usize>(x: Var<'t>, width: usize, of: [usize; N]) -> [Var<'t>; N] {
    of.map(|part| x.slice(-1, part * width..(part + 1) * width))
}

impl LstmCell {
    /// The same in primitive operations.
    fn formula<'t>(operands: &[Var<'t>]) -> Var<'t> {
        let (gates, c) = (operands[0], operands[1]);
        let [i, f, g, o] = parts(gates, c.dim(-1), [0, 1, 2, 3]);
        let next = f.sigmoid() * c + i.sigmoid() * g.tanh();
        c.tape().concat(&[o.sigmoid() * next.tanh(), next], -1)
    }
}

impl Operation for LstmCell {
    fn name(&self) -> &'static str {
        "lstm_cell"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        widened(inputs, 2).map(Type::float)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::LstmCell, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let (gates, c) = (at.inputs[0], at.inputs[1]);
        let h = c.dim(-1);
        let [output, state] = parts(cotangent, h, [0, 1]);
        let both = at.tape().record(LstmCellGradient, &[gates, c, output, state]);
        Ok(vec![Some(both.slice(-1, ..4 * h)), Some(both.slice(-1, 4 * h..))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        formula_jvp(at, tangents, Self::formula)
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::LstmCell)
    }
}

impl LstmCellGradient {
    /// The same in primitive operations.
    fn formula<'t>(operands: &[Var<'t>]) -> Var<'t> {
        let tape = operands[0].tape();
        let cotangent = tape.concat(&operands[2..], -1);
        tape.concat(&formula_gradient(&operands[..2], cotangent, LstmCell::formula), -1)
    }
}

impl Operation for LstmCellGradient {
    fn name(&self) -> &'static str {
        "lstm_cell_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 4])?;
        if inputs[2..].iter().any(|cotangent| cotangent.shape != inputs[1].shape) {
            return Err("the cotangents must have the shape of the state, [.., h]".into());
        }
        widened(inputs, 5).map(Type::float)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        eval_rows(RowFunction::LstmCellGradient, args, out)
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        formula_vjp(at, cotangent, Self::formula)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        formula_jvp(at, tangents, Self::formula)
    }

    fn lower(&self) -> Lowering {
        Lowering::Rows(RowFunction::LstmCellGradient)
    }
}

impl<'t> Var<'t> {
    /// One step of an LSTM from the preactivations of its gates, this value `[.., 4h]` (input, forget, candidate,
    /// output, side by side, as in PyTorch), and its state c `[.., h]`: the output `σ(o) tanh(c')` and the new
    /// state `c' = σ(f) c + σ(i) tanh(g)`, both `[.., h]`.
    #[track_caller]
    pub fn lstm_cell(self, c: Var<'t>) -> (Var<'t>, Var<'t>) {
        let both = self.tape().record(LstmCell, &[self, c]);
        if both.is_poison() {
            return (both, both);
        }
        let h = c.dim(-1);
        (both.slice(-1, ..h), both.slice(-1, h..))
    }
}
