//! The sizes of a convolution: what fits, what comes out, and how much of everything there is.

use crate::{Error, Result};

/// How a convolution moves over its input. Pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dOptions {
    /// The distance between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// The distance between the places of a window.
    pub dilation: [usize; 2],
    /// The number of groups: each sees its share of the input channels and makes its share of the outputs.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Conv2dOptions { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

/// Sizes of a two-dimensional convolution of one image. Pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Conv2dGeometry {
    /// Channels of an image.
    pub in_channels: usize,
    /// Height of an image.
    pub in_height: usize,
    /// Width of an image.
    pub in_width: usize,
    /// Channels of the result.
    pub out_channels: usize,
    /// `(in_height + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down.
    pub out_height: usize,
    /// As `out_height`, of the width.
    pub out_width: usize,
    /// The size of a window.
    pub kernel: [usize; 2],
    /// The distance between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// The distance between the places of a window.
    pub dilation: [usize; 2],
    /// The number of groups.
    pub groups: usize,
}

impl Conv2dGeometry {
    /// The sizes for images `[channels, height, width]` and weights
    /// `[out channels, in channels / groups, height, width]`.
    ///
    /// # Errors
    /// A stride, dilation, window or number of groups of 0; channels that the groups do not divide or that
    /// the weight does not have; a window larger than the padded image.
    pub fn new(image: [usize; 3], weight: [usize; 4], options: Conv2dOptions) -> Result<Self> {
        let Conv2dOptions { stride, padding, dilation, groups } = options;
        let invalid = |argument, expected, actual: String| Error::InvalidArgument {
            operation: "conv2d",
            argument,
            expected,
            actual: format!("{actual} for images {image:?} and weights {weight:?}"),
        };
        let ([in_channels, in_height, in_width], [out_channels, group_channels, ..]) = (image, weight);
        let kernel = [weight[2], weight[3]];
        if groups == 0 || in_channels % groups != 0 || out_channels % groups != 0 {
            return Err(invalid("groups", "a divisor of the channels in and out", groups.to_string()));
        }
        if group_channels != in_channels / groups {
            let actual = format!("{group_channels} with {groups} groups");
            return Err(invalid("weight's channels", "the image's channels divided by the groups", actual));
        }
        let mut out = [0; 2];
        for axis in 0..2 {
            let positive = [("stride", stride[axis]), ("dilation", dilation[axis]), ("kernel", kernel[axis])];
            if let Some((argument, _)) = positive.into_iter().find(|&(_, value)| value == 0) {
                return Err(invalid(argument, "at least 1", "0".into()));
            }
            let span = dilation[axis].checked_mul(kernel[axis] - 1).and_then(|span| span.checked_add(1));
            let padded = padding[axis].checked_mul(2).and_then(|p| p.checked_add(image[axis + 1]));
            let room = padded.zip(span).and_then(|(padded, span)| padded.checked_sub(span));
            let Some(room) = room else {
                let actual = format!("{kernel:?} with dilation {dilation:?} and padding {padding:?}");
                return Err(invalid("kernel", "at most the padded image", actual));
            };
            out[axis] = room / stride[axis] + 1;
        }
        let [out_height, out_width] = out;
        Ok(Conv2dGeometry {
            in_channels,
            in_height,
            in_width,
            out_channels,
            out_height,
            out_width,
            kernel,
            stride,
            padding,
            dilation,
            groups,
        })
    }

    /// The elements of an image.
    pub fn input_len(&self) -> usize {
        self.in_channels * self.in_height * self.in_width
    }

    /// The elements of an image's result.
    pub fn output_len(&self) -> usize {
        self.out_channels * self.out_height * self.out_width
    }

    /// The elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.window_len()
    }

    /// The elements that each output is a sum over.
    pub(super) fn window_len(&self) -> usize {
        self.in_channels / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// The number of windows.
    pub(super) fn windows(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Whether a group's channels already are the unfolded matrix.
    pub(super) fn is_unfolded(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }

    /// The number of images in slices of these lengths.
    ///
    /// # Panics
    /// Where the lengths contradict each other or the geometry.
    pub(super) fn images(&self, input: usize, output: usize) -> usize {
        let images = output.checked_div(self.output_len()).or(input.checked_div(self.input_len()));
        let images = images.unwrap_or(0);
        assert!(
            input == images * self.input_len() && output == images * self.output_len(),
            "{input} and {output} values are not whole images of one number"
        );
        images
    }
}
