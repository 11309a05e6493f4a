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

mod geometry;
mod unfold;

pub use geometry::{Conv2dGeometry, Conv2dOptions};

use super::matmul::{Product, Strides2, Update, matmul, matmul_scratch_len};
use crate::Float;
use std::ops::Range;
use unfold::{Unfolding, unfolded_len};

/// `out[group] = weight[group] · unfolded`, for this many windows.
fn forward_product(geometry: &Conv2dGeometry, windows: usize) -> Product {
    Product {
        c_row_stride: geometry.windows(),
        ..Product::row_major(geometry.out_channels / geometry.groups, windows, geometry.window_len())
    }
}

/// `unfolded = weight[group]ᵀ · g[group]`, for this many windows.
fn input_product(geometry: &Conv2dGeometry, windows: usize) -> Product {
    let window = geometry.window_len();
    Product {
        a: Strides2::row_major(window).transposed(),
        b: Strides2::row_major(geometry.windows()),
        ..Product::row_major(window, windows, geometry.out_channels / geometry.groups)
    }
}

/// `dw[group]ᵀ += unfolded · g[group]ᵀ`, for this many windows: transposed, because `g` is the smaller one
/// to pack.
fn weight_product(geometry: &Conv2dGeometry, windows: usize) -> Product {
    Product {
        b: Strides2::row_major(geometry.windows()).transposed(),
        ..Product::row_major(geometry.window_len(), geometry.out_channels / geometry.groups, windows)
    }
}

/// How many elements of scratch space [`conv2d`], [`conv2d_input_gradient`] and
/// [`conv2d_weight_gradient`] need.
pub fn conv2d_scratch_len<T: Float>(geometry: &Conv2dGeometry) -> usize {
    let of_products = Unfolding::blocks(geometry).flat_map(|block| {
        let windows = block.windows().len();
        [forward_product, input_product, weight_product].map(|product| product(geometry, windows))
    });
    let for_products = of_products.map(|product| matmul_scratch_len::<T>(&product)).max().unwrap_or(0);
    unfolded_len(geometry) + geometry.weight_len() + for_products
}

/// The convolution of all images in `x`.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d<T: Float>(geometry: &Conv2dGeometry, x: &[T], weight: &[T], out: &mut [T], scratch: &mut [T]) {
    let images = geometry.images(x.len(), out.len(), weight.len());
    let (space, scratch) = scratch.split_at_mut(unfolded_len(geometry));
    for i in 0..images * geometry.groups {
        let x = share(x, i, geometry.input_len() / geometry.groups);
        let weight = share(weight, i % geometry.groups, geometry.weight_len() / geometry.groups);
        let out = share_mut(out, i, geometry.output_len() / geometry.groups);
        for block in Unfolding::blocks(geometry) {
            let windows = block.windows();
            let unfolded = unfolded(geometry, &block, x, space);
            let product = forward_product(geometry, windows.len());
            let out = out.get_mut(windows.start..).unwrap_or_default();
            matmul(&product, 0..product.m, 0..product.n, weight, unfolded, out, Update::SET, scratch);
        }
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
    let (space, scratch) = scratch.split_at_mut(unfolded_len(geometry));
    for i in 0..images * geometry.groups {
        let weight = share(weight, i % geometry.groups, geometry.weight_len() / geometry.groups);
        let g = share(g, i, geometry.output_len() / geometry.groups);
        let dx = share_mut(dx, i, geometry.input_len() / geometry.groups);
        if geometry.is_unfolded() {
            let product = input_product(geometry, geometry.windows());
            matmul(&product, 0..product.m, 0..product.n, weight, g, dx, Update::SET, scratch);
            continue;
        }
        dx.fill(T::ZERO);
        for block in Unfolding::blocks(geometry) {
            let windows = block.windows();
            let product = input_product(geometry, windows.len());
            let unfolded = &mut space[..product.m * product.n];
            let g = g.get(windows.start..).unwrap_or_default();
            matmul(&product, 0..product.m, 0..product.n, weight, g, unfolded, Update::SET, scratch);
            block.fold(unfolded, dx);
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
    let (group_out, window) = (geometry.out_channels / geometry.groups, geometry.window_len());
    let (space, scratch) = scratch.split_at_mut(unfolded_len(geometry));
    let (sums, scratch) = scratch.split_at_mut(geometry.weight_len());
    sums.fill(T::ZERO);
    // The part's channels within a group.
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
        let g = share(g, i, geometry.output_len() / geometry.groups);
        let sums = share_mut(sums, group, group_out * window);
        for block in Unfolding::blocks(geometry) {
            let windows = block.windows();
            let unfolded = unfolded(geometry, &block, x, space);
            let product = weight_product(geometry, windows.len());
            matmul(
                &product,
                0..window,
                channels(group),
                unfolded,
                &g[windows.start..],
                sums,
                Update::ADD,
                scratch,
            );
        }
    }
    for (channel, dw) in part.zip(dw.chunks_exact_mut(window.max(1))) {
        let (group, column) = (channel / group_out, channel % group_out);
        let sums = share(sums, group, group_out * window)[column..].iter().step_by(group_out);
        for (dw, &sum) in dw.iter_mut().zip(sums) {
            *dw = if accumulate { *dw + sum } else { sum };
        }
    }
}

/// The block's matrix: made in `space`, or the channels themselves where they are it.
fn unfolded<'a, T: Float>(
    geometry: &Conv2dGeometry,
    block: &Unfolding,
    x: &'a [T],
    space: &'a mut [T],
) -> &'a [T] {
    if geometry.is_unfolded() {
        return x;
    }
    let space = &mut space[..geometry.window_len() * block.windows().len()];
    block.unfold(x, space);
    space
}

fn share<T>(all: &[T], number: usize, length: usize) -> &[T] {
    &all[number * length..(number + 1) * length]
}

fn share_mut<T>(all: &mut [T], number: usize, length: usize) -> &mut [T] {
    &mut all[number * length..(number + 1) * length]
}
