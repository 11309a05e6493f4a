//! Convolution with stride 1 over few channels, without unfolding: windows are read where they lie.
//!
//! The planes of an image are copied with their padding, so that a place of the window is a shift of the whole
//! plane: a row of outputs is a product whose columns are shifted rows. Meant for depths that are too small
//! for anything better to pay, such as a first layer's.

use super::layer::Layer;
use super::tile::panels;
use super::vector::{LANES, PADDING, Vector, Work, take_aligned};
use crate::Float;
use crate::kernels::reduce::lane_tree;
use std::ops::Range;

/// The copied planes of a group: rows long enough that a vector of outputs reads inside its row.
#[derive(Clone, Copy)]
struct Padded {
    rows: usize,
    columns: usize,
    /// Where the image's first place lies; negative where padding is negative.
    at: [isize; 2],
}

impl Padded {
    fn new(layer: &Layer) -> Self {
        let span = |axis: usize| layer.dilation[axis] * (layer.kernel[axis] - 1);
        Padded {
            rows: layer.output[0] + span(0),
            columns: layer.output[1].max(LANES) + span(1),
            at: layer.origin.map(|origin| -origin),
        }
    }

    fn len(&self, layer: &Layer) -> usize {
        layer.in_channels * self.rows * self.columns
    }

    /// Copies a group's planes into `planes`, which hold zeros around them.
    fn fill<T: Float>(&self, layer: &Layer, x: &[T], planes: &mut [T]) {
        let [height, width] = layer.input;
        let inside = |at: isize, length: usize, room: usize| {
            let start = at.clamp(0, room as isize);
            let end = (at + length as isize).clamp(start, room as isize);
            start as usize..end as usize
        };
        // No output sees more columns than these.
        let seen = layer.output[1] + layer.dilation[1] * (layer.kernel[1] - 1);
        let (rows, columns) = (inside(self.at[0], height, self.rows), inside(self.at[1], width, seen));
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        let first = (columns.start as isize - self.at[1]) as usize;
        for channel in 0..layer.in_channels {
            for row in rows.clone() {
                let from = (channel * height + (row as isize - self.at[0]) as usize) * width + first;
                let to = (channel * self.rows + row) * self.columns;
                planes[to + columns.start..to + columns.end].copy_from_slice(&x[from..from + columns.len()]);
            }
        }
    }

    /// How far the place of a window is from its first, over all channels.
    #[inline(always)]
    fn shift(&self, layer: &Layer, place: usize) -> usize {
        let [height, width] = layer.kernel;
        let (channel, kh, kw) = (place / (height * width), place / width % height, place % width);
        (channel * self.rows + kh * layer.dilation[0]) * self.columns + kw * layer.dilation[1]
    }
}

/// The elements that each output is a sum over.
fn depth(layer: &Layer) -> usize {
    layer.in_channels * layer.kernel[0] * layer.kernel[1]
}

/// Elements of the prepared weights.
pub(super) fn prepared_len(layer: &Layer) -> usize {
    layer.groups * depth(layer) * layer.out_channels
}

/// Brings weights into the order group, place of the window over all channels, output channel.
pub(super) fn prepare<T: Float>(layer: &Layer, weights: &[T], out: &mut [T]) {
    let places = layer.kernel[0] * layer.kernel[1];
    let rows = out.chunks_exact_mut(layer.out_channels);
    for (number, row) in rows.enumerate() {
        let (group, place) = (number / depth(layer), number % depth(layer));
        for (channel, out) in row.iter_mut().enumerate() {
            *out = layer.weight(weights, group, channel, place / places, place % places);
        }
    }
}

/// Elements of scratch space that [`Convolution`] needs.
pub(super) fn scratch_len(layer: &Layer) -> usize {
    Padded::new(layer).len(layer) + PADDING
}

/// Elements of scratch space that [`WeightGradient`] needs.
pub(super) fn weight_gradient_scratch_len(layer: &Layer) -> usize {
    scratch_len(layer) + layer.out_channels * depth(layer) * LANES + PADDING
}

/// The convolution of whole images with prepared weights.
pub(super) struct Convolution<'a, T> {
    pub layer: &'a Layer,
    pub prepared: &'a [T],
    pub x: &'a [T],
    pub out: &'a mut [T],
    pub scratch: &'a mut [T],
}

