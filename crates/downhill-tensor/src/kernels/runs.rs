//! Walking several layouts of one shape together, in runs along the innermost axis.

use crate::{Layout, MAX_RANK};
use std::ops::Range;

/// `N` layouts of one shape, with all axes merged that are one even run in each of them.
///
/// A scalar operand thus has one axis of stride 0, a contiguous one an axis of stride 1, a row that is
/// repeated an inner axis of stride 1, a column an inner axis of stride 0, without any of them being told
/// apart by hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs<const N: usize> {
    dims: [usize; MAX_RANK],
    strides: [[isize; N]; MAX_RANK],
    offsets: [isize; N],
    rank: usize,
}

impl<const N: usize> Runs<N> {
    /// # Panics
    /// Where the shapes differ.
    pub fn new(layouts: [&Layout; N]) -> Self {
        let shape = layouts[0].shape();
        assert!(layouts.iter().all(|layout| layout.shape() == shape), "the layouts' shapes differ");
        let axes = (0..shape.rank()).map(|axis| (shape[axis], layouts.map(|layout| layout.strides()[axis])));
        Self::from_axes(axes, layouts.map(|layout| layout.offset() as isize))
    }

    /// From axes, outermost first, with their lengths and strides.
    pub fn from_axes(axes: impl Iterator<Item = (usize, [isize; N])>, offsets: [isize; N]) -> Self {
        let mut runs = Runs { dims: [1; MAX_RANK], strides: [[0; N]; MAX_RANK], offsets, rank: 0 };
        for (dim, strides) in axes.filter(|&(dim, _)| dim != 1) {
            if let Some(last) = runs.rank.checked_sub(1)
                && (0..N).all(|i| runs.strides[last][i] == strides[i] * dim as isize)
            {
                runs.dims[last] *= dim;
                runs.strides[last] = strides;
            } else {
                runs.dims[runs.rank] = dim;
                runs.strides[runs.rank] = strides;
                runs.rank += 1;
            }
        }
        runs.rank = runs.rank.max(1);
        runs
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.dims[..self.rank].iter().product()
    }

    /// The merged axes, outermost first: length and strides.
    pub fn axes(&self) -> impl DoubleEndedIterator<Item = (usize, [isize; N])> + '_ {
        (0..self.rank).map(|axis| (self.dims[axis], self.strides[axis]))
    }

    /// The strides within a run.
    pub fn inner_strides(&self) -> [isize; N] {
        self.strides[self.rank - 1]
    }

    /// Where the layouts' elements with this row-major number lie.
    pub fn position(&self, number: usize) -> [isize; N] {
        let mut rest = number;
        let mut position = self.offsets;
        for (dim, strides) in self.axes().rev() {
            let coordinate = (rest % dim) as isize;
            rest /= dim;
            (0..N).for_each(|i| position[i] += coordinate * strides[i]);
        }
        position
    }

    /// Calls `f(first, positions, length)` for the runs that make up the elements `part` (row-major
    /// numbers): `first` counts from the part's beginning.
    #[inline(always)]
    pub fn for_each(&self, part: Range<usize>, mut f: impl FnMut(usize, [usize; N], usize)) {
        assert!(part.end <= self.size(), "the part {part:?} exceeds the {} elements", self.size());
        if part.is_empty() {
            return;
        }
        let last = self.rank - 1;
        let mut index = [0; MAX_RANK];
        let mut rest = part.start;
        for axis in (0..self.rank).rev() {
            index[axis] = rest % self.dims[axis];
            rest /= self.dims[axis];
        }
        let mut position = self.position(part.start);
        let mut done = 0;
        loop {
            let length = (self.dims[last] - index[last]).min(part.len() - done);
            f(done, position.map(|p| p as usize), length);
            done += length;
            if done == part.len() {
                return;
            }
            (0..N).for_each(|i| position[i] -= index[last] as isize * self.strides[last][i]);
            index[last] = 0;
            for axis in (0..last).rev() {
                index[axis] += 1;
                (0..N).for_each(|i| position[i] += self.strides[axis][i]);
                if index[axis] < self.dims[axis] {
                    break;
                }
                let length = self.dims[axis] as isize;
                (0..N).for_each(|i| position[i] -= length * self.strides[axis][i]);
                index[axis] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Shape, Slice};

    #[test]
    fn parts_of_any_cut_visit_every_position_in_order() {
        let base = Layout::contiguous(Shape::from([4, 3, 5]));
        let layout =
            base.permute(&[1, 2, 0]).unwrap().slice(1, Slice { start: None, end: None, step: -2 }).unwrap();
        let expected: Vec<usize> = layout.positions().collect();
        let runs = Runs::new([&layout]);
        for start in 0..expected.len() {
            for end in start..=expected.len() {
                let mut seen = Vec::new();
                runs.for_each(start..end, |first, [position], length| {
                    assert_eq!(first, seen.len());
                    let stride = runs.inner_strides()[0];
                    seen.extend((0..length as isize).map(|i| (position as isize + i * stride) as usize));
                });
                assert_eq!(seen, expected[start..end]);
            }
        }
    }

    #[test]
    fn contiguous_axes_and_scalars_merge_into_one_run() {
        let shape = Shape::from([4, 1, 3, 5]);
        let scalar = Layout::contiguous(Shape::from(())).broadcast_to(shape).unwrap();
        let runs = Runs::new([&Layout::contiguous(shape), &scalar]);
        assert_eq!(runs.axes().collect::<Vec<_>>(), [(60, [1, 0])]);
    }
}
