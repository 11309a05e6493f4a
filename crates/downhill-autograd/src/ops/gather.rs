//! Rows chosen by number, and the adjoint.

use super::{Cotangents, OffsetIndex, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::kernels::gather::check_rows;
use downhill_tensor::{Float, Shape};

/// The rows of a table (first operand, along its first axis) with the numbers in the second operand:
/// `[v, d..]` by `[n..]` gives `[n.., d..]`. This is an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gather;

/// The adjoint of [`Gather`]: a table of `rows` rows of zeros, to which each row of the first operand is
/// added at the number in the second. Rows named several times get the sum, in the order of the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScatterAdd {
    /// The number of rows of the result.
    pub rows: usize,
}

impl Operation for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index])?;
        let (table, indices) = (inputs[0].shape, inputs[1].shape);
        if table.rank() == 0 {
            return Err("the table must have rows along its first axis".into());
        }
        let mut dims = indices.dims().to_vec();
        dims.extend_from_slice(&table[1..]);
        Shape::new(&dims).map(Type::float).map_err(|error| error.to_string())
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let width: usize = args.shape(0)[1..].iter().product();
        let out = out.float();
        check_rows(args.index(1), args.shape(0)[0]).map_err(|error| error.to_string())?;
        for (position, &index) in args.index(1).iter().enumerate() {
            let from = index as usize;
            out[position * width..][..width].copy_from_slice(&args.float(0)[from * width..][..width]);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(match (batch.is_batched(0), batch.is_batched(1)) {
            (false, _) => batch.input(0).gather(batch.input(1)),
            // All examples choose the same rows of tables that lie side by side.
            (true, false) => {
                let chosen = batch.input(0).move_axis(0, 1).gather(batch.input(1));
                chosen.move_axis(batch.shape(1).rank() as isize, 0)
            }
            (true, true) => {
                let rows = batch.shape(0)[0];
                batch.joined(0).gather(batch.record(OffsetIndex { axis: 0, rows }, &[batch.input(1)]))
            }
        })
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let rows = at.inputs[0].shape()[0];
        Ok(vec![Some(at.tape().record(ScatterAdd { rows }, &[cotangent, at.inputs[1]])), None])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| tangent.gather(at.inputs[1])))
    }

    fn lower(&self) -> Lowering {
        Lowering::Gather
    }
}

impl Operation for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index])?;
        let (values, indices) = (inputs[0].shape, inputs[1].shape);
        if values.rank() < indices.rank() || values[..indices.rank()] != indices[..] {
            return Err("there must be one row of values for each index".into());
        }
        let mut dims = vec![self.rows];
        dims.extend_from_slice(&values[indices.rank()..]);
        Shape::new(&dims).map(Type::float).map_err(|error| error.to_string())
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let width: usize = args.output_shape()[1..].iter().product();
        let out = out.float();
        out.fill(T::ZERO);
        check_rows(args.index(1), self.rows).map_err(|error| error.to_string())?;
        for (position, &index) in args.index(1).iter().enumerate() {
            let to = index as usize;
            let from = &args.float(0)[position * width..][..width];
            for (y, &x) in out[to * width..][..width].iter_mut().zip(from) {
                *y += x;
            }
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        if !batch.is_batched(1) {
            // All examples add to the same rows of tables that lie side by side.
            let values = batch.input(0).move_axis(0, batch.shape(1).rank() as isize);
            return Some(values.scatter_add(batch.input(1), self.rows).move_axis(1, 0));
        }
        let indices = batch.record(OffsetIndex { axis: 0, rows: self.rows }, &[batch.input(1)]);
        let rows = self.rows.saturating_mul(batch.size());
        Some(batch.parted(batch.all(0).scatter_add(indices, rows)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        Ok(vec![Some(cotangent.gather(at.inputs[1])), None])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| at.tape().record(*self, &[tangent, at.inputs[1]])))
    }

    fn lower(&self) -> Lowering {
        Lowering::ScatterAdd
    }
}

impl<'t> Var<'t> {
    /// The rows of this table (along its first axis) with these numbers: `[v, d..]` by `[n..]` gives
    /// `[n.., d..]`. Numbers out of range are an error when the program runs.
    #[track_caller]
    pub fn gather(self, indices: Var<'t>) -> Var<'t> {
        self.tape().record(Gather, &[self, indices])
    }

    /// Zeros in `rows` rows, with each row of this value added at its number in `indices`: the adjoint of
    /// [`Var::gather`].
    #[track_caller]
    pub fn scatter_add(self, indices: Var<'t>, rows: usize) -> Var<'t> {
        self.tape().record(ScatterAdd { rows }, &[self, indices])
    }
}
