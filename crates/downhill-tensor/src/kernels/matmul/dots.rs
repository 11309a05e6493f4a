//! Products that are a few long dot products of contiguous vectors.
//!
//! Tiles would have to copy the operands together first, which costs more than the product. Instead each
//! element is summed in 32 interleaved lanes, and the lanes are added in a fixed tree.

use super::{Part, Product};
use crate::Float;
use crate::kernels::isa::vectorize;
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
    vectorize(
        part.isa,
        #[inline(always)]
        |fma| {
            // SAFETY: rows of A and columns of B are contiguous, `k` long; C as above.
            unsafe {
                part.each_row(
                    #[inline(always)]
                    |row, c| {
                        let a = std::slice::from_raw_parts(part.a.add(row * product.a.row), product.k);
                        for (j, c) in c.iter_mut().enumerate() {
                            let column = part.b.add((part.columns.start + j) * product.b.column);
                            let sum = dot(fma, a, std::slice::from_raw_parts(column, product.k));
                            *c = if part.accumulate { *c + sum } else { sum };
                        }
                    },
                );
            }
        },
    );
}

/// `Σ a_i b_i` in lanes.
#[inline(always)]
fn dot<T: Float>(fma: bool, a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] = add_product(fma, lanes[lane], a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane = add_product(fma, *lane, a, b);
    }
    lane_tree(lanes)
}

#[inline(always)]
fn add_product<T: Float>(fma: bool, sum: T, a: T, b: T) -> T {
    if fma { a.mul_add(b, sum) } else { sum + a * b }
}
