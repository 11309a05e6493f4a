//! Where the elements of a view lie in its storage: pure arithmetic, without data.

use crate::{Error, MAX_RANK, Result, Shape};

/// A part of one axis: from `start` (included) to `end` (excluded) in steps of `step`, as Python's slices.
/// A negative `step` walks backwards; negative bounds count from the end; `None` means as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The first position.
    pub start: Option<isize>,
    /// The position before which to stop.
    pub end: Option<isize>,
    /// The distance between positions; not 0.
    pub step: isize,
}

impl Slice {
    /// The whole axis.
    pub const ALL: Slice = Slice { start: None, end: None, step: 1 };

    /// From `start` up to, and without, `end`.
    pub fn range(start: usize, end: usize) -> Self {
        // Bounds beyond any axis must not wrap round to negative ones, which count from the end.
        let bound = |i: usize| Some(i.min(isize::MAX as usize) as isize);
        Slice { start: bound(start), end: bound(end), step: 1 }
    }

    /// The first position and the number of positions on an axis of this length; bounds are clamped, as
    /// Python does.
    ///
    /// # Errors
    /// A step of 0.
    pub fn resolve(self, length: usize) -> Result<(usize, usize)> {
        let n = length as isize;
        let absolute = |i: isize| if i < 0 { i + n } else { i };
        match self.step {
            0 => Err(Error::InvalidArgument {
                operation: "slice",
                argument: "step",
                expected: "different from 0",
                actual: "0".into(),
            }),
            step if step > 0 => {
                let start = self.start.map_or(0, absolute).clamp(0, n);
                let end = self.end.map_or(n, absolute).clamp(0, n);
                Ok((start as usize, ((end - start).max(0) as usize).div_ceil(step as usize)))
            }
            step => {
                let start = self.start.map_or(n - 1, absolute).clamp(-1, n - 1);
                let end = self.end.map_or(-1, absolute).clamp(-1, n - 1);
                let count = ((start - end).max(0) as usize).div_ceil(step.unsigned_abs());
                Ok((start.max(0) as usize, count))
            }
        }
    }
}

impl From<std::ops::Range<usize>> for Slice {
    fn from(range: std::ops::Range<usize>) -> Self {
        Slice::range(range.start, range.end)
    }
}

impl From<std::ops::RangeFrom<usize>> for Slice {
    fn from(range: std::ops::RangeFrom<usize>) -> Self {
        Slice { end: None, ..Slice::range(range.start, 0) }
    }
}

impl From<std::ops::RangeTo<usize>> for Slice {
    fn from(range: std::ops::RangeTo<usize>) -> Self {
        Slice::range(0, range.end)
    }
}

impl From<std::ops::RangeFull> for Slice {
    fn from(_: std::ops::RangeFull) -> Self {
        Slice::ALL
    }
}

