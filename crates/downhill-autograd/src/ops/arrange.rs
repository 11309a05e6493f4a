//! Elements in other places: axes moved, values rolled, repeated, split, diagonals. All of them are compositions of
//! slices, permutations and reshapes.

use crate::{Error, Tape, Var};
use downhill_tensor::{Shape, Slice, Tensor};

impl<'t> Var<'t> {
    /// Axis `from` moved to position `to`, the others in their order.
    #[track_caller]
    pub fn move_axis(self, from: isize, to: isize) -> Var<'t> {
        let (Some(from), Some(to)) = (self.axis("move_axis", from), self.axis("move_axis", to)) else {
            return self.tape().poison();
        };
        let mut order: Vec<usize> = (0..self.rank()).filter(|&axis| axis != from).collect();
        order.insert(to, from);
        if from == to { self } else { self.permute(&order) }
    }

    /// Two axes swapped.
    #[track_caller]
    pub fn swap_axes(self, a: isize, b: isize) -> Var<'t> {
        let (Some(a), Some(b)) = (self.axis("swap_axes", a), self.axis("swap_axes", b)) else {
            return self.tape().poison();
        };
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        if a == b { self } else { self.permute(&order) }
    }

    /// Every element moved `by` positions along an axis; what leaves at the end comes in at the start. Negative
    /// numbers move towards the start.
    #[track_caller]
    pub fn roll(self, axis: isize, by: isize) -> Var<'t> {
        let Some(position) = self.axis("roll", axis) else { return self.tape().poison() };
        let n = self.shape()[position];
        let by = if n == 0 { 0 } else { by.rem_euclid(n as isize) as usize };
        if by == 0 {
            return self;
        }
        self.tape().concat(&[self.slice(axis, n - by..), self.slice(axis, ..n - by)], axis)
    }

    /// The whole value repeated, `counts[i]` times along axis i: NumPy's `tile`, PyTorch's `repeat`. More counts
    /// than axes put new axes in front.
    #[track_caller]
    pub fn tile(self, counts: &[usize]) -> Var<'t> {
        let rank = self.rank();
        if counts.len() < rank {
            return self.refuse("tile", format!("there must be a count for each axis, not {}", counts.len()));
        }
        let lead = counts.len() - rank;
        let dims = [&vec![1; lead], self.shape().dims()].concat();
        let lifted = self.reshape_dims(&dims);
        // One axis after the other, so that no more than one axis is ever new.
        counts.iter().enumerate().fold(lifted, |value, (axis, &count)| value.repeated(axis, count, false))
    }

    /// Each element along an axis repeated `count` times in a row: NumPy's `repeat`, PyTorch's
    /// `repeat_interleave`.
    #[track_caller]
    pub fn repeat(self, axis: isize, count: usize) -> Var<'t> {
        let Some(axis) = self.axis("repeat", axis) else { return self.tape().poison() };
        self.repeated(axis, count, true)
    }

    #[track_caller]
    fn repeated(self, axis: usize, count: usize, each: bool) -> Var<'t> {
        if count == 1 || self.is_poison() {
            return self;
        }
        let (before, n) = (&self.shape()[..axis], self.shape()[axis]);
        let after = &self.shape()[axis + 1..];
        let joined: usize = before.iter().product();
        let inner: usize = after.iter().product();
        let (from, to) = if each {
            ([joined, n, 1, inner], [joined, n, count, inner])
        } else {
            ([joined, 1, n, inner], [joined, count, n, inner])
        };
        let dims = [before, &[n.saturating_mul(count)], after].concat();
        match (Shape::new(&to), Shape::new(&dims)) {
            (Ok(to), Ok(shape)) => self.reshape(from).broadcast_to(to).reshape(shape),
            (Err(error), _) | (_, Err(error)) => self.refuse("repeat", error.to_string()),
        }
    }

    /// An axis in parts of these lengths, which must add up to its own.
    #[track_caller]
    pub fn split(self, axis: isize, lengths: &[usize]) -> Vec<Var<'t>> {
        let Some(position) = self.axis("split", axis) else {
            return vec![self.tape().poison(); lengths.len()];
        };
        let n = self.shape()[position];
        let sum = lengths.iter().fold(0usize, |sum, &length| sum.saturating_add(length));
        if sum != n {
            let wrong =
                self.refuse("split", format!("the lengths {lengths:?} must add up to {n}, not {sum}"));
            return vec![wrong; lengths.len()];
        }
        let mut end = 0;
        let part = |&length: &usize| {
            end += length;
            self.slice(axis, end - length..end)
        };
        lengths.iter().map(part).collect()
    }

    /// An axis in `count` parts of equal length, of which the last is shorter where it does not divide, and some may
    /// be missing: PyTorch's `chunk`.
    #[track_caller]
    pub fn chunk(self, axis: isize, count: usize) -> Vec<Var<'t>> {
        let Some(position) = self.axis("chunk", axis) else { return vec![self.tape().poison()] };
        if count == 0 {
            return vec![self.refuse("chunk", "there must be at least one part")];
        }
        let n = self.shape()[position];
        let length = n.div_ceil(count).max(1);
        let starts = (0..n.max(1)).step_by(length);
        let lengths: Vec<usize> = starts.map(|start| length.min(n - start)).collect();
        self.split(axis, &lengths)
    }

    /// The diagonal of the matrices in the last two axes, as a new last axis: the elements `[i, i + offset]`.
    #[track_caller]
    pub fn diagonal(self, offset: isize) -> Var<'t> {
        let rank = self.rank();
        if rank < 2 {
            return self.refuse("diagonal", "a matrix has at least two axes");
        }
        let (m, n) = (self.shape()[rank - 2], self.shape()[rank - 1]);
        let (row, column) = start_of_diagonal(offset);
        let count = m.saturating_sub(row).min(n.saturating_sub(column));
        if count == 0 {
            return self.select_none();
        }
        let start = row * n + column;
        let step = n as isize + 1;
        let end = start as isize + step * (count as isize - 1) + 1;
        self.flatten_from(rank - 2).slice(-1, Slice { start: Some(start as isize), end: Some(end), step })
    }

    /// No element of the last two axes, as an axis of length 0.
    #[track_caller]
    fn select_none(self) -> Var<'t> {
        self.flatten_from(self.rank() - 2).slice(-1, ..0)
    }

    /// Square matrices of zeros with this value's last axis on their diagonal: the elements `[i, i + offset]`. The
    /// adjoint of [`Var::diagonal`].
    #[track_caller]
    pub fn diag_embed(self, offset: isize) -> Var<'t> {
        let rank = self.rank();
        if rank == 0 {
            return self.refuse("diag_embed", "there must be at least one axis");
        }
        let count = self.shape()[rank - 1];
        let n = count.saturating_add(offset.unsigned_abs());
        let (row, column) = start_of_diagonal(offset);
        let dims = [&self.shape()[..rank - 1], &[n, n]].concat();
        let shape = match Shape::new(&dims) {
            Ok(shape) => shape,
            Err(error) => return self.refuse("diag_embed", error.to_string()),
        };
        if count == 0 {
            // Nothing to put anywhere: zeros that are made of this value.
            return self.pad(-1, 0, n * n).reshape(shape);
        }
        let (start, step) = (row * n + column, n as isize + 1);
        let pad = super::Pad { axis: rank - 1, start, step, length: n * n };
        self.tape().record(pad, &[self]).reshape(shape)
    }

    /// The sum of the diagonal of the matrices in the last two axes, which disappear.
    #[track_caller]
    pub fn trace(self) -> Var<'t> {
        self.diagonal(0).sum_over(&[-1])
    }

    /// The matrices in the last two axes with zeros above diagonal number `diagonal` (0 the main one, 1 the one above
    /// it).
    #[track_caller]
    pub fn tril(self, diagonal: isize) -> Var<'t> {
        self.triangle("tril", move |row, column| column - row <= diagonal)
    }

    /// The matrices in the last two axes with zeros below diagonal number `diagonal`.
    #[track_caller]
    pub fn triu(self, diagonal: isize) -> Var<'t> {
        self.triangle("triu", move |row, column| column - row >= diagonal)
    }

    #[track_caller]
    fn triangle(self, name: &str, keep: impl Fn(isize, isize) -> bool) -> Var<'t> {
        let rank = self.rank();
        if rank < 2 {
            return self.refuse(name, "a matrix has at least two axes");
        }
        let mask = triangle_mask(self.tape(), [self.shape()[rank - 2], self.shape()[rank - 1]], keep);
        mask.select(self, self.tape().scalar(0.0))
    }
}

/// 1 where `keep` says so of row and column, 0 elsewhere.
#[track_caller]
pub(super) fn triangle_mask(tape: &Tape, size: [usize; 2], keep: impl Fn(isize, isize) -> bool) -> Var<'_> {
    let mask = Tensor::from_fn(size, |i| f64::from(u8::from(keep(i[0] as isize, i[1] as isize))));
    tape.constant(mask)
}

/// Row and column of the first element of a diagonal.
fn start_of_diagonal(offset: isize) -> (usize, usize) {
    (offset.min(0).unsigned_abs(), offset.max(0).unsigned_abs())
}

impl Tape {
    /// The unit matrix of n rows; more than memory can hold are noted as an error.
    #[track_caller]
    pub fn eye(&self, n: usize) -> Var<'_> {
        if Shape::new(&[n, n]).is_err() {
            return self.fail(Error::Count {
                what: "the rows of `eye`",
                expected: "a number that memory can hold".into(),
                actual: n.to_string(),
                place: self.here(),
            });
        }
        triangle_mask(self, [n, n], |row, column| row == column)
    }
}
