//! The windows of an image as the columns of a matrix, and back.

use super::Conv2dGeometry;
use crate::Float;
use crate::kernels::isa::{current, vectorize};
use std::ops::Range;

/// Elements of the unfolded matrix that are made at once: what the second nearest cache holds beside the
/// operands of the product that reads them.
const BLOCK: usize = 1 << 16;
/// Windows that a block has at least, where there are so many: fewer would make for thin products.
const WINDOWS: usize = 128;

/// The windows of some rows of outputs, for one group's channels: a matrix `[window_len, windows]`.
#[derive(Clone)]
pub(super) struct Unfolding<'a> {
    geometry: &'a Conv2dGeometry,
    rows: Range<usize>,
}

impl<'a> Unfolding<'a> {
    /// The blocks of windows of one image, a function of the geometry alone.
    pub fn blocks(geometry: &'a Conv2dGeometry) -> impl Iterator<Item = Unfolding<'a>> {
        let height = geometry.out_height;
        let step = block_rows(geometry);
        (0..height).step_by(step).map(move |row| Unfolding { geometry, rows: row..height.min(row + step) })
    }

    /// The windows of this block.
    pub fn windows(&self) -> Range<usize> {
        self.rows.start * self.geometry.out_width..self.rows.end * self.geometry.out_width
    }

    /// The outputs along an axis whose window's place of this number lies on the image.
    #[inline(always)]
    fn inside(&self, axis: usize, place: usize, length: usize, outputs: usize) -> Range<usize> {
        let g = self.geometry;
        let (offset, padding, stride) = (place * g.dilation[axis], g.padding[axis], g.stride[axis]);
        let start = padding.saturating_sub(offset).div_ceil(stride);
        let end = (length + padding).saturating_sub(offset).div_ceil(stride).min(outputs);
        start.min(end)..end
    }

    /// The outputs of the block's rows, along the height, whose place `kh` lies on the image.
    #[inline(always)]
    fn heights(&self, kh: usize) -> Range<usize> {
        let inside = self.inside(0, kh, self.geometry.in_height, self.geometry.out_height);
        let start = inside.start.max(self.rows.start);
        start..inside.end.min(self.rows.end).max(start)
    }

    /// Calls `f(row of the matrix, position in the image, columns of the matrix)` for all runs of windows in
    /// one row of outputs; they read the image from the position on, `stride[1]` apart.
    #[inline(always)]
    fn each_run(&self, mut f: impl FnMut(usize, usize, Range<usize>)) {
        self.each_row(
            #[inline(always)]
            |row, position, heights, widths| {
                let step = self.geometry.stride[0] * self.geometry.in_width;
                for (i, oh) in heights.enumerate() {
                    let start = (oh - self.rows.start) * self.geometry.out_width;
                    f(row, position + i * step, start + widths.start..start + widths.end);
                }
            },
        );
    }

    /// Whether a row of the matrix is a channel shifted by some places, but for the edges.
    fn is_shift(&self) -> bool {
        self.geometry.stride == [1, 1] && self.geometry.out_width == self.geometry.in_width
    }

    /// Where [`Unfolding::is_shift`] holds: calls `f(row of the matrix, position in the image, columns of the
    /// matrix, gap)` once for each row that reads the image. The columns read the image from the position
    /// on, but for a `gap` at the end of each of their rows of outputs, which lies over padding.
    #[inline(always)]
    fn each_shift(&self, mut f: impl FnMut(usize, usize, Range<usize>, Range<usize>)) {
        let width = self.geometry.out_width;
        self.each_row(
            #[inline(always)]
            |row, position, heights, widths| {
                let (first, last) = (heights.start - self.rows.start, heights.end - 1 - self.rows.start);
                let columns = first * width + widths.start..last * width + widths.end;
                f(row, position, columns, widths.len()..width);
            },
        );
    }

    /// Calls `f(row of the matrix, position in the image of the first window, heights, widths)` for the rows
    /// of the matrix that read the image for these outputs.
    #[inline(always)]
    fn each_row(&self, mut f: impl FnMut(usize, usize, Range<usize>, Range<usize>)) {
        let g = self.geometry;
        let mut row = 0;
        for channel in 0..g.in_channels / g.groups {
            for kh in 0..g.kernel[0] {
                let heights = self.heights(kh);
                for kw in 0..g.kernel[1] {
                    let widths = self.inside(1, kw, g.in_width, g.out_width);
                    if !heights.is_empty() && !widths.is_empty() {
                        let h = heights.start * g.stride[0] + kh * g.dilation[0] - g.padding[0];
                        let w = widths.start * g.stride[1] + kw * g.dilation[1] - g.padding[1];
                        let position = (channel * g.in_height + h) * g.in_width + w;
                        f(row, position, heights.clone(), widths);
                    }
                    row += 1;
                }
            }
        }
    }

    /// Writes the matrix of the channels `x`.
    pub fn unfold<T: Float>(&self, x: &[T], out: &mut [T]) {
        if self.geometry.padding != [0, 0] {
            out.fill(T::ZERO);
        }
        let (windows, stride) = (self.windows().len(), self.geometry.stride[1]);
        if self.is_shift() {
            return self.each_shift(|row, position, columns, gap| {
                let out = &mut out[row * windows + columns.start..row * windows + columns.end];
                out.copy_from_slice(&x[position..position + out.len()]);
                clear_gaps(out, self.geometry.out_width, gap);
            });
        }
        self.each_run(
            #[inline(always)]
            |row, position, columns| {
                let out = &mut out[row * windows + columns.start..row * windows + columns.end];
                if stride == 1 {
                    out.copy_from_slice(&x[position..position + out.len()]);
                } else {
                    out.iter_mut().zip(x[position..].iter().step_by(stride)).for_each(|(out, &x)| *out = x);
                }
            },
        );
    }

    /// Adds the matrix to the places of the channels `dx` where it came from. What lies over padding is
    /// overwritten.
    pub fn fold<T: Float>(&self, unfolded: &mut [T], dx: &mut [T]) {
        let (windows, stride) = (self.windows().len(), self.geometry.stride[1]);
        vectorize(
            current(),
            #[inline(always)]
            |_| {
                if self.is_shift() {
                    return self.each_shift(
                        #[inline(always)]
                        |row, position, columns, gap| {
                            let from =
                                &mut unfolded[row * windows + columns.start..row * windows + columns.end];
                            clear_gaps(from, self.geometry.out_width, gap);
                            let dx = &mut dx[position..position + from.len()];
                            dx.iter_mut().zip(&*from).for_each(|(dx, &v)| *dx += v);
                        },
                    );
                }
                self.each_run(
                    #[inline(always)]
                    |row, position, columns| {
                        let from = &unfolded[row * windows + columns.start..row * windows + columns.end];
                        if stride == 1 {
                            let dx = &mut dx[position..position + from.len()];
                            dx.iter_mut().zip(from).for_each(|(dx, &v)| *dx += v);
                        } else {
                            dx[position..].iter_mut().step_by(stride).zip(from).for_each(|(dx, &v)| *dx += v);
                        }
                    },
                );
            },
        );
    }
}

/// The rows of outputs of a block. Where nothing is unfolded, all of them.
fn block_rows(geometry: &Conv2dGeometry) -> usize {
    if geometry.is_unfolded() {
        return geometry.out_height.max(1);
    }
    let width = geometry.out_width.max(1);
    let that_fit = BLOCK / (geometry.window_len() * width).max(1);
    that_fit.max(WINDOWS.div_ceil(width)).clamp(1, geometry.out_height.max(1))
}

/// The elements of the largest block's matrix.
pub(super) fn unfolded_len(geometry: &Conv2dGeometry) -> usize {
    if geometry.is_unfolded() {
        return 0;
    }
    geometry.window_len() * block_rows(geometry) * geometry.out_width
}

/// Writes 0 to the places `gap` of each row of `width`, the last of which ends before its gap.
#[inline(always)]
fn clear_gaps<T: Float>(values: &mut [T], width: usize, gap: Range<usize>) {
    if !gap.is_empty() {
        values.chunks_exact_mut(width).for_each(|row| row[gap.clone()].fill(T::ZERO));
    }
}
