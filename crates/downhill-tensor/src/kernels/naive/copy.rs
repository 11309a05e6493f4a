use crate::Layout;

/// The elements of a layout, in row-major order.
///
/// # Panics
/// Where `out` has another number of elements, or `x` is shorter than the layout reaches.
pub fn copy_strided<T: Copy>(x: &[T], layout: &Layout, out: &mut [T]) {
    super::map_strided(x, layout, out, |value| value);
}

/// Writes `x`, in row-major order, to the positions of a layout in `out`; leaves the others alone.
///
/// # Panics
/// Where `x` has another number of elements, or `out` is shorter than the layout reaches.
pub fn write_strided<T: Copy>(x: &[T], out: &mut [T], layout: &Layout) {
    assert_eq!(x.len(), layout.shape().size());
    for (&value, position) in x.iter().zip(layout.positions()) {
        out[position] = value;
    }
}

/// Fills `out` with `value`, then writes `x` to the positions of a layout in it.
///
/// # Panics
/// Where `x` has another number of elements, or `out` is shorter than the layout reaches.
pub fn pad<T: Copy>(x: &[T], value: T, out: &mut [T], layout: &Layout) {
    out.fill(value);
    write_strided(x, out, layout);
}
