//! Tiles in 256-bit vectors. Intrinsics, because the compiler does not reliably keep an array of sums in 16
//! registers across the loop.

use super::tile::Tile;
use crate::{DType, Float};

/// # Safety
/// The machine must have AVX2 and FMA; the rest as [`Tile::run`].
#[inline]
pub(super) unsafe fn run<T: Float>(tile: &Tile<T>, rows: usize, columns: usize) {
    // SAFETY: `DTYPE` says which type `T` is; the rest as above.
    unsafe {
        match T::DTYPE {
            DType::F32 => avx2_f32::run(&*std::ptr::from_ref(tile).cast(), rows, columns),
            DType::F64 => avx2_f64::run(&*std::ptr::from_ref(tile).cast(), rows, columns),
            _ => unreachable!("the floating-point types are f32 and f64"),
        }
    }
}

macro_rules! avx2 {
    ($module:ident, $type:ident, $int:ident, $lanes:literal, $zero:ident, $load:ident, $maskload:ident,
     $broadcast:ident, $fma:ident, $mul:ident, $store:ident, $store_first:ident) => {
        pub(super) mod $module {
            use super::{Tile, $store_first};
            use std::arch::x86_64::*;
            use std::ops::Range;

            /// # Safety
            /// As [`Tile::run`].
            #[target_feature(enable = "avx2,fma")]
            pub(super) unsafe fn run(tile: &Tile<$type>, rows: usize, columns: usize) {
                let vectors = columns.div_ceil($lanes);
                let last = columns - (vectors - 1) * $lanes;
                // SAFETY: as above.
                unsafe {
                    match (rows, vectors) {
                        (1, 1) => tile_of::<1, 1>(tile, last),
                        (1, 2) => tile_of::<1, 2>(tile, last),
                        (1, 3) => tile_of::<1, 3>(tile, last),
                        (1, 4) => tile_of::<1, 4>(tile, last),
                        (1, 5) => tile_of::<1, 5>(tile, last),
                        (1, 6) => tile_of::<1, 6>(tile, last),
                        (1, 7) => tile_of::<1, 7>(tile, last),
                        (1, _) => tile_of::<1, 8>(tile, last),
                        (2, 1) => tile_of::<2, 1>(tile, last),
                        (2, 2) => tile_of::<2, 2>(tile, last),
                        (2, 3) => tile_of::<2, 3>(tile, last),
                        (2, _) => tile_of::<2, 4>(tile, last),
                        (3, 1) => tile_of::<3, 1>(tile, last),
                        (3, 2) => tile_of::<3, 2>(tile, last),
                        (3, 3) => tile_of::<3, 3>(tile, last),
                        (3, _) => tile_of::<3, 4>(tile, last),
                        (4, 1) => tile_of::<4, 1>(tile, last),
                        (4, _) => tile_of::<4, 2>(tile, last),
                        (5, 1) => tile_of::<5, 1>(tile, last),
                        (5, _) => tile_of::<5, 2>(tile, last),
                        (_, 1) => tile_of::<6, 1>(tile, last),
                        (_, _) => tile_of::<6, 2>(tile, last),
                    }
                }
            }

            #[target_feature(enable = "avx2,fma")]
            #[inline]
            unsafe fn tile_of<const ROWS: usize, const VECTORS: usize>(tile: &Tile<$type>, last: usize) {
                // SAFETY: as above; a tile whose last vector is not full reads and writes its first elements.
                unsafe {
                    if last == $lanes {
                        let sums = sums::<ROWS, VECTORS, false>(tile, last);
                        store::<ROWS, VECTORS, false>(tile, sums, last);
                    } else {
                        let sums = sums::<ROWS, VECTORS, true>(tile, last);
                        store::<ROWS, VECTORS, true>(tile, sums, last);
                    }
                }
            }

            #[target_feature(enable = "avx2,fma")]
            #[inline]
            unsafe fn store<const ROWS: usize, const VECTORS: usize, const MASKED: bool>(
                tile: &Tile<$type>,
                sums: [[Vector; VECTORS]; ROWS],
                last: usize,
            ) {
                let mask = mask(last);
                let scale = $broadcast(&tile.update.scale);
                for (r, sums) in sums.iter().enumerate() {
                    for (v, &sum) in sums.iter().enumerate() {
                        let masked = MASKED && v + 1 == VECTORS;
                        // SAFETY: as above. A scale of 1 gives the bits of the sum itself.
                        unsafe {
                            let c = tile.c.add(r * tile.c_row + v * $lanes);
                            let value = if tile.update.accumulate {
                                $fma(scale, sum, if masked { $maskload(c, mask) } else { $load(c) })
                            } else {
                                $mul(scale, sum)
                            };
                            if masked {
                                $store_first(c, value, last);
                            } else {
                                $store(c, value);
                            }
                        }
                    }
                }
            }

            #[target_feature(enable = "avx2,fma")]
            #[inline]
            unsafe fn sums<const ROWS: usize, const VECTORS: usize, const MASKED: bool>(
                tile: &Tile<$type>,
                last: usize,
            ) -> [[Vector; VECTORS]; ROWS] {
                // A vector that is not full may read on into the rows that follow: what it finds there is not
                // stored. Only the last rows need a mask, which is slower and takes a register.
                let masked = match tile.b_row {
                    _ if !MASKED => 0,
                    // All rows are the same one: nothing follows it.
                    0 => tile.depth,
                    row => ($lanes - last).div_ceil(row).min(tile.depth),
                };
                let full = tile.depth - masked;
                let zeros = [[$zero(); VECTORS]; ROWS];
                // SAFETY: as above.
                unsafe {
                    let sums = steps::<ROWS, VECTORS, false>(tile, zeros, 0..full, last);
                    if MASKED {
                        steps::<ROWS, VECTORS, true>(tile, sums, full..tile.depth, last)
                    } else {
                        sums
                    }
                }
            }

            #[target_feature(enable = "avx2,fma")]
            #[inline]
            unsafe fn steps<const ROWS: usize, const VECTORS: usize, const MASKED: bool>(
                tile: &Tile<$type>,
                mut sums: [[Vector; VECTORS]; ROWS],
                steps: Range<usize>,
                last: usize,
            ) -> [[Vector; VECTORS]; ROWS] {
                let (a_row, a_column, b_row) = (tile.a_row, tile.a_column, tile.b_row);
                let mut a = tile.a.wrapping_add(steps.start * a_column);
                let mut b = tile.b.wrapping_add(steps.start * b_row);
                let mask = mask(last);
                // SAFETY: the pointers reach `ROWS` rows, `VECTORS` vectors and `depth` steps.
                unsafe {
                    for _ in steps {
                        let mut row = [$zero(); VECTORS];
                        for v in 0..VECTORS {
                            row[v] = if MASKED && v + 1 == VECTORS {
                                $maskload(b.add(v * $lanes), mask)
                            } else {
                                $load(b.add(v * $lanes))
                            };
                        }
                        for r in 0..ROWS {
                            let a = $broadcast(&*a.add(r * a_row));
                            for v in 0..VECTORS {
                                sums[r][v] = $fma(a, row[v], sums[r][v]);
                            }
                        }
                        // Past the end after the last step, where they are not read.
                        a = a.wrapping_add(a_column);
                        b = b.wrapping_add(b_row);
                    }
                }
                sums
            }

            /// A mask of the first `count` elements, one at least.
            #[target_feature(enable = "avx2,fma")]
            #[inline]
            pub(in super::super) fn mask(count: usize) -> __m256i {
                const ONES_AND_ZEROS: [$int; 2 * $lanes] = {
                    let mut lanes = [0; 2 * $lanes];
                    let mut i = 0;
                    while i < $lanes {
                        lanes[i] = -1;
                        i += 1;
                    }
                    lanes
                };
                let from = &ONES_AND_ZEROS[$lanes - count..][..$lanes];
                // SAFETY: one vector long.
                unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
            }

            pub(in super::super) type Vector = vector!($type);
        }
    };
}

