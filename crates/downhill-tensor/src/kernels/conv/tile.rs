//! A tile of a product, held in registers: some rows by one or two vectors.

use super::vector::{LANES, Vector};

/// `C (+)= A B` for two vectors of columns or one; every sum begins at 0, runs over the depth in order and is
/// then written, or added to what is there.
pub(super) struct Tiles<T> {
    pub depth: usize,
    pub a: *const T,
    /// From one row of A to the next.
    pub a_row: usize,
    /// From one column of A to the next.
    pub a_step: usize,
    pub b: *const T,
    /// From one row of B to the next.
    pub b_step: usize,
    pub c: *mut T,
    /// From one row of C to the next.
    pub c_row: usize,
    pub accumulate: bool,
}

/// The panels of at most `most` into which rows are cut, as even as can be, because a tile of few rows cannot
/// keep the arithmetic units busy: (first, count).
#[inline(always)]
pub(super) fn panels(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(most);
    let (least, larger) = (rows / count.max(1), rows % count.max(1));
    (0..count).map(
        #[inline(always)]
        move |panel| (panel * least + panel.min(larger), least + usize::from(panel < larger)),
    )
}

impl<T> Tiles<T> {
    /// Computes this many rows, and `width` columns: one vector or two.
    ///
    /// # Safety
    /// As [`Vector::zero`]; the pointers reach all rows, columns and the depth, and nobody else accesses C.
    #[inline(always)]
    pub unsafe fn run<V: Vector<T>>(&self, rows: usize, width: usize) {
        // SAFETY: the caller's.
        unsafe { if width == 2 * LANES { self.panels::<V, 2>(rows) } else { self.panels::<V, 1>(rows) } }
    }

    /// # Safety
    /// As [`Tiles::run`].
    #[inline(always)]
    unsafe fn panels<V: Vector<T>, const COLUMNS: usize>(&self, rows: usize) {
        for (row, count) in panels(rows, V::ROWS) {
            // SAFETY: the panel's rows are among the rows.
            unsafe {
                match count {
                    1 => self.tile::<V, 1, COLUMNS>(row),
                    2 => self.tile::<V, 2, COLUMNS>(row),
                    3 if V::ROWS > 2 => self.tile::<V, 3, COLUMNS>(row),
                    4 if V::ROWS > 3 => self.tile::<V, 4, COLUMNS>(row),
                    5 if V::ROWS > 4 => self.tile::<V, 5, COLUMNS>(row),
                    _ if V::ROWS > 5 => self.tile::<V, 6, COLUMNS>(row),
                    _ => unreachable!("panels are at most as high as the form allows"),
                }
            }
        }
    }

    /// # Safety
    /// As [`Tiles::run`], for `ROWS` rows from `row` on.
    #[inline(always)]
    unsafe fn tile<V: Vector<T>, const ROWS: usize, const COLUMNS: usize>(&self, row: usize) {
        // SAFETY: the caller's.
        unsafe {
            let c = self.c.add(row * self.c_row);
            if self.accumulate {
                for r in 0..ROWS {
                    V::prefetch(c.add(r * self.c_row));
                }
            }
            let mut sums = [[V::zero(); COLUMNS]; ROWS];
            let (mut a, mut b) = (self.a.add(row * self.a_row), self.b);
            let (a_row, a_step, b_step) = (self.a_row, self.a_step, self.b_step);
            for _ in 0..self.depth {
                let mut vectors = [V::zero(); COLUMNS];
                for v in 0..COLUMNS {
                    vectors[v] = V::load(b.add(v * LANES));
                }
                for r in 0..ROWS {
                    let a = V::splat(a.add(r * a_row));
                    for v in 0..COLUMNS {
                        sums[r][v] = a.mul_add(vectors[v], sums[r][v]);
                    }
                }
                // Past the end after the last step, where they are not read.
                a = a.wrapping_add(a_step);
                b = b.wrapping_add(b_step);
            }
            for (r, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    let c = c.add(r * self.c_row + v * LANES);
                    if self.accumulate { V::load(c).add(sum).store(c) } else { sum.store(c) }
                }
            }
        }
    }
}
