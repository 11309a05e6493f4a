//! Products of strided matrices: `C = A B` and `C += A B`.
//!
//! # The order of the sums
//! The shared dimension is cut into blocks of equal depth, a function of `k` alone. Inside a block a
//! product is added to its element's sum from first to last, with a fused multiplication and addition where
//! the machine has one; the blocks' sums are then added to C in order. Every way through this module keeps
//! that order for each element, so tiles, packing, and the part that is asked for change no bit. The one
//! exception, long dot products of contiguous vectors (`dots`), is chosen by the whole product alone.
//!
//! # The way through
//! As in BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS Functionality",
//! 2015): a tile of C stays in registers while a panel of A and a panel of B stream by. Panels are copied
//! together ("packed") only where that pays; otherwise the tile reads the operands where they lie.

mod dots;
mod pack;
mod tile;

use super::isa::{self, Isa, vectorize};
use crate::Float;
use std::ops::Range;
use tile::{MAX_ROWS, Tile};

/// The distances, in elements, from an element of a matrix to the one below and to the one on its right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Strides2 {
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

impl Strides2 {
    /// Rows of this many columns, one after the other.
    pub fn row_major(columns: usize) -> Self {
        Strides2 { row: columns, column: 1 }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Strides2 { row: self.column, column: self.row }
    }

    /// One more than the last position that a matrix of this size reaches; 0 when it is empty.
    fn end(self, rows: usize, columns: usize) -> usize {
        if rows == 0 || columns == 0 {
            return 0;
        }
        // Saturating, so that no slice is ever long enough where the true number does not fit.
        let last_row = (rows - 1).saturating_mul(self.row);
        last_row.saturating_add((columns - 1).saturating_mul(self.column)).saturating_add(1)
    }
}

/// A whole product `C[m, n] = A[m, k] B[k, n]` and where its elements lie.
///
/// Which way the computation takes depends on this alone, never on the part that a call computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// Rows of A and of C.
    pub m: usize,
    /// Columns of B and of C.
    pub n: usize,
    /// Columns of A and rows of B.
    pub k: usize,
    /// Where A's elements lie.
    pub a: Strides2,
    /// Where B's elements lie.
    pub b: Strides2,
    /// From one row of C to the next; C's columns are neighbours.
    pub c_row_stride: usize,
}

impl Product {
    /// The product of three row-major matrices without gaps.
    pub fn row_major(m: usize, n: usize, k: usize) -> Self {
        Product { m, n, k, a: Strides2::row_major(k), b: Strides2::row_major(n), c_row_stride: n }
    }

    /// The depth of the blocks into which `k` is cut.
    fn depth(&self) -> usize {
        let blocks = self.k.div_ceil(MAX_DEPTH).max(1);
        self.k.div_ceil(blocks).next_multiple_of(8)
    }
}

/// The greatest depth of a block: a panel of B of this depth fills half of a 32 KiB cache.
const MAX_DEPTH: usize = 320;
/// Rows of A that are packed together: with [`MAX_DEPTH`] a quarter of a 512 KiB cache in f32.
const BLOCK_ROWS: usize = 96;
/// Columns of B that are packed together.
const BLOCK_COLUMNS: usize = 1024;

/// How many elements of scratch space a product, or any part of it, needs.
pub fn matmul_scratch_len<T: Float>(product: &Product) -> usize {
    let depth = product.depth().min(product.k.next_multiple_of(8));
    let columns = product.n.next_multiple_of(tile::width::<T>()).min(BLOCK_COLUMNS);
    depth * (BLOCK_ROWS.min(product.m) + columns) + 2 * ALIGNMENT
}

/// Elements that a packed panel may have to be moved by to begin at a cache line.
const ALIGNMENT: usize = 16;

/// Computes the given rows and columns of `C = A B`, or of `C += A B` where `accumulate`.
///
/// `c` is all of C; other rows and columns stay as they are. The result does not depend on how C is cut
/// into parts.
///
/// # Panics
/// Where a range, a slice or `scratch` ([`matmul_scratch_len`]) does not suit `product`.
#[allow(clippy::too_many_arguments)]
pub fn matmul<T: Float>(
    product: &Product,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    b: &[T],
    c: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    matmul_with(isa::current(), product, rows, columns, a, b, c, accumulate, scratch);
}

