//! Two-dimensional convolution (cross-correlation, as PyTorch) with its gradients.
//!
//! Images are `[channels, height, width]`, weights `[out channels, in channels / groups, height, width]`. Each
//! image is unfolded into a matrix whose columns are the windows (im2col; Chellapilla, Puri and Simard, "High
//! Performance Convolutional Neural Networks for Document Processing", 2006), and the convolution is a
//! product with it.
//!
//! All image slices hold whole images. Outputs and input gradients of images do not touch each other: a
//! part of the work is a call on sub-slices of whole images. The gradient of the weight may be cut by output
//! channels; it is a sum over the images of a call, so cutting the images changes its last bits.

use super::isa::{current, vectorize};
use super::matmul::{Product, Strides2, matmul, matmul_scratch_len};
use crate::{Error, Float, Result};
use std::ops::Range;

/// How a convolution moves over its input. Pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dOptions {
    /// The distance between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// The distance between the places of a window.
    pub dilation: [usize; 2],
    /// The number of groups: each sees its share of the input channels and makes its share of the outputs.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Conv2dOptions { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

/// Sizes of a two-dimensional convolution of one image. Pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Conv2dGeometry {
    /// Channels of an image.
    pub in_channels: usize,
    /// Height of an image.
    pub in_height: usize,
    /// Width of an image.
    pub in_width: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// `(in_height + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down.
    pub out_height: usize,
    /// As `out_height`, of the width.
    pub out_width: usize,
    /// The size of a window.
    pub kernel: [usize; 2],
    /// The distance between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// The distance between the places of a window.
    pub dilation: [usize; 2],
    /// The number of groups.
    pub groups: usize,
}

impl Conv2dGeometry {
    /// The sizes for images `[channels, height, width]` and weights
    /// `[out channels, in channels / groups, height, width]`.
    ///
    /// # Errors
    /// A stride, dilation, window or number of groups of 0; channels that the groups do not divide or that
    /// the weight does not have; a window larger than the padded image.
    pub fn new(image: [usize; 3], weight: [usize; 4], options: Conv2dOptions) -> Result<Self> {
        let Conv2dOptions { stride, padding, dilation, groups } = options;
        let invalid = |argument, expected, actual: String| Error::InvalidArgument {
            operation: "conv2d",
            argument,
            expected,
            actual: format!("{actual} for images {image:?} and weights {weight:?}"),
        };
        let ([in_channels, in_height, in_width], [out_channels, group_channels, ..]) = (image, weight);
        let kernel = [weight[2], weight[3]];
        if groups == 0 || in_channels % groups != 0 || out_channels % groups != 0 {
            return Err(invalid("groups", "a divisor of the channels in and out", groups.to_string()));
        }
        if group_channels != in_channels / groups {
            let actual = format!("{group_channels} with {groups} groups");
            return Err(invalid("weight's channels", "the image's channels divided by the groups", actual));
        }
        let mut out = [0; 2];
        for axis in 0..2 {
            let positive = [("stride", stride[axis]), ("dilation", dilation[axis]), ("kernel", kernel[axis])];
            if let Some((argument, _)) = positive.into_iter().find(|&(_, value)| value == 0) {
                return Err(invalid(argument, "at least 1", "0".into()));
            }
            let span = dilation[axis].checked_mul(kernel[axis] - 1).and_then(|span| span.checked_add(1));
            let padded = padding[axis].checked_mul(2).and_then(|p| p.checked_add(image[axis + 1]));
            let room = padded.zip(span).and_then(|(padded, span)| padded.checked_sub(span));
            let Some(room) = room else {
                let actual = format!("{kernel:?} with dilation {dilation:?} and padding {padding:?}");
                return Err(invalid("kernel", "at most the padded image", actual));
            };
            out[axis] = room / stride[axis] + 1;
        }
        let [out_height, out_width] = out;
        Ok(Conv2dGeometry {
            in_channels,
            in_height,
            in_width,
            out_channels,
            out_height,
            out_width,
            kernel,
            stride,
            padding,
            dilation,
            groups,
        })
    }

    /// The elements of an image.
    pub fn input_len(&self) -> usize {
        self.in_channels * self.in_height * self.in_width
    }

