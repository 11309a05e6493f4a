//! Products that are dot products of contiguous vectors: one operand is a vector, or nearly, and the other
//! one's vectors lie side by side.
//!
//! Tiles would have to copy the operands together first, which costs more than the product. Instead each
//! element is summed in 32 interleaved lanes, and the lanes are added in a fixed tree.

use super::{Part, Product, Update};
#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::Float;
use crate::kernels::isa::{Isa, vectorize};
use crate::kernels::reduce::lane_tree;

/// The interleaved sums of a dot product.
const LANES: usize = 32;

/// Whether the whole product is better computed so: rows of A and columns of B are contiguous, and there
/// are few of the ones or of the others, or of both.
#[inline]
pub(super) fn suits(product: &Product) -> bool {
    let Product { m, n, a, b, .. } = *product;
    a.column == 1 && b.row == 1 && (n == 1 || (b.column != 1 && (m <= 2 || m * n <= 16)))
}

/// The dot products of one vector with some others.
#[derive(Clone, Copy)]
struct Dots<T> {
    length: usize,
    fixed: *const T,
    /// The first of the others and the distance to the next.
    first: *const T,
    stride: usize,
    count: usize,
    out: *mut T,
    out_stride: usize,
    update: Update<T>,
}

/// # Safety
/// The part's pointers are valid, and C's elements are accessed by nobody else.
pub(super) unsafe fn run<T: Float>(part: &Part<T>) {
    let Product { m, n, k, a, b, c_row_stride } = part.product;
    let (rows, columns) = (&part.rows, &part.columns);
    let dots = Dots {
        length: k,
        // SAFETY: rows and columns lie inside A and B.
        fixed: unsafe { part.a.add(rows.start * a.row) },
        // SAFETY: as above.
        first: unsafe { part.b.add(columns.start * b.column) },
        stride: b.column,
        count: columns.len(),
        out: part.c,
        out_stride: 1,
        update: part.update,
    };
    // SAFETY: rows of A and columns of B are contiguous, `k` long; C as above.
    unsafe {
        if m < n {
            for row in 0..rows.len() {
                let (fixed, out) = (dots.fixed.add(row * a.row), dots.out.add(row * c_row_stride));
                Dots { fixed, out, ..dots }.run(part.isa);
            }
        } else {
            for column in 0..columns.len() {
                let fixed = dots.first.add(column * b.column);
                let (first, out) = (dots.fixed, dots.out.add(column));
                let (stride, count, out_stride) = (a.row, rows.len(), c_row_stride);
                Dots { fixed, first, stride, count, out, out_stride, ..dots }.run(part.isa);
            }
        }
    }
}

impl<T: Float> Dots<T> {
    /// # Safety
    /// The pointers reach all vectors; the output is accessed by nobody else.
    unsafe fn run(&self, isa: Isa) {
        #[cfg(target_arch = "x86_64")]
        if isa.has_avx2_fma() {
            // SAFETY: the set has AVX2 and FMA; `DTYPE` says which type `T` is; the rest as above.
            return unsafe {
                match T::DTYPE {
                    DType::F32 => avx2_f32::run(&*std::ptr::from_ref(self).cast()),
                    _ => avx2_f64::run(&*std::ptr::from_ref(self).cast()),
                }
            };
        }
        vectorize(
            isa,
            #[inline(always)]
            |fma| {
                for i in 0..self.count {
                    // SAFETY: as above.
                    unsafe {
                        let fixed = std::slice::from_raw_parts(self.fixed, self.length);
                        let other = std::slice::from_raw_parts(self.first.add(i * self.stride), self.length);
                        let out = &mut *self.out.add(i * self.out_stride);
                        *out = self.update.of(*out, dot(fma, fixed, other), fma);
                    }
                }
            },
        );
    }
}

/// `Σ a_i b_i` in lanes.
#[inline(always)]
fn dot<T: Float>(fma: bool, a: &[T], b: &[T]) -> T {
    let add = |sum: T, a: T, b: T| if fma { a.mul_add(b, sum) } else { sum + a * b };
    let mut lanes = [T::ZERO; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] = add(lanes[lane], a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane = add(*lane, a, b);
    }
    lane_tree(lanes)
}

