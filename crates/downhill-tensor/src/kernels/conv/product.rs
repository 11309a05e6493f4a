//! Any convolution: blocks of the image are unfolded (im2col; Chellapilla, Puri and Simard, "High Performance
//! Convolutional Neural Networks for Document Processing", 2006) and multiplied.
//!
//! Never the whole image, only as many windows as the second nearest cache holds. Where the windows are single
//! places, the channels are the unfolded matrix, and nothing is unfolded.

use super::Conv2dGeometry;
use super::unfold::{Unfolding, unfolded_len};
use crate::Float;
use crate::kernels::isa::Isa;
use crate::kernels::matmul::{Product, Strides2, Update, matmul_scratch_len, matmul_with};
use std::ops::Range;

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

/// Some columns of a product, all rows.
fn multiply<T: Float>(
    isa: Isa,
    product: &Product,
    columns: Range<usize>,
    [a, b]: [&[T]; 2],
    c: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    let update = if accumulate { Update::ADD } else { Update::SET };
    matmul_with(isa, product, 0..product.m, columns, a, b, c, update, scratch);
}

/// Elements of scratch space that all three need.
pub(super) fn scratch_len<T: Float>(geometry: &Conv2dGeometry) -> usize {
    let of_products = Unfolding::blocks(geometry).flat_map(|block| {
        let windows = block.windows().len();
        [forward_product, input_product, weight_product].map(|product| product(geometry, windows))
    });
    let for_products = of_products.map(|product| matmul_scratch_len::<T>(&product)).max().unwrap_or(0);
    unfolded_len(geometry) + geometry.weight_len() + for_products
}

/// The convolution of all images in `x`.
pub(super) fn forward<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    x: &[T],
    weight: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    let images = geometry.images(x.len(), out.len());
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
            multiply(isa, &product, 0..product.n, [weight, unfolded], out, false, scratch);
        }
    }
}

/// The gradient of the convolution with respect to its input, for the gradient `g` of its output.
pub(super) fn input_gradient<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    weight: &[T],
    g: &[T],
    dx: &mut [T],
    scratch: &mut [T],
) {
    let images = geometry.images(dx.len(), g.len());
    let (space, scratch) = scratch.split_at_mut(unfolded_len(geometry));
    for i in 0..images * geometry.groups {
        let weight = share(weight, i % geometry.groups, geometry.weight_len() / geometry.groups);
        let g = share(g, i, geometry.output_len() / geometry.groups);
        let dx = share_mut(dx, i, geometry.input_len() / geometry.groups);
        if geometry.is_unfolded() {
            let product = input_product(geometry, geometry.windows());
            multiply(isa, &product, 0..product.n, [weight, g], dx, false, scratch);
            continue;
        }
        dx.fill(T::ZERO);
        for block in Unfolding::blocks(geometry) {
            let windows = block.windows();
            let product = input_product(geometry, windows.len());
            let unfolded = &mut space[..product.m * product.n];
            let g = g.get(windows.start..).unwrap_or_default();
            multiply(isa, &product, 0..product.n, [weight, g], unfolded, false, scratch);
            block.fold(unfolded, dx);
        }
    }
}

/// The gradient of the convolution with respect to its weight, summed over all images of `x` in order, for
/// the output channels `part`; `dw` holds these channels alone and is added to where `accumulate`.
#[allow(clippy::too_many_arguments)]
pub(super) fn weight_gradient<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    part: Range<usize>,
    x: &[T],
    g: &[T],
    dw: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    let images = geometry.images(x.len(), g.len());
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
            multiply(isa, &product, channels(group), [unfolded, &g[windows.start..]], sums, true, scratch);
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