macro_rules! vector {
    (f32) => {
        __m256
    };
    (f64) => {
        __m256d
    };
}

/// Stores the first `count` of eight elements, by fours, twos and ones: masked stores are slow.
///
/// # Safety
/// `to` must reach `count` elements.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store_first_f32(mut to: *mut f32, value: std::arch::x86_64::__m256, count: usize) {
    use std::arch::x86_64::*;
    // SAFETY: as above.
    unsafe {
        let mut low = _mm256_castps256_ps128(value);
        if count & 4 != 0 {
            _mm_storeu_ps(to, low);
            low = _mm256_extractf128_ps::<1>(value);
            to = to.add(4);
        }
        if count & 2 != 0 {
            _mm_storel_pd(to.cast(), _mm_castps_pd(low));
            low = _mm_movehl_ps(low, low);
            to = to.add(2);
        }
        if count & 1 != 0 {
            _mm_store_ss(to, low);
        }
    }
}

/// Stores the first `count` of four elements.
///
/// # Safety
/// `to` must reach `count` elements.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store_first_f64(mut to: *mut f64, value: std::arch::x86_64::__m256d, count: usize) {
    use std::arch::x86_64::*;
    // SAFETY: as above.
    unsafe {
        let mut low = _mm256_castpd256_pd128(value);
        if count & 2 != 0 {
            _mm_storeu_pd(to, low);
            low = _mm256_extractf128_pd::<1>(value);
            to = to.add(2);
        }
        if count & 1 != 0 {
            _mm_store_sd(to, low);
        }
    }
}

avx2!(
    avx2_f32,
    f32,
    i32,
    8,
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_maskload_ps,
    _mm256_broadcast_ss,
    _mm256_fmadd_ps,
    _mm256_mul_ps,
    _mm256_storeu_ps,
    store_first_f32
);
avx2!(
    avx2_f64,
    f64,
    i64,
    4,
    _mm256_setzero_pd,
    _mm256_loadu_pd,
    _mm256_maskload_pd,
    _mm256_broadcast_sd,
    _mm256_fmadd_pd,
    _mm256_mul_pd,
    _mm256_storeu_pd,
    store_first_f64
);
