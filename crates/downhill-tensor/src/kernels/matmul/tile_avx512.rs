//! Tiles in 512-bit vectors, of which the last need not be full: a mask costs nothing there.

use super::tile::Tile;
use crate::{DType, Float};

/// # Safety
/// The machine must have AVX-512 F; the rest as [`Tile::run`].
#[inline]
pub(super) unsafe fn run<T: Float>(tile: &Tile<T>, rows: usize, columns: usize) {
    // SAFETY: `DTYPE` says which type `T` is; the rest as above.
    unsafe {
        match T::DTYPE {
            DType::F32 => avx512_f32::run(&*std::ptr::from_ref(tile).cast(), rows, columns),
            DType::F64 => avx512_f64::run(&*std::ptr::from_ref(tile).cast(), rows, columns),
            _ => unreachable!("the floating-point types are f32 and f64"),
        }
    }
}

/// Calls the tile of a number of rows and vectors that is known when it is compiled.
macro_rules! tiles {
    ($tile:ident, $last:ident, $rows:ident, $vectors:ident,
     [$($few:literal: $($count:literal)*;)*] [$($many:literal)*]) => {
        match ($rows, $vectors) {
            $($(($few, $count) => tile_of::<$few, $count>($tile, $last),)*)*
            $(($many, 1) => tile_of::<$many, 1>($tile, $last),
              ($many, 2) => tile_of::<$many, 2>($tile, $last),)*
            (rows, vectors) => unreachable!("a tile of {rows} rows and {vectors} vectors"),
        }
    };
}

macro_rules! avx512 {
    ($module:ident, $type:ident, $mask:ident, $lanes:literal, $zero:ident, $load:ident,
     $maskload:ident, $splat:ident, $fma:ident, $mul:ident, $store:ident, $maskstore:ident) => {
        mod $module {
            use super::Tile;
            use std::arch::x86_64::*;

            /// # Safety
            /// As [`Tile::run`].
            #[target_feature(enable = "avx512f")]
            pub(super) unsafe fn run(tile: &Tile<$type>, rows: usize, columns: usize) {
                let vectors = columns.div_ceil($lanes);
                let last = columns - (vectors - 1) * $lanes;
                // SAFETY: as above.
                unsafe {
                    tiles!(tile, last, rows, vectors,
                        [1: 1 2 3 4 5 6 7 8; 2: 1 2 3 4; 3: 1 2 3 4;] [4 5 6 7 8 9 10 11 12]);
                }
            }

            #[target_feature(enable = "avx512f")]
            #[inline]
            unsafe fn tile_of<const ROWS: usize, const VECTORS: usize>(tile: &Tile<$type>, last: usize) {
                // SAFETY: as above; a tile whose last vector is not full reads and writes its first elements.
                unsafe {
                    if last == $lanes {
                        whole::<ROWS, VECTORS, false>(tile, last);
                    } else {
                        whole::<ROWS, VECTORS, true>(tile, last);
                    }
                }
            }

            #[target_feature(enable = "avx512f")]
            #[inline]
            unsafe fn whole<const ROWS: usize, const VECTORS: usize, const MASKED: bool>(
                tile: &Tile<$type>,
                last: usize,
            ) {
                // Of a full vector there is no mask.
                let mask: $mask = if MASKED { (1 << last) - 1 } else { 0 };
                let (a_row, a_column, b_row) = (tile.a_row, tile.a_column, tile.b_row);
                let (mut a, mut b) = (tile.a, tile.b);
                let mut sums = [[$zero(); VECTORS]; ROWS];
                // SAFETY: the pointers reach `ROWS` rows, `VECTORS` vectors and `depth` steps.
                unsafe {
                    for _ in 0..tile.depth {
                        let mut row = [$zero(); VECTORS];
                        for v in 0..VECTORS {
                            row[v] = if MASKED && v + 1 == VECTORS {
                                $maskload(mask, b.add(v * $lanes))
                            } else {
                                $load(b.add(v * $lanes))
                            };
                        }
                        for r in 0..ROWS {
                            let a = $splat(*a.add(r * a_row));
                            for v in 0..VECTORS {
                                sums[r][v] = $fma(a, row[v], sums[r][v]);
                            }
                        }
                        // Past the end after the last step, where they are not read.
                        a = a.wrapping_add(a_column);
                        b = b.wrapping_add(b_row);
                    }
                }
                let scale = $splat(tile.update.scale);
                for (r, sums) in sums.iter().enumerate() {
                    for (v, &sum) in sums.iter().enumerate() {
                        let masked = MASKED && v + 1 == VECTORS;
                        // SAFETY: as above. A scale of 1 gives the bits of the sum itself.
                        unsafe {
                            let c = tile.c.add(r * tile.c_row + v * $lanes);
                            let value = if tile.update.accumulate {
                                $fma(scale, sum, if masked { $maskload(mask, c) } else { $load(c) })
                            } else {
                                $mul(scale, sum)
                            };
                            if masked {
                                $maskstore(c, mask, value);
                            } else {
                                $store(c, value);
                            }
                        }
                    }
                }
            }
        }
    };
}

avx512!(
    avx512_f32,
    f32,
    __mmask16,
    16,
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_mul_ps,
    _mm512_storeu_ps,
    _mm512_mask_storeu_ps
);
avx512!(
    avx512_f64,
    f64,
    __mmask8,
    8,
    _mm512_setzero_pd,
    _mm512_loadu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd,
    _mm512_mul_pd,
    _mm512_storeu_pd,
    _mm512_mask_storeu_pd
);
