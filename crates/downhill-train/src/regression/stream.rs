//! Going through the rows once, block by block, on several threads.
//!
//! A block of rows is copied together in double precision, centred and scaled, with a column of ones at its end where
//! there is an intercept. Blocks make up chunks, as many as follow from the sizes alone; each chunk has sums of its
//! own, which come back in the order of the chunks. So the bits are the same with any number of threads.

use super::examples::Rows;
use downhill_tensor::Float;
use downhill_tensor::kernels::isa::{self, vectorize};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows of the design are padded to whole vectors of this many numbers.
const LANES: usize = 8;
/// Numbers of a block: with what is computed from it, it stays in a near cache.
const BLOCK: usize = 16 * 1024;
/// Numbers below which a second thread costs more than it helps.
const WORTH_A_THREAD: usize = 1 << 16;

/// How a column of the data becomes one of the design: `z = (x - centre) factor`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub centre: Vec<f64>,
    pub factor: Vec<f64>,
    /// Whether a column of ones follows.
    pub intercept: bool,
}

impl Frame {
    /// The columns as they are.
    pub fn plain(columns: usize, intercept: bool) -> Self {
        Frame { centre: vec![0.0; columns], factor: vec![1.0; columns], intercept }
    }

    /// The columns of the design.
    pub fn width(&self) -> usize {
        self.centre.len() + usize::from(self.intercept)
    }

    /// The distance of two rows in a block.
    pub fn stride(&self) -> usize {
        self.width().next_multiple_of(LANES).max(LANES)
    }
}

/// A few rows of the design.
pub(crate) struct Block<'b> {
    /// The number of the first row.
    pub first: usize,
    /// How many rows.
    pub rows: usize,
    /// From one row to the next; what lies behind the width is 0.
    pub stride: usize,
    pub z: &'b [f64],
}

impl Block<'_> {
    /// Writes `z · parameters` of each row into `out`; the parameters are padded to the stride.
    pub fn product(&self, parameters: &[f64], out: &mut [f64]) {
        vectorize(isa::current(), |fma| dots(self.z, self.stride, parameters, &mut out[..self.rows], fma));
    }

    /// Adds `Σ factors[i] z[i]` to `sums`, which is padded to the stride.
    pub fn add_weighted_rows(&self, factors: &[f64], sums: &mut [f64]) {
        vectorize(isa::current(), |fma| combine(self.z, self.stride, &factors[..self.rows], sums, fma));
    }
}

#[inline(always)]
fn dots(z: &[f64], stride: usize, parameters: &[f64], out: &mut [f64], fma: bool) {
    for (row, out) in z.chunks_exact(stride).zip(out) {
        let mut lanes = [0.0; LANES];
        for (z, b) in row.as_chunks::<LANES>().0.iter().zip(parameters.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                lanes[lane] =
                    if fma { z[lane].mul_add(b[lane], lanes[lane]) } else { lanes[lane] + z[lane] * b[lane] };
            }
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        *out = ((a + e) + (c + g)) + ((b + f) + (d + h));
    }
}

#[inline(always)]
fn combine(z: &[f64], stride: usize, factors: &[f64], sums: &mut [f64], fma: bool) {
    for (row, &factor) in z.chunks_exact(stride).zip(factors) {
        for (sum, &z) in sums[..stride].iter_mut().zip(row) {
            *sum = if fma { factor.mul_add(z, *sum) } else { *sum + factor * z };
        }
    }
}

#[inline(always)]
fn fill<T: Float>(x: &[T], frame: &Frame, stride: usize, z: &mut [f64]) {
    let columns = frame.centre.len();
    if columns == 0 {
        return;
    }
    let (centre, factor) = (&frame.centre[..columns], &frame.factor[..columns]);
    for (x, z) in x.chunks_exact(columns).zip(z.chunks_exact_mut(stride)) {
        for (((z, &x), &centre), &factor) in z[..columns].iter_mut().zip(x).zip(centre).zip(factor) {
            *z = (x.to_f64() - centre) * factor;
        }
    }
}

