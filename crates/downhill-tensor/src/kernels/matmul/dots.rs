//! Products that are a few long dot products of contiguous vectors.
//!
//! Tiles would have to copy the operands together first, which costs more than the product. Instead each
//! element is summed in 32 interleaved lanes, and the lanes are added in a fixed tree.

use super::{Part, Product};
#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::Float;
use crate::kernels::isa::Isa;
use crate::kernels::reduce::lane_tree;

/// The interleaved sums of a dot product.
const LANES: usize = 32;

/// Whether the whole product is better computed so: rows of A and columns of B are contiguous, and there
/// are few of the ones or of the others.
pub(super) fn suits(product: &Product) -> bool {
    let Product { m, n, k, a, b, .. } = *product;
    let contiguous = a.column == 1 && b.row == 1 && k >= 8;
    contiguous && (n == 1 || (m <= 2 && b.column != 1))
}

/// # Safety
/// The part's pointers are valid, and C's elements are accessed by nobody else.
pub(super) unsafe fn run<T: Float>(part: &Part<T>) {
    let product = &part.product;
    // SAFETY: rows of A and columns of B are contiguous, `k` long; C as above.
    unsafe {
        part.each_row(|row, c| {
            let a = std::slice::from_raw_parts(part.a.add(row * product.a.row), product.k);
            for (j, c) in c.iter_mut().enumerate() {
                let column = part.b.add((part.columns.start + j) * product.b.column);
                let sum = dot(part.isa, a, std::slice::from_raw_parts(column, product.k));
                *c = if part.accumulate { *c + sum } else { sum };
            }
        });
    }
}

/// `Σ a_i b_i` in lanes.
#[inline(always)]
fn dot<T: Float>(isa: Isa, a: &[T], b: &[T]) -> T {
    #[cfg(target_arch = "x86_64")]
    if isa.has_fma() {
        // SAFETY: the set has AVX2 and FMA; `DTYPE` says which type `T` is.
        return unsafe {
            match T::DTYPE {
                DType::F32 => T::from_f64(avx2_f32::dot(as_type(a), as_type(b)).into()),
                _ => T::from_f64(avx2_f64::dot(as_type(a), as_type(b))),
            }
        };
    }
    let _ = isa;
    let mut lanes = [T::ZERO; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    for (lane, (&a, &b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane += a * b;
    }
    lane_tree(lanes)
}

/// # Safety
/// `T` is `U`.
#[cfg(target_arch = "x86_64")]
unsafe fn as_type<T, U>(slice: &[T]) -> &[U] {
    debug_assert_eq!(size_of::<T>(), size_of::<U>());
    // SAFETY: the same type under another name.
    unsafe { std::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) }
}

/// The lanes in 256-bit vectors; added by halves as `lane_tree` does.
#[cfg(target_arch = "x86_64")]
macro_rules! avx2 {
    ($module:ident, $type:ident, $vectors:literal, $zero:ident, $load:ident, $fma:ident, $add:ident, $store:ident) => {
        mod $module {
            use super::{LANES, lane_tree};
            use std::arch::x86_64::*;

            #[target_feature(enable = "avx2,fma")]
            pub(super) fn dot(a: &[$type], b: &[$type]) -> $type {
                const WIDTH: usize = LANES / $vectors;
                let (a_blocks, a_rest) = a.as_chunks::<LANES>();
                let (b_blocks, b_rest) = b.as_chunks::<LANES>();
                let mut sums = [$zero(); $vectors];
                for (a, b) in a_blocks.iter().zip(b_blocks) {
                    for v in 0..$vectors {
                        // SAFETY: a block holds all vectors.
                        unsafe {
                            let (a, b) = (a.as_ptr().add(v * WIDTH), b.as_ptr().add(v * WIDTH));
                            sums[v] = $fma($load(a), $load(b), sums[v]);
                        }
                    }
                }
                let (a_rest, a_last) = a_rest.as_chunks::<WIDTH>();
                let (b_rest, b_last) = b_rest.as_chunks::<WIDTH>();
                for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
                    let (a, b) = (a.as_ptr(), b.as_ptr());
                    // SAFETY: a chunk is one vector.
                    *sum = unsafe { $fma($load(a), $load(b), *sum) };
                }
                if !a_last.is_empty() {
                    let (mut a, mut b) = ([0.0; WIDTH], [0.0; WIDTH]);
                    a[..a_last.len()].copy_from_slice(a_last);
                    b[..b_last.len()].copy_from_slice(b_last);
                    let sum = &mut sums[a_rest.len()];
                    // SAFETY: the arrays are one vector each. A product of zeros changes no sum.
                    *sum = unsafe { $fma($load(a.as_ptr()), $load(b.as_ptr()), *sum) };
                }
                let mut width = $vectors / 2;
                while width > 0 {
                    for v in 0..width {
                        sums[v] = $add(sums[v], sums[v + width]);
                    }
                    width /= 2;
                }
                let mut lanes = [0.0; WIDTH];
                // SAFETY: the array is one vector.
                unsafe { $store(lanes.as_mut_ptr(), sums[0]) };
                lane_tree(lanes)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
avx2!(avx2_f32, f32, 4, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_storeu_ps);
#[cfg(target_arch = "x86_64")]
avx2!(avx2_f64, f64, 8, _mm256_setzero_pd, _mm256_loadu_pd, _mm256_fmadd_pd, _mm256_add_pd, _mm256_storeu_pd);
