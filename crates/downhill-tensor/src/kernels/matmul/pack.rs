//! Copying blocks of the operands together, in the order in which tiles read them.

use super::Strides2;
#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::Float;
use crate::kernels::isa::Isa;
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
    let mut rest = &mut space[..rows * depth];
    for (row, count) in panels(rows, max_rows) {
        let (panel, tail) = rest.split_at_mut(count * depth);
        rest = tail;
        for r in 0..count {
            for (p, out) in panel[r..].iter_mut().step_by(count).enumerate() {
                // SAFETY: the row and the column are in the block.
                *out = unsafe { *a.add((row + r) * strides.row + p * strides.column) };
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
        return unsafe { rows_in_panels(b, strides.row, depth, columns, width, apart, space) };
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
unsafe fn rows_in_panels<T: Float>(
    b: *const T,
    stride: usize,
    depth: usize,
    columns: usize,
    width: usize,
    apart: usize,
    space: &mut [T],
) {
    for first in (0..columns).step_by(8 * width) {
        let last = columns.min(first + 8 * width);
        for p in 0..depth {
            for column in (first..last).step_by(width) {
                let out = &mut space[column / width * apart + p * width..][..width];
                // SAFETY: the row and the columns from this one to the last are in the block.
                let row = unsafe { std::slice::from_raw_parts(b.add(p * stride + column), last - column) };
                if row.len() >= width {
                    out.copy_from_slice(&row[..width]);
                } else {
                    out[..row.len()].copy_from_slice(row);
                    out[row.len()..].fill(T::ZERO);
                }
            }
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
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if isa.has_avx2_fma() && T::DTYPE == DType::F32 {
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
        done = depth / 8 * 8;
    }
    let _ = isa;
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