/// [`matmul`] with a chosen instruction set.
///
/// # Panics
/// As [`matmul`].
#[allow(clippy::too_many_arguments)]
pub fn matmul_with<T: Float>(
    isa: Isa,
    product: &Product,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    b: &[T],
    c: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    let c_strides = Strides2 { row: product.c_row_stride, column: 1 };
    assert!(c.len() >= c_strides.end(product.m, product.n), "C is shorter than its rows and columns reach");
    let first = rows.start * product.c_row_stride + columns.start;
    let c = if rows.is_empty() || columns.is_empty() { &mut [] } else { &mut c[first..] };
    // SAFETY: C reaches no further than `c`, as just checked, and `c` is borrowed mutably.
    unsafe { matmul_raw(isa, product, rows, columns, a, b, c.as_mut_ptr(), accumulate, scratch) };
}

/// [`matmul_with`] on a pointer to the part's first element in C (row `rows.start`, column
/// `columns.start`), for parts that several threads compute at once and whose elements interleave in
/// memory.
///
/// # Safety
/// From `c` on, the part's rows, `c_row_stride` apart, must lie in one allocation, writable, and no one else
/// may access the part's elements meanwhile.
///
/// # Panics
/// Where a range, a slice or `scratch` ([`matmul_scratch_len`]) does not suit `product`.
#[allow(clippy::too_many_arguments)]
pub unsafe fn matmul_raw<T: Float>(
    isa: Isa,
    product: &Product,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    b: &[T],
    c: *mut T,
    accumulate: bool,
    scratch: &mut [T],
) {
    let &Product { m, n, k, c_row_stride, .. } = product;
    assert!(rows.end <= m && columns.end <= n, "the part lies outside the product");
    assert!(a.len() >= product.a.end(m, k), "A is shorter than its rows and columns reach");
    assert!(b.len() >= product.b.end(k, n), "B is shorter than its rows and columns reach");
    if rows.is_empty() || columns.is_empty() {
        return;
    }
    let part = Part { isa, product: *product, rows, columns, a: a.as_ptr(), b: b.as_ptr(), c, accumulate };
    // SAFETY: A and B reach no further than their slices, as checked; the caller answers for C.
    unsafe {
        match k {
            0 if !accumulate => part.each_row(|_, c| c.fill(T::ZERO)),
            0 => {}
            1 if product.b.column == 1 => {
                vectorize(
                    isa,
                    #[inline(always)]
                    |_| part.outer_product(),
                );
            }
            _ if dots::suits(product) => dots::run(&part),
            // One column that is a sum of A's columns: the same as one row that is a sum of rows.
            _ if n == 1 && c_row_stride == 1 && product.a.row == 1 => part.transposed().blocks(scratch),
            _ => part.blocks(scratch),
        }
    }
}

/// A part of a product with its operands. Whoever makes one answers for the pointers.
struct Part<T> {
    isa: Isa,
    product: Product,
    rows: Range<usize>,
    columns: Range<usize>,
    a: *const T,
    b: *const T,
    /// The part's first element.
    c: *mut T,
    accumulate: bool,
}

impl<T: Float> Part<T> {
    /// Calls `f` with each row's number and its columns of this part in C.
    ///
    /// # Safety
    /// The part's pointers are valid, and C's elements are accessed by nobody else.
    #[inline(always)]
    unsafe fn each_row(&self, f: impl Fn(usize, &mut [T])) {
        for row in self.rows.clone() {
            // SAFETY: the row and columns are in C, which the caller answers for.
            f(row, unsafe {
                let start = self.c.add((row - self.rows.start) * self.product.c_row_stride);
                std::slice::from_raw_parts_mut(start, self.columns.len())
            });
        }
    }

    /// `C = a b`, with A one column and B one row of neighbours.
    ///
    /// # Safety
    /// As [`Part::each_row`].
    #[inline(always)]
    unsafe fn outer_product(&self) {
        // SAFETY: B's columns are neighbours and inside B; each row is inside A; C as above.
        unsafe {
            let b = std::slice::from_raw_parts(self.b.add(self.columns.start), self.columns.len());
            self.each_row(
                #[inline(always)]
                |row, c| {
                    let a = *self.a.add(row * self.product.a.row);
                    if self.accumulate {
                        c.iter_mut().zip(b).for_each(|(c, &b)| *c += a * b);
                    } else {
                        c.iter_mut().zip(b).for_each(|(c, &b)| *c = a * b);
                    }
                },
            );
        }
    }

    /// `Cᵀ = Bᵀ Aᵀ` where C is one column without gaps: the same elements as one row.
    fn transposed(&self) -> Part<T> {
        let p = &self.product;
        let product =
            Product { m: 1, n: p.m, k: p.k, a: p.b.transposed(), b: p.a.transposed(), c_row_stride: p.m };
        Part {
            isa: self.isa,
            product,
            rows: 0..1,
            columns: self.rows.clone(),
            a: self.b,
            b: self.a,
            c: self.c,
            accumulate: self.accumulate,
        }
    }