impl<T: Float> Work<T> for Convolution<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Convolution { layer, prepared, x, out, scratch } = self;
        let padded = Padded::new(layer);
        let (planes, _) = take_aligned(scratch, padded.len(layer));
        planes.fill(T::ZERO);
        assert_eq!(prepared.len(), prepared_len(layer), "the prepared weights have another length");
        let [x_len, out_len] = [layer.in_len(), layer.out_len()].map(|len| len / layer.groups);
        let weights_len = depth(layer) * layer.out_channels;
        let groups = x.chunks_exact(x_len).zip(out.chunks_exact_mut(out_len));
        for (number, (x, out)) in groups.enumerate() {
            padded.fill(layer, x, planes);
            let weights = &prepared[number % layer.groups * weights_len..][..weights_len];
            let [height, width] = layer.output;
            for (first, count) in panels(layer.out_channels, V::ROWS) {
                for row in 0..height {
                    for column in (0..width).step_by(2 * LANES) {
                        // The last strip begins earlier, or its vectors overlap, rather than reach too far:
                        // outputs that are computed twice come out alike.
                        let column = column.min(width.saturating_sub(2 * LANES));
                        let strip = Strip {
                            layer,
                            padded,
                            planes: planes[row * padded.columns + column..].as_ptr(),
                            weights: weights[first..].as_ptr(),
                            out: out[(first * height + row) * width + column..].as_mut_ptr(),
                            second: (width - column).clamp(LANES, 2 * LANES) - LANES,
                        };
                        // SAFETY: the rows' columns and channels are inside the slices.
                        unsafe {
                            if width > LANES {
                                strip.rows::<V, 2>(count);
                            } else {
                                strip.rows::<V, 1>(count);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One or two vectors of outputs in a row, for some output channels.
struct Strip<'a, T> {
    layer: &'a Layer,
    padded: Padded,
    planes: *const T,
    weights: *const T,
    out: *mut T,
    /// Where the second vector begins.
    second: usize,
}

impl<T: Float> Strip<'_, T> {
    /// # Safety
    /// As [`Vector::zero`]; the pointers reach so many channels and the columns.
    #[inline(always)]
    unsafe fn rows<V: Vector<T>, const COLUMNS: usize>(&self, count: usize) {
        // SAFETY: the caller's.
        unsafe {
            match count {
                1 => self.tile::<V, 1, COLUMNS>(),
                2 => self.tile::<V, 2, COLUMNS>(),
                3 if V::ROWS > 2 => self.tile::<V, 3, COLUMNS>(),
                4 if V::ROWS > 3 => self.tile::<V, 4, COLUMNS>(),
                5 if V::ROWS > 4 => self.tile::<V, 5, COLUMNS>(),
                _ if V::ROWS > 5 => self.tile::<V, 6, COLUMNS>(),
                _ => unreachable!("panels are at most as high as the form allows"),
            }
        }
    }

    /// # Safety
    /// As [`Strip::rows`].
    #[inline(always)]
    unsafe fn tile<V: Vector<T>, const ROWS: usize, const COLUMNS: usize>(&self) {
        let Strip { layer, padded, second, .. } = *self;
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[V::zero(); COLUMNS]; ROWS];
            let mut weights = self.weights;
            for channel in 0..layer.in_channels {
                for kh in 0..layer.kernel[0] {
                    let row = channel * padded.rows + kh * layer.dilation[0];
                    let mut x = self.planes.add(row * padded.columns);
                    for _ in 0..layer.kernel[1] {
                        let mut vectors = [V::zero(); COLUMNS];
                        for v in 0..COLUMNS {
                            vectors[v] = V::load(x.add(v * second));
                        }
                        for r in 0..ROWS {
                            let weight = V::splat(weights.add(r));
                            for v in 0..COLUMNS {
                                sums[r][v] = weight.mul_add(vectors[v], sums[r][v]);
                            }
                        }
                        // Past the end after the last place, where they are not read.
                        x = x.wrapping_add(layer.dilation[1]);
                        weights = weights.wrapping_add(layer.out_channels);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                let out = self.out.add(r * layer.out_plane());
                for (v, &sum) in sums.iter().enumerate() {
                    if layer.output[1] >= LANES {
                        sum.store(out.add(v * second));
                    } else {
                        let mut lanes = [T::ZERO; LANES];
                        sum.store(lanes.as_mut_ptr());
                        out.copy_from_nonoverlapping(lanes.as_ptr(), layer.output[1]);
                    }
                }
            }
        }
    }
}

/// Output channels, and places of the window, whose sums are kept in registers together.
const SIDE: usize = 3;

/// The gradient by the weights of some output channels of all groups, over whole images.
///
/// Every weight's sum is kept in lanes, each over its share of the columns, until all images are through.
pub(super) struct WeightGradient<'a, T> {
    pub layer: &'a Layer,
    /// The output channels, among those of all groups.
    pub part: Range<usize>,
    pub x: &'a [T],
    pub g: &'a [T],
    /// Of the part alone.
    pub dw: &'a mut [T],
    pub accumulate: bool,
    pub scratch: &'a mut [T],
}

impl<T: Float> Work<T> for WeightGradient<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let WeightGradient { layer, part, x, g, dw, accumulate, scratch } = self;
        let (padded, depth) = (Padded::new(layer), depth(layer));
        let (planes, scratch) = take_aligned(scratch, padded.len(layer));
        let (sums, _) = take_aligned(scratch, layer.out_channels * depth * LANES);
        planes.fill(T::ZERO);
        let mut rest = dw;
        for group in 0..layer.groups {
            let first = group * layer.out_channels;
            let within = |channel: usize| channel.clamp(first, first + layer.out_channels) - first;
            let channels = within(part.start)..within(part.end);
            if channels.is_empty() {
                continue;
            }
            let sums = &mut sums[..channels.len() * depth * LANES];
            sums.fill(T::ZERO);
            for (x, g) in x.chunks_exact(layer.in_len()).zip(g.chunks_exact(layer.out_len())) {
                let x = &x[group * layer.in_channels * layer.in_plane()..];
                padded.fill(layer, x, planes);
                let g =
                    &g[(first + channels.start) * layer.out_plane()..][..channels.len() * layer.out_plane()];
                for (row, rows) in panels(channels.len(), SIDE.min(V::ROWS)) {
                    for place in (0..depth).step_by(SIDE) {
                        let places = SIDE.min(depth - place);
                        let square =
                            Square { layer, padded, planes, g: &g[row * layer.out_plane()..], place };
                        let sums = sums[(row * depth + place) * LANES..].as_mut_ptr();
                        // SAFETY: the channels are in `g`, the places in the planes, and both in the sums.
                        unsafe {
                            match (rows, places) {
                                (1, 1) => square.add::<V, 1, 1>(sums),
                                (1, 2) => square.add::<V, 1, 2>(sums),
                                (1, _) => square.add::<V, 1, 3>(sums),
                                (2, 1) => square.add::<V, 2, 1>(sums),
                                (2, 2) => square.add::<V, 2, 2>(sums),
                                (2, _) => square.add::<V, 2, 3>(sums),
                                (_, 1) => square.add::<V, 3, 1>(sums),
                                (_, 2) => square.add::<V, 3, 2>(sums),
                                (_, _) => square.add::<V, 3, 3>(sums),
                            }
                        }
                    }
                }
            }
            let (own, tail) = std::mem::take(&mut rest).split_at_mut(channels.len() * depth);
            rest = tail;
            for (dw, &lanes) in own.iter_mut().zip(sums.as_chunks::<LANES>().0) {
                let sum = lane_tree(lanes);
                *dw = if accumulate { *dw + sum } else { sum };
            }
        }
    }
}

/// Some output channels' gradients and places of the window, over a whole image.
struct Square<'a, T> {
    layer: &'a Layer,
    padded: Padded,
    planes: &'a [T],
    /// From the first channel on.
    g: &'a [T],
    /// The first place.
    place: usize,
}