    /// The elements of an image's result.
    pub fn output_len(&self) -> usize {
        self.out_channels * self.out_height * self.out_width
    }

    /// The elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.window_len()
    }

    /// The elements that each output is a sum over.
    fn window_len(&self) -> usize {
        self.in_channels / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// The number of windows.
    fn windows(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Whether a group's channels already are the unfolded matrix.
    fn is_unfolded(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }

    /// The elements of a group's unfolded matrix, where one is needed.
    fn unfolded_len(&self) -> usize {
        if self.is_unfolded() { 0 } else { self.window_len() * self.windows() }
    }

    /// The columns of outputs whose window has an image column at this place of the kernel.
    #[inline(always)]
    fn inside(&self, axis: usize, place: usize, length: usize, outputs: usize) -> Range<usize> {
        let (offset, padding, stride) = (place * self.dilation[axis], self.padding[axis], self.stride[axis]);
        let start = padding.saturating_sub(offset).div_ceil(stride);
        let end = (length + padding).saturating_sub(offset).div_ceil(stride).min(outputs);
        start.min(end)..end
    }

    /// Calls `f(row of the unfolded matrix, position in the image, outputs)` for all runs of `count`
    /// outputs, from `first` of the row on, that read the image from the position on, `stride[1]` apart.
    #[inline(always)]
    fn each_run(&self, mut f: impl FnMut(usize, usize, Range<usize>)) {
        let mut row = 0;
        for channel in 0..self.in_channels / self.groups {
            for kh in 0..self.kernel[0] {
                let heights = self.inside(0, kh, self.in_height, self.out_height);
                for kw in 0..self.kernel[1] {
                    let widths = self.inside(1, kw, self.in_width, self.out_width);
                    if !widths.is_empty() {
                        for oh in heights.clone() {
                            let h = oh * self.stride[0] + kh * self.dilation[0] - self.padding[0];
                            let w = widths.start * self.stride[1] + kw * self.dilation[1] - self.padding[1];
                            let position = (channel * self.in_height + h) * self.in_width + w;
                            let start = oh * self.out_width;
                            f(row, position, start + widths.start..start + widths.end);
                        }
                    }
                    row += 1;
                }
            }
        }
    }

    /// Whether a row of the unfolded matrix is a channel shifted by some places, but for the edges.
    fn is_shift(&self) -> bool {
        self.stride == [1, 1] && self.out_width == self.in_width
    }

    /// Where [`Conv2dGeometry::is_shift`] holds: calls `f(row of the unfolded matrix, position in the image,
    /// outputs, gap)` once for each row that reads the image. The outputs read the image from the position
    /// on, but for a `gap` at the end of each of their image rows, which lies over padding.
    #[inline(always)]
    fn each_shift(&self, mut f: impl FnMut(usize, usize, Range<usize>, Range<usize>)) {
        let width = self.out_width;
        let places = self.kernel[0] * self.kernel[1];
        for row in 0..self.window_len() {
            let (channel, kh, kw) = (row / places, row % places / self.kernel[1], row % self.kernel[1]);
            let heights = self.inside(0, kh, self.in_height, self.out_height);
            let widths = self.inside(1, kw, self.in_width, width);
            if !heights.is_empty() && !widths.is_empty() {
                let h = heights.start + kh * self.dilation[0] - self.padding[0];
                let w = widths.start + kw * self.dilation[1] - self.padding[1];
                let position = (channel * self.in_height + h) * self.in_width + w;
                let outputs = heights.start * width + widths.start..(heights.end - 1) * width + widths.end;
                f(row, position, outputs, widths.len()..width);
            }
        }
    }

    /// The unfolded matrix `[window_len, windows]` of one group's channels.
    fn unfold<T: Float>(&self, x: &[T], out: &mut [T]) {
        if self.padding != [0, 0] {
            out.fill(T::ZERO);
        }
        let (windows, stride) = (self.windows(), self.stride[1]);
        if self.is_shift() {
            return self.each_shift(|row, position, outputs, gap| {
                let out = &mut out[row * windows + outputs.start..row * windows + outputs.end];
                out.copy_from_slice(&x[position..position + out.len()]);
                clear_gaps(out, self.out_width, gap);
            });
        }
        self.each_run(
            #[inline(always)]
            |row, position, outputs| {
                let out = &mut out[row * windows + outputs.start..row * windows + outputs.end];
                if stride == 1 {
                    out.copy_from_slice(&x[position..position + out.len()]);
                } else {
                    out.iter_mut().zip(x[position..].iter().step_by(stride)).for_each(|(out, &x)| *out = x);
                }
            },
        );
    }

    /// Adds the unfolded matrix back to the places of the image where it came from. What lies over padding is
    /// overwritten.
    fn fold<T: Float>(&self, unfolded: &mut [T], dx: &mut [T]) {
        let (windows, stride) = (self.windows(), self.stride[1]);
        vectorize(
            current(),
            #[inline(always)]
            |_| {
                if self.is_shift() {
                    return self.each_shift(
                        #[inline(always)]
                        |row, position, outputs, gap| {
                            let from =
                                &mut unfolded[row * windows + outputs.start..row * windows + outputs.end];
                            clear_gaps(from, self.out_width, gap);
                            let dx = &mut dx[position..position + from.len()];
                            dx.iter_mut().zip(&*from).for_each(|(dx, &v)| *dx += v);
                        },
                    );
                }
                self.each_run(
                    #[inline(always)]
                    |row, position, outputs| {
                        let from = &unfolded[row * windows + outputs.start..row * windows + outputs.end];
                        if stride == 1 {
                            dx[position..position + from.len()]
                                .iter_mut()
                                .zip(from)
                                .for_each(|(dx, &v)| *dx += v);
                        } else {
                            dx[position..].iter_mut().step_by(stride).zip(from).for_each(|(dx, &v)| *dx += v);
                        }
                    },
                );
            },
        );
    }

    /// `out[group] = weight[group] · unfolded`.
    fn forward_product(&self) -> Product {
        Product::row_major(self.out_channels / self.groups, self.windows(), self.window_len())
    }

    /// `unfolded = weight[group]ᵀ · g[group]`.
    fn input_product(&self) -> Product {
        let group_out = self.out_channels / self.groups;
        Product {
            a: Strides2::row_major(self.window_len()).transposed(),
            ..Product::row_major(self.window_len(), self.windows(), group_out)
        }
    }

    /// `dw[group]ᵀ += unfolded · g[group]ᵀ`: transposed, because `g` is the smaller one to pack.
    fn weight_product(&self) -> Product {
        Product {
            b: Strides2::row_major(self.windows()).transposed(),
            ..Product::row_major(self.window_len(), self.out_channels / self.groups, self.windows())
        }
    }

    fn images(&self, input: usize, output: usize, weight: usize) -> usize {
        let images = output.checked_div(self.output_len()).or(input.checked_div(self.input_len()));
        let images = images.unwrap_or(0);
        assert!(
            input == images * self.input_len() && output == images * self.output_len(),
            "{input} and {output} values are not whole images of one number"
        );
        assert_eq!(weight, self.weight_len(), "the weight has another length");
        images
    }
}

/// How many elements of scratch space [`conv2d`], [`conv2d_input_gradient`] and
/// [`conv2d_weight_gradient`] need.
pub fn conv2d_scratch_len<T: Float>(geometry: &Conv2dGeometry) -> usize {
    let products = [geometry.forward_product(), geometry.input_product(), geometry.weight_product()];
    let for_products = products.iter().map(matmul_scratch_len::<T>).max().unwrap_or(0);
    geometry.unfolded_len() + geometry.weight_len() + for_products
}

/// The convolution of all images in `x`.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d<T: Float>(geometry: &Conv2dGeometry, x: &[T], weight: &[T], out: &mut [T], scratch: &mut [T]) {
    let images = geometry.images(x.len(), out.len(), weight.len());
    let product = geometry.forward_product();
    let (unfolded, scratch) = scratch.split_at_mut(geometry.unfolded_len());
    for i in 0..images * geometry.groups {
        let x = share(x, i, geometry.input_len() / geometry.groups);
        let unfolded = if geometry.is_unfolded() {
            x
        } else {
            geometry.unfold(x, unfolded);
            &*unfolded
        };
        let weight = share(weight, i % geometry.groups, geometry.weight_len() / geometry.groups);
        let out = share_mut(out, i, geometry.output_len() / geometry.groups);
        matmul(&product, 0..product.m, 0..product.n, weight, unfolded, out, false, scratch);
    }
}