/// The rows in a block of this design, which are also the most that [`Block::rows`] can be.
pub(crate) fn block_rows(frame: &Frame) -> usize {
    (BLOCK / frame.stride()).clamp(8, 320)
}

/// Visits all blocks of `examples` rows, and returns the sums of the chunks in order. `state` says how many numbers a
/// chunk's sums are, so that many large ones do not fill the memory.
pub(crate) fn each_block<S: Send>(
    rows: Rows<'_>,
    examples: usize,
    frame: &Frame,
    threads: usize,
    state: usize,
    new: impl Fn() -> S + Sync,
    visit: impl Fn(&mut S, &Block<'_>) + Sync,
) -> Vec<S> {
    let (stride, columns, most) = (frame.stride(), frame.centre.len(), block_rows(frame));
    let blocks = examples.div_ceil(most);
    let chunks = blocks.min(((1 << 22) / state.max(1)).clamp(2, 32));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut z = vec![0.0; most * stride];
        if frame.intercept {
            z.iter_mut().skip(columns).step_by(stride).for_each(|z| *z = 1.0);
        }
        let mut done = Vec::new();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                return done;
            }
            let mut sums = new();
            for block in chunk * blocks / chunks..(chunk + 1) * blocks / chunks {
                let first = block * most;
                let count = most.min(examples - first);
                let range = first * columns..(first + count) * columns;
                let z = &mut z[..count * stride];
                vectorize(isa::current(), |_| match rows {
                    Rows::F32(x) => fill(&x[range], frame, stride, z),
                    Rows::F64(x) => fill(&x[range], frame, stride, z),
                });
                visit(&mut sums, &Block { first, rows: count, stride, z });
            }
            done.push((chunk, sums));
        }
    };
    let threads = threads.min(chunks).min(1 + examples * stride / WORTH_A_THREAD);
    let mut done = if threads <= 1 {
        work()
    } else {
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for helper in helpers {
                done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        })
    };
    done.sort_by_key(|(chunk, _)| *chunk);
    done.into_iter().map(|(_, sums)| sums).collect()
}

/// The numbers padded with zeros to the stride of the design.
pub(crate) fn padded(numbers: &[f64], frame: &Frame) -> Vec<f64> {
    let mut padded = numbers.to_vec();
    padded.resize(frame.stride(), 0.0);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_each_row_once_centred_and_scaled_with_a_one_behind() {
        let (n, p) = (3000usize, 3usize);
        let x: Vec<f32> = (0..n * p).map(|i| i as f32).collect();
        let frame = Frame { centre: vec![1.0, 2.0, 3.0], factor: vec![2.0, 0.5, 1.0], intercept: true };
        for threads in [1, 2, 5] {
            let parts = each_block((&x).into(), n, &frame, threads, 4, Vec::new, |seen, block| {
                let mut first = vec![0.0; block.rows];
                block.product(&padded(&[1.0, 0.0, 0.0, 10.0], &frame), &mut first);
                seen.extend(first);
            });
            let seen: Vec<f64> = parts.into_iter().flatten().collect();
            let expected: Vec<f64> = (0..n).map(|i| (3.0 * i as f64 - 1.0) * 2.0 + 10.0).collect();
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn sums_have_the_same_bits_with_any_number_of_threads() {
        let (n, p) = (20_000usize, 7usize);
        let x: Vec<f64> = (0..n * p).map(|i| (i as f64 * 0.37).sin()).collect();
        let frame = Frame::plain(p, true);
        let sums = |threads| -> Vec<u64> {
            let parts = each_block(
                (&x).into(),
                n,
                &frame,
                threads,
                8,
                || vec![0.0; 8],
                |sums, block| {
                    let mut eta = vec![0.0; block.rows];
                    block.product(&padded(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], &frame), &mut eta);
                    block.add_weighted_rows(&eta, sums);
                },
            );
            (0..8).map(|j| parts.iter().map(|part| part[j]).sum::<f64>().to_bits()).collect()
        };
        assert_eq!(sums(1), sums(2));
        assert_eq!(sums(1), sums(7));
    }
}
