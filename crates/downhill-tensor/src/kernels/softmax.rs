//! Softmax, its logarithm, the logarithm of a sum of exponentials, and cross entropy: over rows, with
//! gradients.
//!
//! Every function shifts a row by its largest value, so values of ±10⁴ and beyond do no harm. All slices
//! hold whole rows of `n` values and rows do not touch each other: a part of the work is a call on a
//! sub-slice of whole rows.
//!
//! Short rows would leave vectors half empty, so they are computed side by side, one a lane, and added up
//! from first to last; longer ones have the sums of [`reduce`](super::reduce).

use super::isa::{Isa, current, vectorize};
use super::math;
use super::reduce::row_sum;
use super::rows::sum_of;
use crate::Float;

/// Elements that are treated in one go, while they are in the nearest cache.
const CHUNK: usize = 4096;
/// Exponentials of one row that are held at once.
const SPACE: usize = 256;
/// Rows shorter than this are computed side by side.
const SHORT: usize = 16;
/// As many of them as there are lanes.
const LANES: usize = 8;

/// `exp(x_j) / Σ exp(x_i)` over each row of `n` values. A row of -infinity, where everything is masked
/// out, gives 0 throughout.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn softmax<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    softmax_with(current(), x, n, out);
}

/// [`softmax`] with a chosen instruction set.
///
/// # Panics
/// As [`softmax`].
pub fn softmax_with<T: Float>(isa: Isa, x: &[T], n: usize, out: &mut [T]) {
    check_rows(n, &[x.len(), out.len()]);
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            if n < SHORT {
                return side_by_side(
                    x,
                    n,
                    #[inline(always)]
                    |first, rows| {
                        let (powers, _, sums) = rows.exponentials();
                        let scales = sums.map(reciprocal);
                        rows.write(
                            first,
                            out,
                            #[inline(always)]
                            |lane, j| powers[j][lane] * scales[lane],
                        );
                    },
                );
            }
            for (x, out) in x.chunks(chunk(n)).zip(out.chunks_mut(chunk(n))) {
                exponentials(x, n, out);
                for out in out.chunks_exact_mut(n) {
                    let scale = reciprocal(row_sum(out));
                    out.iter_mut().for_each(|v| *v *= scale);
                }
            }
        },
    );
}

/// `x_j - ln Σ exp(x_i)` over each row of `n` values; -infinity throughout a row of -infinity.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn log_softmax<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    log_softmax_with(current(), x, n, out);
}

/// [`log_softmax`] with a chosen instruction set.
///
/// # Panics
/// As [`log_softmax`].
pub fn log_softmax_with<T: Float>(isa: Isa, x: &[T], n: usize, out: &mut [T]) {
    check_rows(n, &[x.len(), out.len()]);
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            if n < SHORT {
                return side_by_side(
                    x,
                    n,
                    #[inline(always)]
                    |first, rows| {
                        let (_, shifts, sums) = rows.exponentials();
                        let rests = sums.map(finite_ln);
                        rows.write(
                            first,
                            out,
                            #[inline(always)]
                            |lane, j| (rows.rows[lane][j] - shifts[lane]) - rests[lane],
                        );
                    },
                );
            }
            for (x, out) in x.chunks(chunk(n)).zip(out.chunks_mut(chunk(n))) {
                exponentials(x, n, out);
                for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                    let (shift, rest) = (shift(x), finite_ln(row_sum(out)));
                    out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - shift) - rest);
                }
            }
        },
    );
}

/// `ln Σ exp(x_i)` of each row of `n` values; -infinity for a row of -infinity or of no values.
///
/// # Panics
/// Where `x` has not `n` values for each of `out`.
pub fn logsumexp<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len() * n, "the lengths do not fit rows of {n}");
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for (row, out) in out.iter_mut().enumerate() {
                let (shift, sum) = sum_of_exponentials(&x[row * n..(row + 1) * n]);
                *out = shift + math::ln(sum);
            }
        },
    );
}

/// `dx = y (g - Σ g y)` for each row of `n` values, `y` being the softmax.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn softmax_gradient<T: Float>(y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    softmax_gradient_with(current(), y, g, n, dx);
}

/// [`softmax_gradient`] with a chosen instruction set.
///
/// # Panics
/// As [`softmax_gradient`].
pub fn softmax_gradient_with<T: Float>(isa: Isa, y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    check_rows(n, &[y.len(), g.len(), dx.len()]);
    let n = n.max(1);
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
                let dot = sum_of(
                    [y, g],
                    #[inline(always)]
                    |[y, g]| y * g,
                );
                dx.iter_mut().zip(y).zip(g).for_each(|((dx, &y), &g)| *dx = y * (g - dot));
            }
        },
    );
}

/// `dx = g - exp(y) Σ g` for each row of `n` values, `y` being the logarithm of the softmax.
///
/// # Panics
/// Where the lengths differ or are no multiple of `n`.
pub fn log_softmax_gradient<T: Float>(y: &[T], g: &[T], n: usize, dx: &mut [T]) {
    check_rows(n, &[y.len(), g.len(), dx.len()]);
    let n = n.max(1);
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for ((y, g), dx) in y.chunks_exact(n).zip(g.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
                let sum = row_sum(g);
                dx.iter_mut().zip(y).zip(g).for_each(|((dx, &y), &g)| *dx = g - math::exp(y) * sum);
            }
        },
    );
}

