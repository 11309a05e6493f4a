//! Products of strided matrices: `C = α A B` and `C += α A B`.
//!
//! # The order of the sums
//! The shared dimension is cut into blocks of equal depth, a function of `k` alone. Inside a block a
//! product is added to its element's sum from first to last, with a fused multiplication and addition where
//! the machine has one; the blocks' sums, each times α, are then added to C in order. Every way through this module keeps
//! that order for each element, so tiles, packing, and the part that is asked for change no bit. The one
//! exception, long dot products of contiguous vectors (`dots`), is chosen by the whole product alone.
//!
//! # The way through
//! As in BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS Functionality",
//! 2015): a tile of C stays in registers while a panel of A and a panel of B stream by. Panels are copied
//! together ("packed") only where that pays; otherwise the tile reads the operands where they lie.

mod block;
mod dots;
mod pack;
mod prepare;
mod tile;
#[cfg(target_arch = "x86_64")]
mod tile_avx2;
#[cfg(target_arch = "x86_64")]
mod tile_avx512;

use super::isa::{self, Isa, vectorize};
use crate::Float;
pub use prepare::{Prepared, matmul_prepared, matmul_prepared_raw, preparing_pays};
use std::ops::Range;

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

    /// The rest of C from the part's first element on.
    ///
    /// # Panics
    /// Where C is too short.
    #[inline]
    fn part_of_c<'c, T>(&self, rows: &Range<usize>, columns: &Range<usize>, c: &'c mut [T]) -> &'c mut [T] {
        let strides = Strides2 { row: self.c_row_stride, column: 1 };
        assert!(c.len() >= strides.end(self.m, self.n), "C is shorter than its rows and columns reach");
        if rows.is_empty() || columns.is_empty() {
            return &mut [];
        }
        &mut c[rows.start * self.c_row_stride + columns.start..]
    }

    /// The depth of the blocks into which `k` is cut.
    #[inline]
    fn depth(&self) -> usize {
        if self.k <= MAX_DEPTH {
            return self.k;
        }
        self.k.div_ceil(self.k.div_ceil(MAX_DEPTH)).next_multiple_of(8)
    }

    #[inline]
    fn way(&self) -> Way {
        if self.k == 1 && self.b.column == 1 {
            Way::Outer
        } else if dots::suits(self) {
            Way::Dots
        } else if self.n == 1 && self.c_row_stride == 1 && self.a.row == 1 {
            Way::Column
        } else {
            Way::Blocks
        }
    }
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// One column times one row of neighbours.
    Outer,
    /// Dot products of neighbours.
    Dots,
    /// One column that is a sum of A's columns: the same as one row that is a sum of rows.
    Column,
    /// Tiles in blocks.
    Blocks,
}

/// What a product does with C: `C = scale A B`, or `C += scale A B` where it accumulates.
///
/// A scale of 1 gives the bits of the product without one. Gradient descent on a weight is the product that
/// accumulates with the negative rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update<T> {
    /// What the product is multiplied by.
    pub scale: T,
    /// Whether the product is added to C, rather than taking its place.
    pub accumulate: bool,
}

impl<T: Float> Update<T> {
    /// `C = A B`.
    pub const SET: Self = Update { scale: T::ONE, accumulate: false };
    /// `C += A B`.
    pub const ADD: Self = Update { scale: T::ONE, accumulate: true };

    /// `C = scale A B`.
    pub fn set_scaled(scale: T) -> Self {
        Update { scale, ..Update::SET }
    }

    /// `C += scale A B`.
    pub fn add_scaled(scale: T) -> Self {
        Update { scale, ..Update::ADD }
    }

