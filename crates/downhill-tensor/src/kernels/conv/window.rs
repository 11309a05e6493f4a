//! Parts of planes with the channels side by side, eight at a time, and back.

use super::vector::{LANES, Vector};
use crate::Float;

/// Some channels of an image: planes of one size, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    /// At most [`LANES`].
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Planes {
    /// Writes a window `[rows, columns, LANES]` of the planes; zeros beyond their edges and for channels that
    /// there are not.
    ///
    /// # Safety
    /// As [`Vector::zero`]; the planes are readable from `x` on, the window writable.
    #[inline(always)]
    pub unsafe fn gather<T: Float, V: Vector<T>>(
        &self,
        x: *const T,
        first: [isize; 2],
        [rows, columns]: [usize; 2],
        window: *mut T,
    ) {
        let Planes { channels, height, width } = *self;
        // The columns of the window that lie on the planes.
        let start = first[1].saturating_neg().clamp(0, columns as isize) as usize;
        let end = (width as isize).saturating_sub(first[1]).clamp(start as isize, columns as isize) as usize;
        let count = end - start;
        // SAFETY: rows and columns are inside the window, and those that are read inside the planes.
        unsafe {
            let zero = |from: usize, to: usize| {
                std::slice::from_raw_parts_mut(window.add(from * LANES), (to - from) * LANES).fill(T::ZERO);
            };
            for row in 0..rows {
                let at = row * columns;
                let from = first[0].saturating_add(row as isize);
                if from < 0 || from >= height as isize || count == 0 {
                    zero(at, at + columns);
                    continue;
                }
                zero(at, at + start);
                zero(at + end, at + columns);
                let from = x.add(from as usize * width + (first[1] + start as isize) as usize);
                let to = window.add((at + start) * LANES);
                if channels == LANES && count >= LANES {
                    for column in (0..count).step_by(LANES) {
                        // The last square begins earlier rather than reach too far.
                        let column = column.min(count - LANES);
                        V::transpose(from.add(column), height * width, to.add(column * LANES), LANES);
                    }
                    continue;
                }
                for column in 0..count {
                    let to = to.add(column * LANES);
                    for lane in 0..LANES {
                        let inside = lane < channels;
                        to.add(lane).write(if inside {
                            *from.add(lane * height * width + column)
                        } else {
                            T::ZERO
                        });
                    }
                }
            }
        }
    }

    /// Writes the first rows and columns of a window, whose rows hold `stride` places, to the planes.
    ///
    /// # Safety
    /// As [`Vector::zero`]; the window is readable, and the planes are writable from `x` on where the rows and
    /// columns lie.
    #[inline(always)]
    pub unsafe fn scatter<T: Float, V: Vector<T>>(
        &self,
        window: *const T,
        stride: usize,
        first: [usize; 2],
        [rows, columns]: [usize; 2],
        x: *mut T,
    ) {
        let Planes { channels, height, width } = *self;
        for row in 0..rows {
            // SAFETY: the caller's.
            unsafe {
                let from = window.add(row * stride * LANES);
                let to = x.add((first[0] + row) * width + first[1]);
                if channels == LANES && columns >= LANES {
                    for column in (0..columns).step_by(LANES) {
                        let column = column.min(columns - LANES);
                        V::transpose(from.add(column * LANES), LANES, to.add(column), height * width);
                    }
                    continue;
                }
                for lane in 0..channels {
                    for column in 0..columns {
                        *to.add(lane * height * width + column) = *from.add(column * LANES + lane);
                    }
                }
            }
        }
    }
}
