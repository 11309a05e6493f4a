//! The two-dimensional convolution layer.

use crate::{Init, Layer, Scope};
use downhill_autograd::{Var, ops};
use serde::{Deserialize, Serialize};

/// The two-dimensional convolution (the field's name for cross-correlation), with options as
/// `[vertical, horizontal]`.
///
/// # Shape
/// `[n, c, h, w]` gives `[n, out_channels, h', w']` with
/// `h' = (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down. `weight` is
/// `[out_channels, c / groups, kernel..]`, `bias` is `[out_channels]`.
///
/// # Start
/// Both uniform in ±1/√fan_in with `fan_in = c / groups · kernel area`, as PyTorch's.
///
/// # Errors
/// Channels that the groups do not divide, a window larger than the padded input, a stride of 0.
///
/// ```
/// use downhill_nn::Conv2d;
/// let same = Conv2d { padding: [1, 1], ..Conv2d::new(16, 3) };
/// let depthwise = Conv2d { groups: 16, ..same.clone() };
/// # let _ = depthwise;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// The number of channels of the result.
    pub out_channels: usize,
    /// The size of the window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring windows.
    pub stride: [usize; 2],
    /// The number of zeros put at both ends of each axis.
    pub padding: [usize; 2],
    /// The distance between neighbouring elements of a window.
    pub dilation: [usize; 2],
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv2d {
    /// A square window of this size; stride 1, no padding, dilation 1, one group, with a bias.
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        Conv2d {
            out_channels,
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
            bias: true,
        }
    }
}

impl Layer for Conv2d {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, channels, _, _] = x.shape().dims() else {
            return x.refuse("conv2d", "the input must be images [n, channels, height, width]");
        };
        if let Err(reason) = check_channels(channels, self.out_channels, self.groups) {
            return x.refuse("conv2d", reason);
        }
        let [height, width] = self.kernel;
        let in_channels = channels / self.groups;
        let init = Init::fan_in_uniform(in_channels.saturating_mul(height).saturating_mul(width));
        let weight = scope.param("weight", [self.out_channels, in_channels, height, width], init);
        let options = ops::Conv2d {
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        };
        let y = x.conv2d(weight, options);
        if self.bias { add_bias(scope, y, init) } else { y }
    }
}

/// Checks that the groups divide the channels of input and result.
pub(super) fn check_channels(inputs: usize, outputs: usize, groups: usize) -> Result<(), String> {
    if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
        return Err(format!(
            "its {inputs} channels and the {outputs} of the result must both be multiples of the number of groups, \
             {groups}"
        ));
    }
    Ok(())
}

/// A parameter `bias` for each channel, added to `[n, channels, ..]`.
#[track_caller]
pub(super) fn add_bias<'t>(scope: &Scope<'t>, y: Var<'t>, init: Init) -> Var<'t> {
    let Some(&channels) = y.shape().get(1) else { return y };
    y + along_channels(y, scope.param("bias", [channels], init))
}

/// A number for each channel in a shape that lines up with the second axis of `x`.
#[track_caller]
pub(super) fn along_channels<'t>(x: Var<'t>, numbers: Var<'t>) -> Var<'t> {
    (2..x.rank()).fold(numbers, |numbers, _| numbers.unsqueeze(-1))
}
