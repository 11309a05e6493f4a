//! Reading, iterating, mapping and writing the elements of an array.
#![forbid(unsafe_code)]

use super::{Tensor, named};
use crate::layout::Positions;
use crate::{Element, Error, Layout, Result, Slice};
use std::sync::Arc;

impl<T: Element> Tensor<T> {
    /// The element at `index`, one coordinate an axis.
    ///
    /// # Errors
    /// The wrong number of coordinates, or one beyond its axis.
    pub fn get(&self, index: &[usize]) -> Result<T> {
        Ok(self.storage[self.layout.position(index)?])
    }

    /// The only element of an array that has one.
    ///
    /// # Errors
    /// No element, or more than one.
    pub fn item(&self) -> Result<T> {
        match (self.size(), self.iter().next()) {
            (1, Some(value)) => Ok(value),
            _ => Err(Error::InvalidShape {
                operation: "item",
                shape: self.shape(),
                expected: "exactly one element".into(),
            }),
        }
    }

    /// The elements in row-major order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(match self.as_slice() {
            Some(slice) => Source::Slice(slice.iter()),
            None => Source::Strided(&self.storage, self.layout.positions()),
        })
    }

    /// The views at each position of the outermost axis, in order.
    ///
    /// # Errors
    /// A scalar, which has no axis.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let table = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// let last_column: Vec<f64> = table.outer()?.map(|row| row.get(&[1])).collect::<Result<_, _>>()?;
    /// assert_eq!(last_column, [2.0, 4.0]);
    /// # Ok::<(), downhill_tensor::Error>(())
    /// ```
    pub fn outer(&self) -> Result<Outer<'_, T>> {
        let axis = self.shape().axis(0)?;
        Ok(Outer { tensor: self, next: 0, end: self.shape()[axis] })
    }

    /// The elements in row-major order, copied.
    pub fn to_vec(&self) -> Vec<T> {
        match self.as_slice() {
            Some(slice) => slice.to_vec(),
            None => {
                let mut data = Vec::with_capacity(self.size());
                for_each_row(&self.layout, |row| data.extend(row.of(&self.storage)));
                data
            }
        }
    }

    /// The elements in row-major order; without a copy if they lie so and no other view shares them.
    pub fn into_vec(self) -> Vec<T> {
        if self.layout.is_contiguous() && self.storage.len() == self.size() {
            Arc::try_unwrap(self.storage).unwrap_or_else(|shared| shared.to_vec())
        } else {
            self.to_vec()
        }
    }

    /// The same array with its elements one after the other in row-major order: a view if they lie so, a
    /// copy otherwise.
    pub fn contiguous(&self) -> Self {
        match self.as_slice() {
            Some(_) => self.clone(),
            None => Tensor::from_counted(self.to_vec(), self.shape()),
        }
    }

    /// The elements in row-major order, to be written. If another view shares the storage, or the elements
    /// do not lie in order, they are copied first: no other view ever changes.
    ///
    /// ```
    /// use downhill_tensor::Tensor;
    /// let original = Tensor::from([1.0, 2.0]);
    /// let mut copy = original.clone();
    /// copy.make_mut()[0] = 9.0;
    /// assert_eq!((original.to_vec(), copy.to_vec()), (vec![1.0, 2.0], vec![9.0, 2.0]));
    /// ```
    pub fn make_mut(&mut self) -> &mut [T] {
        if !self.layout.is_contiguous() || Arc::get_mut(&mut self.storage).is_none() {
            *self = Tensor::from_counted(self.to_vec(), self.shape());
        }
        let range = match self.size() {
            0 => 0..0,
            size => self.layout.offset()..self.layout.offset() + size,
        };
        // Sole owner by now, so this does not copy.
        &mut Arc::make_mut(&mut self.storage)[range]
    }

    /// The array of `f(x)` for every element `x`.
    pub fn map<V: Element>(&self, f: impl Fn(T) -> V) -> Tensor<V> {
        let data = match self.as_slice() {
            Some(slice) => slice.iter().map(|&x| f(x)).collect(),
            None => {
                let mut data = Vec::with_capacity(self.size());
                for_each_row(&self.layout, |row| data.extend(row.of(&self.storage).map(&f)));
                data
            }
        };
        Tensor::from_counted(data, self.shape())
    }

    /// The array of `f(x, y)` for the elements of both arrays, broadcast to a common shape.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn zip_map<U: Element, V: Element>(
        &self,
        other: &Tensor<U>,
        f: impl Fn(T, U) -> V,
    ) -> Result<Tensor<V>> {
        self.zip_named("zip_map", other, f)
    }

    pub(super) fn zip_named<U: Element, V: Element>(
        &self,
        operation: &'static str,
        other: &Tensor<U>,
        f: impl Fn(T, U) -> V,
    ) -> Result<Tensor<V>> {
        let shape = named(operation, self.shape().broadcast(other.shape()))?;
        if let (Some(left), Some(right)) = (self.as_slice(), other.as_slice())
            && self.shape() == other.shape()
        {
            let data = left.iter().zip(right).map(|(&x, &y)| f(x, y)).collect();
            return Ok(Tensor::from_counted(data, shape));
        }
        let (left, right) = (self.layout.broadcast_to(shape)?, other.layout.broadcast_to(shape)?);
        let mut data = Vec::with_capacity(shape.size());
        for_each_row_pair(&left, &right, |l, r| {
            data.extend(l.of(&self.storage).zip(r.of(&other.storage)).map(|(x, y)| f(x, y)));
        });
        Ok(Tensor::from_counted(data, shape))
    }
}