    /// What becomes of an element of C.
    #[inline(always)]
    fn of(&self, c: T, sum: T, fma: bool) -> T {
        match self.accumulate {
            false => self.scale * sum,
            true if fma => self.scale.mul_add(sum, c),
            true => c + self.scale * sum,
        }
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
    let columns = product.n.next_multiple_of(tile::MAX_WIDTH / size_of::<T>()).min(BLOCK_COLUMNS);
    product.depth() * (BLOCK_ROWS.min(product.m) + columns) + 2 * ALIGNMENT
}

/// Elements that a packed panel may have to be moved by to begin at a cache line.
const ALIGNMENT: usize = 16;

/// Computes the given rows and columns of `C = α A B` or `C += α A B`, as `update` says.
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
    update: Update<T>,
    scratch: &mut [T],
) {
    matmul_with(isa::current(), product, rows, columns, a, b, c, update, scratch);
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
    update: Update<T>,
    scratch: &mut [T],
) {
    let c = product.part_of_c(&rows, &columns, c);
    // SAFETY: C reaches no further than `c`, as just checked, and `c` is borrowed mutably.
    unsafe { matmul_raw(isa, product, rows, columns, a, b, c.as_mut_ptr(), update, scratch) };
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
    update: Update<T>,
    scratch: &mut [T],
) {
    assert!(b.len() >= product.b.end(product.k, product.n), "B is shorter than its rows and columns reach");
    let b = Right { first: b.as_ptr(), prepared: false };
    // SAFETY: B reaches no further than its slice; the caller answers for C.
    unsafe { part(isa, product, rows, columns, a, b, c, update, scratch) };
}

/// B, in place or prepared.
#[derive(Clone, Copy)]
struct Right<T> {
    first: *const T,
    prepared: bool,
}

/// # Safety
/// As [`matmul_raw`]; and B must reach as far as the product says, or as its prepared form.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
unsafe fn part<T: Float>(
    isa: Isa,
    product: &Product,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    b: Right<T>,
    c: *mut T,
    update: Update<T>,
    scratch: &mut [T],
) {
    assert!(rows.end <= product.m && columns.end <= product.n, "the part lies outside the product");
    assert!(a.len() >= product.a.end(product.m, product.k), "A is shorter than its rows and columns reach");
    if rows.is_empty() || columns.is_empty() {
        return;
    }
    let way = product.way();
    let prepared = b.prepared && way == Way::Blocks;
    let mut product = *product;
    if b.prepared && !prepared {
        product.b = prepare::strides(&product, way);
    }
    let part = Part { isa, product, rows, columns, a: a.as_ptr(), b: b.first, prepared, c, update };
    // SAFETY: A and B reach no further than their slices, as checked; the caller answers for C.
    unsafe {
        match way {
            _ if product.k == 0 => part.nothing(),
            Way::Outer => part.outer_product(),
            Way::Dots => dots::run(&part),
            Way::Column => part.transposed().blocks(scratch),
            Way::Blocks if part.is_one_tile() => part.one_tile(),
            Way::Blocks => part.blocks(scratch),
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
    /// Whether B lies in panels that were prepared, rather than by its strides.
    prepared: bool,
    /// The part's first element.
    c: *mut T,
    update: Update<T>,
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

    /// The sum of no products.
    ///
    /// # Safety
    /// As [`Part::each_row`].
    unsafe fn nothing(&self) {
        if !self.update.accumulate {
            // SAFETY: as above.
            unsafe { self.each_row(|_, c| c.fill(self.update.scale * T::ZERO)) };
        }
    }

    /// `C = a b`, with A one column and B one row of neighbours.
    ///
    /// # Safety
    /// As [`Part::each_row`].
    unsafe fn outer_product(&self) {
        vectorize(
            self.isa,
            #[inline(always)]
            |fma| {
                // SAFETY: B's columns are neighbours and inside B; each row is inside A; C as above.
                unsafe {
                    let b = std::slice::from_raw_parts(self.b.add(self.columns.start), self.columns.len());
                    self.each_row(
                        #[inline(always)]
                        |row, c| {
                            let a = *self.a.add(row * self.product.a.row);
                            let Update { scale, accumulate } = self.update;
                            if accumulate {
                                let add = Update { scale, accumulate: true };
                                c.iter_mut().zip(b).for_each(|(c, &b)| *c = add.of(*c, a * b, fma));
                            } else {
                                c.iter_mut().zip(b).for_each(|(c, &b)| *c = scale * (a * b));
                            }
                        },
                    );
                }
            },
        );
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
            prepared: false,
            c: self.c,
            update: self.update,
        }
    }
}
