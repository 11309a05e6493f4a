//! Convolutions of one and three dimensions, and transposed ones: compositions of [`Conv2d`] and its adjoint.

use super::{Conv2d, Conv2dInputGradient};
use crate::Var;
use downhill_tensor::Slice;

/// How a window moves along one axis: the options of a one-dimensional convolution, as those of [`Conv2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv1d {
    /// The distance between neighbouring windows; at least 1.
    pub stride: usize,
    /// The number of zeros put at both ends.
    pub padding: usize,
    /// The distance between neighbouring elements of a window; at least 1.
    pub dilation: usize,
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
}

impl Default for Conv1d {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Conv1d { stride: 1, padding: 0, dilation: 1, groups: 1 }
    }
}

impl Conv1d {
    /// The same along the width of an image of height 1.
    fn of_image(self) -> Conv2d {
        Conv2d {
            stride: [1, self.stride],
            padding: [0, self.padding],
            dilation: [1, self.dilation],
            groups: self.groups,
        }
    }
}

/// How a window moves through a volume: the options of a three-dimensional convolution, each as
/// `[depth, vertical, horizontal]`, as those of [`Conv2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv3d {
    /// The distance between neighbouring windows; at least 1.
    pub stride: [usize; 3],
    /// The number of zeros put at both ends of each axis.
    pub padding: [usize; 3],
    /// The distance between neighbouring elements of a window; at least 1.
    pub dilation: [usize; 3],
    /// The number of groups into which the channels fall that do not see each other.
    pub groups: usize,
}

impl Default for Conv3d {
    /// Stride 1, no padding, dilation 1, one group.
    fn default() -> Self {
        Conv3d { stride: [1; 3], padding: [0; 3], dilation: [1; 3], groups: 1 }
    }
}

/// How much of a transposed convolution's result is kept beyond what the convolution alone says: `[0, 0]` but where a
/// convolution of some stride gives the same for several lengths.
type OutputPadding = [usize; 2];

