//! Sums, extremes and their places along axes.
//!
//! # The order of the sums
//! A sum over neighbours is taken in blocks of 1024, each in 16 interleaved lanes that a tree adds up (a
//! block of fewer than 16 from first to last); the blocks are added pairwise. A sum over an axis with others inside it is taken row by row in blocks of 32
//! rows, added pairwise. Rounding errors so grow with the logarithm of the length, and the result is the
//! same on every instruction set and under every cut of the output (Higham, "The Accuracy of Floating Point
//! Summation", 1993).

use super::isa::{Isa, current, vectorize};
use super::runs::Runs;
use crate::{Float, Layout};
use std::ops::Range;

/// A contiguous array seen as three axes, of which the middle one is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axes {
    /// The axes before the reduced ones, taken together.
    pub outer: usize,
    /// The reduced axes, taken together.
    pub reduced: usize,
    /// The axes after the reduced ones, taken together.
    pub inner: usize,
}

/// How values are brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum; 0 of nothing.
    Sum,
    /// The largest; NaN if one is NaN; -infinity of nothing.
    Max,
    /// The smallest; NaN if one is NaN; infinity of nothing.
    Min,
}

/// Elements of a block of neighbours.
const BLOCK: usize = 1024;
/// Interleaved sums of a block.
const LANES: usize = 16;
/// Rows of a block of rows.
const BLOCK_ROWS: usize = 32;
/// Columns that are reduced together, so that their sums stay in registers.
const COLUMNS: usize = 64;

/// The sums over the middle axis, for the outputs `part` (row-major numbers of `[outer, inner]`).
///
/// # Panics
/// Where `x` has not the length that `axes` says, or `out` not that of `part`.
pub fn sum<T: Float>(x: &[T], axes: Axes, part: Range<usize>, out: &mut [T]) {
    reduce(Reduction::Sum, x, axes, part, out);
}

/// The largest values along the middle axis, for the outputs `part`; NaN where one is NaN.
///
/// # Panics
/// As [`sum`].
pub fn max<T: Float>(x: &[T], axes: Axes, part: Range<usize>, out: &mut [T]) {
    reduce(Reduction::Max, x, axes, part, out);
}

/// The smallest values along the middle axis, for the outputs `part`; NaN where one is NaN.
///
/// # Panics
/// As [`sum`].
pub fn min<T: Float>(x: &[T], axes: Axes, part: Range<usize>, out: &mut [T]) {
    reduce(Reduction::Min, x, axes, part, out);
}

/// A reduction of the middle axis, for the outputs `part` (row-major numbers of `[outer, inner]`).
///
/// # Panics
/// As [`sum`].
pub fn reduce<T: Float>(reduction: Reduction, x: &[T], axes: Axes, part: Range<usize>, out: &mut [T]) {
    reduce_with(current(), reduction, x, axes, part, out);
}

/// [`reduce`] with a chosen instruction set.
///
/// # Panics
/// As [`sum`].
pub fn reduce_with<T: Float>(
    isa: Isa,
    reduction: Reduction,
    x: &[T],
    axes: Axes,
    part: Range<usize>,
    out: &mut [T],
) {
    assert_eq!(x.len(), axes.outer * axes.reduced * axes.inner, "the input has another length");
    assert_eq!(out.len(), part.len(), "the output has another length than the part");
    assert!(part.end <= axes.outer * axes.inner, "the part exceeds the outputs");
    vectorize(
        isa,
        #[inline(always)]
        |_| match reduction {
            Reduction::Sum => along(x, axes, part, out, T::ZERO, |a, b| a + b),
            Reduction::Max => along(x, axes, part, out, T::NEG_INFINITY, T::maximum),
            Reduction::Min => along(x, axes, part, out, T::INFINITY, T::minimum),
        },
    );
}

/// A reduction of an array that is read through a layout: of the axes where `reduced` is true, for the
/// outputs `part` (row-major numbers of the kept axes). Bits are those of [`reduce`] where the reduced axes
/// are the last.
///
/// # Panics
/// Where `out` has not the length of `part`, `part` exceeds the outputs, or the layout `x`.
pub fn reduce_strided<T: Float>(
    reduction: Reduction,
    x: &[T],
    layout: &Layout,
    reduced: impl Fn(usize) -> bool,
    part: Range<usize>,
    out: &mut [T],
) {
    assert_eq!(out.len(), part.len(), "the output has another length than the part");
    let axes = |wanted: bool| {
        let reduced = &reduced;
        let of = move |axis: &usize| reduced(*axis) == wanted;
        (0..layout.shape().rank()).filter(of).map(|axis| (layout.shape()[axis], [layout.strides()[axis]]))
    };
    let kept = Runs::<1>::from_axes(axes(false), [layout.offset() as isize]);
    let inside = Runs::<1>::from_axes(axes(true), [0]);
    assert!(part.end <= kept.size(), "the part exceeds the outputs");
    vectorize(
        current(),
        #[inline(always)]
        |_| match reduction {
            Reduction::Sum => through(x, &kept, &inside, part, out, T::ZERO, |a, b| a + b),
            Reduction::Max => through(x, &kept, &inside, part, out, T::NEG_INFINITY, T::maximum),
            Reduction::Min => through(x, &kept, &inside, part, out, T::INFINITY, T::minimum),
        },
    );
}

