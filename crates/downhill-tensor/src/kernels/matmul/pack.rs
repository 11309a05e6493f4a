//! Copying blocks of the operands together, in the order in which tiles read them.

use super::Strides2;
#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::Float;
use crate::kernels::isa::{Isa, vectorize};
use std::ops::Range;

/// Cuts `scratch` into space for `a_len` elements of A and the rest for B, each beginning at a cache line.
pub(super) fn split<T: Float>(scratch: &mut [T], a_len: usize) -> (&mut [T], &mut [T]) {
    let scratch = align(scratch);
    let (a, b) = scratch.split_at_mut(a_len);
    (a, align(b))
}

fn align<T>(space: &mut [T]) -> &mut [T] {
    let offset = space.as_ptr().align_offset(64).min(space.len());
    &mut space[offset..]
}

/// The panels into which rows are cut: as even as can be and none above `max_rows`, because a tile of few
/// rows cannot keep the arithmetic units busy. Yields (first row, number of rows).
pub(super) fn panels(rows: usize, max_rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(max_rows);
    let (least, larger) = (rows / count.max(1), rows % count.max(1));
    let mut first = 0;
    (0..count).map(move |panel| {
        let size = least + usize::from(panel < larger);
        first += size;
        (first - size, size)
    })
}

/// Packs a block of A: panel after panel, column after column within it.
///
/// # Safety
/// `a` must reach `rows` rows and `depth` columns.
///
/// # Panics
/// Where the space is too short.
pub(super) unsafe fn rows<T: Float>(
    a: *const T,
    strides: Strides2,
    rows: usize,
    depth: usize,
    max_rows: usize,
    space: &mut [T],
) {
    let space = &mut space[..rows * depth];
    if strides.row == 1 && rows >= EIGHT && max_rows <= EIGHT {
        // Some columns at a time, so that what is read lies close by.
        for first in (0..depth).step_by(EIGHT) {
            let columns = first..depth.min(first + EIGHT);
            for (row, count) in panels(rows, max_rows) {
                let panel = &mut space[row * depth..][..count * depth];
                // Not past the last row, which may be where A ends.
                let eight = row + EIGHT <= rows;
                // SAFETY: the panel's rows and all columns are in the block, and eight rows where told.
                unsafe {
                    rows_of_neighbours(a.add(row), strides.column, count, eight, columns.clone(), panel)
                };
            }
        }
        return;
    }
    let mut rest = space;
    for (row, count) in panels(rows, max_rows) {
        let (panel, tail) = rest.split_at_mut(count * depth);
        rest = tail;
        if strides.row == 1 {
            // A column of the panel is a stretch of A.
            for (p, out) in panel.chunks_exact_mut(count).enumerate() {
                // SAFETY: the rows and the column are in the block.
                let column = unsafe { std::slice::from_raw_parts(a.add(row + p * strides.column), count) };
                match (out.first_chunk_mut::<TWELVE>(), column.first_chunk::<TWELVE>()) {
                    (Some(out), Some(column)) => *out = *column,
                    _ => out.copy_from_slice(column),
                }
            }
            continue;
        }
        for r in 0..count {
            for (p, out) in panel[r..].iter_mut().step_by(count).enumerate() {
                // SAFETY: the row and the column are in the block.
                *out = unsafe { *a.add((row + r) * strides.row + p * strides.column) };
            }
        }
    }
}

/// The rows of most panels where registers are many: a length that is known is copied without a call.
const TWELVE: usize = 12;

/// Panels of B that are filled side by side.
const PANELS: usize = 8;

/// Elements that are moved at a time where they are neighbours.
const EIGHT: usize = 8;

/// Some columns of `count` neighbours: eight are moved at a time where A has `eight`, and the next column takes
/// the place of those that are too many.
///
/// # Safety
/// `a` must reach these columns of `count` neighbours, of eight where told.
unsafe fn rows_of_neighbours<T: Float>(
    a: *const T,
    stride: usize,
    count: usize,
    eight: bool,
    columns: Range<usize>,
    panel: &mut [T],
) {
    for p in columns {
        let out = &mut panel[p * count..];
        // SAFETY: as told.
        unsafe {
            match out.first_chunk_mut::<EIGHT>() {
                Some(out) if eight => *out = a.add(p * stride).cast::<[T; EIGHT]>().read_unaligned(),
                _ => out[..count].copy_from_slice(std::slice::from_raw_parts(a.add(p * stride), count)),
            }
        }
    }
}

/// Packs a block of B: panels of `width` columns, `apart` elements from one to the next, row after row within
/// it, the last filled up with zeros.
///
/// # Safety
/// `b` must reach `depth` rows and `columns` columns.
///
/// # Panics
/// Where the space is too short.
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn columns<T: Float>(
    isa: Isa,
    b: *const T,
    strides: Strides2,
    depth: usize,
    columns: usize,
    width: usize,
    apart: usize,
    space: &mut [T],
) {
    if strides.column == 1 {
        // SAFETY: the rows and columns are in the block.
        return unsafe { rows_in_panels(isa, b, strides.row, depth, columns, width, apart, space) };
    }
    for (panel, first) in space.chunks_mut(apart).zip((0..columns).step_by(width)) {
        let panel = &mut panel[..depth * width];
        let count = width.min(columns - first);
        if count < width {
            panel.fill(T::ZERO);
        }
        if count == width && strides.row == 1 {
            // SAFETY: `width` columns, each `depth` neighbours long, are in the block.
            unsafe { interleave(isa, b.add(first * strides.column), strides.column, depth, width, panel) };
        } else {
            // SAFETY: the rows and columns are in the block.
            unsafe { one_by_one(b.add(first * strides.column), strides, 0..depth, count, width, panel) };
        }
    }
}

