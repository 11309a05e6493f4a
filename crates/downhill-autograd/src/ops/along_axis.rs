//! Elements chosen by number along an axis, each line by numbers of its own, and the adjoint.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Layout, Shape, Slice};

/// `y[.., i, ..] = x[.., k[.., i, ..], ..]` along an axis, for numbers k (second operand) of the same rank as x; along
/// the other axes k may be shorter. The shape is that of k.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TakeAlongAxis {
    /// The axis.
    pub axis: usize,
}

/// The adjoint of [`TakeAlongAxis`]: zeros of `shape`, to which each element of the first operand is added at the
/// number in the second. What is named several times gets the sum, in the order of the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScatterAddAlongAxis {
    /// The axis.
    pub axis: usize,
    /// The shape of the result.
    pub shape: Shape,
}

/// The first operand with elements replaced: that at the numbers in the second along an axis by the elements of the
/// third. Of what is named several times, the last stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScatterAlongAxis {
    /// The axis.
    pub axis: usize,
}

/// Checks that numbers of shape `indices` choose among elements of shape `whole`.
fn check(axis: usize, whole: Shape, indices: Shape) -> Result<(), String> {
    if axis >= whole.rank() {
        return Err(format!("axis {axis} does not exist"));
    }
    let fits = whole.rank() == indices.rank()
        && (0..whole.rank()).all(|other| other == axis || indices[other] <= whole[other]);
    if fits {
        return Ok(());
    }
    Err(format!(
        "the numbers {indices} must have as many axes as {whole}, and be no longer along any but axis {axis}"
    ))
}

/// The position in `whole` of the element that each of `indices` names.
fn places(axis: usize, whole: Shape, shape: Shape, indices: &[i64]) -> Result<Vec<usize>, String> {
    let mut first = Layout::contiguous(whole);
    for other in 0..whole.rank() {
        let end = if other == axis { whole[axis].min(1) } else { shape[other] };
        let part = Slice { start: None, end: Some(end as isize), step: 1 };
        first = first.slice(other, part).map_err(|error| error.to_string())?;
    }
    // Where each line begins, once for all its numbers; an axis of no length has no line.
    let starts: Vec<usize> = match whole[axis] {
        0 => vec![0; indices.len()],
        _ => first.broadcast_to(shape).map_err(|error| error.to_string())?.positions().collect(),
    };
    let stride = whole[axis + 1..].iter().product::<usize>();
    let place = |(position, (&index, start)): (usize, (&i64, usize))| match usize::try_from(index) {
        Ok(number) if number < whole[axis] => Ok(start + number * stride),
        _ => Err(format!(
            "index {index} at position {position} is out of range: axis {axis} has {} elements",
            whole[axis]
        )),
    };
    indices.iter().zip(starts).enumerate().map(place).collect()
}

impl Operation for TakeAlongAxis {
    fn name(&self) -> &'static str {
        "take_along_axis"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index])?;
        check(self.axis, inputs[0].shape, inputs[1].shape)?;
        Ok(Type::float(inputs[1].shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let places = places(self.axis, args.shape(0), args.shape(1), args.index(1))?;
        for (y, place) in out.float().iter_mut().zip(places) {
            *y = args.float(0)[place];
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(TakeAlongAxis { axis: self.axis + 1 }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let adjoint = ScatterAddAlongAxis { axis: self.axis, shape: at.inputs[0].shape() };
        Ok(vec![Some(at.tape().record(adjoint, &[cotangent, at.inputs[1]])), None])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| at.tape().record(*self, &[tangent, at.inputs[1]])))
    }
}

