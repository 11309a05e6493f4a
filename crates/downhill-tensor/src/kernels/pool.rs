//! Pooling of planes: the largest value or the mean of each window, with gradients.
//!
//! All slices hold whole planes (one channel of one image), and planes do not touch each other: a part of
//! the work is a call on a sub-slice of whole planes.
//!
//! Two cases have loops of their own: squares of four places side by side, the usual way to halve a plane, go
//! eight windows at a time; a window that is the whole plane is one sum.

mod halving;

use super::isa::{current, vectorize};
use super::reduce::lane_tree;
use crate::{Error, Float, Result};
use halving::{Form, halve, largest_of, scatter_halved};
use std::ops::Range;

/// Sizes of a two-dimensional pooling. Pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Pool2dGeometry {
    /// The height of a plane.
    pub height: usize,
    /// The width of a plane.
    pub width: usize,
    /// The size of a window.
    pub kernel: [usize; 2],
    /// The distance between windows.
    pub stride: [usize; 2],
    /// Rows above and below, columns left and right, that are added to a plane.
    pub padding: [usize; 2],
    /// `(height + 2 padding - kernel) / stride + 1`, rounded down.
    pub out_height: usize,
    /// As `out_height`, of the width.
    pub out_width: usize,
}

impl Pool2dGeometry {
    /// The sizes of pooling planes of this height and width.
    ///
    /// # Errors
    /// A window or stride of 0, a window larger than the padded plane, or padding of more than half a
    /// window (some windows would see nothing else), or a plane of 2^32 - 1 places or more.
    pub fn new(
        plane: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Result<Self> {
        let invalid = |argument, expected, actual: [usize; 2]| Error::InvalidArgument {
            operation: "pool2d",
            argument,
            expected,
            actual: format!("{actual:?} for planes of {plane:?}"),
        };
        let mut out = [0; 2];
        for axis in 0..2 {
            if kernel[axis] == 0 {
                return Err(invalid("kernel", "at least 1", kernel));
            }
            if stride[axis] == 0 {
                return Err(invalid("stride", "at least 1", stride));
            }
            if padding[axis] > kernel[axis] / 2 {
                return Err(invalid("padding", "at most half of the kernel", padding));
            }
            let room = plane[axis].saturating_add(2 * padding[axis]).checked_sub(kernel[axis]);
            out[axis] =
                room.ok_or_else(|| invalid("kernel", "at most the padded plane", kernel))? / stride[axis] + 1;
        }
        let ([height, width], [out_height, out_width]) = (plane, out);
        Ok(Pool2dGeometry { height, width, kernel, stride, padding, out_height, out_width })
    }

    /// The elements of a plane.
    pub fn input_len(&self) -> usize {
        self.height * self.width
    }

    /// The elements of a pooled plane.
    pub fn output_len(&self) -> usize {
        self.out_height * self.out_width
    }

    /// The rows and columns of the plane under a window.
    #[inline(always)]
    fn window(&self, out_row: usize, out_column: usize) -> [Range<usize>; 2] {
        let along = |at: usize, axis: usize, length: usize| {
            let start = at * self.stride[axis];
            let end = (start + self.kernel[axis]).saturating_sub(self.padding[axis]).min(length);
            start.saturating_sub(self.padding[axis]).min(end)..end
        };
        [along(out_row, 0, self.height), along(out_column, 1, self.width)]
    }

    /// The number of planes in slices of these lengths.
    fn planes(&self, input: usize, output: usize) -> usize {
        let planes = output / self.output_len();
        assert!(
            output == planes * self.output_len() && input == planes * self.input_len(),
            "{input} and {output} values are not whole planes of one number"
        );
        planes
    }

    /// Calls `f(first row and column of the plane's window, position in the output)` plane by plane.
    #[inline(always)]
    fn each(&self, planes: usize, mut f: impl FnMut(usize, [Range<usize>; 2], usize)) {
        let mut at = 0;
        for plane in 0..planes {
            for row in 0..self.out_height {
                for column in 0..self.out_width {
                    f(plane * self.input_len(), self.window(row, column), at);
                    at += 1;
                }
            }
        }
    }

    /// Calls `f(position in x or none, position in the output)` for the first largest value of each window;
    /// a NaN counts as the largest.
    #[inline(always)]
    fn each_largest<T: Float>(&self, x: &[T], planes: usize, mut f: impl FnMut(Option<usize>, usize)) {
        let mut at = 0;
        for plane in 0..planes {
            let base = plane * self.input_len();
            let x = &x[base..base + self.input_len()];
            if self.is_halving() {
                for row in 0..self.out_height {
                    let start = 2 * row * self.width;
                    for (column, quad) in self.quads(x, row).enumerate() {
                        let (place, _) = largest_of(quad);
                        let inside = start + 2 * column + (place >> 1) * self.width + (place & 1);
                        f(Some(base + inside), at);
                        at += 1;
                    }
                }
                continue;
            }
            for row in 0..self.out_height {
                for first in (0..self.out_width).step_by(COLUMNS) {
                    let columns = first..self.out_width.min(first + COLUMNS);
                    for &place in &self.largest(x, row, columns.clone()).places[..columns.len()] {
                        f((place != NONE).then_some(base + place as usize), at);
                        at += 1;
                    }
                }
            }
        }
    }

    /// Whether windows are squares of four places side by side, the usual way to halve a plane.
    fn is_halving(&self) -> bool {
        self.kernel == [2, 2] && self.stride == [2, 2] && self.padding == [0, 0]
    }

    /// Where the two rows begin that a row of outputs, counted over all planes, is made of, where
    /// [`Pool2dGeometry::is_halving`] holds.
    #[inline(always)]
    fn upper_row(&self, number: usize) -> usize {
        let (plane, row) = (number / self.out_height, number % self.out_height);
        plane * self.input_len() + 2 * row * self.width
    }

    /// The windows of one row of outputs where [`Pool2dGeometry::is_halving`] holds.
    #[inline(always)]
    fn quads<T: Float>(&self, x: &[T], out_row: usize) -> impl Iterator<Item = [T; 4]> {
        let (upper, lower) = x[2 * out_row * self.width..][..2 * self.width].split_at(self.width);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        pairs.map(|(&[a, b], &[c, d])| [a, b, c, d])
    }

    /// Whether the one window is the whole plane.
    fn is_global(&self) -> bool {
        self.kernel == [self.height, self.width] && self.padding == [0, 0]
    }

    /// The first largest values of neighbouring windows: all windows step through their places together, so
    /// that the loop over them has no branches.
    #[inline(always)]
    fn largest<T: Float>(&self, x: &[T], out_row: usize, columns: Range<usize>) -> Largest<T> {
        let mut largest = Largest { values: [T::NEG_INFINITY; COLUMNS], places: [NONE; COLUMNS] };
        let [rows, _] = self.window(out_row, 0);
        let (stride, padding) = (self.stride[1], self.padding[1]);
        for row in rows {
            for k in 0..self.kernel[1] {
                // The windows whose place `k` lies on the plane.
                let start = padding.saturating_sub(k).div_ceil(stride).max(columns.start);
                let end = (self.width + padding).saturating_sub(k).div_ceil(stride).min(columns.end);
                if start < end {
                    let place = row * self.width + start * stride + k - padding;
                    let windows = start - columns.start..end - columns.start;
                    largest.update(&x[place..], place as u32, stride, windows);
                }
            }
        }
        largest
    }
}

/// Windows that step through their places together.
const COLUMNS: usize = 32;
/// No place yet.
const NONE: u32 = u32::MAX;

/// The largest values of neighbouring windows so far, and their places in the plane.
struct Largest<T> {
    values: [T; COLUMNS],
    places: [u32; COLUMNS],
}

impl<T: Float> Largest<T> {
    /// Compares with `x[0]`, `x[stride]`, ..., which lie in the plane from `place` on.
    #[inline(always)]
    fn update(&mut self, x: &[T], place: u32, stride: usize, windows: Range<usize>) {
        let count = windows.len();
        let (values, places) = (&mut self.values[windows.clone()], &mut self.places[windows]);
        let step = |i: usize, new: T, value: &mut T, at: &mut u32| {
            let better = (*at == NONE) | (new > *value) | (new.is_nan() & !value.is_nan());
            *value = if better { new } else { *value };
            *at = if better { place + (i * stride) as u32 } else { *at };
        };
        let targets = values.iter_mut().zip(places);
        match stride {
            1 => targets.zip(&x[..count]).enumerate().for_each(|(i, ((v, at), &new))| step(i, new, v, at)),
            2 if x.len() >= 2 * count => {
                let (pairs, _) = x.as_chunks::<2>();
                targets
                    .zip(&pairs[..count])
                    .enumerate()
                    .for_each(|(i, ((v, at), new))| step(i, new[0], v, at));
            }
            _ => targets
                .zip(x.iter().step_by(stride))
                .enumerate()
                .for_each(|(i, ((v, at), &new))| step(i, new, v, at)),
        }
    }
}

/// The largest value in each window. Padding counts as -infinity; a NaN counts as the largest.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d<T: Float>(geometry: &Pool2dGeometry, x: &[T], out: &mut [T]) {
    let planes = geometry.planes(x.len(), out.len());
    vectorize(
        current(),
        #[inline(always)]
        |fused| {
            let form = Form::of::<T>(fused);
            let (width, windows) = (geometry.width, geometry.out_width);
            if geometry.is_halving() {
                for number in 0..planes * geometry.out_height {
                    let (x, out) = (&x[geometry.upper_row(number)..], &mut out[number * windows..]);
                    halve(form, x, width, out, windows);
                }
                return;
            }
            let rows = out.chunks_exact_mut(windows).take(planes * geometry.out_height);
            for (number, out) in rows.enumerate() {
                let (plane, row) = (number / geometry.out_height, number % geometry.out_height);
                let x = &x[plane * geometry.input_len()..][..geometry.input_len()];
                for first in (0..geometry.out_width).step_by(COLUMNS) {
                    let columns = first..geometry.out_width.min(first + COLUMNS);
                    let largest = geometry.largest(x, row, columns.clone());
                    out[columns.clone()].copy_from_slice(&largest.values[..columns.len()]);
                }
            }
        },
    );
}