/// Rows of neighbours into panels, eight panels at a time: so each row is read in longer runs.
///
/// # Safety
/// `b` must reach `depth` rows, `stride` apart, of `columns` neighbours.
#[allow(clippy::too_many_arguments)]
unsafe fn rows_in_panels<T: Float>(
    isa: Isa,
    b: *const T,
    stride: usize,
    depth: usize,
    columns: usize,
    width: usize,
    apart: usize,
    space: &mut [T],
) {
    assert!(space.len() >= columns.div_ceil(width).saturating_sub(1) * apart + depth * width);
    let full = columns / width;
    let to = space.as_mut_ptr();
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            // SAFETY: the rows and columns are in the block, and the panels in the space, as checked.
            let copy = |p: usize, panel: usize| unsafe {
                let from = b.add(p * stride + panel * width);
                let to = to.add(panel * apart + p * width);
                if width * size_of::<T>() == 64 {
                    to.cast::<[u8; 64]>().write_unaligned(from.cast::<[u8; 64]>().read_unaligned());
                } else {
                    std::ptr::copy_nonoverlapping(from, to, width);
                }
            };
            for first in (0..full).step_by(PANELS) {
                for p in 0..depth {
                    (first..full.min(first + PANELS)).for_each(|panel| copy(p, panel));
                }
            }
        },
    );
    let rest = columns % width;
    if rest > 0 {
        for (p, out) in space[full * apart..][..depth * width].chunks_exact_mut(width).enumerate() {
            // SAFETY: the row and the last columns are in the block.
            let row = unsafe { std::slice::from_raw_parts(b.add(p * stride + full * width), rest) };
            out[..rest].copy_from_slice(row);
            out[rest..].fill(T::ZERO);
        }
    }
}

/// Element by element, eight rows at a time: the cache lines that are written stay close by.
///
/// # Safety
/// `b` must reach these rows and `columns` columns.
unsafe fn one_by_one<T: Float>(
    b: *const T,
    strides: Strides2,
    rows: Range<usize>,
    columns: usize,
    width: usize,
    panel: &mut [T],
) {
    for first in rows.clone().step_by(8) {
        for j in 0..columns {
            for p in first..rows.end.min(first + 8) {
                // SAFETY: the row and the column are in the block.
                panel[p * width + j] = unsafe { *b.add(p * strides.row + j * strides.column) };
            }
        }
    }
}

/// Columns of neighbours into rows of neighbours.
///
/// # Safety
/// `b` must reach `width` columns, `stride` apart, of `depth` neighbours.
unsafe fn interleave<T: Float>(
    isa: Isa,
    b: *const T,
    stride: usize,
    depth: usize,
    width: usize,
    panel: &mut [T],
) {
    #[cfg(target_arch = "x86_64")]
    let done = if isa.has_avx2_fma() && T::DTYPE == DType::F32 {
        assert!(panel.len() >= depth * width);
        for p in (0..depth / 8 * 8).step_by(8) {
            for j in (0..width).step_by(8) {
                // SAFETY: the set has AVX2; `T` is f32; eight columns of eight neighbours are in the block,
                // eight rows of eight in the panel.
                unsafe {
                    let (from, to) = (b.add(j * stride + p), panel.as_mut_ptr().add(p * width + j));
                    transpose_8x8(from.cast(), stride, to.cast(), width);
                }
            }
        }
        depth / 8 * 8
    } else {
        0
    };
    #[cfg(not(target_arch = "x86_64"))]
    let (done, _) = (0, isa);
    // SAFETY: the rows and columns are in the block.
    unsafe { one_by_one(b, Strides2 { row: 1, column: stride }, done..depth, width, width, panel) };
}

/// # Safety
/// Both pointers must reach eight rows of eight neighbours, the rows as far apart as told.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn transpose_8x8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    use std::arch::x86_64::*;
    // SAFETY: all eight rows are in reach.
    let row = |i: usize| unsafe { _mm256_loadu_ps(from.add(i * from_stride)) };
    // Pairs of elements, then fours, then halves change places.
    let pairs = |i: usize| {
        let (a, b) = (row(i), row(i + 1));
        (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b))
    };
    let fours = |i: usize| {
        let ((a, b), (c, d)) = (pairs(i), pairs(i + 2));
        [
            _mm256_shuffle_ps::<0x44>(a, c),
            _mm256_shuffle_ps::<0xee>(a, c),
            _mm256_shuffle_ps::<0x44>(b, d),
            _mm256_shuffle_ps::<0xee>(b, d),
        ]
    };
    let (upper, lower) = (fours(0), fours(4));
    for i in 0..4 {
        // SAFETY: all eight rows are in reach.
        unsafe {
            _mm256_storeu_ps(to.add(i * to_stride), _mm256_permute2f128_ps::<0x20>(upper[i], lower[i]));
            _mm256_storeu_ps(to.add((i + 4) * to_stride), _mm256_permute2f128_ps::<0x31>(upper[i], lower[i]));
        }
    }
}