/// Folds what lies `inside` each of the outputs `part` of the `kept` axes: blocks are laid out as neighbours.
#[inline(always)]
fn through<T: Float>(
    x: &[T],
    kept: &Runs<1>,
    inside: &Runs<1>,
    part: Range<usize>,
    out: &mut [T],
    start: T,
    f: impl Fn(T, T) -> T + Copy,
) {
    let (size, [stride]) = (inside.size(), inside.inner_strides());
    let mut block = [T::ZERO; BLOCK];
    for (number, out) in part.zip(out) {
        let [base] = kept.position(number);
        let mut cascade = Cascade::new();
        for first in (0..size).step_by(BLOCK) {
            let range = first..size.min(first + BLOCK);
            let length = range.len();
            inside.for_each(
                range,
                #[inline(always)]
                |at, [p], length| {
                    let (block, p) = (&mut block[at..at + length], base + p as isize);
                    if stride == 1 {
                        block.copy_from_slice(&x[p as usize..][..length]);
                        return;
                    }
                    for (i, value) in block.iter_mut().enumerate() {
                        *value = x[(p + stride * i as isize) as usize];
                    }
                },
            );
            cascade.push(fold_block(&block[..length], start, f), f);
        }
        *out = cascade.finish(start, f);
    }
}

/// The sum of one row of neighbours, in the order that the module describes.
#[inline(always)]
pub(crate) fn row_sum<T: Float>(row: &[T]) -> T {
    fold_row(row, T::ZERO, |a, b| a + b)
}

/// The largest value of one row; NaN if one is NaN.
#[inline(always)]
pub(crate) fn row_max<T: Float>(row: &[T]) -> T {
    fold_row(row, T::NEG_INFINITY, T::maximum)
}

/// Adds lanes by halves: the first half to the second, and so on.
#[inline(always)]
pub(crate) fn lane_tree<T: Float, const N: usize>(lanes: [T; N]) -> T {
    fold_lanes(lanes, |a, b| a + b)
}

#[inline(always)]
fn fold_lanes<T: Float, const N: usize>(mut lanes: [T; N], f: impl Fn(T, T) -> T) -> T {
    const { assert!(N.is_power_of_two()) };
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = f(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn fold_block<T: Float>(block: &[T], start: T, f: impl Fn(T, T) -> T) -> T {
    if block.len() < LANES {
        return block.iter().fold(start, |folded, &value| f(folded, value));
    }
    let mut lanes = [start; LANES];
    let (chunks, rest) = block.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = f(lanes[lane], chunk[lane]);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, value);
    }
    fold_lanes(lanes, f)
}

#[inline(always)]
fn fold_row<T: Float>(row: &[T], start: T, f: impl Fn(T, T) -> T + Copy) -> T {
    if row.len() <= BLOCK {
        return fold_block(row, start, f);
    }
    let mut cascade = Cascade::new();
    for block in row.chunks(BLOCK) {
        cascade.push(fold_block(block, start, f), f);
    }
    cascade.finish(start, f)
}

/// Pairwise folding of values that come one after the other: entry `i` holds `2^i` of them.
struct Cascade<T> {
    entries: [T; usize::BITS as usize],
    count: usize,
}

impl<T: Float> Cascade<T> {
    #[inline(always)]
    fn new() -> Self {
        Cascade { entries: [T::ZERO; usize::BITS as usize], count: 0 }
    }

    #[inline(always)]
    fn push(&mut self, mut value: T, f: impl Fn(T, T) -> T) {
        let full = self.count.trailing_ones() as usize;
        for &entry in &self.entries[..full] {
            value = f(entry, value);
        }
        self.entries[full] = value;
        self.count += 1;
    }

    #[inline(always)]
    fn finish(&self, start: T, f: impl Fn(T, T) -> T) -> T {
        let mut entries =
            (0..usize::BITS as usize).filter(|&i| self.count >> i & 1 == 1).map(|i| self.entries[i]);
        let Some(first) = entries.next() else { return start };
        entries.fold(first, |later, earlier| f(earlier, later))
    }
}