/// The value of `u` where `x` is largest in each window: what a change `u` of `x` does to the pooled
/// values. Among equals the first in row-major order of the window counts, as in PyTorch.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d_gather<T: Float>(geometry: &Pool2dGeometry, x: &[T], u: &[T], out: &mut [T]) {
    assert_eq!(x.len(), u.len(), "the lengths differ");
    let planes = geometry.planes(x.len(), out.len());
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            geometry.each_largest(
                x,
                planes,
                #[inline(always)]
                |place, at| {
                    out[at] = place.map_or(T::NEG_INFINITY, |place| u[place]);
                },
            );
        },
    );
}

/// Zero, plus each window's `g` where `x` is largest in the window: the gradient of [`max_pool2d`]. Among
/// equals the first in row-major order of the window gets it, as in PyTorch.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d_scatter<T: Float>(geometry: &Pool2dGeometry, x: &[T], g: &[T], dx: &mut [T]) {
    assert_eq!(x.len(), dx.len(), "the lengths differ");
    let planes = geometry.planes(x.len(), g.len());
    vectorize(
        current(),
        #[inline(always)]
        |fused| {
            let form = Form::of::<T>(fused);
            if geometry.is_halving() {
                let (height, width, windows) = (geometry.out_height, geometry.width, geometry.out_width);
                for number in 0..planes * height {
                    let (at, g) = (geometry.upper_row(number), &g[number * windows..]);
                    scatter_halved(form, &x[at..], width, g, windows, &mut dx[at..]);
                    if (number + 1).is_multiple_of(height) {
                        // A last row without a partner.
                        dx[at + 2 * width..][..(geometry.height - 2 * height) * width].fill(T::ZERO);
                    }
                }
                return;
            }
            dx.fill(T::ZERO);
            geometry.each_largest(
                x,
                planes,
                #[inline(always)]
                |place, at| {
                    if let Some(place) = place {
                        dx[place] += g[at];
                    }
                },
            );
        },
    );
}

