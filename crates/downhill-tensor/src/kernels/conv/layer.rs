//! A convolution with stride 1 as the kernels for it see one: forward, or the gradient by the input, which is
//! the convolution of the output's gradient with the weights turned around.

use super::Conv2dGeometry;
use crate::Float;

/// The sizes of one group's convolution with stride 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub groups: usize,
    /// Of a group.
    pub in_channels: usize,
    /// Of a group.
    pub out_channels: usize,
    pub input: [usize; 2],
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub dilation: [usize; 2],
    /// Where the first window begins: minus the padding.
    pub origin: [isize; 2],
    /// Whether this is the gradient by the input.
    turned: bool,
}

impl Layer {
    /// The convolution itself.
    pub fn forward(geometry: &Conv2dGeometry) -> Self {
        let g = geometry;
        Layer {
            groups: g.groups,
            in_channels: g.in_channels / g.groups,
            out_channels: g.out_channels / g.groups,
            input: [g.in_height, g.in_width],
            output: [g.out_height, g.out_width],
            kernel: g.kernel,
            dilation: g.dilation,
            origin: g.padding.map(|padding| -(padding as isize)),
            turned: false,
        }
    }

    /// Its gradient by the input, from the gradient of the output.
    pub fn input_gradient(geometry: &Conv2dGeometry) -> Self {
        let forward = Layer::forward(geometry);
        let span = |axis: usize| (geometry.dilation[axis] * (geometry.kernel[axis] - 1)) as isize;
        Layer {
            in_channels: forward.out_channels,
            out_channels: forward.in_channels,
            input: forward.output,
            output: forward.input,
            origin: [0, 1].map(|axis| -forward.origin[axis] - span(axis)),
            turned: true,
            ..forward
        }
    }

    /// The elements of a plane that comes in.
    pub fn in_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// The elements of a plane that comes out.
    pub fn out_plane(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// The elements of an image that comes in, all groups.
    pub fn in_len(&self) -> usize {
        self.groups * self.in_channels * self.in_plane()
    }

    /// The elements of an image that comes out, all groups.
    pub fn out_len(&self) -> usize {
        self.groups * self.out_channels * self.out_plane()
    }

    /// The weight that multiplies this place of the window over channel `from` of a group for channel `to`.
    #[inline(always)]
    pub fn weight<T: Float>(&self, weights: &[T], group: usize, to: usize, from: usize, place: usize) -> T {
        let places = self.kernel[0] * self.kernel[1];
        let (rows, columns) = (self.out_channels, self.in_channels);
        weights[if self.turned {
            ((group * columns + from) * rows + to) * places + (places - 1 - place)
        } else {
            ((group * rows + to) * columns + from) * places + place
        }]
    }
}
