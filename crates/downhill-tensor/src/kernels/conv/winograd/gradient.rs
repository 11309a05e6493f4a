//! The gradient by the weights.

use super::super::layer::Layer;
use super::super::tile::Tiles;
use super::super::vector::{LANES, PADDING, Vector, Work, take_aligned as align};
use super::super::window::Planes;
use super::transform::Transform;
use super::{Blocking, FREQUENCIES, REACH, Spectrum, TILE, transform_block, window_len};
use crate::Float;
use std::ops::Range;

/// Output channels of all groups that the sums are kept for, each group's filled up to whole vectors.
fn sums_len(layer: &Layer) -> usize {
    FREQUENCIES * layer.in_channels.next_multiple_of(LANES) * layer.out_channels.next_multiple_of(LANES)
}

fn blocking<T>(layer: &Layer) -> Blocking {
    let channels = layer.in_channels.next_multiple_of(LANES) + layer.out_channels.next_multiple_of(LANES);
    Blocking::new::<T>(layer.tiles(), channels)
}

/// Elements of scratch space that [`WeightGradient`] needs.
pub fn weight_gradient_scratch_len<T>(layer: &Layer) -> usize {
    let blocking = blocking::<T>(layer);
    let spectrum = |channels: usize| {
        FREQUENCIES * Spectrum::by_frequency(channels.next_multiple_of(LANES), blocking.tiles()).frequency
    };
    let spectra = spectrum(layer.in_channels) + spectrum(layer.out_channels);
    window_len(&blocking) + spectra + sums_len(layer) + 4 * PADDING
}

/// The gradient by the weights of some output channels of all groups, over whole images.
pub struct WeightGradient<'a, T> {
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
        let mut dw = dw;
        // SAFETY: the caller's.
        let transform = unsafe { Transform::<V>::new::<T>() };
        for group in 0..layer.groups {
            // The part's channels within the group.
            let first = group * layer.out_channels;
            let within = |channel: usize| channel.clamp(first, first + layer.out_channels) - first;
            let channels = within(part.start)..within(part.end);
            let len = channels.len() * layer.in_channels * 9;
            let (own, rest) = std::mem::take(&mut dw).split_at_mut(len);
            dw = rest;
            if len > 0 {
                let one = Group { layer, group, channels, x, g };
                // SAFETY: the caller's.
                unsafe { one.run(&transform, own, accumulate, scratch) };
            }
        }
    }
}

/// Some output channels of one group.
struct Group<'a, T> {
    layer: &'a Layer,
    group: usize,
    channels: Range<usize>,
    x: &'a [T],
    g: &'a [T],
}