/// A shape with a stride, in elements, for each axis and the position of the first element.
///
/// Slicing, permuting, broadcasting and many reshapes change the layout alone and leave the data where
/// they are. A broadcast axis has stride 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    shape: Shape,
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl Layout {
    /// The row-major layout of this shape, beginning at the first element.
    pub fn contiguous(shape: Shape) -> Self {
        Layout { shape, strides: shape.contiguous_strides(), offset: 0 }
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The distance in elements between neighbours along each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.rank()]
    }

    /// The position of the first element in the storage.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The same layout, with its first element moved by `offset`.
    pub fn shifted(mut self, offset: usize) -> Self {
        self.offset += offset;
        self
    }

    /// Whether the elements lie one after the other in row-major order, wherever the first one lies.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1isize;
        for axis in (0..self.shape.rank()).rev() {
            if self.shape[axis] == 1 {
                continue;
            }
            if self.strides[axis] != expected {
                return self.shape.size() == 0;
            }
            expected *= self.shape[axis] as isize;
        }
        true
    }

    /// The position in the storage of the element at `index`, one coordinate an axis.
    ///
    /// # Errors
    /// The wrong number of coordinates, or one beyond its axis.
    pub fn position(&self, index: &[usize]) -> Result<usize> {
        if index.len() != self.shape.rank() {
            return Err(Error::InvalidArgument {
                operation: "index",
                argument: "index",
                expected: "one coordinate for each axis",
                actual: format!("{index:?} for shape {}", self.shape),
            });
        }
        let mut position = self.offset as isize;
        for (axis, &i) in index.iter().enumerate() {
            if i >= self.shape[axis] {
                let length = self.shape[axis];
                return Err(Error::IndexOutOfRange { operation: "index", index: i as i64, length });
            }
            position += self.strides[axis] * i as isize;
        }
        Ok(position as usize)
    }

    /// The layout with its axes in another order: axis `i` of the result is axis `order[i]` of this one.
    ///
    /// # Errors
    /// An order that is not a permutation of the axes.
    pub fn permute(&self, order: &[usize]) -> Result<Layout> {
        let mut seen = [false; MAX_RANK];
        let valid = order.len() == self.shape.rank()
            && order.iter().all(|&axis| axis < order.len() && !std::mem::replace(&mut seen[axis], true));
        if !valid {
            return Err(Error::InvalidArgument {
                operation: "permute",
                argument: "order",
                expected: "each axis exactly once",
                actual: format!("{order:?} for shape {}", self.shape),
            });
        }
        let mut dims = [0; MAX_RANK];
        let mut strides = [0; MAX_RANK];
        for (to, &from) in order.iter().enumerate() {
            dims[to] = self.shape[from];
            strides[to] = self.strides[from];
        }
        Ok(Layout { shape: Shape::new(&dims[..order.len()])?, strides, offset: self.offset })
    }

    /// The layout that repeats this one along new or length-1 axes, without moving data.
    ///
    /// # Errors
    /// A target that this shape does not broadcast to.
    pub fn broadcast_to(&self, target: Shape) -> Result<Layout> {
        if !self.shape.broadcasts_to(target) {
            return Err(Error::ShapeMismatch {
                operation: "broadcast_to",
                left: self.shape,
                right: target,
                expected: "every dimension must be equal to the target's or 1",
            });
        }
        let lead = target.rank() - self.shape.rank();
        let mut strides = [0; MAX_RANK];
        for (axis, stride) in strides.iter_mut().enumerate().take(target.rank()).skip(lead) {
            if self.shape[axis - lead] == target[axis] {
                *stride = self.strides[axis - lead];
            }
        }
        Ok(Layout { shape: target, strides, offset: self.offset })
    }

    /// The layout of a part of one axis.
    ///
    /// # Errors
    /// No such axis, or a step of 0.
    pub fn slice(&self, axis: usize, slice: Slice) -> Result<Layout> {
        let length = *self
            .shape
            .get(axis)
            .ok_or(Error::AxisOutOfRange { axis: axis as isize, rank: self.shape.rank() })?;
        let (start, count) = slice.resolve(length)?;
        let mut layout = *self;
        layout.shape = self.shape.with(axis, count)?;
        if count > 0 {
            layout.offset = (self.offset as isize + self.strides[axis] * start as isize) as usize;
        }
        // A single position has no neighbour, and a step far beyond the axis would overflow here.
        if count > 1 {
            layout.strides[axis] = self.strides[axis] * slice.step;
        }
        Ok(layout)
    }

    /// The layout without `axis`, at one position of it.
    ///
    /// # Errors
    /// No such axis, or a position beyond its end.
    pub fn select(&self, axis: usize, index: usize) -> Result<Layout> {
        let length = *self
            .shape
            .get(axis)
            .ok_or(Error::AxisOutOfRange { axis: axis as isize, rank: self.shape.rank() })?;
        if index >= length {
            return Err(Error::IndexOutOfRange { operation: "select", index: index as i64, length });
        }
        let mut layout = Layout {
            shape: self.shape.reduced(&[axis], false),
            strides: [0; MAX_RANK],
            offset: (self.offset as isize + self.strides[axis] * index as isize) as usize,
        };
        let kept = (0..self.shape.rank()).filter(|&other| other != axis);
        for (to, from) in kept.enumerate() {
            layout.strides[to] = self.strides[from];
        }
        Ok(layout)
    }

    /// The layout of the same elements in the same row-major order under another shape, or `None` where
    /// the data would have to be moved for it.
    ///
    /// # Errors
    /// A shape with another number of elements.
    pub fn reshape(&self, shape: Shape) -> Result<Option<Layout>> {
        if shape.size() != self.shape.size() {
            return Err(Error::ShapeMismatch {
                operation: "reshape",
                left: self.shape,
                right: shape,
                expected: "both must have the same number of elements",
            });
        }
        if shape.size() == 0 || self.is_contiguous() {
            return Ok(Some(Layout { offset: self.offset, ..Layout::contiguous(shape) }));
        }
        // Walk both shapes from the front in groups of axes with equal products; within a group the old axes
        // must be one evenly spaced run. Old axes of length 1 have no say.
        let old: Vec<(usize, isize)> = (0..self.shape.rank())
            .map(|axis| (self.shape[axis], self.strides[axis]))
            .filter(|&(dim, _)| dim != 1)
            .collect();
        let mut strides = [0; MAX_RANK];
        let (mut old_at, mut new_at) = (0, 0);
        while new_at < shape.rank() && old_at < old.len() {
            let (mut old_end, mut new_end) = (old_at + 1, new_at + 1);
            let (mut old_size, mut new_size) = (old[old_at].0, shape[new_at]);
            while old_size != new_size {
                if new_size < old_size {
                    new_size *= shape[new_end];
                    new_end += 1;
                } else {
                    old_size *= old[old_end].0;
                    old_end += 1;
                }
            }
            let evenly_spaced =
                old[old_at..old_end].windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0 as isize);
            if !evenly_spaced {
                return Ok(None);
            }
            let mut stride = old[old_end - 1].1;
            for axis in (new_at..new_end).rev() {
                strides[axis] = stride;
                stride *= shape[axis] as isize;
            }
            (old_at, new_at) = (old_end, new_end);
        }
        Ok(Some(Layout { shape, strides, offset: self.offset }))
    }

    /// The positions in the storage of all elements, in row-major order.
    pub fn positions(&self) -> Positions {
        Positions {
            layout: *self,
            index: [0; MAX_RANK],
            position: self.offset as isize,
            remaining: self.shape.size(),
        }
    }

    /// One more than the last position in the storage that this layout reaches; 0 when it has no elements.
    pub fn end(&self) -> usize {
        if self.shape.size() == 0 {
            return 0;
        }
        let reach = (0..self.shape.rank()).map(|a| self.strides[a].max(0) * (self.shape[a] as isize - 1));
        (self.offset as isize + reach.sum::<isize>()) as usize + 1
    }
}

