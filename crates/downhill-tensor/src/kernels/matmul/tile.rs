//! A tile of C, held in registers while a panel of A and a panel of B stream by.

use super::Update;
#[cfg(target_arch = "x86_64")]
use super::{tile_avx2, tile_avx512};
use crate::Float;
use crate::kernels::isa::{Isa, Tiles, vectorize};

/// The most rows of a tile: with 16 registers, 6 rows of 2 vectors, 2 vectors of B and 1 element of A fill all
/// but one; with 32, 12 rows of 2.
#[inline]
pub(super) fn max_rows(isa: Isa) -> usize {
    match isa.tiles() {
        #[cfg(target_arch = "x86_64")]
        Tiles::Avx512 => 12,
        _ => 6,
    }
}

/// The columns of a panel of B: two vectors of 256 or 512 bits, four of 128 bits.
#[inline]
pub(super) fn width<T>(isa: Isa) -> usize {
    match isa.tiles() {
        #[cfg(target_arch = "x86_64")]
        Tiles::Avx512 => MAX_WIDTH / size_of::<T>(),
        _ => 64 / size_of::<T>(),
    }
}

/// The bytes of a row of the widest panel.
pub(super) const MAX_WIDTH: usize = 128;

/// How many panels wide a tile of so few rows may be where B is read in place.
#[inline]
pub(super) fn wide(isa: Isa, rows: usize) -> usize {
    match (isa.tiles(), rows) {
        #[cfg(target_arch = "x86_64")]
        (Tiles::Avx2, 1) => 4,
        #[cfg(target_arch = "x86_64")]
        (Tiles::Avx2, 2 | 3) => 2,
        #[cfg(target_arch = "x86_64")]
        (Tiles::Avx512, 1) if isa.has_avx512() => 4,
        #[cfg(target_arch = "x86_64")]
        (Tiles::Avx512, 2 | 3) if isa.has_avx512() => 2,
        _ => 1,
    }
}

/// What one tile needs: `C (+)= scale A B` with `depth` columns of A and rows of B.
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
    pub update: Update<T>,
}

/// Calls the method for a number of rows that is known when it is compiled.
macro_rules! with_rows {
    ($tile:ident, $width:literal, $rows:expr, $columns:expr, $fma:expr, [$($count:literal)*]) => {
        match $rows {
            $($count => $tile.lanes::<$count, $width>(0, 0, $columns, $fma),)*
            rows => unreachable!("a tile of {rows} rows"),
        }
    };
}

impl<T: Float> Tile<T> {
    /// Computes the tile of this many rows (`max_rows` at most) and columns (`width * wide` at most).
    ///
    /// # Safety
    /// The pointers must reach as many rows and columns; nobody else may access the elements of C.
    #[inline]
    pub unsafe fn run(&self, isa: Isa, rows: usize, columns: usize) {
        // SAFETY: the set has what its tiles need; the rest as above.
        unsafe {
            match isa.tiles() {
                #[cfg(target_arch = "x86_64")]
                Tiles::Avx2 => tile_avx2::run(self, rows, columns),
                #[cfg(target_arch = "x86_64")]
                Tiles::Avx512 if isa.has_avx512() => tile_avx512::run(self, rows, columns),
                _ => self.run_generic(isa, rows, columns),
            }
        }
    }

    /// The tile as loops over arrays, which the compiler turns into vectors.
    ///
    /// # Safety
    /// As [`Tile::run`].
    unsafe fn run_generic(&self, isa: Isa, rows: usize, columns: usize) {
        vectorize(
            isa,
            #[inline(always)]
            |fma| {
                // SAFETY: inside the tile.
                unsafe {
                    match (isa.tiles(), size_of::<T>()) {
                        #[cfg(any(test, target_arch = "aarch64"))]
                        (Tiles::Neon, 4) => with_rows!(self, 16, rows, columns, fma, [1 2 3 4 5 6]),
                        #[cfg(any(test, target_arch = "aarch64"))]
                        (Tiles::Neon, _) => with_rows!(self, 8, rows, columns, fma, [1 2 3 4 5 6]),
                        #[cfg(target_arch = "x86_64")]
                        (Tiles::Avx512, 4) => {
                            with_rows!(self, 32, rows, columns, fma, [1 2 3 4 5 6 7 8 9 10 11 12]);
                        }
                        #[cfg(target_arch = "x86_64")]
                        (Tiles::Avx512, _) => {
                            with_rows!(self, 16, rows, columns, fma, [1 2 3 4 5 6 7 8 9 10 11 12]);
                        }
                        _ => self.pairs_of_rows(rows, columns),
                    }
                }
            },
        );
    }