impl<T: Float> Square<'_, T> {
    /// # Safety
    /// As [`Vector::zero`]; there are so many channels and places, and sums for them.
    #[inline(always)]
    unsafe fn add<V: Vector<T>, const ROWS: usize, const PLACES: usize>(&self, sums: *mut T) {
        let Square { layer, padded, planes, g, place } = *self;
        let ([height, width], depth) = (layer.output, depth(layer));
        let whole = width / LANES * LANES;
        let mut shifts = [0; PLACES];
        for (i, shift) in shifts.iter_mut().enumerate() {
            *shift = padded.shift(layer, place + i);
        }
        // SAFETY: the caller's.
        unsafe {
            let mut own = [[V::zero(); PLACES]; ROWS];
            for row in 0..height {
                let x = planes.as_ptr().add(row * padded.columns);
                let g = g.as_ptr().add(row * width);
                for column in (0..whole).step_by(LANES) {
                    let mut values = [V::zero(); ROWS];
                    for (r, value) in values.iter_mut().enumerate() {
                        *value = V::load(g.add(r * layer.out_plane() + column));
                    }
                    for i in 0..PLACES {
                        let x = V::load(x.add(shifts[i] + column));
                        for r in 0..ROWS {
                            own[r][i] = values[r].mul_add(x, own[r][i]);
                        }
                    }
                }
                if whole < width {
                    let mut values = [V::zero(); ROWS];
                    for (r, value) in values.iter_mut().enumerate() {
                        *value = V::load_first(g.add(r * layer.out_plane() + whole), width - whole);
                    }
                    for i in 0..PLACES {
                        // What lies beyond must not be read: it may be infinite.
                        let x = V::load_first(x.add(shifts[i] + whole), width - whole);
                        for r in 0..ROWS {
                            own[r][i] = values[r].mul_add(x, own[r][i]);
                        }
                    }
                }
            }
            for (r, own) in own.iter().enumerate() {
                for (i, &own) in own.iter().enumerate() {
                    let sum = sums.add((r * depth + i) * LANES);
                    V::load(sum).add(own).store(sum);
                }
            }
        }
    }
}
