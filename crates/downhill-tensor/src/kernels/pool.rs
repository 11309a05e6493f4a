//! Pooling of planes: the largest value or the mean of each window, with gradients.
//!
//! All slices hold whole planes (one channel of one image), and planes do not touch each other: a part of
//! the work is a call on a sub-slice of whole planes.

use crate::{Error, Float, Result};

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
    /// window (some windows would see nothing else).
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
            let room = (plane[axis] + 2 * padding[axis]).checked_sub(kernel[axis]);
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
    fn window(&self, out_row: usize, out_column: usize) -> [std::ops::Range<usize>; 2] {
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
    fn each(&self, planes: usize, mut f: impl FnMut(usize, [std::ops::Range<usize>; 2], usize)) {
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

    /// The position of the first largest value in a window; a NaN counts as the largest.
    #[inline(always)]
    fn arg_max<T: Float>(
        &self,
        x: &[T],
        base: usize,
        [rows, columns]: [std::ops::Range<usize>; 2],
    ) -> Option<usize> {
        let mut best = base + rows.start * self.width + columns.start;
        if rows.is_empty() || columns.is_empty() {
            return None;
        }
        let mut largest = x[best];
        for row in rows {
            let start = base + row * self.width;
            for (i, &value) in x[start + columns.start..start + columns.end].iter().enumerate() {
                if value > largest || (value.is_nan() && !largest.is_nan()) {
                    (best, largest) = (start + columns.start + i, value);
                }
            }
        }
        Some(best)
    }
}

/// The largest value in each window. Padding counts as -infinity; a NaN counts as the largest.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d<T: Float>(geometry: &Pool2dGeometry, x: &[T], out: &mut [T]) {
    max_pool2d_gather(geometry, x, x, out);
}

/// The value of `u` where `x` is largest in each window: what a change `u` of `x` does to the pooled
/// values. Among equals the first in row-major order of the window counts, as in PyTorch.
///
/// # Panics
/// Where a slice has not the length that the geometry says.
pub fn max_pool2d_gather<T: Float>(geometry: &Pool2dGeometry, x: &[T], u: &[T], out: &mut [T]) {
    assert_eq!(x.len(), u.len(), "the lengths differ");
    let planes = geometry.planes(x.len(), out.len());
    geometry.each(
        planes,
        #[inline(always)]
        |base, window, at| {
            out[at] = geometry.arg_max(x, base, window).map_or(T::NEG_INFINITY, |best| u[best]);
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
    dx.fill(T::ZERO);
    geometry.each(
        planes,
        #[inline(always)]
        |base, window, at| {
            if let Some(best) = geometry.arg_max(x, base, window) {
                dx[best] += g[at];
            }
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