/// The positions of a layout's elements in row-major order, made by [`Layout::positions`].
#[derive(Clone, Debug)]
pub struct Positions {
    layout: Layout,
    index: [usize; MAX_RANK],
    position: isize,
    remaining: usize,
}

impl Iterator for Positions {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.remaining == 0 {
            return None;
        }
        let current = self.position as usize;
        self.remaining -= 1;
        for axis in (0..self.layout.shape.rank()).rev() {
            self.index[axis] += 1;
            self.position += self.layout.strides[axis];
            if self.index[axis] < self.layout.shape[axis] {
                break;
            }
            self.position -= self.layout.strides[axis] * self.layout.shape[axis] as isize;
            self.index[axis] = 0;
        }
        Some(current)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Positions {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_resolve_as_in_python() {
        let slice = |start, end, step| Slice { start, end, step };
        assert_eq!(slice(None, None, 1).resolve(5).unwrap(), (0, 5));
        assert_eq!(slice(Some(-2), None, 1).resolve(5).unwrap(), (3, 2));
        assert_eq!(slice(None, None, -1).resolve(5).unwrap(), (4, 5));
        assert_eq!(slice(Some(1), Some(9), 2).resolve(5).unwrap(), (1, 2));
        assert_eq!(slice(Some(4), Some(1), 1).resolve(5).unwrap().1, 0);
        assert_eq!(slice(None, None, -2).resolve(0).unwrap().1, 0);
        assert!(slice(None, None, 0).resolve(5).is_err());
    }

    #[test]
    fn bounds_and_steps_beyond_every_axis_are_harmless() {
        let row = Layout::contiguous(Shape::from([3, 5])).slice(0, Slice::range(2, usize::MAX)).unwrap();
        assert_eq!(row.shape(), Shape::from([1, 5]));
        assert_eq!(row.slice(1, Slice::range(usize::MAX, usize::MAX)).unwrap().shape().size(), 0);
        for step in [isize::MAX, isize::MIN] {
            let one = row.slice(1, Slice { start: None, end: None, step }).unwrap();
            assert_eq!(one.positions().collect::<Vec<_>>(), [if step > 0 { 10 } else { 14 }]);
        }
    }

    #[test]
    fn reshape_keeps_the_order_or_refuses() {
        let base = Layout::contiguous(Shape::from([4, 6]));
        let transposed = base.permute(&[1, 0]).unwrap();
        assert!(transposed.reshape(Shape::from([24])).unwrap().is_none());
        let split = transposed.reshape(Shape::from([2, 3, 4])).unwrap().unwrap();
        assert!(split.positions().eq(transposed.positions()));
        let column = base.slice(1, Slice::range(0, 1)).unwrap();
        let flat = column.reshape(Shape::from([2, 1, 2])).unwrap().unwrap();
        assert!(flat.positions().eq(column.positions()));
    }
}
