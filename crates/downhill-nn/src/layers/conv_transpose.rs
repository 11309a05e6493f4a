//! Transposed convolutions: from small images to larger ones.

use super::conv2d::add_bias;
use crate::{Init, Layer, Scope};
use downhill_autograd::{Var, ops};
use serde::{Deserialize, Serialize};

/// The two-dimensional transposed convolution, options as `[vertical, horizontal]`: the adjoint of the
/// [`Conv2d`](super::Conv2d) with the same options, from its results to its inputs. Each element of the input is
/// laid out over a window of the result, and where windows overlap they are added.
///
/// # Shape
/// `[n, c, h, w]` gives `[n, out_channels, h', w']` with
/// `h' = (h - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1`. `weight` is
/// `[c, out_channels / groups, kernel..]`, `bias` is `[out_channels]`, as in PyTorch.
///
/// # Start
/// Both uniform in ±1/√fan with `fan = out_channels / groups · kernel area`, as PyTorch's.
///
/// # Errors
/// Channels that the groups do not divide, an `output_padding` that is not smaller than both stride and dilation
/// are, a result without pixels, a stride of 0.
///
/// # Source
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016 (arXiv:1603.07285), chapter 4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// The number of channels of the result.
    pub out_channels: usize,
    /// The size of the window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring windows, in the result.
    pub stride: [usize; 2],
    /// How much is cut off at both ends of each axis of the result.
    pub padding: [usize; 2],
    /// How much longer each axis of the result is: a convolution with a stride has results of one size for inputs of
    /// several.
    pub output_padding: [usize; 2],
    /// The distance between neighbouring elements of a window.
    pub dilation: [usize; 2],
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl ConvTranspose2d {
    /// A square window of this size; stride 1, no padding, dilation 1, one group, with a bias.
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        ConvTranspose2d {
            out_channels,
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [0; 2],
            output_padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
            bias: true,
        }
    }

    /// The sizes of the result.
    fn output(&self, input: [usize; 2]) -> Result<[usize; 2], String> {
        let mut sizes = [0; 2];
        for axis in [0, 1] {
            let (stride, dilation) = (self.stride[axis], self.dilation[axis]);
            if stride == 0 || dilation == 0 || self.kernel[axis] == 0 {
                return Err("window, stride and dilation must be at least 1".into());
            }
            if self.output_padding[axis] >= stride.max(dilation) {
                return Err(format!(
                    "`output_padding` ({}) must be smaller than stride ({stride}) or dilation ({dilation})",
                    self.output_padding[axis]
                ));
            }
            let spread = input[axis].saturating_sub(1).saturating_mul(stride);
            let window = (self.kernel[axis] - 1).saturating_mul(dilation).saturating_add(1);
            let full = spread.saturating_add(window).saturating_add(self.output_padding[axis]);
            let cut = self.padding[axis].saturating_mul(2);
            if input[axis] == 0 || full <= cut {
                return Err(format!("the padding cuts off {cut}, and there are {full} before"));
            }
            sizes[axis] = full - cut;
        }
        Ok(sizes)
    }

    /// The result without a bias.
    fn spread<'t>(&self, name: &str, x: Var<'t>, weight: Var<'t>) -> Var<'t> {
        let (height, width) = (x.dim(2), x.dim(3));
        let input = match self.output([height, width]) {
            Ok(sizes) => sizes,
            Err(reason) => return x.refuse(name, reason),
        };
        // The convolution has more results than there are inputs here, if the output's padding reaches its stride:
        // those are 0.
        let whole = [0, 1].into_iter().fold(x, |x, axis| {
            let more = self.output_padding[axis] / self.stride[axis];
            if more == 0 { x } else { x.pad(2 + axis as isize, 0, more) }
        });
        let conv = ops::Conv2d {
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        };
        x.tape().record(ops::Conv2dInputGradient { conv, input }, &[whole, weight])
    }

    fn channels_fit(&self, channels: usize) -> Result<(), String> {
        super::conv2d::check_channels(channels, self.out_channels, self.groups)
    }
}

impl Layer for ConvTranspose2d {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, channels, _, _] = x.shape().dims() else {
            return x.refuse("conv_transpose2d", "the input must be images [n, channels, height, width]");
        };
        if let Err(reason) = self.channels_fit(channels) {
            return x.refuse("conv_transpose2d", reason);
        }
        let [height, width] = self.kernel;
        let in_group = self.out_channels / self.groups;
        let init = Init::fan_in_uniform(in_group.saturating_mul(height).saturating_mul(width));
        let weight = scope.param("weight", [channels, in_group, height, width], init);
        let y = self.spread("conv_transpose2d", x, weight);
        if self.bias { add_bias(scope, y, init) } else { y }
    }
}

/// The one-dimensional transposed convolution: as [`ConvTranspose2d`], of signals.
///
/// # Shape
/// `[n, c, l]` gives `[n, out_channels, l']`; `weight` is `[c, out_channels / groups, kernel]`, `bias` is
/// `[out_channels]`.
///
/// # Start
/// As [`ConvTranspose2d`].
///
/// # Errors
/// As [`ConvTranspose2d`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose1d {
    /// The number of channels of the result.
    pub out_channels: usize,
    /// The size of the window.
    pub kernel: usize,
    /// The distance between neighbouring windows, in the result.
    pub stride: usize,
    /// How much is cut off at both ends of the result.
    pub padding: usize,
    /// How much longer the result is.
    pub output_padding: usize,
    /// The distance between neighbouring elements of a window.
    pub dilation: usize,
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl ConvTranspose1d {
    /// A window of this size; stride 1, no padding, dilation 1, one group, with a bias.
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        ConvTranspose1d {
            out_channels,
            kernel,
            stride: 1,
            padding: 0,
            output_padding: 0,
            dilation: 1,
            groups: 1,
            bias: true,
        }
    }
}

impl Layer for ConvTranspose1d {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, channels, _] = x.shape().dims() else {
            return x.refuse("conv_transpose1d", "the input must be signals [n, channels, length]");
        };
        // An image of one row.
        let flat = ConvTranspose2d {
            out_channels: self.out_channels,
            kernel: [1, self.kernel],
            stride: [1, self.stride],
            padding: [0, self.padding],
            output_padding: [0, self.output_padding],
            dilation: [1, self.dilation],
            groups: self.groups,
            bias: self.bias,
        };
        if let Err(reason) = flat.channels_fit(channels) {
            return x.refuse("conv_transpose1d", reason);
        }
        let in_group = self.out_channels / self.groups;
        let init = Init::fan_in_uniform(in_group.saturating_mul(self.kernel));
        let weight = scope.param("weight", [channels, in_group, self.kernel], init);
        let y = flat.spread("conv_transpose1d", x.unsqueeze(2), weight.unsqueeze(2));
        let y = if y.rank() == 4 { y.squeeze(2) } else { y };
        if self.bias { add_bias(scope, y, init) } else { y }
    }
}
