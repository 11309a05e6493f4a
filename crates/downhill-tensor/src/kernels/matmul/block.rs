//! The blocked product: which blocks there are, what of them is packed, and their tiles.

use super::tile::{self, Tile};
use super::{BLOCK_COLUMNS, BLOCK_ROWS, MAX_DEPTH, Part, Product, Strides2, Update, pack};
use crate::Float;
use crate::kernels::isa::Isa;

impl<T: Float> Part<T> {
    /// Whether there is nothing to cut and nothing to pack.
    #[inline(always)]
    pub(super) fn is_one_tile(&self) -> bool {
        let in_rows = !self.prepared && (self.product.b.column == 1 || self.product.n == 1);
        in_rows
            && self.product.k <= MAX_DEPTH
            && self.rows.len() <= tile::max_rows(self.isa)
            && self.columns.len() <= tile::width::<T>(self.isa)
    }

    /// The blocked product of a part that [is one tile](Part::is_one_tile): tiny products are many, and for
    /// them the arithmetic is not what takes the time.
    ///
    /// # Safety
    /// The part's pointers are valid, and C's elements are accessed by nobody else.
    #[inline(always)]
    pub(super) unsafe fn one_tile(&self) {
        let Product { k, a, b, c_row_stride, .. } = self.product;
        // SAFETY: the part lies inside the operands.
        unsafe {
            let tile = Tile {
                depth: k,
                a: self.a.add(self.rows.start * a.row),
                a_row: a.row,
                a_column: a.column,
                b: self.b.add(self.columns.start * b.column),
                b_row: b.row,
                c: self.c,
                c_row: c_row_stride,
                update: self.update,
            };
            tile.run(self.isa, self.rows.len(), self.columns.len());
        }
    }

    /// The blocked product.
    ///
    /// # Safety
    /// The part's pointers are valid, and C's elements are accessed by nobody else.
    pub(super) unsafe fn blocks(&self, scratch: &mut [T]) {
        let p = &self.product;
        let (width, depth) = (tile::width::<T>(self.isa), p.depth());
        // Whether to pack changes no bit, so it may depend on the part.
        let pack_b = !self.prepared && packs_b::<T>(p.b, p.n, self.rows.len());
        // Columns of neighbours are quick to pack, and slow to read in place: each is another cache line.
        let often = if p.a.row == 1 && p.k >= 256 { 4 } else { 16 };
        let pack_a = self.columns.len() > often * width && self.rows.len() > 4;
        let block_columns = if pack_b { BLOCK_COLUMNS } else { self.columns.len() };
        let block_rows = if pack_a { BLOCK_ROWS } else { self.rows.len() };
        let (a_space, b_space): (&mut [T], &mut [T]) = match (pack_a, pack_b) {
            (false, false) => (&mut [], &mut []),
            _ => pack::split(scratch, if pack_a { depth * block_rows.min(p.m) } else { 0 }),
        };
        let mut column = self.columns.start;
        while column < self.columns.end {
            let columns = block_columns.min(self.columns.end - column);
            let mut first = 0;
            while first < p.k {
                let deep = depth.min(p.k - first);
                let right = if self.prepared {
                    let (panel, offset) = (column / width, column % width);
                    // SAFETY: panels are `k * width` long, one after the other.
                    let first = unsafe { self.b.add((panel * p.k + first) * width) };
                    Right::Panels { first, apart: p.k * width, offset }
                } else {
                    // SAFETY: the block lies inside B.
                    let b = unsafe { self.b.add(first * p.b.row + column * p.b.column) };
                    if pack_b {
                        let apart = deep * width;
                        // SAFETY: the block lies inside B, and the space is checked.
                        unsafe { pack::columns(self.isa, b, p.b, deep, columns, width, apart, b_space) };
                        Right::Panels { first: b_space.as_ptr(), apart, offset: 0 }
                    } else {
                        Right::InPlace { first: b, row: p.b.row }
                    }
                };
                let mut row = self.rows.start;
                while row < self.rows.end {
                    let rows = block_rows.min(self.rows.end - row);
                    // SAFETY: the block lies inside A.
                    let a = unsafe { self.a.add(row * p.a.row + first * p.a.column) };
                    if pack_a {
                        // SAFETY: the block lies inside A, and the space is checked.
                        unsafe { pack::rows(a, p.a, rows, deep, tile::max_rows(self.isa), a_space) };
                    }
                    let block = Block {
                        isa: self.isa,
                        depth: deep,
                        a: if pack_a { a_space.as_ptr() } else { a },
                        a_strides: (!pack_a).then_some(p.a),
                        b: right,
                        width,
                        // SAFETY: the block lies inside C.
                        c: unsafe {
                            let (row, column) = (row - self.rows.start, column - self.columns.start);
                            self.c.add(row * p.c_row_stride + column)
                        },
                        c_row: p.c_row_stride,
                        update: Update { accumulate: self.update.accumulate || first > 0, ..self.update },
                    };
                    // SAFETY: as above, for all of the block.
                    unsafe { block.tiles(rows, columns) };
                    row += rows;
                }
                first += deep;
            }
            column += columns;
        }
    }
}

