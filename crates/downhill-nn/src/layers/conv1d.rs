//! The one-dimensional convolution layer.

use super::conv2d::{add_bias, check_channels};
use crate::{Init, Layer, Scope};
use downhill_autograd::{Var, ops};
use serde::{Deserialize, Serialize};

/// The one-dimensional convolution (cross-correlation) of signals.
///
/// # Shape
/// `[n, c, l]` gives `[n, out_channels, l']` with `l' = (l + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
/// rounded down. `weight` is `[out_channels, c / groups, kernel]`, `bias` is `[out_channels]`.
///
/// # Start
/// Both uniform in ±1/√fan_in with `fan_in = c / groups · kernel`, as PyTorch's.
///
/// # Errors
/// As [`Conv2d`](super::Conv2d).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// The number of channels of the result.
    pub out_channels: usize,
    /// The size of the window.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// The number of zeros put at both ends.
    pub padding: usize,
    /// The distance between neighbouring elements of a window.
    pub dilation: usize,
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv1d {
    /// A window of this size; stride 1, no padding, dilation 1, one group, with a bias.
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        Conv1d { out_channels, kernel, stride: 1, padding: 0, dilation: 1, groups: 1, bias: true }
    }
}

impl Layer for Conv1d {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[_, channels, _] = x.shape().dims() else {
            return x.refuse("conv1d", "the input must be signals [n, channels, length]");
        };
        if let Err(reason) = check_channels(channels, self.out_channels, self.groups) {
            return x.refuse("conv1d", reason);
        }
        let in_channels = channels / self.groups;
        let init = Init::fan_in_uniform(in_channels.saturating_mul(self.kernel));
        let weight = scope.param("weight", [self.out_channels, in_channels, self.kernel], init);
        // An image of one row.
        let options = ops::Conv2d {
            stride: [1, self.stride],
            padding: [0, self.padding],
            dilation: [1, self.dilation],
            groups: self.groups,
        };
        let y = x.unsqueeze(2).conv2d(weight.unsqueeze(2), options).squeeze(2);
        if self.bias { add_bias(scope, y, init) } else { y }
    }
}
