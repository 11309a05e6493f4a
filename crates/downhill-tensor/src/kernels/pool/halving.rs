//! Largest values of squares of two by two places, side by side: eight at a time, without branches.

use crate::Float;

/// The place and the value of the first largest of four; a NaN counts as the largest.
#[inline(always)]
pub(super) fn largest_of<T: Float>(values: [T; 4]) -> (usize, T) {
    let better = |(i, a): (usize, T), (j, b): (usize, T)| {
        let second = exceeds(b, a);
        (if second { j } else { i }, if second { b } else { a })
    };
    let [a, b, c, d] = values;
    better(better((0, a), (1, b)), better((2, c), (3, d)))
}

/// Windows of four places that are compared together.
const EIGHT: usize = 8;

/// The four places of eight windows, from the pairs of the upper and of the lower row.
#[inline(always)]
fn eight_quads<T: Float>(upper: &[[T; 2]; EIGHT], lower: &[[T; 2]; EIGHT]) -> [[T; EIGHT]; 4] {
    let mut quads = [[T::ZERO; EIGHT]; 4];
    for i in 0..EIGHT {
        quads[0][i] = upper[i][0];
        quads[1][i] = upper[i][1];
        quads[2][i] = lower[i][0];
        quads[3][i] = lower[i][1];
    }
    quads
}

/// Calls `f(first window of the row, places)` for groups of eight windows that cover a row of at least eight;
/// the last group begins earlier rather than reach too far.
#[inline(always)]
fn by_eight<T: Float>(rows: &[T], windows: usize, mut f: impl FnMut(usize, [[T; EIGHT]; 4])) {
    let (upper, lower) = rows.split_at(rows.len() / 2);
    let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    for first in (0..windows).step_by(EIGHT) {
        let first = first.min(windows - EIGHT);
        let eight = |pairs: &'_ [[T; 2]]| *pairs[first..].first_chunk::<EIGHT>().expect("eight windows");
        f(first, eight_quads(&eight(upper), &eight(lower)));
    }
}

/// The largest of each square of two rows. A NaN counts as the largest.
#[inline(always)]
pub(super) fn halve<T: Float>(rows: &[T], out: &mut [T]) {
    let (width, windows) = (rows.len() / 2, out.len());
    if windows < EIGHT {
        for (i, out) in out.iter_mut().enumerate() {
            *out = largest_of([rows[2 * i], rows[2 * i + 1], rows[width + 2 * i], rows[width + 2 * i + 1]]).1;
        }
        return;
    }
    by_eight(
        rows,
        windows,
        #[inline(always)]
        |first, [a, b, c, d]| {
            let mut largest = [T::ZERO; EIGHT];
            for i in 0..EIGHT {
                largest[i] = larger(larger(a[i], b[i]), larger(c[i], d[i]));
            }
            out[first..first + EIGHT].copy_from_slice(&largest);
        },
    );
}

/// The first of two that is larger; a NaN counts as the largest.
#[inline(always)]
fn larger<T: Float>(a: T, b: T) -> T {
    if exceeds(b, a) { b } else { a }
}

/// Whether `b` is larger than `a`; a NaN counts as the largest.
#[allow(clippy::neg_cmp_op_on_partial_ord, reason = "true where one of the two is NaN")]
#[allow(clippy::eq_op, reason = "false for NaN alone, in one comparison")]
#[inline(always)]
fn exceeds<T: Float>(b: T, a: T) -> bool {
    !(b <= a) & (a == a)
}

/// Pairs that hold `g` where the first or the second is larger, and zero beside it.
#[inline(always)]
fn divide<T: Float>(g: &[T; EIGHT], first: &[T; EIGHT], second: &[T; EIGHT]) -> [T; 2 * EIGHT] {
    let (mut left, mut right) = ([T::ZERO; EIGHT], [T::ZERO; EIGHT]);
    for i in 0..EIGHT {
        let exceeded = exceeds(second[i], first[i]);
        left[i] = if exceeded { T::ZERO } else { g[i] };
        right[i] = if exceeded { g[i] } else { T::ZERO };
    }
    let mut pairs = [T::ZERO; 2 * EIGHT];
    for i in 0..EIGHT {
        pairs[2 * i] = left[i];
        pairs[2 * i + 1] = right[i];
    }
    pairs
}

/// Writes each window's `g` to the place where it is largest among its square of two rows, and zero to the
/// rest.
#[inline(always)]
pub(super) fn scatter_halved<T: Float>(rows: &[T], g: &[T], dx: &mut [T]) {
    let (width, windows) = (rows.len() / 2, g.len());
    let (upper, lower) = dx.split_at_mut(width);
    for row in [&mut *upper, &mut *lower] {
        row[2 * windows..].fill(T::ZERO);
    }
    let (upper, lower) = (upper.as_chunks_mut::<2>().0, lower.as_chunks_mut::<2>().0);
    if windows < EIGHT {
        for i in 0..windows {
            let quad = [rows[2 * i], rows[2 * i + 1], rows[width + 2 * i], rows[width + 2 * i + 1]];
            let mut values = [T::ZERO; 4];
            values[largest_of(quad).0] = g[i];
            [upper[i], lower[i]] = [[values[0], values[1]], [values[2], values[3]]];
        }
        return;
    }
    by_eight(
        rows,
        windows,
        #[inline(always)]
        |first, [a, b, c, d]| {
            let g = g[first..].first_chunk::<EIGHT>().expect("eight windows");
            // Divided between the rows, then between the places of each.
            let (mut above, mut below) = ([T::ZERO; EIGHT], [T::ZERO; EIGHT]);
            for i in 0..EIGHT {
                let second = exceeds(larger(c[i], d[i]), larger(a[i], b[i]));
                above[i] = if second { T::ZERO } else { g[i] };
                below[i] = if second { g[i] } else { T::ZERO };
            }
            let values = [divide(&above, &a, &b), divide(&below, &c, &d)];
            for (row, values) in [&mut *upper, &mut *lower].into_iter().zip(&values) {
                row[first..first + EIGHT].as_flattened_mut().copy_from_slice(values);
            }
        },
    );
}