impl<T: Float> Group<'_, T> {
    /// # Safety
    /// As [`Vector::zero`].
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(
        &self,
        transform: &Transform<V>,
        dw: &mut [T],
        accumulate: bool,
        scratch: &mut [T],
    ) {
        let Group { layer, x, g, .. } = *self;
        let images = g.len() / layer.out_len();
        assert!(x.len() == images * layer.in_len() && g.len() == images * layer.out_len(), "the images");
        let blocking = blocking::<T>(layer);
        let [inputs, outputs] = [layer.in_channels, self.channels.len()].map(|n| n.next_multiple_of(LANES));
        let data = Spectrum::by_frequency(inputs, blocking.tiles());
        let gradient = Spectrum::by_frequency(outputs, blocking.tiles());
        let (window, scratch) = align(scratch, window_len(&blocking));
        let (of_data, scratch) = align(scratch, FREQUENCIES * data.frequency);
        let (of_gradient, scratch) = align(scratch, FREQUENCIES * gradient.frequency);
        let (sums, _) = align(scratch, FREQUENCIES * inputs * outputs);
        if images == 0 {
            sums.fill(T::ZERO);
        }
        let (window, of_data, of_gradient) =
            (window.as_mut_ptr(), of_data.as_mut_ptr(), of_gradient.as_mut_ptr());
        let mut begun = false;
        blocking.each(
            images,
            layer.tiles(),
            #[inline(always)]
            |first_image, count, first, size| {
                let tiles = size[0] * size[1];
                for image in 0..count {
                    let x = &x[(first_image + image) * layer.in_len()..][..layer.in_len()];
                    for channel in (0..layer.in_channels).step_by(LANES) {
                        let planes = Planes {
                            channels: LANES.min(layer.in_channels - channel),
                            height: layer.input[0],
                            width: layer.input[1],
                        };
                        let first = [0, 1].map(|axis| layer.origin[axis] + (TILE * first[axis]) as isize);
                        let x = &x[(self.group * layer.in_channels + channel) * layer.in_plane()..];
                        // SAFETY: the channels are in `x`; the spectrum has room for the block's tiles.
                        unsafe {
                            transform_block::<T, V, REACH>(
                                &planes,
                                x.as_ptr(),
                                first,
                                size,
                                window,
                                of_data.add(image * tiles * data.tile + channel),
                                data,
                                #[inline(always)]
                                |d| transform.data(d),
                            );
                        }
                    }
                    let g = &g[(first_image + image) * layer.out_len()..][..layer.out_len()];
                    for channel in (0..self.channels.len()).step_by(LANES) {
                        let planes = Planes {
                            channels: LANES.min(self.channels.len() - channel),
                            height: layer.output[0],
                            width: layer.output[1],
                        };
                        let number = self.group * layer.out_channels + self.channels.start + channel;
                        let g = &g[number * layer.out_plane()..];
                        // SAFETY: as above.
                        unsafe {
                            transform_block::<T, V, TILE>(
                                &planes,
                                g.as_ptr(),
                                first.map(|tile| (TILE * tile) as isize),
                                size,
                                window,
                                of_gradient.add(image * tiles * gradient.tile + channel),
                                gradient,
                                #[inline(always)]
                                |g| transform.gradient(g),
                            );
                        }
                    }
                }
                let mut sums = sums.as_mut_ptr();
                for frequency in 0..FREQUENCIES {
                    for panel in (0..inputs).step_by(2 * LANES) {
                        let width = (2 * LANES).min(inputs - panel);
                        // SAFETY: inside the spectra and the sums, which lie in this order.
                        unsafe {
                            Tiles {
                                depth: count * tiles,
                                a: of_gradient.add(frequency * gradient.frequency).cast_const(),
                                a_row: 1,
                                a_step: gradient.tile,
                                b: of_data.add(frequency * data.frequency + panel).cast_const(),
                                b_step: data.tile,
                                c: sums,
                                c_row: width,
                                accumulate: begun,
                            }
                            .run::<V>(self.channels.len(), width);
                            sums = sums.add(outputs * width);
                        }
                    }
                }
                begun = true;
            },
        );
        // SAFETY: the caller's.
        unsafe { self.write(transform, sums, dw, accumulate) };
    }

    /// Transforms the sums back.
    ///
    /// # Safety
    /// As [`Vector::zero`].
    #[inline(always)]
    unsafe fn write<V: Vector<T>>(
        &self,
        transform: &Transform<V>,
        sums: &[T],
        dw: &mut [T],
        accumulate: bool,
    ) {
        let [inputs, outputs] =
            [self.layer.in_channels, self.channels.len()].map(|n| n.next_multiple_of(LANES));
        for output in 0..self.channels.len() {
            for input in (0..self.layer.in_channels).step_by(LANES) {
                let panel = input / (2 * LANES) * 2 * LANES;
                let width = (2 * LANES).min(inputs - panel);
                let first = panel * outputs + output * width + input - panel;
                let mut places = [[T::ZERO; LANES]; 9];
                // SAFETY: the caller's; what is cut out of the sums is a vector, and so is an array.
                unsafe {
                    let mut half = [[V::zero(); 3]; REACH];
                    for (i, half) in half.iter_mut().enumerate() {
                        let mut values = [V::zero(); REACH];
                        for (j, value) in values.iter_mut().enumerate() {
                            let at = (i * REACH + j) * inputs * outputs + first;
                            *value = V::load(sums[at..at + LANES].as_ptr());
                        }
                        *half = transform.weight_gradient(values);
                    }
                    for j in 0..3 {
                        let mut values = [V::zero(); REACH];
                        for (i, value) in values.iter_mut().enumerate() {
                            *value = half[i][j];
                        }
                        for (i, value) in transform.weight_gradient(values).into_iter().enumerate() {
                            value.store(places[3 * i + j].as_mut_ptr());
                        }
                    }
                }
                let lanes = LANES.min(self.layer.in_channels - input);
                let dw = &mut dw[(output * self.layer.in_channels + input) * 9..][..lanes * 9];
                for (lane, dw) in dw.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                    for (dw, place) in dw.iter_mut().zip(&places) {
                        *dw = if accumulate { *dw + place[lane] } else { place[lane] };
                    }
                }
            }
        }
    }
}
