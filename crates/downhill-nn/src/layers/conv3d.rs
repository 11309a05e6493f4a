//! The three-dimensional convolution layer.

use super::conv2d::{add_bias, check_channels};
use crate::{Init, Layer, Scope};
use downhill_autograd::{Var, ops};
use serde::{Deserialize, Serialize};

/// The three-dimensional convolution (cross-correlation) of volumes, options as `[deep, vertical, horizontal]`:
/// the sum of the two-dimensional convolutions of planes, one for each plane of the window.
///
/// # Shape
/// `[n, c, d, h, w]` gives `[n, out_channels, d', h', w']`, each size by the rule of [`Conv2d`](super::Conv2d).
/// `weight` is `[out_channels, c / groups, kernel..]`, `bias` is `[out_channels]`.
///
/// # Start
/// Both uniform in ±1/√fan_in with `fan_in = c / groups · kernel volume`, as PyTorch's.
///
/// # Errors
/// As [`Conv2d`](super::Conv2d).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv3d {
    /// The number of channels of the result.
    pub out_channels: usize,
    /// The size of the window.
    pub kernel: [usize; 3],
    /// The distance between neighbouring windows.
    pub stride: [usize; 3],
    /// The number of zeros put at both ends of each axis.
    pub padding: [usize; 3],
    /// The distance between neighbouring elements of a window.
    pub dilation: [usize; 3],
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv3d {
    /// A cubic window of this size; stride 1, no padding, dilation 1, one group, with a bias.
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        Conv3d {
            out_channels,
            kernel: [kernel; 3],
            stride: [1; 3],
            padding: [0; 3],
            dilation: [1; 3],
            groups: 1,
            bias: true,
        }
    }
}

impl Layer for Conv3d {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[n, channels, depth, height, width] = x.shape().dims() else {
            return x.refuse("conv3d", "the input must be volumes [n, channels, depth, height, width]");
        };
        if let Err(reason) = check_channels(channels, self.out_channels, self.groups) {
            return x.refuse("conv3d", reason);
        }
        let ([planes, rows, columns], [stride, ..], [padding, ..], [dilation, ..]) =
            (self.kernel, self.stride, self.padding, self.dilation);
        let reach = planes.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        let padded = depth.saturating_add(padding.saturating_mul(2));
        if planes == 0 || stride == 0 || dilation == 0 || reach > padded {
            let reason = format!(
                "window, stride and dilation must be at least 1, and the window ({reach} deep) must not be deeper \
                 than the padded input ({padded})"
            );
            return x.refuse("conv3d", reason);
        }
        let in_channels = channels / self.groups;
        let fan_in = self.kernel.iter().fold(in_channels, |fan, &size| fan.saturating_mul(size));
        let init = Init::fan_in_uniform(fan_in);
        let weight = scope.param("weight", [self.out_channels, in_channels, planes, rows, columns], init);

        let options = ops::Conv2d {
            stride: [self.stride[1], self.stride[2]],
            padding: [self.padding[1], self.padding[2]],
            dilation: [self.dilation[1], self.dilation[2]],
            groups: self.groups,
        };
        let count = (padded - reach) / stride + 1;
        // Planes as images, in the order of their depth.
        let deep = x.permute(&[0, 2, 1, 3, 4]).pad(1, padding, padding);
        let plane = |number: usize| {
            let step = isize::try_from(stride).unwrap_or(isize::MAX);
            let part = ops::SliceAxis { axis: 1, start: number * dilation, step, count };
            let images = scope.tape().record(part, &[deep]).reshape([
                n.saturating_mul(count),
                channels,
                height,
                width,
            ]);
            images.conv2d(weight.select_at(2, number), options)
        };
        let images = (1..planes).fold(plane(0), |sum, number| sum + plane(number));
        let &[_, outputs, height, width] = images.shape().dims() else { return images };
        let y = images.reshape([n, count, outputs, height, width]).permute(&[0, 2, 1, 3, 4]);
        if self.bias { add_bias(scope, y, init) } else { y }
    }
}
