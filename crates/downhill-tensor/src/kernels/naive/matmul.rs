use crate::Float;
use crate::kernels::matmul::{Product, Update};

/// `C = α A B` or `C += α A B`; see [`kernels::matmul`](crate::kernels::matmul::matmul).
///
/// # Panics
/// Where a slice is shorter than the product reaches.
pub fn matmul<T: Float>(product: &Product, a: &[T], b: &[T], c: &mut [T], update: Update<T>) {
    for i in 0..product.m {
        for j in 0..product.n {
            let mut sum = T::ZERO;
            for p in 0..product.k {
                sum +=
                    a[i * product.a.row + p * product.a.column] * b[p * product.b.row + j * product.b.column];
            }
            let c = &mut c[i * product.c_row_stride + j];
            *c = if update.accumulate { *c + update.scale * sum } else { update.scale * sum };
        }
    }
}