/// `ln Σ exp(x_i) - x_class` of each row of `n` values: the cross entropy between a softmax and a class.
/// NaN where the class is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy<T: Float>(x: &[T], classes: &[i64], n: usize, loss: &mut [T]) {
    cross_entropy_with(current(), x, classes, n, loss);
}

/// [`cross_entropy`] with a chosen instruction set.
///
/// # Panics
/// As [`cross_entropy`].
pub fn cross_entropy_with<T: Float>(isa: Isa, x: &[T], classes: &[i64], n: usize, loss: &mut [T]) {
    let fits = x.len() == classes.len() * n && loss.len() == classes.len();
    assert!(fits, "the lengths do not fit rows of {n}");
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            if n == 0 {
                return loss.fill(T::NAN);
            }
            if n < SHORT {
                return side_by_side(
                    x,
                    n,
                    #[inline(always)]
                    |first, rows| {
                        let (_, shifts, sums) = rows.exponentials();
                        let rests = sums.map(finite_ln);
                        for lane in 0..rows.count {
                            let chosen = chosen(rows.rows[lane], classes[first + lane]);
                            loss[first + lane] = rests[lane] - (chosen - shifts[lane]);
                        }
                    },
                );
            }
            for ((row, &class), loss) in x.chunks_exact(n).zip(classes).zip(loss) {
                let (shift, sum) = sum_of_exponentials(row);
                *loss = finite_ln(sum) - (chosen(row, class) - shift);
            }
        },
    );
}

/// `dx_j = g (softmax(x)_j - [j = class])` for each row of `n` values and its one `g`; NaN where the class
/// is no column.
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn cross_entropy_gradient<T: Float>(x: &[T], classes: &[i64], g: &[T], n: usize, dx: &mut [T]) {
    cross_entropy_gradient_with(current(), x, classes, g, n, dx);
}

/// [`cross_entropy_gradient`] with a chosen instruction set.
///
/// # Panics
/// As [`cross_entropy_gradient`].
pub fn cross_entropy_gradient_with<T: Float>(
    isa: Isa,
    x: &[T],
    classes: &[i64],
    g: &[T],
    n: usize,
    dx: &mut [T],
) {
    let fits = x.len() == classes.len() * n && g.len() == classes.len() && dx.len() == x.len();
    assert!(fits, "the lengths do not fit rows of {n}");
    // What is subtracted at the class, once the row is `scale` times its exponentials.
    #[inline(always)]
    fn subtract<T: Float>(dx: &mut [T], class: i64, power: T, scale: T, g: T) {
        match usize::try_from(class).ok().and_then(|class| dx.get_mut(class)) {
            Some(dx) => *dx = (power * scale - T::ONE) * g,
            None => dx.fill(T::NAN),
        }
    }
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            if n < SHORT {
                return side_by_side(
                    x,
                    n,
                    #[inline(always)]
                    |first, rows| {
                        let (powers, _, sums) = rows.exponentials();
                        let scales = sums.map(reciprocal);
                        let gs: [T; LANES] = std::array::from_fn(|lane| g[first + lane.min(rows.count - 1)]);
                        rows.write(
                            first,
                            dx,
                            #[inline(always)]
                            |lane, j| powers[j][lane] * scales[lane] * gs[lane],
                        );
                        for lane in 0..rows.count {
                            let (row, class) = (first + lane, classes[first + lane]);
                            let power = powers[class.clamp(0, n as i64 - 1) as usize][lane];
                            subtract(&mut dx[row * n..(row + 1) * n], class, power, scales[lane], gs[lane]);
                        }
                    },
                );
            }
            for (first, (x, dx)) in x.chunks(chunk(n)).zip(dx.chunks_mut(chunk(n))).enumerate() {
                exponentials(x, n, dx);
                for (row, dx) in dx.chunks_exact_mut(n).enumerate() {
                    let row = first * (chunk(n) / n) + row;
                    let (scale, g) = (reciprocal(row_sum(dx)), g[row]);
                    let power = chosen(dx, classes[row]);
                    dx.iter_mut().for_each(|v| *v = *v * scale * g);
                    subtract(dx, classes[row], power, scale, g);
                }
            }
        },
    );
}

/// The value at a class; NaN where there is none.
#[inline(always)]
fn chosen<T: Float>(row: &[T], class: i64) -> T {
    usize::try_from(class).ok().and_then(|class| row.get(class)).copied().unwrap_or(T::NAN)
}

fn check_rows(n: usize, lengths: &[usize]) {
    let length = lengths[0];
    assert!(lengths.iter().all(|&other| other == length), "the lengths {lengths:?} differ");
    assert!(length == 0 || (n > 0 && length.is_multiple_of(n)), "{length} values are no rows of {n}");
}

