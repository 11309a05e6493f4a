use crate::Layout;

/// `out[i] = f(a[i])` over all elements of a layout in row-major order.
///
/// # Panics
/// Where `out` has another number of elements, or `a` is shorter than the layout reaches.
pub fn map_strided<A: Copy, O>(a: &[A], layout: &Layout, out: &mut [O], f: impl Fn(A) -> O) {
    assert_eq!(out.len(), layout.shape().size());
    for (out, position) in out.iter_mut().zip(layout.positions()) {
        *out = f(a[position]);
    }
}

/// `out[i] = f(a[i], b[i])` over all elements of two layouts of one shape in row-major order.
///
/// # Panics
/// Where the shapes or the number of elements of `out` differ, or a slice is shorter than its layout
/// reaches.
pub fn zip_strided<A: Copy, B: Copy, O>(
    (a, a_layout): (&[A], &Layout),
    (b, b_layout): (&[B], &Layout),
    out: &mut [O],
    f: impl Fn(A, B) -> O,
) {
    assert_eq!(a_layout.shape(), b_layout.shape());
    assert_eq!(out.len(), a_layout.shape().size());
    for (out, (p, q)) in out.iter_mut().zip(a_layout.positions().zip(b_layout.positions())) {
        *out = f(a[p], b[q]);
    }
}
