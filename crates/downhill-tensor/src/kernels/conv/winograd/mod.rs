//! Convolution 3 × 3 with stride 1 in a quarter of the multiplications.
//!
//! Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2016): a tile of 6 × 6 inputs is evaluated at 36 frequencies, where the convolution is a product
//! of matrices for each, and 4 × 4 outputs are interpolated. The gradient by the weights is the same trilinear
//! form read the other way: tiles of the input and of the gradient meet in 36 products, summed over all
//! tiles before the 3 × 3 places are interpolated.
//!
//! Channels lie side by side in the transformed tiles. Tiles go through in blocks that the second nearest
//! cache holds; each tile's numbers are computed alike, whatever its block. An input that is not finite
//! makes all outputs of its tile NaN.

mod gradient;
mod transform;

pub(super) use gradient::{WeightGradient, weight_gradient_scratch_len};

use super::layer::Layer;
use super::tile::Tiles;
use super::vector::{LANES, PADDING, Vector, Work, take_aligned as align};
use super::window::Planes;
use crate::Float;
use transform::Transform;

/// Outputs along a side of a tile.
const TILE: usize = 4;
/// Inputs along a side of a tile.
const REACH: usize = 6;
/// The points at which tiles are multiplied.
const FREQUENCIES: usize = REACH * REACH;
/// Output channels whose products are computed before they are transformed back.
const OUTPUTS: usize = 64;
/// Bytes of transformed tiles, before and after the product, that are held at once.
const BLOCK_BYTES: usize = 288 << 10;

/// The tiles that are transformed and multiplied together.
#[derive(Clone, Copy, Debug)]
struct Blocking {
    images: usize,
    rows: usize,
    columns: usize,
}

impl Blocking {
    /// For planes of so many tiles, with this many numbers per tile and frequency.
    fn new<T>(tiles: [usize; 2], numbers: usize) -> Self {
        let most = (BLOCK_BYTES / (size_of::<T>() * FREQUENCIES * numbers)).clamp(4, 48);
        // As large as may be, in pieces that are as even as can be.
        let even = |count: usize, most: usize| count.div_ceil(count.div_ceil(most).max(1)).max(1);
        let columns = even(tiles[1], most);
        let rows = if columns == tiles[1] { even(tiles[0], most / columns) } else { 1 };
        let whole = columns == tiles[1] && rows == tiles[0];
        Blocking { images: if whole { (most / (rows * columns)).max(1) } else { 1 }, rows, columns }
    }

    fn tiles(&self) -> usize {
        self.images * self.rows * self.columns
    }

    /// Calls `f(first image, images, first tile, tiles)` for every block.
    #[inline(always)]
    fn each(
        &self,
        images: usize,
        tiles: [usize; 2],
        mut f: impl FnMut(usize, usize, [usize; 2], [usize; 2]),
    ) {
        for image in (0..images).step_by(self.images) {
            for row in (0..tiles[0]).step_by(self.rows) {
                for column in (0..tiles[1]).step_by(self.columns) {
                    let size = [self.rows.min(tiles[0] - row), self.columns.min(tiles[1] - column)];
                    f(image, self.images.min(images - image), [row, column], size);
                }
            }
        }
    }
}

/// Where the transformed tiles lie: the channels of a tile at a frequency are neighbours.
#[derive(Clone, Copy)]
struct Spectrum {
    tile: usize,
    frequency: usize,
}

impl Spectrum {
    /// Frequency by frequency of each tile.
    fn by_tile(channels: usize) -> Self {
        Spectrum { tile: FREQUENCIES * channels, frequency: channels }
    }

    /// Tile by tile of each frequency. A cache line is left between frequencies, lest they all fall into the
    /// same places of the nearest cache.
    fn by_frequency(channels: usize, tiles: usize) -> Self {
        Spectrum { tile: channels, frequency: tiles * channels + 2 * LANES }
    }
}

/// The space that transforms go through: a window of eight channels, and a row of tiles half transformed.
fn window_len(blocking: &Blocking) -> usize {
    let [rows, columns] = [blocking.rows, blocking.columns].map(|tiles| TILE * tiles + REACH - TILE);
    (rows + REACH) * columns * LANES
}

