//! Two-dimensional convolution (cross-correlation, as PyTorch) with its gradients.
//!
//! Images are `[channels, height, width]`, weights `[out channels, in channels / groups, height, width]`.
//!
//! # The way through
//! It follows from the geometry alone:
//! - 3 x 3 windows with stride and dilation 1, and eight or more channels on both sides, go by Winograd's minimal
//!   filtering (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015, arXiv:1509.09308);
//! - other windows with stride 1 whose channels fit a near cache are computed where they lie;
//! - the rest, and 1 x 1 windows, are products with the unfolded image.
//!
//! What depends on weights alone is prepared once for all images ([`conv2d_prepare`]).

#![allow(clippy::needless_range_loop, reason = "indices that name rows and columns of several tiles at once")]

mod direct;
mod geometry;
mod layer;
mod product;
mod tile;
mod unfold;
mod vector;
mod window;
mod winograd;

pub use geometry::{Conv2dGeometry, Conv2dOptions};

use super::isa::{Isa, current};
use crate::Float;
use layer::Layer;
use std::ops::Range;
use vector::with_vectors;

/// The convolution or one of its gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conv2dPart {
    /// The convolution itself.
    Forward,
    /// The gradient by the images.
    InputGradient,
    /// The gradient by the weights.
    WeightGradient,
}

/// How a part is computed: a function of the geometry alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Winograd,
    Direct,
    Product,
}

/// Channels, on both sides, from which transforms cost less than they save.
const WINOGRAD_CHANNELS: usize = 8;
/// Elements that [`Method::Direct`] may hold: a quarter of the second nearest cache in single precision.
const DIRECT_SCRATCH: usize = 1 << 15;

impl Method {
    fn of(geometry: &Conv2dGeometry, part: Conv2dPart) -> Self {
        let g = geometry;
        if g.input_len() == 0 || g.output_len() == 0 || g.stride != [1, 1] {
            return Method::Product;
        }
        let layer = layer(g, part);
        let channels = layer.in_channels.min(layer.out_channels);
        if g.kernel == [3, 3] && g.dilation == [1, 1] && channels >= WINOGRAD_CHANNELS {
            return Method::Winograd;
        }
        let scratch = match part {
            Conv2dPart::WeightGradient => direct::weight_gradient_scratch_len(&layer),
            _ => direct::scratch_len(&layer),
        };
        let wide = layer.out_channels >= 4 || layer.in_channels == 1 || part == Conv2dPart::WeightGradient;
        if g.kernel != [1, 1] && wide && scratch <= DIRECT_SCRATCH {
            return Method::Direct;
        }
        Method::Product
    }
}

/// The layer that a part with stride 1 is.
fn layer(geometry: &Conv2dGeometry, part: Conv2dPart) -> Layer {
    match part {
        Conv2dPart::InputGradient => Layer::input_gradient(geometry),
        _ => Layer::forward(geometry),
    }
}

/// Elements of what [`conv2d_prepare`] makes of the weights for a part; none for the gradient by the weights.
pub fn conv2d_prepared_len(geometry: &Conv2dGeometry, part: Conv2dPart) -> usize {
    if part == Conv2dPart::WeightGradient {
        return 0;
    }
    match Method::of(geometry, part) {
        Method::Winograd => winograd::prepared_len(&layer(geometry, part)),
        Method::Direct => direct::prepared_len(&layer(geometry, part)),
        Method::Product => geometry.weight_len(),
    }
}

/// Brings the weights into the form that [`conv2d`] or [`conv2d_input_gradient`] reads: once for all images
/// that are convolved with them.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d_prepare<T: Float>(geometry: &Conv2dGeometry, part: Conv2dPart, weights: &[T], out: &mut [T]) {
    conv2d_prepare_with(current(), geometry, part, weights, out);
}

/// [`conv2d_prepare`] with a chosen instruction set.
///
/// # Panics
/// As [`conv2d_prepare`].
pub fn conv2d_prepare_with<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    part: Conv2dPart,
    weights: &[T],
    out: &mut [T],
) {
    assert_eq!(weights.len(), geometry.weight_len(), "the weights have another length");
    assert_eq!(out.len(), conv2d_prepared_len(geometry, part), "the prepared weights have another length");
    if out.is_empty() {
        return;
    }
    match Method::of(geometry, part) {
        Method::Winograd => {
            with_vectors(isa, winograd::Prepare { layer: &layer(geometry, part), weights, out });
        }
        Method::Direct => direct::prepare(&layer(geometry, part), weights, out),
        Method::Product => out.copy_from_slice(weights),
    }
}

