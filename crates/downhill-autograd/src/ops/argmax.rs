//! The positions of the largest and of the smallest element.

use super::{Cotangents, Tangent, one_float};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::Float;

/// The position of the largest or the smallest element along one axis, which disappears: the first one among
/// equals; the position of the first NaN if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArgExtreme {
    /// The axis.
    pub axis: usize,
    /// Whether the largest is meant, and not the smallest.
    pub largest: bool,
}

impl Operation for ArgExtreme {
    fn name(&self) -> &'static str {
        if self.largest { "argmax" } else { "argmin" }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let shape = one_float(inputs)?.shape;
        match shape.get(self.axis) {
            None => Err(format!("axis {} does not exist", self.axis)),
            Some(0) => Err(format!("there must be at least one element along axis {}", self.axis)),
            Some(_) => Ok(Type::index(shape.reduced(&[self.axis], false))),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let shape = args.shape(0);
        let (n, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product::<usize>());
        let (x, out) = (args.float(0), out.index());
        for (number, y) in out.iter_mut().enumerate() {
            let start = number / inner * n * inner + number % inner;
            let at = |i: usize| x[start + i * inner];
            let mut best = 0;
            for i in 1..n {
                let better = if self.largest { at(i) > at(best) } else { at(i) < at(best) };
                if better || (at(i).is_nan() && !at(best).is_nan()) {
                    best = i;
                }
            }
            *y = best as i64;
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(ArgExtreme { axis: self.axis + 1, ..*self }))
    }

    fn vjp<'t>(&self, _: &At<'_, 't>, _: Var<'t>) -> Cotangents<'t> {
        Ok(vec![None])
    }

    fn jvp<'t>(&self, _: &At<'_, 't>, _: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(None)
    }

    fn attributes(&self) -> String {
        format!("axis: {}", self.axis)
    }
}

impl<'t> Var<'t> {
    /// The position of the largest element along the last axis, the first one among equals. It has no
    /// derivative.
    #[track_caller]
    pub fn argmax(self) -> Var<'t> {
        self.argmax_over(-1)
    }

    /// The position of the smallest element along the last axis, the first one among equals. It has no
    /// derivative.
    #[track_caller]
    pub fn argmin(self) -> Var<'t> {
        self.argmin_over(-1)
    }

    /// [`Var::argmax`] along any axis, which disappears.
    #[track_caller]
    pub fn argmax_over(self, axis: isize) -> Var<'t> {
        self.extreme_place("argmax", axis, true)
    }

    /// [`Var::argmin`] along any axis, which disappears.
    #[track_caller]
    pub fn argmin_over(self, axis: isize) -> Var<'t> {
        self.extreme_place("argmin", axis, false)
    }

    #[track_caller]
    fn extreme_place(self, name: &'static str, axis: isize, largest: bool) -> Var<'t> {
        let Some(axis) = self.axis(name, axis) else { return self.tape().poison() };
        self.tape().record(ArgExtreme { axis, largest }, &[self])
    }
}