/// Transforms `rows` × `columns` tiles of some channels into their places in the spectrum, by `SIDE` numbers
/// along each side of a tile.
///
/// # Safety
/// As [`Vector::zero`]; the window of the tiles may be gathered from `x`, the space holds it, and `spectrum`
/// reaches all tiles.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
unsafe fn transform_block<T: Float, V: Vector<T>, const SIDE: usize>(
    planes: &Planes,
    x: *const T,
    first: [isize; 2],
    [rows, columns]: [usize; 2],
    space: *mut T,
    out: *mut T,
    spectrum: Spectrum,
    transform: impl Fn([V; SIDE]) -> [V; REACH],
) {
    let width = TILE * columns + SIDE - TILE;
    let height = TILE * rows + SIDE - TILE;
    // SAFETY: the caller's.
    unsafe {
        planes.gather::<T, V>(x, first, [height, width], space);
        let half = space.add(height * width * LANES);
        for row in 0..rows {
            let window = space.add(TILE * row * width * LANES);
            for column in 0..width {
                let mut values = [V::zero(); SIDE];
                for (i, value) in values.iter_mut().enumerate() {
                    *value = V::load(window.add((i * width + column) * LANES));
                }
                for (i, value) in transform(values).into_iter().enumerate() {
                    value.store(half.add((i * width + column) * LANES));
                }
            }
            for column in 0..columns {
                let out = out.add((row * columns + column) * spectrum.tile);
                for i in 0..REACH {
                    let half = half.add((i * width + TILE * column) * LANES);
                    let mut values = [V::zero(); SIDE];
                    for (j, value) in values.iter_mut().enumerate() {
                        *value = V::load(half.add(j * LANES));
                    }
                    for (j, value) in transform(values).into_iter().enumerate() {
                        value.store(out.add((i * REACH + j) * spectrum.frequency));
                    }
                }
            }
        }
    }
}

impl Layer {
    /// Tiles along each side of an output plane.
    fn tiles(&self) -> [usize; 2] {
        self.output.map(|length| length.div_ceil(TILE))
    }

    fn blocking<T>(&self) -> Blocking {
        let inputs = self.in_channels.next_multiple_of(LANES);
        let outputs = self.out_channels.next_multiple_of(LANES).min(OUTPUTS);
        Blocking::new::<T>(self.tiles(), inputs + outputs)
    }

    /// A group's transformed weights.
    fn group_len(&self) -> usize {
        FREQUENCIES * self.in_channels * self.out_channels.next_multiple_of(LANES)
    }
}

/// Elements of the transformed weights.
pub(super) fn prepared_len(layer: &Layer) -> usize {
    layer.groups * layer.group_len()
}

/// Elements of scratch space that [`Convolution`] needs.
pub(super) fn scratch_len<T>(layer: &Layer) -> usize {
    let blocking = layer.blocking::<T>();
    let channels =
        layer.in_channels.next_multiple_of(LANES) + layer.out_channels.next_multiple_of(LANES).min(OUTPUTS);
    window_len(&blocking) + blocking.tiles() * FREQUENCIES * channels + 4 * PADDING
}

/// Transforms the weights: blocks of output channels, their frequencies, panels of two vectors of output
/// channels, input channels.
pub(super) struct Prepare<'a, T> {
    pub layer: &'a Layer,
    pub weights: &'a [T],
    pub out: &'a mut [T],
}