#[inline(always)]
fn along<T: Float>(
    x: &[T],
    axes: Axes,
    part: Range<usize>,
    out: &mut [T],
    start: T,
    f: impl Fn(T, T) -> T + Copy,
) {
    let Axes { reduced, inner, .. } = axes;
    if reduced == 0 {
        out.fill(start);
    } else if inner == 1 {
        for (row, out) in x[part.start * reduced..part.end * reduced].chunks_exact(reduced).zip(out) {
            *out = fold_row(row, start, f);
        }
    } else {
        let mut number = part.start;
        while number < part.end {
            let (outer, first) = (number / inner, number % inner);
            let count = COLUMNS.min(inner - first).min(part.end - number);
            let x = &x[outer * reduced * inner + first..];
            let sums = fold_columns(x, reduced, inner, count, start, f);
            out[number - part.start..][..count].copy_from_slice(&sums[..count]);
            number += count;
        }
    }
}

/// Folds `rows` rows, `stride` apart, of `count` columns.
#[inline(always)]
fn fold_columns<T: Float>(
    x: &[T],
    rows: usize,
    stride: usize,
    count: usize,
    start: T,
    f: impl Fn(T, T) -> T + Copy,
) -> [T; COLUMNS] {
    let block = RowBlocks { x, rows, stride, count };
    let mut total = block.fold(0, start, f);
    if rows > BLOCK_ROWS {
        // Pairwise as in `Cascade`, on rows of sums; 32 levels of 32 rows are more than memory holds.
        let mut entries = [[start; COLUMNS]; 32];
        for number in 0..rows.div_ceil(BLOCK_ROWS) {
            let mut sums = if number == 0 { total } else { block.fold(number, start, f) };
            let full = number.trailing_ones() as usize;
            for entry in &entries[..full] {
                (0..COLUMNS).for_each(|i| sums[i] = f(entry[i], sums[i]));
            }
            entries[full] = sums;
        }
        let blocks = rows.div_ceil(BLOCK_ROWS);
        let mut levels = (0..32).filter(|&level| blocks >> level & 1 == 1);
        total = levels.next().map_or(total, |level| entries[level]);
        for level in levels {
            (0..COLUMNS).for_each(|i| total[i] = f(entries[level][i], total[i]));
        }
    }
    total
}

/// `rows` rows, `stride` apart, of `count` columns.
struct RowBlocks<'a, T> {
    x: &'a [T],
    rows: usize,
    stride: usize,
    count: usize,
}

impl<T: Float> RowBlocks<'_, T> {
    /// Folds the rows of one block from first to last.
    #[inline(always)]
    fn fold(&self, number: usize, start: T, f: impl Fn(T, T) -> T) -> [T; COLUMNS] {
        let mut folded = [start; COLUMNS];
        let first = number * BLOCK_ROWS;
        for row in first..self.rows.min(first + BLOCK_ROWS) {
            let row = &self.x[row * self.stride..][..self.count];
            if let Ok(row) = <&[T; COLUMNS]>::try_from(row) {
                for i in 0..COLUMNS {
                    folded[i] = f(folded[i], row[i]);
                }
            } else {
                folded.iter_mut().zip(row).for_each(|(folded, &value)| *folded = f(*folded, value));
            }
        }
        folded
    }
}

/// The place of the first largest value along the middle axis, for the outputs `part`; a NaN counts as the
/// largest, as in PyTorch; 0 where the axis is empty.
///
/// # Panics
/// As [`sum`].
pub fn argmax<T: Float>(x: &[T], axes: Axes, part: Range<usize>, out: &mut [i64]) {
    assert_eq!(x.len(), axes.outer * axes.reduced * axes.inner, "the input has another length");
    assert_eq!(out.len(), part.len(), "the output has another length than the part");
    assert!(part.end <= axes.outer * axes.inner, "the part exceeds the outputs");
    let Axes { reduced, inner, .. } = axes;
    if reduced == 0 {
        out.fill(0);
        return;
    }
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for (number, out) in part.zip(out) {
                let x = &x[number / inner * reduced * inner + number % inner..];
                if inner == 1 {
                    let row = &x[..reduced];
                    let largest = row_max(row);
                    let place = row.iter().position(|&v| v == largest || (largest.is_nan() && v.is_nan()));
                    *out = place.unwrap_or(0) as i64;
                    continue;
                }
                let mut best = 0;
                for r in 1..reduced {
                    let (old, new) = (x[best * inner], x[r * inner]);
                    if !old.is_nan() && (new > old || new.is_nan()) {
                        best = r;
                    }
                }
                *out = best as i64;
            }
        },
    );
}
