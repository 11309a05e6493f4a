//! Largest values of squares of two by two places, side by side: eight at a time, without branches.

use crate::{DType, Float};

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

/// The pairs of one row in eight windows.
type Pairs<T> = [T; 2 * EIGHT];

/// The first and the second places of pairs.
#[inline(always)]
fn parted<T: Float>(pairs: &Pairs<T>) -> [[T; EIGHT]; 2] {
    let mut parted = [[T::ZERO; EIGHT]; 2];
    for i in 0..EIGHT {
        parted[0][i] = pairs[2 * i];
        parted[1][i] = pairs[2 * i + 1];
    }
    parted
}

/// Calls `f(first window of the row, upper pairs, lower pairs)` for groups of eight windows that cover a row; `x`
/// begins with its two rows. The last group begins earlier rather than reach too far. A row of fewer than eight
/// windows is a group whose other windows lie in what follows, if `x` has it: returns whether the row was covered.
#[inline(always)]
fn by_eight<T: Float>(
    x: &[T],
    width: usize,
    windows: usize,
    mut f: impl FnMut(usize, &Pairs<T>, &Pairs<T>),
) -> bool {
    if windows < EIGHT && x.len() < width + 2 * EIGHT {
        return false;
    }
    for first in (0..windows).step_by(EIGHT) {
        let first = first.min(windows.saturating_sub(EIGHT));
        let pairs = |start: usize| x[start + 2 * first..].first_chunk().expect("eight pairs");
        f(first, pairs(0), pairs(width));
    }
    true
}

/// The largest of each square of the first two rows of `x`. A NaN counts as the largest. What follows the
/// `windows` results in `out` may be overwritten: rows go from first to last.
#[inline(always)]
pub(super) fn halve<T: Float>(form: Form, x: &[T], width: usize, out: &mut [T], windows: usize) {
    let covered = out.len() >= EIGHT
        && by_eight(
            x,
            width,
            windows,
            #[inline(always)]
            |first, upper, lower| {
                let largest = eight_largest(form, upper, lower);
                out[first..first + EIGHT].copy_from_slice(&largest);
            },
        );
    if !covered {
        for (i, out) in out[..windows].iter_mut().enumerate() {
            *out = largest_of([x[2 * i], x[2 * i + 1], x[width + 2 * i], x[width + 2 * i + 1]]).1;
        }
    }
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
fn divide<T: Float>(g: &[T; EIGHT], [first, second]: &[[T; EIGHT]; 2]) -> Pairs<T> {
    let mut pairs = [T::ZERO; 2 * EIGHT];
    for i in 0..EIGHT {
        let exceeded = exceeds(second[i], first[i]);
        pairs[2 * i] = if exceeded { T::ZERO } else { g[i] };
        pairs[2 * i + 1] = if exceeded { g[i] } else { T::ZERO };
    }
    pairs
}

/// How eight windows are compared.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Arrays,
    /// Known to exist, for `f32`.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Form {
    /// The one for numbers of this type, inside of [`vectorize`](super::super::isa::vectorize), which says
    /// whether multiplication and addition are `fused`.
    #[inline(always)]
    pub fn of<T: Float>(fused: bool) -> Self {
        #[cfg(target_arch = "x86_64")]
        if fused && T::DTYPE == DType::F32 {
            return Form::Avx2;
        }
        let _ = fused;
        Form::Arrays
    }
}