impl<T: Float> Work<T> for Prepare<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Prepare { layer, weights, out } = self;
        assert_eq!(out.len(), prepared_len(layer), "the space has another length");
        assert_eq!(weights.len(), layer.groups * layer.in_channels * layer.out_channels * 9, "the weights");
        // SAFETY: the caller's.
        let transform = unsafe { Transform::<V>::new::<T>() };
        let depth = layer.in_channels;
        for (group, out) in out.chunks_exact_mut(layer.group_len().max(1)).enumerate() {
            for first in (0..layer.out_channels).step_by(LANES) {
                let lanes = LANES.min(layer.out_channels - first);
                let at = Panel::of(layer, first);
                for from in 0..depth {
                    let mut places = [[T::ZERO; LANES]; 9];
                    for lane in 0..lanes {
                        for (place, values) in places.iter_mut().enumerate() {
                            values[lane] = layer.weight(weights, group, first + lane, from, place);
                        }
                    }
                    // SAFETY: the caller's; an array is a vector.
                    let half = unsafe {
                        let at = |place: usize| places[place].as_ptr();
                        let mut half = [[V::zero(); REACH]; 3];
                        for (j, half) in half.iter_mut().enumerate() {
                            *half =
                                transform.weight([V::load(at(j)), V::load(at(3 + j)), V::load(at(6 + j))]);
                        }
                        half
                    };
                    for i in 0..REACH {
                        let row = transform.weight([half[0][i], half[1][i], half[2][i]]);
                        for (j, value) in row.into_iter().enumerate() {
                            let start = at.start(depth, i * REACH + j, from);
                            // SAFETY: a vector, as just cut out.
                            unsafe { value.store(out[start..start + LANES].as_mut_ptr()) };
                        }
                    }
                }
            }
        }
    }
}

/// Where a vector of output channels lies in the transformed weights of a group.
struct Panel {
    block: usize,
    block_width: usize,
    /// The first channel of the panel, in the block.
    first: usize,
    width: usize,
    lane: usize,
}

impl Panel {
    /// The panel that channel `channel` is in.
    fn of(layer: &Layer, channel: usize) -> Self {
        let all = layer.out_channels.next_multiple_of(LANES);
        let block = channel / OUTPUTS * OUTPUTS;
        let block_width = OUTPUTS.min(all - block);
        let first = (channel - block) / (2 * LANES) * 2 * LANES;
        let width = (2 * LANES).min(block_width - first);
        Panel { block, block_width, first, width, lane: channel - block - first }
    }

    #[inline(always)]
    fn start(&self, depth: usize, frequency: usize, from: usize) -> usize {
        FREQUENCIES * depth * self.block
            + frequency * depth * self.block_width
            + depth * self.first
            + from * self.width
            + self.lane
    }
}

