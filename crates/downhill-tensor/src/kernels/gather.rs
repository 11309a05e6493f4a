//! Reading and adding by index: rows of a table, positions along an axis, one-hot rows.
//!
//! Every index is checked before anything is written with it; the error names the index, where it stands,
//! and the bound. Where several indices meet, their values are added in the order of the indices.
//!
//! Rows of a large table lie anywhere in memory, so what they cost is the wait for it: the functions of rows ask
//! for a few rows ahead while they work on one.

use super::isa::{current, vectorize};
use crate::Float;
use std::ops::Range;

/// A number that names no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("index {index} at position {position} is out of range: there are {rows} rows")]
pub struct RowOutOfRange {
    /// The number.
    pub index: i64,
    /// Where it stands among the indices.
    pub position: usize,
    /// The number of rows.
    pub rows: usize,
}

/// What a call on indices gives, if all of them name rows.
type Result<T = (), E = RowOutOfRange> = std::result::Result<T, E>;

/// Whether all indices name rows, from 0 to below `rows`.
///
/// # Errors
/// The first that does not.
pub fn check_rows(indices: &[i64], rows: usize) -> Result {
    // Negative numbers become too large ones.
    match indices.iter().position(|&index| index as u64 >= rows as u64) {
        None => Ok(()),
        Some(position) => Err(RowOutOfRange { index: indices[position], position, rows }),
    }
}

/// `out[i] = table[indices[i]]`, for rows of `row_len` and indices that [`check_rows`] has taken. A part of the
/// work is a call on sub-slices of `indices` and `out`.
///
/// # Panics
/// Where the length of `out` does not fit, or an index is no row.
pub fn copy_rows<T: Copy>(table: &[T], row_len: usize, indices: &[i64], out: &mut [T]) {
    assert_eq!(out.len(), indices.len() * row_len, "the output has another length");
    if row_len == 0 {
        return;
    }
    indices.iter().take(AHEAD).for_each(|&index| expect_row(table, row_len, index));
    for (i, (out, &index)) in out.chunks_exact_mut(row_len).zip(indices).enumerate() {
        if let Some(&next) = indices.get(i + AHEAD) {
            expect_row(table, row_len, next);
        }
        out.copy_from_slice(&table[index as usize * row_len..][..row_len]);
    }
}

/// `table[indices[i]] += alpha values[i]` in the order of `i`, for rows of `row_len` and indices that
/// [`check_rows`] has taken. Other rows are not touched.
///
/// # Panics
/// Where the length of `values` does not fit, or an index is no row.
pub fn add_rows<T: Float>(table: &mut [T], row_len: usize, indices: &[i64], values: &[T], alpha: T) {
    assert_eq!(values.len(), indices.len() * row_len, "the values have another length");
    if row_len == 0 {
        return;
    }
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            indices.iter().take(AHEAD).for_each(|&index| expect_row(table, row_len, index));
            for (i, (values, &index)) in values.chunks_exact(row_len).zip(indices).enumerate() {
                if let Some(&next) = indices.get(i + AHEAD) {
                    expect_row(table, row_len, next);
                }
                let row = &mut table[index as usize * row_len..][..row_len];
                row.iter_mut().zip(values).for_each(|(row, &value)| *row += alpha * value);
            }
        },
    );
}

/// How many rows are asked for before they are needed: as many as memory is usually busy with at once.
const AHEAD: usize = 12;
/// Bytes that come from memory together.
const LINE: usize = 64;

/// Asks for a row of a table to be brought near; nothing where it is none.
#[inline(always)]
fn expect_row<T>(table: &[T], row_len: usize, index: i64) {
    let start = usize::try_from(index).ok().and_then(|index| index.checked_mul(row_len));
    let Some(row) = start.and_then(|start| table.get(start..)?.get(..row_len)) else { return };
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of_val(row)).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing; and the address is inside the row.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().cast::<i8>().add(offset)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (row, LINE);
}

/// `out[i] = table[indices[i]]` for a table of `rows` rows. A part of the work is a call on sub-slices of
/// `indices` and `out`.
///
/// # Errors
/// An index that is no row.
///
/// # Panics
/// Where a slice has not the length that the shapes say.
pub fn gather_rows<T: Copy>(
    table: &[T],
    rows: usize,
    row_len: usize,
    indices: &[i64],
    out: &mut [T],
) -> Result {
    assert_eq!(table.len(), rows * row_len, "the table has another length");
    assert_eq!(out.len(), indices.len() * row_len, "the output has another length");
    check_rows(indices, rows)?;
    copy_rows(table, row_len, indices, out);
    Ok(())
}

