//! Whole numbers of a batch of examples: what [`vmap`](crate::Tape::vmap) needs of them.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Shape};

/// One position of an axis of whole numbers, which disappears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexRow {
    /// The axis.
    pub axis: usize,
    /// The position.
    pub row: usize,
}

/// Whole numbers `count` times along a new axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RepeatIndex {
    /// Where the new axis stands.
    pub axis: usize,
    /// Its length.
    pub count: usize,
}

/// Numbers of rows of one table for each example along an axis, as numbers of rows of all tables one after the other:
/// `rows` times the number of the example is added. What is no row of a table is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetIndex {
    /// The axis of examples.
    pub axis: usize,
    /// The number of rows of one table.
    pub rows: usize,
}

fn one_index(inputs: &[Type]) -> Result<Shape, String> {
    expect_kinds(inputs, &[Kind::Index])?;
    Ok(inputs[0].shape)
}

/// The length of an axis, and the elements of each position of it.
fn along(shape: Shape, axis: usize) -> (usize, usize) {
    (shape[axis], shape[axis + 1..].iter().product())
}

macro_rules! flat_by_nature {
    () => {
        fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
            Ok(vec![None])
        }

        fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
            Ok(None)
        }
    };
}

impl Operation for IndexRow {
    fn name(&self) -> &'static str {
        "index_row"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let shape = one_index(inputs)?;
        match shape.get(self.axis) {
            Some(&count) if self.row < count => Ok(Type::index(shape.reduced(&[self.axis], false))),
            _ => Err(format!("there is no position {} of axis {}", self.row, self.axis)),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (count, width) = along(args.shape(0), self.axis);
        let blocks = args.index(0).chunks_exact((count * width).max(1));
        for (to, block) in out.index().chunks_exact_mut(width.max(1)).zip(blocks) {
            to.copy_from_slice(&block[self.row * width..][..width]);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(IndexRow { axis: self.axis + 1, ..*self }))
    }

    flat_by_nature!();
}

impl Operation for RepeatIndex {
    fn name(&self) -> &'static str {
        "repeat_index"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let mut dims = one_index(inputs)?.to_vec();
        if self.axis > dims.len() {
            return Err(format!("a new axis can stand at 0 to {}, not at {}", dims.len(), self.axis));
        }
        dims.insert(self.axis, self.count);
        Shape::new(&dims).map(Type::index).map_err(|error| error.to_string())
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (count, width) = along(args.output_shape(), self.axis);
        let blocks = args.index(0).chunks_exact(width.max(1));
        for (to, block) in out.index().chunks_exact_mut((count * width).max(1)).zip(blocks) {
            to.chunks_exact_mut(width).for_each(|to| to.copy_from_slice(block));
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(RepeatIndex { axis: self.axis + 1, ..*self }))
    }

    flat_by_nature!();
}

impl Operation for OffsetIndex {
    fn name(&self) -> &'static str {
        "offset_index"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        match one_index(inputs)?.get(self.axis) {
            None => Err(format!("axis {} does not exist", self.axis)),
            Some(_) => Ok(inputs[0]),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (count, width) = along(args.shape(0), self.axis);
        for (position, (to, &index)) in out.index().iter_mut().zip(args.index(0)).enumerate() {
            if usize::try_from(index).map_or(true, |index| index >= self.rows) {
                let rows = self.rows;
                return Err(format!(
                    "index {index} at position {position} is out of range: there are {rows} rows"
                ));
            }
            *to = index + (position / width % count * self.rows) as i64;
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(OffsetIndex { axis: self.axis + 1, ..*self }))
    }

    flat_by_nature!();
}