/// The largest of each of eight windows.
#[inline(always)]
fn eight_largest<T: Float>(form: Form, upper: &Pairs<T>, lower: &Pairs<T>) -> [T; EIGHT] {
    let mut largest = [T::ZERO; EIGHT];
    match form {
        Form::Arrays => {
            let ([a, b], [c, d]) = (parted(upper), parted(lower));
            for i in 0..EIGHT {
                largest[i] = larger(larger(a[i], b[i]), larger(c[i], d[i]));
            }
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the form says that the machine has AVX2 and `T` is `f32`.
        Form::Avx2 => unsafe {
            let rows = [upper.as_ptr().cast(), lower.as_ptr().cast()];
            avx2::largest(rows, largest.as_mut_ptr().cast());
        },
    }
    largest
}

/// The pairs of both rows with each window's `g` where it is largest, and zero elsewhere.
#[inline(always)]
fn eight_scattered<T: Float>(
    form: Form,
    upper: &Pairs<T>,
    lower: &Pairs<T>,
    g: &[T; EIGHT],
) -> [Pairs<T>; 2] {
    match form {
        Form::Arrays => {
            let rows = [parted(upper), parted(lower)];
            // Divided between the rows, then between the places of each.
            let (mut above, mut below) = ([T::ZERO; EIGHT], [T::ZERO; EIGHT]);
            for i in 0..EIGHT {
                let [first, second] = [0, 1].map(|row: usize| larger(rows[row][0][i], rows[row][1][i]));
                let exceeded = exceeds(second, first);
                above[i] = if exceeded { T::ZERO } else { g[i] };
                below[i] = if exceeded { g[i] } else { T::ZERO };
            }
            [divide(&above, &rows[0]), divide(&below, &rows[1])]
        }
        #[cfg(target_arch = "x86_64")]
        Form::Avx2 => {
            let mut pairs = [[T::ZERO; 2 * EIGHT]; 2];
            let [above, below] = &mut pairs;
            // SAFETY: the form says that the machine has AVX2 and `T` is `f32`.
            unsafe {
                let rows = [upper.as_ptr().cast(), lower.as_ptr().cast()];
                let out = [above.as_mut_ptr().cast(), below.as_mut_ptr().cast()];
                avx2::scatter(rows, g.as_ptr().cast(), out);
            }
            pairs
        }
    }
}

/// Windows lie in the order 0 1 4 5 2 3 6 7, which shuffles within halves of a register leave them in.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    /// # Safety
    /// The machine has AVX2; rows are readable for 16 numbers and `out` is writable for 8.
    #[inline(always)]
    pub(super) unsafe fn largest([upper, lower]: [*const f32; 2], out: *mut f32) {
        // SAFETY: the caller's.
        unsafe {
            let ([a, b], [c, d]) = (parted(upper), parted(lower));
            _mm256_storeu_ps(out, in_order(larger(larger(a, b), larger(c, d))));
        }
    }

    /// # Safety
    /// The machine has AVX2; rows are readable, and those of `out` writable, for 16 numbers, and `g` for 8.
    #[inline(always)]
    pub(super) unsafe fn scatter([upper, lower]: [*const f32; 2], g: *const f32, out: [*mut f32; 2]) {
        // SAFETY: the caller's.
        unsafe {
            let g = in_order(_mm256_loadu_ps(g));
            let rows = [parted(upper), parted(lower)];
            let below = exceeds(larger(rows[1][0], rows[1][1]), larger(rows[0][0], rows[0][1]));
            let shares = [_mm256_andnot_ps(below, g), _mm256_and_ps(below, g)];
            for row in 0..2 {
                let (right, share) = (exceeds(rows[row][1], rows[row][0]), shares[row]);
                let (first, second) = (_mm256_andnot_ps(right, share), _mm256_and_ps(right, share));
                _mm256_storeu_ps(out[row], _mm256_unpacklo_ps(first, second));
                _mm256_storeu_ps(out[row].add(8), _mm256_unpackhi_ps(first, second));
            }
        }
    }

    /// The first and the second places of eight pairs.
    ///
    /// # Safety
    /// The machine has AVX2; 16 numbers are readable.
    #[inline(always)]
    unsafe fn parted(pairs: *const f32) -> [__m256; 2] {
        // SAFETY: the caller's.
        unsafe {
            let (a, b) = (_mm256_loadu_ps(pairs), _mm256_loadu_ps(pairs.add(8)));
            [_mm256_shuffle_ps::<0x88>(a, b), _mm256_shuffle_ps::<0xdd>(a, b)]
        }
    }

    /// From windows in order to the order of [`parted`], and back.
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn in_order(windows: __m256) -> __m256 {
        // SAFETY: the caller's.
        unsafe { _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(_mm256_castps_pd(windows))) }
    }

    /// As [`super::exceeds`].
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn exceeds(b: __m256, a: __m256) -> __m256 {
        // SAFETY: the caller's.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(b, a), _mm256_cmp_ps::<_CMP_ORD_Q>(a, a)) }
    }

    /// As [`super::larger`].
    ///
    /// # Safety
    /// The machine has AVX2.
    #[inline(always)]
    unsafe fn larger(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the caller's.
        unsafe { _mm256_blendv_ps(a, b, exceeds(b, a)) }
    }
}

/// Writes each window's `g` to the place where it is largest among its square of the first two rows of `x`, and
/// zero to the rest of these rows, of so many `windows`. What follows them in `dx` may be overwritten: rows go
/// from first to last.
#[inline(always)]
pub(super) fn scatter_halved<T: Float>(
    form: Form,
    x: &[T],
    width: usize,
    g: &[T],
    windows: usize,
    dx: &mut [T],
) {
    let covered = g.len() >= EIGHT
        && by_eight(
            x,
            width,
            windows,
            #[inline(always)]
            |first, upper, lower| {
                let g = g[first..].first_chunk().expect("eight windows");
                // The rows may overlap where they are short.
                let [above, below] = eight_scattered(form, upper, lower, g);
                dx[2 * first..][..2 * EIGHT].copy_from_slice(&above);
                dx[width + 2 * first..][..2 * EIGHT].copy_from_slice(&below);
            },
        );
    if !covered {
        for (i, &g) in g[..windows].iter().enumerate() {
            let places = [2 * i, 2 * i + 1, width + 2 * i, width + 2 * i + 1];
            places.into_iter().for_each(|place| dx[place] = T::ZERO);
            dx[places[largest_of(places.map(|place| x[place])).0]] = g;
        }
    }
    for row in dx[..2 * width].chunks_exact_mut(width) {
        row[2 * windows..].fill(T::ZERO);
    }
}
