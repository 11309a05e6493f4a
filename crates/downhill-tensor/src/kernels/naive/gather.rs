use crate::Float;
use crate::kernels::gather::{Along, RowOutOfRange};

/// The row that an index names, which stands at a position among others.
fn named_row(position: usize, index: i64, rows: usize) -> Result<usize, RowOutOfRange> {
    let row = usize::try_from(index).ok().filter(|&row| row < rows);
    row.ok_or(RowOutOfRange { index, position, rows })
}

/// `out[i] = table[indices[i]]`, row by row; see [`kernels::gather`](crate::kernels::gather::gather_rows).
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
) -> Result<(), RowOutOfRange> {
    assert!(table.len() == rows * row_len && out.len() == indices.len() * row_len);
    for (i, &index) in indices.iter().enumerate() {
        let row = named_row(i, index, rows)?;
        for j in 0..row_len {
            out[i * row_len + j] = table[row * row_len + j];
        }
    }
    Ok(())
}

/// `out[indices[i]] += source[i]`, row by row, in the order of `i`.
///
/// # Errors
/// An index that is no row.
///
/// # Panics
/// Where a slice has not the length that the shapes say.
pub fn scatter_add_rows<T: Float>(
    source: &[T],
    rows: usize,
    row_len: usize,
    indices: &[i64],
    out: &mut [T],
) -> Result<(), RowOutOfRange> {
    assert!(out.len() == rows * row_len && source.len() == indices.len() * row_len);
    for (i, &index) in indices.iter().enumerate() {
        let row = named_row(i, index, rows)?;
        for j in 0..row_len {
            out[row * row_len + j] += source[i * row_len + j];
        }
    }
    Ok(())
}

/// `out[o, j, i] = x[o, indices[o, j, i], i]`.
///
/// # Errors
/// An index beyond the axis.
///
/// # Panics
/// Where a slice has not the length that `along` says.
pub fn gather_along_axis<T: Copy>(
    x: &[T],
    along: Along,
    indices: &[i64],
    out: &mut [T],
) -> Result<(), RowOutOfRange> {
    assert!(
        x.len() == along.source_len() && indices.len() == along.index_len() && out.len() == indices.len()
    );
    for (at, &index) in indices.iter().enumerate() {
        let row = named_row(at, index, along.length)?;
        let (outer, inner) = (at / (along.count * along.inner), at % along.inner);
        out[at] = x[(outer * along.length + row) * along.inner + inner];
    }
    Ok(())
}

/// `out[o, indices[o, j, i], i] += source[o, j, i]`, in the order of the indices.
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
) -> Result<(), RowOutOfRange> {
    assert!(out.len() == along.source_len() && indices.len() == along.index_len());
    assert_eq!(source.len(), indices.len());
    for (at, &index) in indices.iter().enumerate() {
        let row = named_row(at, index, along.length)?;
        let (outer, inner) = (at / (along.count * along.inner), at % along.inner);
        out[(outer * along.length + row) * along.inner + inner] += source[at];
    }
    Ok(())
}

/// 1 at each row's index, 0 elsewhere.
///
/// # Errors
/// An index that is no class.
///
/// # Panics
/// Where `out` has not `classes` values for each index.
pub fn one_hot<T: Float>(indices: &[i64], classes: usize, out: &mut [T]) -> Result<(), RowOutOfRange> {
    assert_eq!(out.len(), indices.len() * classes);
    out.fill(T::ZERO);
    for (i, &index) in indices.iter().enumerate() {
        out[i * classes + named_row(i, index, classes)?] = T::ONE;
    }
    Ok(())
}