/// As many whole rows as fit into a chunk, one at least.
#[inline(always)]
fn chunk(n: usize) -> usize {
    (CHUNK / n.max(1)).max(1) * n.max(1)
}

/// What to subtract from a row: its largest value, or nothing where all is -infinity.
#[inline(always)]
fn finite_shift<T: Float>(max: T) -> T {
    if max == T::NEG_INFINITY { T::ZERO } else { max }
}

/// What to subtract from a whole row. A NaN is passed over: it makes the sum of the row's exponentials NaN
/// anyway, and without it a comparison is one instruction.
#[inline(always)]
pub(crate) fn shift<T: Float>(row: &[T]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let mut lanes = [T::NEG_INFINITY; SHORT];
    let (chunks, rest) = row.as_chunks::<SHORT>();
    for chunk in chunks {
        for lane in 0..SHORT {
            lanes[lane] = larger(lanes[lane], chunk[lane]);
        }
    }
    let most = lanes.iter().chain(rest).fold(T::NEG_INFINITY, |most, &x| larger(most, x));
    finite_shift(most)
}

/// The logarithm of a sum of exponentials; 0 where there was nothing to add up.
#[inline(always)]
fn finite_ln<T: Float>(sum: T) -> T {
    if sum == T::ZERO { T::ZERO } else { math::ln(sum) }
}

/// 1 over a sum of exponentials; 0 where there was nothing to add up.
#[inline(always)]
fn reciprocal<T: Float>(sum: T) -> T {
    if sum == T::ZERO { T::ZERO } else { T::ONE / sum }
}

/// `exp(x - max)` row by row.
#[inline(always)]
fn exponentials<T: Float>(x: &[T], n: usize, out: &mut [T]) {
    for (x, out) in x.chunks_exact(n.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
        let shift = shift(x);
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = x - shift);
    }
    // In one loop over all rows: rows whose length is no multiple of a vector's would leave a rest each.
    out.iter_mut().for_each(
        #[inline(always)]
        |v| *v = math::exp(*v),
    );
}

/// The shift of a row and `Σ exp(x_i - shift)`.
#[inline(always)]
fn sum_of_exponentials<T: Float>(row: &[T]) -> (T, T) {
    let shift = shift(row);
    let mut sum = T::ZERO;
    let mut space = [T::ZERO; SPACE];
    for row in row.chunks(SPACE) {
        let space = &mut space[..row.len()];
        space.iter_mut().zip(row).for_each(
            #[inline(always)]
            |(power, &x)| *power = math::exp(x - shift),
        );
        sum += sum_of(
            [&*space],
            #[inline(always)]
            |[power]| power,
        );
    }
    (shift, sum)
}

/// Up to [`LANES`] short rows. Where there are fewer, the last stands for those that are missing.
struct Side<'a, T> {
    rows: [&'a [T]; LANES],
    count: usize,
    n: usize,
}

/// Calls `f` with the number of the first and the next [`LANES`] rows, until all have been seen.
#[inline(always)]
fn side_by_side<'a, T: Float>(x: &'a [T], n: usize, mut f: impl FnMut(usize, Side<'a, T>)) {
    let count = x.len() / n.max(1);
    for first in (0..count).step_by(LANES) {
        let rows = std::array::from_fn(
            #[inline(always)]
            |lane| &x[(first + lane).min(count - 1) * n..][..n],
        );
        f(first, Side { rows, count: LANES.min(count - first), n });
    }
}

impl<T: Float> Side<'_, T> {
    /// The values at position `j`.
    #[inline(always)]
    fn column(&self, j: usize) -> [T; LANES] {
        std::array::from_fn(
            #[inline(always)]
            |lane| self.rows[lane][j],
        )
    }

    /// `exp(x - shift)` by position and lane, with the shift and the sum of each row.
    #[inline(always)]
    fn exponentials(&self) -> ([[T; LANES]; SHORT], [T; LANES], [T; LANES]) {
        let mut powers = [[T::ZERO; LANES]; SHORT];
        let mut shifts = [T::NEG_INFINITY; LANES];
        let mut sums = [T::ZERO; LANES];
        for (j, powers) in powers[..self.n].iter_mut().enumerate() {
            *powers = self.column(j);
            for lane in 0..LANES {
                shifts[lane] = if powers[lane] > shifts[lane] { powers[lane] } else { shifts[lane] };
            }
        }
        let shifts = shifts.map(finite_shift);
        for powers in &mut powers[..self.n] {
            for lane in 0..LANES {
                powers[lane] = math::exp(powers[lane] - shifts[lane]);
                sums[lane] += powers[lane];
            }
        }
        (powers, shifts, sums)
    }

    /// Writes `value(lane, j)` to the rows from `first` on.
    #[inline(always)]
    fn write(&self, first: usize, out: &mut [T], value: impl Fn(usize, usize) -> T) {
        let out = &mut out[first * self.n..(first + self.count) * self.n];
        for (lane, out) in out.chunks_exact_mut(self.n.max(1)).enumerate() {
            for (j, out) in out.iter_mut().enumerate() {
                *out = value(lane, j);
            }
        }
    }
}
