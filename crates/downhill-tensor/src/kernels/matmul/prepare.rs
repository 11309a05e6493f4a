//! B copied together once, for products that read it again and again.

use super::block::packs_b;
use super::tile;
use super::{Product, Right, Strides2, Update, Way, pack, part};
use crate::Float;
use crate::kernels::isa::Isa;
use std::ops::Range;

/// The form of a product's B in which it is read fastest: panels of some columns, row after row within a
/// panel, panel after panel.
///
/// The form depends on the product and on the instruction set; who multiplies must have the same of both as
/// who prepared. The last panel is filled up with zeros. Panels of space that begins at a cache line (64
/// bytes) begin at cache lines.
///
/// ```
/// use downhill_tensor::kernels::isa;
/// use downhill_tensor::kernels::matmul::{Prepared, Product, Update, matmul_prepared, matmul_scratch_len};
/// let product = Product::row_major(2, 2, 2);
/// let b = Prepared::new::<f32>(isa::current(), &product);
/// let mut panels = vec![0.0f32; b.len()];
/// b.fill(0..b.panels(), &[1.0, 2.0, 3.0, 4.0], &mut panels);
///
/// let (mut c, mut scratch) = ([0.0; 4], vec![0.0; matmul_scratch_len::<f32>(&product)]);
/// matmul_prepared(&b, 0..2, 0..2, &[0.0, 1.0, 1.0, 0.0], &panels, &mut c, Update::SET, &mut scratch);
/// assert_eq!(c, [3.0, 4.0, 1.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    isa: Isa,
    product: Product,
    way: Way,
    /// Columns of a panel.
    width: usize,
    element: usize,
}

/// Where the elements of B lie once prepared, for a product that does not go by tiles.
pub(super) fn strides(product: &Product, way: Way) -> Strides2 {
    match way {
        Way::Outer => Strides2::row_major(product.n),
        _ => Strides2 { row: 1, column: product.k },
    }
}

impl Prepared {
    /// The form of B for a product of numbers of type `T`.
    pub fn new<T: Float>(isa: Isa, product: &Product) -> Self {
        let way = product.way();
        let width = match way {
            Way::Dots | Way::Column => 1,
            Way::Outer | Way::Blocks => tile::width::<T>(isa),
        };
        Prepared { isa, product: *product, way, width, element: size_of::<T>() }
    }

    /// The number of panels.
    pub fn panels(&self) -> usize {
        self.product.n.div_ceil(self.width)
    }

    /// The elements of one panel.
    pub fn panel_len(&self) -> usize {
        self.product.k * self.width
    }

    /// The elements of all panels.
    pub fn len(&self) -> usize {
        self.panels() * self.panel_len()
    }

    /// Whether there is nothing to prepare.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies some of the panels from B to `out`, which holds these panels alone: several threads may share
    /// the work.
    ///
    /// # Panics
    /// Where the range, B, the length of `out` or the type does not suit.
    pub fn fill<T: Float>(&self, panels: Range<usize>, b: &[T], out: &mut [T]) {
        let Product { n, k, b: strides, .. } = self.product;
        assert_eq!(size_of::<T>(), self.element, "B was to be prepared for another type");
        assert!(panels.end <= self.panels(), "the panels lie outside the product");
        assert_eq!(
            out.len(),
            panels.len() * self.panel_len(),
            "the space has another length than the panels"
        );
        assert!(b.len() >= strides.end(k, n), "B is shorter than its rows and columns reach");
        if out.is_empty() {
            return;
        }
        let (first, last) = (panels.start * self.width, n.min(panels.end * self.width));
        if self.width == 1 {
            for (column, out) in (first..last).zip(out.chunks_exact_mut(k)) {
                for (row, out) in out.iter_mut().enumerate() {
                    *out = b[column * strides.column + row * strides.row];
                }
            }
            return;
        }
        let depth = self.product.depth();
        for row in (0..k).step_by(depth) {
            let (deep, apart) = (depth.min(k - row), self.panel_len());
            let space = &mut out[row * self.width..];
            // SAFETY: rows and columns lie inside B.
            unsafe {
                let b = b.as_ptr().add(row * strides.row + first * strides.column);
                pack::columns(self.isa, b, strides, deep, last - first, self.width, apart, space);
            }
        }
    }
}

/// Whether products gain from a prepared B if they are computed in parts of so many rows (all of their columns),
/// `total` rows together, with the preparation counted once.
pub fn preparing_pays<T: Float>(product: &Product, rows: usize, total: usize) -> bool {
    let several = total > rows && product.way() == Way::Blocks;
    // Where each part would copy B together, it is better done once. Where parts read B in place, panels are
    // still read a little faster; the limits were measured.
    let often = total >= 256 && product.n > 1 && product.k * product.n >= 8192;
    several && (often || packs_b::<T>(product.b, product.n, rows))
}

/// [`matmul`](super::matmul) with a B that was prepared: the same bits.
///
/// # Panics
/// Where a range or a slice does not suit, or `scratch` is shorter than
/// [`matmul_scratch_len`](super::matmul_scratch_len).
#[allow(clippy::too_many_arguments)]
pub fn matmul_prepared<T: Float>(
    b: &Prepared,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    panels: &[T],
    c: &mut [T],
    update: Update<T>,
    scratch: &mut [T],
) {
    let c = b.product.part_of_c(&rows, &columns, c);
    // SAFETY: C reaches no further than `c`, as just checked, and `c` is borrowed mutably.
    unsafe { matmul_prepared_raw(b, rows, columns, a, panels, c.as_mut_ptr(), update, scratch) };
}

/// [`matmul_prepared`] on a pointer to the part's first element in C.
///
/// # Safety
/// As [`matmul_raw`](super::matmul_raw).
///
/// # Panics
/// As [`matmul_prepared`].
#[allow(clippy::too_many_arguments)]
pub unsafe fn matmul_prepared_raw<T: Float>(
    b: &Prepared,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    panels: &[T],
    c: *mut T,
    update: Update<T>,
    scratch: &mut [T],
) {
    assert_eq!(size_of::<T>(), b.element, "B was prepared for another type");
    assert_eq!(panels.len(), b.len(), "the panels have another length than the prepared B");
    let right = Right { first: panels.as_ptr(), prepared: true };
    // SAFETY: B reaches as far as its prepared form; the caller answers for C.
    unsafe { part(b.isa, &b.product, rows, columns, a, right, c, update, scratch) };
}
