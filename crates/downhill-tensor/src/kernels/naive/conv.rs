use crate::Float;
use crate::kernels::conv::Conv2dGeometry;

/// Calls `f(input, weight, output)` with the three positions of every product that one image's
/// convolution adds up, group by group, in the order of the seven loops.
fn each_product(geometry: &Conv2dGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let g = geometry;
    let (group_in, group_out) = (g.in_channels / g.groups, g.out_channels / g.groups);
    for o in 0..g.out_channels {
        for oh in 0..g.out_height {
            for ow in 0..g.out_width {
                for c in 0..group_in {
                    for kh in 0..g.kernel[0] {
                        for kw in 0..g.kernel[1] {
                            let h = oh * g.stride[0] + kh * g.dilation[0];
                            let w = ow * g.stride[1] + kw * g.dilation[1];
                            let inside = h >= g.padding[0]
                                && w >= g.padding[1]
                                && h - g.padding[0] < g.in_height
                                && w - g.padding[1] < g.in_width;
                            if !inside {
                                continue;
                            }
                            let channel = o / group_out * group_in + c;
                            f(
                                (channel * g.in_height + h - g.padding[0]) * g.in_width + w - g.padding[1],
                                ((o * group_in + c) * g.kernel[0] + kh) * g.kernel[1] + kw,
                                (o * g.out_height + oh) * g.out_width + ow,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The convolution of all images in `x`; see [`kernels::conv`](crate::kernels::conv::conv2d).
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d<T: Float>(geometry: &Conv2dGeometry, x: &[T], weight: &[T], out: &mut [T]) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    out.fill(T::ZERO);
    for (i, out) in out.chunks_exact_mut(output.max(1)).enumerate() {
        let x = &x[i * input..(i + 1) * input];
        each_product(geometry, |p, q, r| out[r] += x[p] * weight[q]);
    }
}

/// The gradient of the convolution with respect to its input.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d_input_gradient<T: Float>(geometry: &Conv2dGeometry, weight: &[T], g: &[T], dx: &mut [T]) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    dx.fill(T::ZERO);
    for (i, dx) in dx.chunks_exact_mut(input.max(1)).enumerate() {
        let g = &g[i * output..(i + 1) * output];
        each_product(geometry, |p, q, r| dx[p] += g[r] * weight[q]);
    }
}

/// The gradient of the convolution with respect to its weight, summed over all images; added to what is
/// there where `accumulate`.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d_weight_gradient<T: Float>(
    geometry: &Conv2dGeometry,
    x: &[T],
    g: &[T],
    dw: &mut [T],
    accumulate: bool,
) {
    let (input, output) = (geometry.input_len(), geometry.output_len());
    if !accumulate {
        dw.fill(T::ZERO);
    }
    for (i, x) in x.chunks_exact(input.max(1)).enumerate() {
        let g = &g[i * output..(i + 1) * output];
        each_product(geometry, |p, q, r| dw[q] += x[p] * g[r]);
    }
}
