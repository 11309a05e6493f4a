//! Moving elements between layouts without computing anything.

use super::elementwise;
use super::runs::Runs;
use crate::Layout;
use std::ops::Range;

/// The elements `part` (row-major numbers) of a layout, one after the other.
///
/// # Panics
/// Where `out` has not the length of `part`, `part` exceeds the layout, or the layout `x`.
pub fn copy_strided<T: Copy>(x: &[T], layout: &Layout, part: Range<usize>, out: &mut [T]) {
    assert_eq!(out.len(), part.len(), "the output has another length than the part");
    let runs = Runs::new([layout]);
    let mut axes = runs.axes().rev();
    let (Some((columns, [column])), Some((rows, [1]))) = (axes.next(), axes.next()) else {
        return elementwise::map_strided(
            x,
            layout,
            part,
            out,
            #[inline(always)]
            |value| value,
        );
    };
    // The two innermost axes are a transposed matrix. Whole rows of it go by blocks, what is left at the ends
    // of the part element by element.
    let plane = rows * columns;
    let mut number = part.start;
    while number < part.end {
        let (row, into) = (number % plane / columns, number % columns);
        let whole = (rows - row).min((part.end - number) / columns);
        let [base] = runs.position(number);
        let out = &mut out[number - part.start..];
        if into == 0 && whole > 0 {
            transpose(x, base, column, columns, whole, &mut out[..whole * columns]);
            number += whole * columns;
        } else {
            let count = (columns - into).min(part.end - number);
            for (i, out) in out[..count].iter_mut().enumerate() {
                *out = x[(base + i as isize * column) as usize];
            }
            number += count;
        }
    }
}

/// `out[r, c] = x[base + r + c * stride]`, in squares that stay in the nearest cache.
fn transpose<T: Copy>(x: &[T], base: isize, stride: isize, columns: usize, rows: usize, out: &mut [T]) {
    const SIDE: usize = 16;
    for first_row in (0..rows).step_by(SIDE) {
        let height = SIDE.min(rows - first_row);
        for first_column in (0..columns).step_by(SIDE) {
            let width = SIDE.min(columns - first_column);
            for c in first_column..first_column + width {
                let from = (base + first_row as isize + c as isize * stride) as usize;
                for (r, &value) in x[from..from + height].iter().enumerate() {
                    out[(first_row + r) * columns + c] = value;
                }
            }
        }
    }
}

/// Writes `x`, in row-major order, to the positions of a layout in `out`; leaves the others alone. With the
/// layout of a slice this is the way back from slicing, and with several slices a concatenation.
///
/// # Panics
/// Where `x` has another number of elements, or the layout exceeds `out`.
pub fn write_strided<T: Copy>(x: &[T], out: &mut [T], layout: &Layout) {
    let runs = Runs::new([layout]);
    assert_eq!(x.len(), runs.size(), "the input has another length than the layout");
    let [stride] = runs.inner_strides();
    runs.for_each(0..x.len(), |first, [p], length| {
        let x = &x[first..first + length];
        if stride == 1 {
            out[p..p + length].copy_from_slice(x);
        } else {
            for (i, &value) in x.iter().enumerate() {
                out[(p as isize + stride * i as isize) as usize] = value;
            }
        }
    });
}

/// Fills `out` with `value`, then writes `x` to the positions of a layout in it: padding before, after and
/// between the elements. With the layout that a slice (with any step) gives, and 0, it is the adjoint of
/// slicing.
///
/// # Panics
/// Where `x` has another number of elements, or the layout exceeds `out`.
pub fn pad<T: Copy>(x: &[T], value: T, out: &mut [T], layout: &Layout) {
    out.fill(value);
    write_strided(x, out, layout);
}