impl Operation for ScatterAddAlongAxis {
    fn name(&self) -> &'static str {
        "scatter_add_along_axis"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index])?;
        if inputs[0].shape != inputs[1].shape {
            return Err("there must be one number for each value".into());
        }
        check(self.axis, self.shape, inputs[1].shape)?;
        Ok(Type::float(self.shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        out.fill(T::ZERO);
        let places = places(self.axis, self.shape, args.shape(1), args.index(1))?;
        for (&x, place) in args.float(0).iter().zip(places) {
            out[place] += x;
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let shape = batch.prefixed(self.shape);
        Some(batch.leading(ScatterAddAlongAxis { axis: self.axis + 1, shape }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let take = TakeAlongAxis { axis: self.axis };
        Ok(vec![Some(at.tape().record(take, &[cotangent, at.inputs[1]])), None])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| at.tape().record(*self, &[tangent, at.inputs[1]])))
    }
}

impl Operation for ScatterAlongAxis {
    fn name(&self) -> &'static str {
        "scatter_along_axis"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float, Kind::Index, Kind::Float])?;
        if inputs[2].shape != inputs[1].shape {
            return Err("there must be one number for each value".into());
        }
        check(self.axis, inputs[0].shape, inputs[1].shape)?;
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        out.copy_from_slice(args.float(0));
        let places = places(self.axis, args.shape(0), args.shape(1), args.index(1))?;
        for (&x, place) in args.float(2).iter().zip(places) {
            out[place] = x;
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(ScatterAlongAxis { axis: self.axis + 1 }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let (tape, indices, values) = (at.tape(), at.inputs[1], at.inputs[2]);
        let axis = self.axis as isize;
        let by_base = || cotangent.scatter_along_axis(axis, indices, tape.zeros(values.shape()));
        // The last of several is found by having each write its own number.
        let by_values = || {
            let n = values.shape()[self.axis];
            let mut column = vec![1; values.rank()];
            column[self.axis] = n;
            let numbers = (0..n).map(|i| i as f64).collect();
            let numbers = downhill_tensor::Tensor::from_vec(numbers, [n]).map(|x| tape.constant(x));
            let numbers = numbers.map(|x| x.reshape_dims(&column).broadcast_to(values.shape()));
            let numbers = numbers.unwrap_or_else(|_| tape.poison());
            let written = tape.zeros(cotangent.shape()).scatter_along_axis(axis, indices, numbers);
            cotangent.take_along_axis(indices, axis) * written.take_along_axis(indices, axis).eq(numbers)
        };
        Ok(vec![at.needs(0).then(by_base), None, at.needs(2).then(by_values)])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        if tangents[0].is_none() && tangents[2].is_none() {
            return Ok(None);
        }
        let tangent = |i: usize| tangents[i].unwrap_or_else(|| at.tape().zeros(at.inputs[i].shape()));
        Ok(Some(tangent(0).scatter_along_axis(self.axis as isize, at.inputs[1], tangent(2))))
    }
}

impl<'t> Var<'t> {
    /// `y[.., i, ..] = x[.., k[.., i, ..], ..]` along an axis, for whole numbers k of the same rank, no longer than
    /// this value along the other axes: NumPy's `take_along_axis`, PyTorch's `gather`. The shape is that of k.
    /// Numbers out of range are an error when the program runs.
    #[track_caller]
    pub fn take_along_axis(self, indices: Var<'t>, axis: isize) -> Var<'t> {
        let Some(axis) = self.axis("take_along_axis", axis) else { return self.tape().poison() };
        self.tape().record(TakeAlongAxis { axis }, &[self, indices])
    }

    /// This value, with each of `values` added at its number in `indices` along an axis: PyTorch's `scatter_add`.
    /// `indices` and `values` have one shape, no longer than this along the other axes.
    #[track_caller]
    pub fn scatter_add_along_axis(self, axis: isize, indices: Var<'t>, values: Var<'t>) -> Var<'t> {
        let Some(axis) = self.axis("scatter_add_along_axis", axis) else { return self.tape().poison() };
        let shape = self.shape();
        self + self.tape().record(ScatterAddAlongAxis { axis, shape }, &[values, indices])
    }

    /// This value, with the elements at the numbers in `indices` along an axis replaced by `values`: PyTorch's
    /// `scatter`. Of what is named several times the last stays, and alone has a gradient (in PyTorch the order is
    /// left open).
    #[track_caller]
    pub fn scatter_along_axis(self, axis: isize, indices: Var<'t>, values: Var<'t>) -> Var<'t> {
        let Some(axis) = self.axis("scatter_along_axis", axis) else { return self.tape().poison() };
        self.tape().record(ScatterAlongAxis { axis }, &[self, indices, values])
    }

    /// The parts of an axis with these numbers (`[n]`, in any order, as often as they occur): PyTorch's
    /// `index_select`. Along the first axis it is [`Var::gather`].
    #[track_caller]
    pub fn index_select(self, axis: isize, indices: Var<'t>) -> Var<'t> {
        let Some(position) = self.axis("index_select", axis) else { return self.tape().poison() };
        if !indices.is_poison() && indices.rank() != 1 {
            return indices.refuse("index_select", "the numbers must have one axis");
        }
        if position == 0 {
            return self.gather(indices);
        }
        self.move_axis(axis, 0).gather(indices).move_axis(0, axis)
    }
}