/// The gradient of the convolution with respect to its input, for the gradient `g` of its output.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d_input_gradient<T: Float>(
    geometry: &Conv2dGeometry,
    weight: &[T],
    g: &[T],
    dx: &mut [T],
    scratch: &mut [T],
) {
    let images = geometry.images(dx.len(), g.len(), weight.len());
    let product = geometry.input_product();
    let (unfolded, scratch) = scratch.split_at_mut(geometry.unfolded_len());
    for i in 0..images * geometry.groups {
        let weight = share(weight, i % geometry.groups, geometry.weight_len() / geometry.groups);
        let g = share(g, i, geometry.output_len() / geometry.groups);
        let dx = share_mut(dx, i, geometry.input_len() / geometry.groups);
        if geometry.is_unfolded() {
            matmul(&product, 0..product.m, 0..product.n, weight, g, dx, false, scratch);
        } else {
            matmul(&product, 0..product.m, 0..product.n, weight, g, unfolded, false, scratch);
            dx.fill(T::ZERO);
            geometry.fold(unfolded, dx);
        }
    }
}

/// The gradient of the convolution with respect to its weight, summed over all images of `x` in order, for
/// the output channels `part`; `dw` holds these channels alone and is added to where `accumulate`.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d_weight_gradient<T: Float>(
    geometry: &Conv2dGeometry,
    part: Range<usize>,
    x: &[T],
    g: &[T],
    dw: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    let images = geometry.images(x.len(), g.len(), geometry.weight_len());
    assert!(part.end <= geometry.out_channels, "the part exceeds the output channels");
    assert_eq!(dw.len(), part.len() * geometry.window_len(), "the gradient has another length");
    let product = geometry.weight_product();
    let (group_out, window) = (product.n, product.m);
    let (unfolded, scratch) = scratch.split_at_mut(geometry.unfolded_len());
    let (sums, scratch) = scratch.split_at_mut(geometry.weight_len());
    sums.fill(T::ZERO);
    let channels = |group: usize| {
        let first = group * group_out;
        let of = |channel: usize| channel.clamp(first, first + group_out) - first;
        of(part.start)..of(part.end)
    };
    for i in 0..images * geometry.groups {
        let group = i % geometry.groups;
        if channels(group).is_empty() {
            continue;
        }
        let x = share(x, i, geometry.input_len() / geometry.groups);
        let unfolded = if geometry.is_unfolded() {
            x
        } else {
            geometry.unfold(x, unfolded);
            &*unfolded
        };
        let g = share(g, i, geometry.output_len() / geometry.groups);
        let sums = share_mut(sums, group, group_out * window);
        matmul(&product, 0..window, channels(group), unfolded, g, sums, true, scratch);
    }
    for (channel, dw) in part.zip(dw.chunks_exact_mut(window.max(1))) {
        let (group, column) = (channel / group_out, channel % group_out);
        let sums = share(sums, group, group_out * window)[column..].iter().step_by(group_out);
        for (dw, &sum) in dw.iter_mut().zip(sums) {
            *dw = if accumulate { *dw + sum } else { sum };
        }
    }
}

/// Writes 0 to the places `gap` of each row of `width`, the last of which ends before its gap.
#[inline(always)]
fn clear_gaps<T: Float>(values: &mut [T], width: usize, gap: Range<usize>) {
    if !gap.is_empty() {
        values.chunks_exact_mut(width).for_each(|row| row[gap.clone()].fill(T::ZERO));
    }
}

fn share<T>(all: &[T], number: usize, length: usize) -> &[T] {
    &all[number * length..(number + 1) * length]
}

fn share_mut<T>(all: &mut [T], number: usize, length: usize) -> &mut [T] {
    &mut all[number * length..(number + 1) * length]
}
