use crate::Float;
use crate::kernels::pool::Pool2dGeometry;

/// The positions in a plane that the window of an output lies over, padding left out, in row-major order.
fn window(geometry: &Pool2dGeometry, oh: usize, ow: usize) -> impl Iterator<Item = usize> {
    let g = *geometry;
    (0..g.kernel[0] * g.kernel[1]).filter_map(move |k| {
        let h = (oh * g.stride[0] + k / g.kernel[1]).checked_sub(g.padding[0])?;
        let w = (ow * g.stride[1] + k % g.kernel[1]).checked_sub(g.padding[1])?;
        (h < g.height && w < g.width).then_some(h * g.width + w)
    })
}

/// Calls `f(plane, output position in the plane, positions of its window)`.
fn each_window(
    g: &Pool2dGeometry,
    planes: usize,
    mut f: impl FnMut(usize, usize, &mut dyn Iterator<Item = usize>),
) {
    for plane in 0..planes {
        for oh in 0..g.out_height {
            for ow in 0..g.out_width {
                f(plane, oh * g.out_width + ow, &mut window(g, oh, ow));
            }
        }
    }
}

fn arg_max<T: Float>(x: &[T], window: &mut dyn Iterator<Item = usize>) -> Option<usize> {
    window.reduce(|best, p| if !x[best].is_nan() && (x[p] > x[best] || x[p].is_nan()) { p } else { best })
}

/// The largest value in each window; see [`kernels::pool`](crate::kernels::pool::max_pool2d).
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d<T: Float>(geometry: &Pool2dGeometry, x: &[T], out: &mut [T]) {
    max_pool2d_gather(geometry, x, x, out);
}

/// The value of `u` where `x` is largest in each window.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d_gather<T: Float>(geometry: &Pool2dGeometry, x: &[T], u: &[T], out: &mut [T]) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    each_window(geometry, out.len() / output.max(1), |plane, at, window| {
        let best = arg_max(&x[plane * input..], window);
        out[plane * output + at] = best.map_or(T::NEG_INFINITY, |best| u[plane * input + best]);
    });
}

/// Zero, plus each window's `g` where `x` is largest in the window.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d_scatter<T: Float>(geometry: &Pool2dGeometry, x: &[T], g: &[T], dx: &mut [T]) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    dx.fill(T::ZERO);
    each_window(geometry, g.len() / output.max(1), |plane, at, window| {
        if let Some(best) = arg_max(&x[plane * input..], window) {
            dx[plane * input + best] += g[plane * output + at];
        }
    });
}

/// The sum of each window, zeros of the padding counted in, divided by the number of its places.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn avg_pool2d<T: Float>(geometry: &Pool2dGeometry, x: &[T], out: &mut [T]) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    let count = T::from_usize(geometry.kernel[0] * geometry.kernel[1]);
    each_window(geometry, out.len() / output.max(1), |plane, at, window| {
        let x = &x[plane * input..];
        let mut sum = T::ZERO;
        window.for_each(|p| sum += x[p]);
        out[plane * output + at] = sum / count;
    });
}

/// The gradient of [`avg_pool2d`]: each window's `g`, divided by the number of its places, added to all of
/// them.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn avg_pool2d_gradient<T: Float>(geometry: &Pool2dGeometry, g: &[T], dx: &mut [T]) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    let count = T::from_usize(geometry.kernel[0] * geometry.kernel[1]);
    dx.fill(T::ZERO);
    each_window(geometry, g.len() / output.max(1), |plane, at, window| {
        let share = g[plane * output + at] / count;
        window.for_each(|p| dx[plane * input + p] += share);
    });
}
