//! Linear recurrences along an axis, and the running sums and products that they are.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Slice};

/// `hᵢ = aᵢ hᵢ₋₁ + bᵢ` along an axis, with `h₀ = b₀`; backwards, `hᵢ = aᵢ hᵢ₊₁ + bᵢ` from the end. Operands a and b,
/// of one shape; the first a (backwards, the last) is not read.
///
/// The cotangent of b is the same recurrence in the other direction, so it can be differentiated to any order
/// without a division: products of numbers among which are zeros have right gradients.
///
/// # Source
/// Martin and Cundy, "Parallelizing linear recurrent neural nets over sequence length", 2018 (arXiv:1709.04057).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recurrence {
    /// The axis.
    pub axis: usize,
    /// Whether it runs from the end.
    pub backwards: bool,
}

impl Recurrence {
    /// What stands one step before each position, in the order of the recurrence; 0 at the first.
    fn before<'t>(&self, x: Var<'t>) -> Var<'t> {
        shifted(x, self.axis, self.backwards)
    }

    /// What stands one step behind each position, in the order of the recurrence; 0 at the last.
    fn behind<'t>(&self, x: Var<'t>) -> Var<'t> {
        shifted(x, self.axis, !self.backwards)
    }
}

/// The elements one position further along an axis, or one back; a 0 fills the gap.
fn shifted<'t>(x: Var<'t>, axis: usize, back: bool) -> Var<'t> {
    let (n, axis) = (x.shape()[axis], axis as isize);
    match (n, back) {
        (0, _) => x,
        (_, true) => x.slice(axis, 1..).pad(axis, 0, 1),
        (_, false) => x.slice(axis, ..n - 1).pad(axis, 1, 0),
    }
}

impl Operation for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        if inputs[0] != inputs[1] {
            return Err("both must have the same shape".into());
        }
        if self.axis >= inputs[0].shape.rank() {
            return Err(format!("axis {} does not exist", self.axis));
        }
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let shape = args.shape(0);
        let (n, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product::<usize>());
        let (a, b, out) = (args.float(0), args.float(1), out.float());
        let lines = if n * inner == 0 { 0 } else { out.len() / n };
        for line in 0..lines {
            let start = line / inner * n * inner + line % inner;
            for step in 0..n {
                let position = |step: usize| start + inner * if self.backwards { n - 1 - step } else { step };
                let i = position(step);
                out[i] = if step == 0 { b[i] } else { a[i] * out[position(step - 1)] + b[i] };
            }
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(Recurrence { axis: self.axis + 1, ..*self }))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let other_way = Recurrence { backwards: !self.backwards, ..*self };
        let by_b = at.tape().record(other_way, &[self.behind(at.inputs[0]), cotangent]);
        let by_a = at.needs(0).then(|| by_b * self.before(at.output));
        Ok(vec![by_a, Some(by_b)])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let by_a = tangents[0].map(|t| t * self.before(at.output));
        let terms = [by_a, tangents[1]].into_iter().flatten().reduce(|sum, term| sum + term);
        Ok(terms.map(|b| at.tape().record(*self, &[at.inputs[0], b])))
    }
}

impl<'t> Var<'t> {
    /// `hᵢ = aᵢ hᵢ₋₁ + bᵢ` along an axis, with `h₀ = b₀`, for a = this value and b of the same shape: a moving
    /// average with a rate of its own at each step, the state of a linear system.
    #[track_caller]
    pub fn recurrence(self, b: Var<'t>, axis: isize) -> Var<'t> {
        let Some(axis) = self.axis("recurrence", axis) else { return self.tape().poison() };
        self.tape().record(Recurrence { axis, backwards: false }, &[self, b])
    }

    /// The sum of all elements up to each, along an axis.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Var<'t> {
        let Some(axis) = self.axis("cumsum", axis) else { return self.tape().poison() };
        self.tape().ones(self.shape()).recurrence(self, axis as isize)
    }

    /// The product of all elements up to each, along an axis. The derivative is right where some are 0.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Var<'t> {
        let Some(position) = self.axis("cumprod", axis) else { return self.tape().poison() };
        let n = self.shape()[position];
        if n < 2 {
            return self;
        }
        let first = Slice { start: None, end: Some(1), step: 1 };
        self.recurrence(self.slice(axis, first).pad(axis, 0, n - 1), axis)
    }

    /// The product of the elements over `axes`, which disappear; 1 for none. The derivative is right where some are
    /// 0.
    #[track_caller]
    pub fn prod_over(self, axes: &[isize]) -> Var<'t> {
        let Some(axes) = self.axes("prod", axes) else { return self.tape().poison() };
        let joined = self.joined_last(&axes);
        if joined.is_poison() {
            return joined;
        }
        match joined.dim(-1) {
            0 => joined.sum_over(&[-1]) + 1.0,
            n => joined.cumprod(-1).select_at(-1, n - 1),
        }
    }

    /// The product of all elements; 1 for none.
    #[track_caller]
    pub fn prod(self) -> Var<'t> {
        let axes: Vec<isize> = (0..self.rank() as isize).collect();
        self.prod_over(&axes)
    }

    /// With `axes` (sorted) behind the others, joined into one last axis.
    #[track_caller]
    fn joined_last(self, axes: &[usize]) -> Var<'t> {
        let rank = self.rank();
        let order: Vec<usize> =
            (0..rank).filter(|axis| !axes.contains(axis)).chain(axes.iter().copied()).collect();
        let moved = if order.is_sorted() { self } else { self.permute(&order) };
        moved.flatten_from(rank - axes.len())
    }
}