/// One line along the last axis: `length` elements from `start`, `stride` apart.
#[derive(Clone, Copy)]
struct Row {
    start: usize,
    stride: isize,
    length: usize,
}

impl Row {
    fn of<T: Copy>(self, storage: &[T]) -> impl Iterator<Item = T> {
        (0..self.length as isize).map(move |i| storage[(self.start as isize + i * self.stride) as usize])
    }
}

/// The layout of the first elements of all rows, and the length and stride of a row.
fn rows(layout: &Layout) -> (Positions, usize, isize) {
    let last = layout.shape().rank().checked_sub(1);
    // Cutting the last axis to length 1 cannot fail: the axis exists and the step is 1.
    match last.and_then(|last| Some((last, layout.slice(last, Slice::range(0, 1)).ok()?))) {
        Some((last, starts)) => (starts.positions(), layout.shape()[last], layout.strides()[last]),
        None => (layout.positions(), 1, 0),
    }
}

fn for_each_row(layout: &Layout, mut f: impl FnMut(Row)) {
    let (starts, length, stride) = rows(layout);
    starts.for_each(|start| f(Row { start, stride, length }));
}

fn for_each_row_pair(left: &Layout, right: &Layout, mut f: impl FnMut(Row, Row)) {
    let (left_starts, length, left_stride) = rows(left);
    let (right_starts, _, right_stride) = rows(right);
    left_starts.zip(right_starts).for_each(|(l, r)| {
        f(Row { start: l, stride: left_stride, length }, Row { start: r, stride: right_stride, length });
    });
}

/// The elements of a [`Tensor`] in row-major order, made by [`Tensor::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a, T>(Source<'a, T>);

// Nobody keeps many iterators, so a box for the larger one would only cost.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
enum Source<'a, T> {
    Slice(std::slice::Iter<'a, T>),
    Strided(&'a [T], Positions),
}

impl<T: Copy> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Source::Slice(slice) => slice.next().copied(),
            Source::Strided(storage, positions) => positions.next().map(|position| storage[position]),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Source::Slice(slice) => slice.size_hint(),
            Source::Strided(_, positions) => positions.size_hint(),
        }
    }
}

impl<T: Copy> ExactSizeIterator for Iter<'_, T> {}

impl<'a, T: Element> IntoIterator for &'a Tensor<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// The views along the outermost axis, made by [`Tensor::outer`].
#[derive(Clone)]
pub struct Outer<'a, T> {
    tensor: &'a Tensor<T>,
    next: usize,
    end: usize,
}

impl<T: Element> Iterator for Outer<'_, T> {
    type Item = Tensor<T>;

    fn next(&mut self) -> Option<Tensor<T>> {
        if self.next == self.end {
            return None;
        }
        let layout = self.tensor.layout.select(0, self.next).ok()?;
        self.next += 1;
        Some(self.tensor.view(layout))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl<T: Element> ExactSizeIterator for Outer<'_, T> {}

impl<T: Element> PartialEq for Tensor<T> {
    /// Whether shapes and all elements are equal; NaN differs from everything.
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sole_owner_gives_its_vector_away_without_a_copy() {
        let data = vec![1.0f32; 8];
        let address = data.as_ptr();
        let tensor = Tensor::from_vec(data, [2, 4]).unwrap();
        let keep = tensor.clone();
        let (copy, original) = (tensor.into_vec(), keep.into_vec());
        assert_ne!(copy.as_ptr(), address);
        assert_eq!(original.as_ptr(), address);
    }

    #[test]
    fn writing_never_touches_another_view() {
        let base = Tensor::from([[1i64, 2], [3, 4]]);
        let mut row = base.select(0, 1).unwrap();
        row.make_mut()[0] = 30;
        let mut transposed = base.transpose().unwrap();
        transposed.make_mut()[1] = 99;
        assert_eq!(base, Tensor::from([[1i64, 2], [3, 4]]));
        assert_eq!(row, Tensor::from([30i64, 4]));
        assert_eq!(transposed, Tensor::from([[1i64, 99], [2, 4]]));
    }

    #[test]
    fn writing_a_part_that_is_the_sole_owner_does_not_copy() {
        let mut part = Tensor::from([1.0, 2.0, 3.0]).slice(0, 1..3).unwrap();
        let address = part.storage.as_ptr();
        part.make_mut()[1] = 7.0;
        assert_eq!((part.storage.as_ptr(), part.to_vec()), (address, vec![2.0, 7.0]));
    }

    #[test]
    fn an_empty_part_beyond_the_end_of_the_storage_is_harmless() {
        let mut empty = Tensor::<f32>::zeros([3, 0]).select(0, 2).unwrap();
        assert_eq!(empty.as_slice(), Some(&[][..]));
        assert!(empty.make_mut().is_empty() && empty.iter().next().is_none());
        assert!(empty.map(|x| x).into_vec().is_empty());
    }

    #[test]
    fn item_wants_exactly_one_element() {
        assert_eq!(Tensor::from([[5u8]]).item().unwrap(), 5);
        assert!(Tensor::from([1u8, 2]).item().is_err());
        assert!(Tensor::<u8>::zeros([0]).item().is_err());
    }
}