/// Elements of scratch space that a part needs.
pub fn conv2d_scratch_len<T: Float>(geometry: &Conv2dGeometry, part: Conv2dPart) -> usize {
    match (Method::of(geometry, part), part) {
        (Method::Winograd, Conv2dPart::WeightGradient) => {
            winograd::weight_gradient_scratch_len::<T>(&layer(geometry, part))
        }
        (Method::Winograd, _) => winograd::scratch_len::<T>(&layer(geometry, part)),
        (Method::Direct, Conv2dPart::WeightGradient) => {
            direct::weight_gradient_scratch_len(&layer(geometry, part))
        }
        (Method::Direct, _) => direct::scratch_len(&layer(geometry, part)),
        (Method::Product, _) => product::scratch_len::<T>(geometry),
    }
}

/// The convolution of all images in `x`, with the weights as [`conv2d_prepare`] made them for
/// [`Conv2dPart::Forward`].
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d<T: Float>(
    geometry: &Conv2dGeometry,
    prepared: &[T],
    x: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    conv2d_with(current(), geometry, prepared, x, out, scratch);
}

/// [`conv2d`] with a chosen instruction set.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_with<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    prepared: &[T],
    x: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    geometry.images(x.len(), out.len());
    convolve(isa, geometry, Conv2dPart::Forward, prepared, x, out, scratch);
}

/// The gradient of the convolution with respect to its input, for the gradient `g` of its output, with the
/// weights as [`conv2d_prepare`] made them for [`Conv2dPart::InputGradient`].
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn conv2d_input_gradient<T: Float>(
    geometry: &Conv2dGeometry,
    prepared: &[T],
    g: &[T],
    dx: &mut [T],
    scratch: &mut [T],
) {
    conv2d_input_gradient_with(current(), geometry, prepared, g, dx, scratch);
}

/// [`conv2d_input_gradient`] with a chosen instruction set.
///
/// # Panics
/// As [`conv2d_input_gradient`].
pub fn conv2d_input_gradient_with<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    prepared: &[T],
    g: &[T],
    dx: &mut [T],
    scratch: &mut [T],
) {
    geometry.images(dx.len(), g.len());
    convolve(isa, geometry, Conv2dPart::InputGradient, prepared, g, dx, scratch);
}

/// The convolution or its gradient by the images: both are a layer with stride 1, if the geometry has it.
fn convolve<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    part: Conv2dPart,
    prepared: &[T],
    x: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    let layer = || layer(geometry, part);
    match Method::of(geometry, part) {
        Method::Winograd => {
            with_vectors(isa, winograd::Convolution { layer: &layer(), prepared, x, out, scratch });
        }
        Method::Direct => {
            with_vectors(isa, direct::Convolution { layer: &layer(), prepared, x, out, scratch });
        }
        Method::Product if part == Conv2dPart::Forward => {
            product::forward(isa, geometry, x, prepared, out, scratch);
        }
        Method::Product => product::input_gradient(isa, geometry, prepared, x, out, scratch),
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
    conv2d_weight_gradient_with(current(), geometry, part, x, g, dw, accumulate, scratch);
}

/// [`conv2d_weight_gradient`] with a chosen instruction set.
///
/// # Panics
/// As [`conv2d_weight_gradient`].
#[allow(clippy::too_many_arguments)]
pub fn conv2d_weight_gradient_with<T: Float>(
    isa: Isa,
    geometry: &Conv2dGeometry,
    part: Range<usize>,
    x: &[T],
    g: &[T],
    dw: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    geometry.images(x.len(), g.len());
    assert!(part.end <= geometry.out_channels, "the part exceeds the output channels");
    assert_eq!(dw.len(), part.len() * geometry.window_len(), "the gradient has another length");
    match Method::of(geometry, Conv2dPart::WeightGradient) {
        Method::Winograd => {
            let layer = &Layer::forward(geometry);
            with_vectors(isa, winograd::WeightGradient { layer, part, x, g, dw, accumulate, scratch });
        }
        Method::Direct => {
            let layer = &Layer::forward(geometry);
            with_vectors(isa, direct::WeightGradient { layer, part, x, g, dw, accumulate, scratch });
        }
        Method::Product => product::weight_gradient(isa, geometry, part, x, g, dw, accumulate, scratch),
    }
}
