//! Sums, means and extremes along axes.

use super::{Cotangents, Tangent, one_float};
use crate::operation::{Args, At, Lowering, Operation, Out, Reduction};
use crate::{Batch, Type, Var};
use downhill_tensor::{Float, Layout};

/// A reduction over `axes` (sorted), which disappear from the shape.
///
/// The gradient of an extreme is shared equally by all elements that reach it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reduce {
    /// How elements are joined.
    pub reduction: Reduction,
    /// Along which axes.
    pub axes: Vec<usize>,
}

impl Reduce {
    /// The share of each element in the result: 1 for sums; for extremes 1/n at each of the n that reach it.
    fn share<'t>(&self, at: &At<'_, 't>) -> Option<Var<'t>> {
        if self.reduction == Reduction::Sum {
            return None;
        }
        let x = at.inputs[0];
        let reached = x.eq(at.output.restore_axes(&self.axes));
        let count = reached.reduce(Reduction::Sum, &self.axes);
        Some(reached / count.restore_axes(&self.axes))
    }
}

impl Operation for Reduce {
    fn name(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "sum",
            Reduction::Max => "max",
            Reduction::Min => "min",
        }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let shape = one_float(inputs)?.shape;
        if self.axes.iter().any(|&axis| axis >= shape.rank()) || self.axes.windows(2).any(|w| w[0] >= w[1]) {
            return Err(format!("the axes {:?} must exist and be sorted", self.axes));
        }
        if self.reduction != Reduction::Sum && self.axes.iter().any(|&axis| shape[axis] == 0) {
            return Err("an extreme of no elements does not exist".into());
        }
        Ok(Type::float(shape.reduced(&self.axes, false)))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        let join: fn(T, T) -> T = match self.reduction {
            Reduction::Sum => |a, b| a + b,
            Reduction::Max => Float::maximum,
            Reduction::Min => Float::minimum,
        };
        out.fill(match self.reduction {
            Reduction::Sum => T::ZERO,
            Reduction::Max => T::NEG_INFINITY,
            Reduction::Min => T::INFINITY,
        });
        // Where each element goes: the layout of the result, repeated along the reduced axes.
        let kept = args.shape(0).reduced(&self.axes, true);
        let target =
            Layout::contiguous(kept).broadcast_to(args.shape(0)).map_err(|error| error.to_string())?;
        for (&x, to) in args.float(0).iter().zip(target.positions()) {
            out[to] = join(out[to], x);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let axes = self.axes.iter().map(|axis| axis + 1).collect();
        Some(batch.leading(Reduce { axes, ..*self }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let spread = cotangent.restore_axes(&self.axes).broadcast_to(at.inputs[0].shape());
        Ok(vec![Some(match self.share(at) {
            None => spread,
            Some(share) => spread * share,
        })])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| {
            let weighted = match self.share(at) {
                None => tangent,
                Some(share) => tangent * share,
            };
            weighted.reduce(Reduction::Sum, &self.axes)
        }))
    }

    fn lower(&self) -> Lowering {
        Lowering::Reduce(self.reduction, self.axes.clone())
    }

    fn attributes(&self) -> String {
        format!("axes: {:?}", self.axes)
    }
}

impl<'t> Var<'t> {
    /// Reduces over axes given by position, sorted.
    #[track_caller]
    pub(crate) fn reduce(self, reduction: Reduction, axes: &[usize]) -> Var<'t> {
        self.tape().record(Reduce { reduction, axes: axes.to_vec() }, &[self])
    }

    #[track_caller]
    fn reduce_over(self, operation: &'static str, reduction: Reduction, axes: &[isize]) -> Var<'t> {
        match self.axes(operation, axes) {
            Some(axes) => self.reduce(reduction, &axes),
            None => self.tape().poison(),
        }
    }

    /// Puts axes of length 1 where a reduction has removed `axes`.
    #[track_caller]
    pub(crate) fn restore_axes(self, axes: &[usize]) -> Var<'t> {
        let mut dims = self.shape().dims().to_vec();
        for &axis in axes {
            dims.insert(axis.min(dims.len()), 1);
        }
        self.reshape_dims(&dims)
    }

    /// The sum of all elements; 0 for none.
    #[track_caller]
    pub fn sum(self) -> Var<'t> {
        let axes: Vec<usize> = (0..self.rank()).collect();
        if axes.is_empty() { self } else { self.reduce(Reduction::Sum, &axes) }
    }

    /// The sum over `axes`, which disappear; negative axes count from the end.
    #[track_caller]
    pub fn sum_over(self, axes: &[isize]) -> Var<'t> {
        self.reduce_over("sum", Reduction::Sum, axes)
    }

    /// The mean of all elements; NaN for none.
    #[track_caller]
    pub fn mean(self) -> Var<'t> {
        self.sum() * (1.0 / self.shape().size() as f64)
    }

    /// The mean over `axes`, which disappear; negative axes count from the end.
    #[track_caller]
    pub fn mean_over(self, axes: &[isize]) -> Var<'t> {
        let Some(positions) = self.axes("mean", axes) else { return self.tape().poison() };
        let count: usize = positions.iter().map(|&axis| self.shape()[axis]).product();
        self.reduce(Reduction::Sum, &positions) * (1.0 / count as f64)
    }

    /// The mean over `axes`, which stay with length 1.
    #[track_caller]
    pub fn mean_keep(self, axes: &[isize]) -> Var<'t> {
        let mean = self.mean_over(axes);
        match self.axes("mean", axes) {
            Some(axes) => mean.restore_axes(&axes),
            None => mean,
        }
    }

    /// The sum over `axes`, which stay with length 1.
    #[track_caller]
    pub fn sum_keep(self, axes: &[isize]) -> Var<'t> {
        let sum = self.sum_over(axes);
        match self.axes("sum", axes) {
            Some(axes) => sum.restore_axes(&axes),
            None => sum,
        }
    }

    /// The mean square distance from the mean over `axes`, which stay with length 1: the sum is divided by
    /// the number of elements (no correction).
    #[track_caller]
    pub fn variance_keep(self, axes: &[isize]) -> Var<'t> {
        (self - self.mean_keep(axes)).square().mean_keep(axes)
    }

    /// The largest element over `axes`, which disappear; NaN if any is NaN. Elements that tie share the
    /// gradient equally.
    #[track_caller]
    pub fn max_over(self, axes: &[isize]) -> Var<'t> {
        self.reduce_over("max", Reduction::Max, axes)
    }

    /// The smallest element over `axes`, which disappear; NaN if any is NaN. Elements that tie share the
    /// gradient equally.
    #[track_caller]
    pub fn min_over(self, axes: &[isize]) -> Var<'t> {
        self.reduce_over("min", Reduction::Min, axes)
    }

    /// The sum over the axes along which a value of `shape` is repeated to become this one, in that shape:
    /// the adjoint of [`Var::broadcast_to`], for all rules whose operands broadcast.
    #[track_caller]
    pub fn sum_to(self, shape: downhill_tensor::Shape) -> Var<'t> {
        if self.shape() == shape {
            return self;
        }
        if !shape.broadcasts_to(self.shape()) {
            // A scaled cotangent may be smaller than its operand when the operand's partner was a scalar.
            return self.broadcast_to(shape);
        }
        let axes = shape.broadcast_axes(self.shape());
        let summed = if axes.is_empty() { self } else { self.reduce(Reduction::Sum, &axes) };
        summed.reshape(shape)
    }
}