impl<'t> Var<'t> {
    /// One-dimensional convolution of `[n, c, l]` with weights `[o, c / groups, k]` to `[n, o, l']`, with
    /// `l' = (l + 2 padding - dilation (k - 1) - 1) / stride + 1`, rounded down.
    #[track_caller]
    pub fn conv1d(self, weight: Var<'t>, options: Conv1d) -> Var<'t> {
        match self.as_image(weight, "conv1d") {
            Ok((x, w)) => without_height(x.conv2d(w, options.of_image())),
            Err(wrong) => wrong,
        }
    }

    /// The adjoint of [`Var::conv1d`] by its input, as a layer: `[n, c, l]` with weights `[c, o / groups, k]` gives
    /// `[n, o, l']`, with `l' = (l - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1`. The
    /// `output_padding` is less than the stride. PyTorch's `conv_transpose1d`.
    #[track_caller]
    pub fn conv_transpose1d(self, weight: Var<'t>, options: Conv1d, output_padding: usize) -> Var<'t> {
        match self.as_image(weight, "conv_transpose1d") {
            Ok((x, w)) => without_height(x.conv_transpose2d(w, options.of_image(), [0, output_padding])),
            Err(wrong) => wrong,
        }
    }

    /// Lines and their weights as images of height 1.
    #[track_caller]
    fn as_image(self, weight: Var<'t>, name: &str) -> Result<(Var<'t>, Var<'t>), Var<'t>> {
        match (self.rank(), weight.rank()) {
            (3, 3) => Ok((self.unsqueeze(2), weight.unsqueeze(2))),
            _ if weight.is_poison() => Err(weight),
            _ => Err(self.refuse(name, "the input must be [n, c, l], and the weight have three axes too")),
        }
    }

    /// The adjoint of [`Var::conv2d`] by its input, as a layer: images `[n, c, h, w]` with weights
    /// `[c, o / groups, kh, kw]` give `[n, o, h', w']`, with
    /// `h' = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1`. The `output_padding` is less than
    /// the stride, and 0 unless asked for. PyTorch's `conv_transpose2d`.
    #[track_caller]
    pub fn conv_transpose2d(
        self,
        weight: Var<'t>,
        options: Conv2d,
        output_padding: OutputPadding,
    ) -> Var<'t> {
        let (&[_, _, h, w], &[_, _, kh, kw]) = (self.shape().dims(), weight.shape().dims()) else {
            if weight.is_poison() {
                return weight;
            }
            return self.refuse("conv_transpose2d", "input and weight must have four axes each");
        };
        let mut size = [0; 2];
        for (axis, (length, kernel)) in [(h, kh), (w, kw)].into_iter().enumerate() {
            let extra = output_padding[axis];
            if extra > 0 && extra >= options.stride[axis] {
                let expected = format!(
                    "the output padding ({extra}) must be less than the stride ({})",
                    options.stride[axis]
                );
                return self.refuse("conv_transpose2d", expected);
            }
            let reach = kernel.saturating_sub(1).saturating_mul(options.dilation[axis]);
            let steps = length.saturating_sub(1).saturating_mul(options.stride[axis]);
            let whole = steps.saturating_add(reach).saturating_add(extra).saturating_add(1);
            size[axis] = whole.saturating_sub(options.padding[axis].saturating_mul(2));
        }
        self.tape().record(Conv2dInputGradient { conv: options, input: size }, &[self, weight])
    }

    /// Three-dimensional convolution of volumes `[n, c, d, h, w]` with weights `[o, c / groups, kd, kh, kw]`: the sum
    /// of two-dimensional ones, one for each depth of the window.
    #[track_caller]
    pub fn conv3d(self, weight: Var<'t>, options: Conv3d) -> Var<'t> {
        let (&[n, c, depth, h, w], &[o, group_c, kd, kh, kw]) = (self.shape().dims(), weight.shape().dims())
        else {
            if weight.is_poison() {
                return weight;
            }
            return self
                .refuse("conv3d", "the input must be [n, c, d, h, w], and the weight have five axes too");
        };
        let ([stride, rows @ ..], [padding, ..], [dilation, ..]) =
            (options.stride, options.padding, options.dilation);
        let padded = padding.saturating_mul(2).saturating_add(depth);
        let reach = dilation.saturating_mul(kd.saturating_sub(1)).saturating_add(1);
        if kd == 0 || stride == 0 || dilation == 0 || padded < reach {
            let expected = format!(
                "stride, dilation and window must be at least 1, and the window, which reaches over {reach} positions \
                 in depth, no deeper than the padded input of {padded}"
            );
            return self.refuse("conv3d", expected);
        }
        let out_depth = (padded - reach) / stride + 1;
        let flat = Conv2d {
            stride: rows,
            padding: [options.padding[1], options.padding[2]],
            dilation: [options.dilation[1], options.dilation[2]],
            groups: options.groups,
        };
        // [n, d, c, h, w]: images one after the other.
        let images = self.permute(&[0, 2, 1, 3, 4]).pad(1, padding, padding);
        if images.is_poison() {
            return images;
        }
        let tap = |tap: usize| {
            let start = tap * dilation;
            let end = start + (out_depth - 1) * stride + 1;
            let slice = Slice { start: Some(start as isize), end: Some(end as isize), step: stride as isize };
            let part = images.slice(1, slice).reshape_dims(&[n * out_depth, c, h, w]);
            part.conv2d(weight.select_at(2, tap).reshape_dims(&[o, group_c, kh, kw]), flat)
        };
        let Some(sum) = (0..kd).map(tap).reduce(|sum, part| sum + part) else { return self };
        match sum.shape().dims() {
            &[_, _, high, wide] => sum.reshape_dims(&[n, out_depth, o, high, wide]).permute(&[0, 2, 1, 3, 4]),
            _ => sum,
        }
    }
}

/// Images of height 1 as lines.
#[track_caller]
fn without_height(image: Var<'_>) -> Var<'_> {
    if image.is_poison() { image } else { image.squeeze(2) }
}