/// The lanes in 256-bit vectors, as many dot products at a time as a vector has elements: then the sums of
/// their lanes come out side by side. Added by halves, as `lane_tree` does.
#[cfg(target_arch = "x86_64")]
macro_rules! avx2 {
    ($module:ident, $type:ident, $vectors:literal, $zero:ident, $load:ident, $maskload:ident,
     $broadcast:ident, $fma:ident, $mul:ident, $add:ident, $store:ident, $reduce:ident) => {
        mod $module {
            use super::super::tile_avx2::$module::{Vector, mask};
            use super::{Dots, LANES, lane_tree, $reduce};
            use crate::Float;
            use std::arch::x86_64::*;

            const WIDTH: usize = LANES / $vectors;

            /// # Safety
            /// As [`Dots::run`].
            #[target_feature(enable = "avx2,fma")]
            pub(super) unsafe fn run(dots: &Dots<$type>) {
                // SAFETY: as above; where fewer vectors are left than a group has, the last one fills it up.
                unsafe {
                    let mut i = 0;
                    while i < dots.count {
                        let left = dots.count - i;
                        let out = dots.out.add(i * dots.out_stride);
                        let first = dots.first.add(i * dots.stride);
                        let mut sums = [0.0; WIDTH];
                        if left == 1 {
                            let lanes = lanes(dots.fixed, first, dots.length);
                            let mut array = [0.0; WIDTH];
                            $store(array.as_mut_ptr(), lanes);
                            sums[0] = lane_tree(array);
                        } else {
                            let mut group = [$zero(); WIDTH];
                            let other = |r: usize| first.add(r.min(left - 1) * dots.stride);
                            if dots.length <= WIDTH {
                                // One vector each: the same lanes without the sums that stay zero.
                                let mask = mask(dots.length);
                                let fixed = $maskload(dots.fixed, mask);
                                for (r, lanes_of) in group.iter_mut().enumerate() {
                                    *lanes_of = $fma(fixed, $maskload(other(r), mask), $zero());
                                }
                            } else {
                                for (r, lanes_of) in group.iter_mut().enumerate() {
                                    *lanes_of = lanes(dots.fixed, other(r), dots.length);
                                }
                            }
                            let group = $reduce(group);
                            if left >= WIDTH && dots.out_stride == 1 {
                                let scale = $broadcast(&dots.update.scale);
                                let value = if dots.update.accumulate {
                                    $fma(scale, group, $load(out))
                                } else {
                                    $mul(scale, group)
                                };
                                $store(out, value);
                                i += WIDTH;
                                continue;
                            }
                            $store(sums.as_mut_ptr(), group);
                        }
                        for (r, &sum) in sums.iter().enumerate().take(left) {
                            let out = out.add(r * dots.out_stride);
                            *out = if dots.update.accumulate {
                                Float::mul_add(dots.update.scale, sum, *out)
                            } else {
                                dots.update.scale * sum
                            };
                        }
                        i += WIDTH.min(left);
                    }
                }
            }

            /// The sums of one dot product, the lanes already brought together to one vector.
            #[target_feature(enable = "avx2,fma")]
            #[inline]
            unsafe fn lanes(a: *const $type, b: *const $type, length: usize) -> Vector {
                let mut sums = [$zero(); $vectors];
                let mut p = 0;
                // SAFETY: both vectors are `length` long; a load under a mask reads what the mask says.
                unsafe {
                    while p + LANES <= length {
                        for v in 0..$vectors {
                            let at = p + v * WIDTH;
                            sums[v] = $fma($load(a.add(at)), $load(b.add(at)), sums[v]);
                        }
                        p += LANES;
                    }
                    if p < length {
                        for v in 0..$vectors {
                            let at = p + v * WIDTH;
                            if at < length {
                                // A product of zeros changes no sum.
                                let mask = mask((length - at).min(WIDTH));
                                let a = $maskload(a.add(at), mask);
                                sums[v] = $fma(a, $maskload(b.add(at), mask), sums[v]);
                            }
                        }
                    }
                }
                let mut width = $vectors / 2;
                while width > 0 {
                    for v in 0..width {
                        sums[v] = $add(sums[v], sums[v + width]);
                    }
                    width /= 2;
                }
                sums[0]
            }
        }
    };
}

/// The sums of eight vectors' lanes, each by halves.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn sums_of_eight(rows: [std::arch::x86_64::__m256; 8]) -> std::arch::x86_64::__m256 {
    use std::arch::x86_64::*;
    let halves =
        |a, b| _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
    let quarters = |a, b| _mm256_add_ps(_mm256_shuffle_ps::<0x44>(a, b), _mm256_shuffle_ps::<0xee>(a, b));
    let eighths = |a, b| _mm256_add_ps(_mm256_shuffle_ps::<0x88>(a, b), _mm256_shuffle_ps::<0xdd>(a, b));
    // The lower half of a pair ends in the lower half of the result.
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| halves(rows[i], rows[i + 4]));
    eighths(quarters(a, b), quarters(c, d))
}

/// The sums of four vectors' lanes, each by halves.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn sums_of_four(rows: [std::arch::x86_64::__m256d; 4]) -> std::arch::x86_64::__m256d {
    use std::arch::x86_64::*;
    let halves =
        |a, b| _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b));
    let (a, b) = (halves(rows[0], rows[2]), halves(rows[1], rows[3]));
    _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b))
}

#[cfg(target_arch = "x86_64")]
avx2!(
    avx2_f32,
    f32,
    4,
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_maskload_ps,
    _mm256_broadcast_ss,
    _mm256_fmadd_ps,
    _mm256_mul_ps,
    _mm256_add_ps,
    _mm256_storeu_ps,
    sums_of_eight
);
#[cfg(target_arch = "x86_64")]
avx2!(
    avx2_f64,
    f64,
    8,
    _mm256_setzero_pd,
    _mm256_loadu_pd,
    _mm256_maskload_pd,
    _mm256_broadcast_sd,
    _mm256_fmadd_pd,
    _mm256_mul_pd,
    _mm256_add_pd,
    _mm256_storeu_pd,
    sums_of_four
);
