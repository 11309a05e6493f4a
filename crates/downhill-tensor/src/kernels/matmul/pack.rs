//! Copying blocks of the operands together, in the order in which tiles read them.

use super::Strides2;
use super::tile::MAX_ROWS;
use crate::Float;

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

/// The panels into which rows are cut: as even as can be and none above [`MAX_ROWS`], because a tile of few
/// rows cannot keep the arithmetic units busy. Yields (first row, number of rows).
pub(super) fn panels(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(MAX_ROWS);
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
    space: &mut [T],
) {
    let mut rest = &mut space[..rows * depth];
    for (row, count) in panels(rows) {
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

/// Packs a block of B: panels of `width` columns, row after row within it, the last filled up with zeros.
///
/// # Safety
/// `b` must reach `depth` rows and `columns` columns.
///
/// # Panics
/// Where the space is too short.
pub(super) unsafe fn columns<T: Float>(
    b: *const T,
    strides: Strides2,
    depth: usize,
    columns: usize,
    width: usize,
    space: &mut [T],
) {
    let panels = space[..depth * columns.next_multiple_of(width)].chunks_exact_mut(depth * width);
    for (panel, first) in panels.zip((0..columns).step_by(width)) {
        let count = width.min(columns - first);
        if count < width {
            panel.fill(T::ZERO);
        }
        if strides.column == 1 {
            for (p, out) in panel.chunks_exact_mut(width).enumerate() {
                // SAFETY: `count` neighbouring columns of row `p` are in the block.
                let row = unsafe { std::slice::from_raw_parts(b.add(p * strides.row + first), count) };
                out[..count].copy_from_slice(row);
            }
        } else {
            // Eight rows at a time: the cache lines that are written stay close by.
            for (block, out) in panel.chunks_mut(8 * width).enumerate() {
                for j in 0..count {
                    for (p, out) in out[j..].iter_mut().step_by(width).enumerate() {
                        // SAFETY: the row and the column are in the block.
                        *out =
                            unsafe { *b.add((block * 8 + p) * strides.row + (first + j) * strides.column) };
                    }
                }
            }
        }
    }
}