    /// The blocked product.
    ///
    /// # Safety
    /// As [`Part::each_row`].
    unsafe fn blocks(&self, scratch: &mut [T]) {
        let p = &self.product;
        let width = tile::width::<T>();
        // Whether to pack changes no bit, so it may depend on the part. A copy pays where it is read often;
        // the limits were measured.
        // Rows of B a multiple of 2 KiB apart fall into the same few places of the nearest cache.
        let crowded = (p.b.row * size_of::<T>()).is_multiple_of(2048);
        let pack_b = (p.b.column != 1 && p.n > 1) || self.rows.len() > if crowded { 24 } else { 160 };
        let pack_a = self.columns.len() > 16 * width && self.rows.len() > 4;
        let depth = p.depth();
        let block_columns = if pack_b { BLOCK_COLUMNS } else { self.columns.len() };
        let block_rows = if pack_a { BLOCK_ROWS } else { self.rows.len() };
        let (a_space, b_space) = pack::split(scratch, if pack_a { depth * block_rows.min(p.m) } else { 0 });
        for column in self.columns.clone().step_by(block_columns) {
            let columns = column..self.columns.end.min(column + block_columns);
            for first in (0..p.k).step_by(depth) {
                let deep = depth.min(p.k - first);
                // SAFETY: the block lies inside B.
                let b = unsafe { self.b.add(first * p.b.row + column * p.b.column) };
                if pack_b {
                    // SAFETY: the block lies inside B, and the space is checked.
                    unsafe { pack::columns(self.isa, b, p.b, deep, columns.len(), width, b_space) };
                }
                for row in self.rows.clone().step_by(block_rows) {
                    let rows = row..self.rows.end.min(row + block_rows);
                    // SAFETY: the block lies inside A.
                    let a = unsafe { self.a.add(row * p.a.row + first * p.a.column) };
                    if pack_a {
                        // SAFETY: the block lies inside A, and the space is checked.
                        unsafe { pack::rows(a, p.a, rows.len(), deep, a_space) };
                    }
                    let block = Block {
                        depth: deep,
                        a: if pack_a { a_space.as_ptr() } else { a },
                        a_strides: (!pack_a).then_some(p.a),
                        b: if pack_b { b_space.as_ptr() } else { b },
                        b_row: (!pack_b).then_some(p.b.row),
                        // SAFETY: the block lies inside C.
                        c: unsafe {
                            let (row, column) = (row - self.rows.start, column - self.columns.start);
                            self.c.add(row * p.c_row_stride + column)
                        },
                        c_row: p.c_row_stride,
                        accumulate: self.accumulate || first > 0,
                    };
                    // SAFETY: as above, for all of the block.
                    unsafe { block.tiles(self.isa, rows.len(), columns.len(), width) };
                }
            }
        }
    }
}

/// One block of A times one block of B, packed or in place.
struct Block<T> {
    depth: usize,
    a: *const T,
    /// `None` where A is packed.
    a_strides: Option<Strides2>,
    b: *const T,
    /// `None` where B is packed.
    b_row: Option<usize>,
    c: *mut T,
    c_row: usize,
    accumulate: bool,
}

impl<T: Float> Block<T> {
    /// # Safety
    /// The pointers reach all of the block; C's elements are accessed by nobody else.
    unsafe fn tiles(&self, isa: Isa, rows: usize, columns: usize, width: usize) {
        // Few rows leave registers for more columns, if those lie side by side.
        let step = if self.b_row.is_some() { width * tile::wide(rows) } else { width };
        for column in (0..columns).step_by(step) {
            let b = match self.b_row {
                // SAFETY: inside the block.
                Some(_) => unsafe { self.b.add(column) },
                // SAFETY: packed panels are `depth * width` long, one after the other.
                None => unsafe { self.b.add(column * self.depth) },
            };
            for (row, count) in pack::panels(rows) {
                let (a, a_row, a_column) = match self.a_strides {
                    // SAFETY: inside the block.
                    Some(strides) => (unsafe { self.a.add(row * strides.row) }, strides.row, strides.column),
                    // SAFETY: packed panels are `depth * count` long, one after the other.
                    None => (unsafe { self.a.add(row * self.depth) }, 1, count),
                };
                let tile = Tile {
                    depth: self.depth,
                    a,
                    a_row,
                    a_column,
                    b,
                    b_row: self.b_row.unwrap_or(width),
                    // SAFETY: inside the block.
                    c: unsafe { self.c.add(row * self.c_row + column) },
                    c_row: self.c_row,
                    accumulate: self.accumulate,
                };
                debug_assert!(count <= MAX_ROWS);
                // SAFETY: the tile lies inside the block.
                unsafe { tile.run(isa, count, step.min(columns - column)) };
            }
        }
    }
}
