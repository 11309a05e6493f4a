//! A part of one axis, and its adjoint.

use super::{Cotangents, Tangent, linear_jvp, one_float};
use crate::operation::{Args, At, Lowering, Movement, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::{Float, Layout, Shape, Slice};

/// `count` positions of one axis, from `start` in steps of `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SliceAxis {
    /// The axis.
    pub axis: usize,
    /// The first position.
    pub start: usize,
    /// The distance between positions; negative to walk backwards.
    pub step: isize,
    /// How many positions.
    pub count: usize,
}

/// The adjoint of [`SliceAxis`]: zeros along an axis of `length`, with the operand at the positions that the
/// slice reads. With step 1 it pads an axis at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// The axis.
    pub axis: usize,
    /// The first position.
    pub start: usize,
    /// The distance between positions; negative to walk backwards.
    pub step: isize,
    /// The length of the axis in the result.
    pub length: usize,
}

/// The layout of the positions `start, start + step, ...` (`count` of them) of `axis` in `whole`.
fn positions(whole: Shape, axis: usize, start: usize, step: isize, count: usize) -> Result<Layout, String> {
    if axis >= whole.rank() || step == 0 {
        return Err(format!("axis {axis} must exist and the step {step} must not be 0"));
    }
    // In 128 bits, where no start, step or count can overflow.
    let last = start as i128 + step as i128 * (count as i128 - 1).max(0);
    if count > 0 && (start >= whole[axis] || last < 0 || last >= whole[axis] as i128) {
        return Err(format!(
            "positions {start} to {last} do not exist on axis {axis}, whose length is {}",
            whole[axis]
        ));
    }
    if count == 0 {
        return whole.with(axis, 0).map(Layout::contiguous).map_err(|error| error.to_string());
    }
    let end = last as isize + step.signum();
    let slice = Slice { start: Some(start as isize), end: (end >= 0).then_some(end), step };
    Layout::contiguous(whole).slice(axis, slice).map_err(|error| error.to_string())
}

impl Operation for SliceAxis {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let layout = positions(one_float(inputs)?.shape, self.axis, self.start, self.step, self.count)?;
        Ok(Type::float(layout.shape()))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let layout = positions(args.shape(0), self.axis, self.start, self.step, self.count)?;
        for (y, position) in out.float().iter_mut().zip(layout.positions()) {
            *y = args.float(0)[position];
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(SliceAxis { axis: self.axis + 1, ..*self }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let length = at.inputs[0].shape()[self.axis];
        let pad = Pad { axis: self.axis, start: self.start, step: self.step, length };
        Ok(vec![Some(at.tape().record(pad, &[cotangent]))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        linear_jvp(self, at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Move(Movement::Slice { axis: self.axis, start: self.start, step: self.step })
    }
}

impl Operation for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let shape = one_float(inputs)?.shape;
        let whole = shape.with(self.axis, self.length).map_err(|error| error.to_string())?;
        positions(whole, self.axis, self.start, self.step, shape[self.axis])?;
        Ok(Type::float(whole))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        let count = args.shape(0)[self.axis];
        let layout = positions(args.output_shape(), self.axis, self.start, self.step, count)?;
        out.fill(T::ZERO);
        for (position, &x) in layout.positions().zip(args.float(0)) {
            out[position] = x;
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(Pad { axis: self.axis + 1, ..*self }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let count = at.inputs[0].shape()[self.axis];
        let slice = SliceAxis { axis: self.axis, start: self.start, step: self.step, count };
        Ok(vec![Some(at.tape().record(slice, &[cotangent]))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        linear_jvp(self, at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Move(Movement::Pad { axis: self.axis, start: self.start, step: self.step })
    }
}

impl<'t> Var<'t> {
    /// A part of one axis; negative axes count from the end, bounds are clamped as Python does.
    #[track_caller]
    pub fn slice(self, axis: isize, part: impl Into<Slice>) -> Var<'t> {
        let part = part.into();
        let Some(axis) = self.axis("slice", axis) else { return self.tape().poison() };
        match part.resolve(self.shape()[axis]) {
            Ok((start, count)) => {
                self.tape().record(SliceAxis { axis, start, step: part.step, count }, &[self])
            }
            Err(error) => self.refuse("slice", error.to_string()),
        }
    }

    /// One position of an axis, which disappears.
    #[track_caller]
    pub fn select_at(self, axis: isize, index: usize) -> Var<'t> {
        let Some(axis) = self.axis("select_at", axis) else { return self.tape().poison() };
        let one = self.tape().record(SliceAxis { axis, start: index, step: 1, count: 1 }, &[self]);
        if one.is_poison() { one } else { one.squeeze(axis as isize) }
    }

    /// The element at `index` of the first axis, which disappears: `x.at(0)` is the first coordinate of a
    /// vector.
    #[track_caller]
    pub fn at(self, index: usize) -> Var<'t> {
        self.select_at(0, index)
    }

    /// Zeros put `before` and `after` an axis.
    #[track_caller]
    pub fn pad(self, axis: isize, before: usize, after: usize) -> Var<'t> {
        let Some(axis) = self.axis("pad", axis) else { return self.tape().poison() };
        // Too large a sum is refused as a shape.
        let length = before.saturating_add(self.shape()[axis]).saturating_add(after);
        self.tape().record(Pad { axis, start: before, step: 1, length }, &[self])
    }

    /// An axis backwards.
    #[track_caller]
    pub fn flip(self, axis: isize) -> Var<'t> {
        self.slice(axis, Slice { start: None, end: None, step: -1 })
    }
}