/// `out[indices[i]] += source[i]` in the order of `i`, for the rows `part` of a table of `rows` rows; `out`
/// holds these rows alone.
///
/// # Errors
/// An index that is no row of the table.
///
/// # Panics
/// Where a slice has not the length that the shapes say.
pub fn scatter_add_rows<T: Float>(
    source: &[T],
    rows: usize,
    row_len: usize,
    indices: &[i64],
    part: Range<usize>,
    out: &mut [T],
) -> Result {
    assert!(part.end <= rows && out.len() == part.len() * row_len, "the output is not the rows {part:?}");
    assert_eq!(source.len(), indices.len() * row_len, "the source has another length");
    check_rows(indices, rows)?;
    if row_len > 0 {
        for (source, &index) in source.chunks_exact(row_len).zip(indices) {
            let row = index as usize;
            if part.contains(&row) {
                let out = &mut out[(row - part.start) * row_len..][..row_len];
                out.iter_mut().zip(source).for_each(|(out, &value)| *out += value);
            }
        }
    }
    Ok(())
}

/// The axes of a gather along one of them: `[outer, length, inner]` is read with indices
/// `[outer, count, inner]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Along {
    /// The axes before the indexed one, taken together.
    pub outer: usize,
    /// The length of the indexed axis.
    pub length: usize,
    /// The number of indices along it.
    pub count: usize,
    /// The axes after it, taken together.
    pub inner: usize,
}

impl Along {
    /// The elements of what is indexed.
    pub fn source_len(&self) -> usize {
        self.outer * self.length * self.inner
    }

    /// The number of indices.
    pub fn index_len(&self) -> usize {
        self.outer * self.count * self.inner
    }
}

/// `out[o, j, i] = x[o, indices[o, j, i], i]`. A part of the work is a call on a part of the outer axes.
///
/// # Errors
/// An index beyond the axis.
///
/// # Panics
/// Where a slice has not the length that `along` says.
pub fn gather_along_axis<T: Copy>(x: &[T], along: Along, indices: &[i64], out: &mut [T]) -> Result {
    assert_eq!(x.len(), along.source_len(), "the input has another length");
    assert!(indices.len() == along.index_len() && out.len() == indices.len(), "the indices' length differs");
    check_rows(indices, along.length)?;
    each_along(along, indices, |from, to| out[to] = x[from]);
    Ok(())
}

/// `out[o, indices[o, j, i], i] += source[o, j, i]`, in the order of the indices. A part of the work is a
/// call on a part of the outer axes.
///
/// # Errors
/// An index beyond the axis.
///
/// # Panics
/// Where a slice has not the length that `along` says.
pub fn scatter_add_along_axis<T: Float>(
    source: &[T],
    along: Along,
    indices: &[i64],
    out: &mut [T],
) -> Result {
    assert_eq!(out.len(), along.source_len(), "the output has another length");
    assert!(indices.len() == along.index_len() && source.len() == indices.len(), "the lengths differ");
    check_rows(indices, along.length)?;
    each_along(along, indices, |to, from| out[to] += source[from]);
    Ok(())
}

/// Calls `f(position in [outer, length, inner], position in the indices)` in the order of the indices.
#[inline(always)]
fn each_along(along: Along, indices: &[i64], mut f: impl FnMut(usize, usize)) {
    let mut place = 0;
    for outer in 0..along.outer {
        for _ in 0..along.count {
            for inner in 0..along.inner {
                f((outer * along.length + indices[place] as usize) * along.inner + inner, place);
                place += 1;
            }
        }
    }
}

/// 1 at each row's index, 0 elsewhere.
///
/// # Errors
/// An index that is no class.
///
/// # Panics
/// Where `out` has not `classes` values for each index.
pub fn one_hot<T: Float>(indices: &[i64], classes: usize, out: &mut [T]) -> Result {
    assert_eq!(out.len(), indices.len() * classes, "the output has another length");
    check_rows(indices, classes)?;
    out.fill(T::ZERO);
    for (row, &index) in out.chunks_exact_mut(classes.max(1)).zip(indices) {
        row[index as usize] = T::ONE;
    }
    Ok(())
}