/// The convolution of whole images with transformed weights.
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
        if layer.out_len() == 0 {
            return;
        }
        let images = out.len() / layer.out_len();
        assert!(out.len() == images * layer.out_len() && x.len() == images * layer.in_len(), "the images");
        assert_eq!(prepared.len(), prepared_len(layer), "the prepared weights have another length");
        let blocking = layer.blocking::<T>();
        let depth = layer.in_channels;
        let inputs = depth.next_multiple_of(LANES);
        let (data, products) = (
            Spectrum::by_tile(inputs),
            Spectrum::by_tile(layer.out_channels.next_multiple_of(LANES).min(OUTPUTS)),
        );
        let (window, scratch) = align(scratch, window_len(&blocking));
        let (spectrum, scratch) = align(scratch, blocking.tiles() * data.tile);
        let (sums, _) = align(scratch, blocking.tiles() * products.tile);
        let (window, spectrum, sums) = (window.as_mut_ptr(), spectrum.as_mut_ptr(), sums.as_mut_ptr());
        // SAFETY: the caller's.
        let transform = unsafe { Transform::<V>::new::<T>() };
        for group in 0..layer.groups {
            let prepared = &prepared[group * layer.group_len()..][..layer.group_len()];
            blocking.each(
                images,
                layer.tiles(),
                #[inline(always)]
                |first_image, count, first, size| {
                    let tiles = size[0] * size[1];
                    for image in 0..count {
                        let x = &x[(first_image + image) * layer.in_len()..][..layer.in_len()];
                        for channel in (0..depth).step_by(LANES) {
                            let planes = Planes {
                                channels: LANES.min(depth - channel),
                                height: layer.input[0],
                                width: layer.input[1],
                            };
                            let first = [0, 1].map(|axis| layer.origin[axis] + (TILE * first[axis]) as isize);
                            let x = &x[(group * depth + channel) * layer.in_plane()..];
                            // SAFETY: the channels are in `x`; the spectrum has room for the block's tiles.
                            unsafe {
                                let out = spectrum.add(image * tiles * data.tile + channel);
                                transform_block::<T, V, REACH>(
                                    &planes,
                                    x.as_ptr(),
                                    first,
                                    size,
                                    window,
                                    out,
                                    data,
                                    #[inline(always)]
                                    |d| transform.data(d),
                                );
                            }
                        }
                    }
                    for block in (0..layer.out_channels).step_by(OUTPUTS) {
                        let width = Panel::of(layer, block).block_width;
                        let mut weights = prepared[FREQUENCIES * depth * block..].as_ptr();
                        for frequency in 0..FREQUENCIES {
                            for panel in (0..width).step_by(2 * LANES) {
                                let panel_width = (2 * LANES).min(width - panel);
                                // SAFETY: inside the spectra; the panels of the weights lie in this order.
                                unsafe {
                                    Tiles {
                                        depth,
                                        a: spectrum.add(frequency * data.frequency).cast_const(),
                                        a_row: data.tile,
                                        a_step: 1,
                                        b: weights,
                                        b_step: panel_width,
                                        c: sums.add(frequency * products.frequency + panel),
                                        c_row: products.tile,
                                        accumulate: false,
                                    }
                                    .run::<V>(count * tiles, panel_width);
                                    weights = weights.add(depth * panel_width);
                                }
                            }
                        }
                        for image in 0..count {
                            let out = &mut out[(first_image + image) * layer.out_len()..][..layer.out_len()];
                            for channel in (block..layer.out_channels.min(block + OUTPUTS)).step_by(LANES) {
                                let planes = Planes {
                                    channels: LANES.min(layer.out_channels - channel),
                                    height: layer.output[0],
                                    width: layer.output[1],
                                };
                                let start = (group * layer.out_channels + channel) * layer.out_plane();
                                let out = out[start..].as_mut_ptr();
                                // SAFETY: the channels are in `out`; the sums are those of the block's tiles.
                                unsafe {
                                    let sums = sums.add(image * tiles * products.tile + channel - block);
                                    write_block(
                                        &transform, &planes, sums, products, first, size, window, out,
                                    );
                                }
                            }
                        }
                    }
                },
            );
        }
    }
}

/// Transforms tiles of eight channels back and writes what of them lies on the planes.
///
/// # Safety
/// As [`Vector::zero`]; `sums` reaches all tiles, the space a row of them, and the planes at `out` are writable.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
unsafe fn write_block<T: Float, V: Vector<T>>(
    transform: &Transform<V>,
    planes: &Planes,
    sums: *const T,
    spectrum: Spectrum,
    first: [usize; 2],
    [rows, columns]: [usize; 2],
    space: *mut T,
    out: *mut T,
) {
    let width = TILE * columns;
    for row in 0..rows {
        // SAFETY: the caller's.
        unsafe {
            for column in 0..columns {
                let sums = sums.add((row * columns + column) * spectrum.tile);
                let mut half = [[V::zero(); TILE]; REACH];
                for (i, half) in half.iter_mut().enumerate() {
                    let mut values = [V::zero(); REACH];
                    for (j, value) in values.iter_mut().enumerate() {
                        *value = V::load(sums.add((i * REACH + j) * spectrum.frequency));
                    }
                    *half = transform.output(values);
                }
                for j in 0..TILE {
                    let mut values = [V::zero(); REACH];
                    for (i, value) in values.iter_mut().enumerate() {
                        *value = half[i][j];
                    }
                    let values = transform.output(values);
                    for (i, value) in values.into_iter().enumerate() {
                        value.store(space.add((i * width + TILE * column + j) * LANES));
                    }
                }
            }
            let at = [TILE * (first[0] + row), TILE * first[1]];
            let size = [TILE.min(planes.height - at[0]), width.min(planes.width - at[1])];
            planes.scatter::<T, V>(space, width, at, size, out);
        }
    }
}