/// Whether a part of so many rows copies B together. A copy pays where it is read often; the limits were
/// measured.
#[inline]
pub(super) fn packs_b<T>(b: Strides2, n: usize, rows: usize) -> bool {
    if b.column != 1 {
        return n > 1;
    }
    // Rows of B a multiple of 2 KiB apart fall into the same few places of the nearest cache.
    let crowded = (b.row * size_of::<T>()).is_multiple_of(2048);
    rows > if crowded { 24 } else { 160 }
}

/// A block of B.
#[derive(Clone, Copy)]
enum Right<T> {
    /// Rows of neighbours.
    InPlace { first: *const T, row: usize },
    /// Panels of rows of `width` neighbours; the block begins inside the first panel's rows.
    Panels { first: *const T, apart: usize, offset: usize },
}

/// One block of A times one block of B, packed or in place.
struct Block<T> {
    isa: Isa,
    depth: usize,
    a: *const T,
    /// `None` where A is packed.
    a_strides: Option<Strides2>,
    b: Right<T>,
    width: usize,
    c: *mut T,
    c_row: usize,
    update: Update<T>,
}

impl<T: Float> Block<T> {
    /// # Safety
    /// The pointers reach all of the block; C's elements are accessed by nobody else.
    unsafe fn tiles(&self, rows: usize, columns: usize) {
        let max_rows = tile::max_rows(self.isa);
        let mut column = 0;
        while column < columns {
            let (b, b_row, count) = match self.b {
                Right::InPlace { first, row } => {
                    // Few rows leave registers for more columns, if those lie side by side.
                    let wide = self.width * tile::wide(self.isa, rows);
                    // SAFETY: inside the block.
                    (unsafe { first.add(column) }, row, wide)
                }
                Right::Panels { first, apart, offset } => {
                    let (panel, offset) = ((column + offset) / self.width, (column + offset) % self.width);
                    // SAFETY: inside the block.
                    (unsafe { first.add(panel * apart + offset) }, self.width, self.width - offset)
                }
            };
            let count = count.min(columns - column);
            let tile = |row: usize, rows: usize| {
                let (a, a_row, a_column) = match self.a_strides {
                    // SAFETY: inside the block.
                    Some(strides) => (unsafe { self.a.add(row * strides.row) }, strides.row, strides.column),
                    // SAFETY: packed panels are `depth * rows` long, one after the other.
                    None => (unsafe { self.a.add(row * self.depth) }, 1, rows),
                };
                let tile = Tile {
                    depth: self.depth,
                    a,
                    a_row,
                    a_column,
                    b,
                    b_row,
                    // SAFETY: inside the block.
                    c: unsafe { self.c.add(row * self.c_row + column) },
                    c_row: self.c_row,
                    update: self.update,
                };
                // SAFETY: the tile lies inside the block.
                unsafe { tile.run(self.isa, rows, count) };
            };
            if rows <= max_rows {
                tile(0, rows);
            } else {
                pack::panels(rows, max_rows).for_each(|(row, rows)| tile(row, rows));
            }
            column += count;
        }
    }
}