/// The sum of each window, divided by the number of its places: zeros of the padding count in, as is
/// PyTorch's default (`count_include_pad`).
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn avg_pool2d<T: Float>(geometry: &Pool2dGeometry, x: &[T], out: &mut [T]) {
    let planes = geometry.planes(x.len(), out.len());
    let scale = T::ONE / T::from_usize(geometry.kernel[0] * geometry.kernel[1]);
    if geometry.is_global() {
        return vectorize(
            current(),
            #[inline(always)]
            |_| {
                for (x, out) in x.chunks_exact(geometry.input_len()).zip(out) {
                    *out = total(x) * scale;
                }
            },
        );
    }
    geometry.each(
        planes,
        #[inline(always)]
        |base, [rows, columns], at| {
            let mut sum = T::ZERO;
            for row in rows {
                let start = base + row * geometry.width;
                x[start + columns.start..start + columns.end].iter().for_each(|&value| sum += value);
            }
            out[at] = sum * scale;
        },
    );
}

/// The gradient of [`avg_pool2d`]: each window's `g`, divided by the number of its places, added to all of
/// them.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn avg_pool2d_gradient<T: Float>(geometry: &Pool2dGeometry, g: &[T], dx: &mut [T]) {
    let planes = geometry.planes(dx.len(), g.len());
    let scale = T::ONE / T::from_usize(geometry.kernel[0] * geometry.kernel[1]);
    if geometry.is_global() {
        for (dx, &g) in dx.chunks_exact_mut(geometry.input_len()).zip(g) {
            dx.fill(g * scale);
        }
        return;
    }
    dx.fill(T::ZERO);
    geometry.each(
        planes,
        #[inline(always)]
        |base, [rows, columns], at| {
            for row in rows {
                let start = base + row * geometry.width;
                dx[start + columns.start..start + columns.end].iter_mut().for_each(|v| *v += g[at] * scale);
            }
        },
    );
}

/// The sum in interleaved lanes, which are added in a fixed tree.
#[inline(always)]
fn total<T: Float>(x: &[T]) -> T {
    let mut lanes = [T::ZERO; COLUMNS];
    let (blocks, rest) = x.as_chunks::<COLUMNS>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += value;
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += value;
    }
    lane_tree(lanes)
}