    /// Half of a panel and two rows fit into 16 registers of 128 bits.
    ///
    /// # Safety
    /// As [`Tile::run`].
    #[inline(always)]
    unsafe fn pairs_of_rows(&self, rows: usize, columns: usize) {
        for row in (0..rows).step_by(2) {
            for column in (0..columns).step_by(8) {
                let columns = 8.min(columns - column);
                // SAFETY: inside the tile.
                unsafe {
                    if rows - row > 1 {
                        self.lanes::<2, 8>(row, column, columns, false);
                    } else {
                        self.lanes::<1, 8>(row, column, columns, false);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Tile::run`], for `ROWS` rows and `columns` (`WIDTH` at most) columns from `row` and `column` on.
    #[inline(always)]
    unsafe fn lanes<const ROWS: usize, const WIDTH: usize>(
        &self,
        row: usize,
        column: usize,
        columns: usize,
        fma: bool,
    ) {
        let mut sums = [[T::ZERO; WIDTH]; ROWS];
        // SAFETY: A has these rows and B these columns.
        unsafe {
            let (a, b) = (self.a.add(row * self.a_row), self.b.add(column));
            if columns == WIDTH {
                self.sum(&mut sums, a, fma, |p| b.add(p * self.b_row).cast::<[T; WIDTH]>().read_unaligned());
            } else {
                self.sum(&mut sums, a, fma, |p| {
                    let mut lanes = [T::ZERO; WIDTH];
                    lanes[..columns]
                        .copy_from_slice(std::slice::from_raw_parts(b.add(p * self.b_row), columns));
                    lanes
                });
            }
        }
        // Copied: for all the compiler knows, C might overlap what it is read from.
        let Update { scale, accumulate } = self.update;
        for (r, sums) in sums.iter().enumerate() {
            // SAFETY: C has this row and these columns.
            let c = unsafe {
                std::slice::from_raw_parts_mut(self.c.add((row + r) * self.c_row + column), columns)
            };
            if accumulate {
                let add = Update { scale, accumulate: true };
                c.iter_mut().zip(sums).for_each(|(c, &sum)| *c = add.of(*c, sum, fma));
            } else {
                c.iter_mut().zip(sums).for_each(|(c, &sum)| *c = scale * sum);
            }
        }
    }

    /// # Safety
    /// A must reach `ROWS` rows from `a` on; `b_row` gives B's rows.
    // Indices rather than iterators: with these the compiler keeps the sums in memory.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn sum<const ROWS: usize, const WIDTH: usize>(
        &self,
        sums: &mut [[T; WIDTH]; ROWS],
        a: *const T,
        fma: bool,
        b_row: impl Fn(usize) -> [T; WIDTH],
    ) {
        let mut local = *sums;
        for p in 0..self.depth {
            let b = b_row(p);
            for r in 0..ROWS {
                // SAFETY: A has this row and column.
                let a = unsafe { *a.add(r * self.a_row + p * self.a_column) };
                for lane in 0..WIDTH {
                    let sum = local[r][lane];
                    local[r][lane] = if fma { a.mul_add(b[lane], sum) } else { sum + a * b[lane] };
                }
            }
        }
        *sums = local;
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use crate::Float;
    use crate::kernels::isa::{Isa, Tiles};
    use crate::kernels::matmul::{Prepared, Product, Strides2, Update};
    use crate::kernels::matmul::{matmul_prepared, matmul_scratch_len, matmul_with};

    fn numbers<T: Float>(count: usize) -> Vec<T> {
        (0..count).map(|i| T::from_f64(((i * 7919) % 1013) as f64 / 506.0 - 1.0)).collect()
    }

    /// The tiles of sets that this machine may lack, compiled for AVX2: all that differs is the order of
    /// elements in memory, so the bits must be those of the tiles for AVX2.
    fn tiles_give_the_bits_of_others<T: Float>() {
        let Some(isa) = Isa::avx2_fma() else { return };
        for others in [Tiles::Neon, Tiles::Avx512].map(Isa::avx2_with).into_iter().flatten() {
            for (m, n, k) in [(1, 1, 2), (1, 70, 9), (5, 16, 3), (12, 32, 8), (13, 33, 40), (25, 31, 330)]
                .into_iter()
                .chain([(30, 300, 20), (200, 40, 7), (97, 1030, 5), (11, 7, 1), (6, 15, 650)])
            {
                for transposed in 0..4 {
                    let lies = |bit, rows, columns| match transposed & bit {
                        0 => Strides2::row_major(columns),
                        _ => Strides2::row_major(rows).transposed(),
                    };
                    let (a, b) = (lies(1, m, k), lies(2, k, n));
                    let product = Product { a, b, ..Product::row_major(m, n, k) };
                    let (a, b) = (numbers::<T>(m * k), numbers::<T>(k * n));
                    let update = Update::add_scaled(T::from_f64(-0.3));
                    let mut scratch = vec![T::NAN; matmul_scratch_len::<T>(&product)];
                    let [mut expected, mut plain, mut prepared] = [(); 3].map(|()| numbers::<T>(m * n));
                    matmul_with(isa, &product, 0..m, 0..n, &a, &b, &mut expected, update, &mut scratch);
                    matmul_with(others, &product, 0..m, 0..n, &a, &b, &mut plain, update, &mut scratch);
                    let form = Prepared::new::<T>(others, &product);
                    let mut panels = vec![T::NAN; form.len()];
                    form.fill(0..form.panels(), &b, &mut panels);
                    let (rows, c) = (0..m, &mut prepared);
                    matmul_prepared(&form, rows, 0..n, &a, &panels, c, update, &mut scratch);
                    assert!(plain == expected && prepared == expected, "{product:?} by {others:?}");
                }
            }
        }
    }

    #[test]
    fn tiles_of_every_shape_give_the_same_bits() {
        tiles_give_the_bits_of_others::<f32>();
        tiles_give_the_bits_of_others::<f64>();
    }
}
