//! A tile of C, held in registers while a panel of A and a panel of B stream by.

#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::Float;
use crate::kernels::isa::Isa;

/// The most rows of a tile: 6 rows of 2 vectors, 2 vectors of B and 1 element of A fill 16 registers but one.
pub(super) const MAX_ROWS: usize = 6;

/// The columns of a panel of B: two 256-bit vectors.
pub(super) const fn width<T>() -> usize {
    64 / size_of::<T>()
}

/// How many panels wide a tile of so few rows may be where B is read in place.
pub(super) fn wide(rows: usize) -> usize {
    match rows {
        1 => 4,
        2 | 3 => 2,
        _ => 1,
    }
}

/// What one tile needs: `C (+)= A B` with `depth` columns of A and rows of B.
pub(super) struct Tile<T> {
    pub depth: usize,
    pub a: *const T,
    pub a_row: usize,
    pub a_column: usize,
    /// `b_row` apart; within a row the columns are neighbours.
    pub b: *const T,
    pub b_row: usize,
    pub c: *mut T,
    pub c_row: usize,
    pub accumulate: bool,
}

impl<T: Float> Tile<T> {
    /// Computes the tile of this many rows and columns.
    ///
    /// # Safety
    /// The pointers must reach as many rows and columns; nobody else may access the elements of C.
    pub unsafe fn run(&self, isa: Isa, rows: usize, columns: usize) {
        #[cfg(target_arch = "x86_64")]
        if isa.has_fma() {
            // SAFETY: the set has AVX2 and FMA; `DTYPE` says which type `T` is; the rest as above.
            return unsafe {
                match T::DTYPE {
                    DType::F32 => avx2_f32::run(&*std::ptr::from_ref(self).cast(), rows, columns),
                    DType::F64 => avx2_f64::run(&*std::ptr::from_ref(self).cast(), rows, columns),
                    _ => unreachable!("the floating-point types are f32 and f64"),
                }
            };
        }
        // Half of a panel and two rows fit into 16 registers of 128 bits.
        for row in (0..rows).step_by(2) {
            for column in (0..columns).step_by(8) {
                let columns = 8.min(columns - column);
                // SAFETY: inside the tile.
                unsafe {
                    if rows - row > 1 {
                        self.portable::<2>(row, column, columns);
                    } else {
                        self.portable::<1>(row, column, columns);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Tile::run`], for `ROWS` rows and `columns` (8 at most) columns from `row` and `column` on.
    unsafe fn portable<const ROWS: usize>(&self, row: usize, column: usize, columns: usize) {
        let mut sums = [[T::ZERO; 8]; ROWS];
        for p in 0..self.depth {
            let mut b = [T::ZERO; 8];
            // SAFETY: the row of B has so many columns; A has these rows.
            unsafe {
                let start = self.b.add(p * self.b_row + column);
                if columns == 8 {
                    b = start.cast::<[T; 8]>().read();
                } else {
                    b[..columns].copy_from_slice(std::slice::from_raw_parts(start, columns));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let a = *self.a.add((row + r) * self.a_row + p * self.a_column);
                    for (sum, &b) in sums.iter_mut().zip(&b) {
                        *sum += a * b;
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            // SAFETY: C has this row and these columns.
            let c = unsafe {
                std::slice::from_raw_parts_mut(self.c.add((row + r) * self.c_row + column), columns)
            };
            for (c, &sum) in c.iter_mut().zip(sums) {
                *c = if self.accumulate { *c + sum } else { sum };
            }
        }
    }
}

/// The tiles of one type in 256-bit vectors. Intrinsics, because the compiler does not reliably keep an array
/// of sums in registers across the loop.
#[cfg(target_arch = "x86_64")]
macro_rules! avx2 {
    ($module:ident, $type:ident, $int:ident, $lanes:literal, $zero:ident, $load:ident, $maskload:ident,
     $broadcast:ident, $fma:ident, $add:ident, $store:ident) => {
        mod $module {
            use super::Tile;
            use std::arch::x86_64::*;

            /// # Safety
            /// As [`Tile::run`].
            #[target_feature(enable = "avx2,fma")]
            pub(super) unsafe fn run(tile: &Tile<$type>, rows: usize, columns: usize) {
                let last = columns - (columns - 1) / $lanes * $lanes;
                // SAFETY: as above.
                unsafe {
                    match (rows, columns.div_ceil($lanes)) {
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
                // SAFETY: as above; a tile whose last vector is not full reads it under a mask.
                unsafe {
                    let sums = if last == $lanes {
                        sums::<ROWS, VECTORS, false>(tile, last)
                    } else {
                        sums::<ROWS, VECTORS, true>(tile, last)
                    };
                    for (r, sums) in sums.iter().enumerate() {
                        for (v, &sum) in sums.iter().enumerate() {
                            let c = tile.c.add(r * tile.c_row + v * $lanes);
                            if v + 1 < VECTORS || last == $lanes {
                                $store(c, if tile.accumulate { $add($load(c), sum) } else { sum });
                            } else {
                                let mut lanes = [0.0; $lanes];
                                $store(lanes.as_mut_ptr(), sum);
                                for (i, &sum) in lanes[..last].iter().enumerate() {
                                    *c.add(i) = if tile.accumulate { *c.add(i) + sum } else { sum };
                                }
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
                let mut lanes = [0 as $int; $lanes];
                lanes[..last].fill(-1);
                let mut sums = [[$zero(); VECTORS]; ROWS];
                let (mut a, mut b) = (tile.a, tile.b);
                let (a_row, a_column, b_row) = (tile.a_row, tile.a_column, tile.b_row);
                // SAFETY: the pointers reach `ROWS` rows, `VECTORS` vectors and `depth` steps.
                unsafe {
                    let mask = _mm256_loadu_si256(lanes.as_ptr().cast());
                    for _ in 0..tile.depth {
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

            type Vector = vector!($type);
        }
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! vector {
    (f32) => {
        __m256
    };
    (f64) => {
        __m256d
    };
}

#[cfg(target_arch = "x86_64")]
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
    _mm256_add_ps,
    _mm256_storeu_ps
);
#[cfg(target_arch = "x86_64")]
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
    _mm256_add_pd,
    _mm256_storeu_pd
);
