//! The order of elements along an axis.

use super::{Cotangents, Tangent, one_float};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::Float;
use std::cmp::Ordering;

/// The positions of the first `count` elements along an axis in ascending or descending order. Equal elements keep
/// their order; NaN counts as the largest number, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArgSort {
    /// The axis.
    pub axis: usize,
    /// Whether the largest comes first.
    pub descending: bool,
    /// How many are wanted.
    pub count: usize,
}

fn compare<T: Float>(a: T, b: T) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    }
}

impl Operation for ArgSort {
    fn name(&self) -> &'static str {
        "argsort"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let shape = one_float(inputs)?.shape;
        match shape.get(self.axis) {
            None => Err(format!("axis {} does not exist", self.axis)),
            Some(&n) if n < self.count => {
                Err(format!("{} elements are wanted, but axis {} has {n}", self.count, self.axis))
            }
            Some(_) => shape.with(self.axis, self.count).map(Type::index).map_err(|error| error.to_string()),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let shape = args.shape(0);
        let (n, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product::<usize>());
        let (x, out) = (args.float(0), out.index());
        let lines = out.len().checked_div(self.count).unwrap_or(0);
        let mut order: Vec<usize> = Vec::with_capacity(n);
        for line in 0..lines {
            let (block, offset) = (line / inner, line % inner);
            let at = |i: usize| x[(block * n + i) * inner + offset];
            order.clear();
            order.extend(0..n);
            if self.descending {
                order.sort_by(|&i, &j| compare(at(j), at(i)));
            } else {
                order.sort_by(|&i, &j| compare(at(i), at(j)));
            }
            for (place, &i) in order[..self.count].iter().enumerate() {
                out[(block * self.count + place) * inner + offset] = i as i64;
            }
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(ArgSort { axis: self.axis + 1, ..*self }))
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(None)
    }
}

impl<'t> Var<'t> {
    /// The positions of the elements along an axis in ascending or descending order. Equal elements keep their
    /// order; NaN counts as the largest number. It has no derivative.
    #[track_caller]
    pub fn argsort(self, axis: isize, descending: bool) -> Var<'t> {
        let count = match self.shape().axis(axis) {
            Ok(axis) => self.shape()[axis],
            Err(_) => 0,
        };
        self.first_in_order("argsort", axis, descending, count)
    }

    /// The elements along an axis in ascending or descending order, and their positions (see [`Var::argsort`]). The
    /// gradient goes back to where each element came from.
    #[track_caller]
    pub fn sort(self, axis: isize, descending: bool) -> (Var<'t>, Var<'t>) {
        let indices = self.argsort(axis, descending);
        (self.take_along_axis(indices, axis), indices)
    }

    /// The `count` largest (or smallest) elements along an axis, the most extreme first, and their positions. Among
    /// equals the first come first.
    #[track_caller]
    pub fn topk(self, count: usize, axis: isize, largest: bool) -> (Var<'t>, Var<'t>) {
        let indices = self.first_in_order("topk", axis, largest, count);
        (self.take_along_axis(indices, axis), indices)
    }

    #[track_caller]
    fn first_in_order(self, name: &'static str, axis: isize, descending: bool, count: usize) -> Var<'t> {
        let Some(axis) = self.axis(name, axis) else { return self.tape().poison() };
        self.tape().record(ArgSort { axis, descending, count }, &[self])
    }
}
