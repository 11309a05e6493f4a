//! Pooling: the largest or the mean of each window, or the mean of the whole image.

use crate::{Layer, Scope};
use downhill_autograd::{Var, ops::Pool2d};
use serde::{Deserialize, Serialize};

/// The largest element of each window, options as `[vertical, horizontal]`. Padding counts as -∞. Of equal
/// elements the first gets the gradient.
///
/// # Shape
/// `[n, c, h, w]` gives `[n, c, h', w']` with `h' = (h + 2 padding - kernel) / stride + 1`, rounded down.
///
/// # Errors
/// A padding of more than half the window, a window larger than the padded input, a stride of 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// The size of the window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring windows.
    pub stride: [usize; 2],
    /// The margin at both ends of each axis.
    pub padding: [usize; 2],
}

impl MaxPool2d {
    /// Square windows side by side, without padding.
    pub fn new(size: usize) -> Self {
        MaxPool2d { kernel: [size; 2], stride: [size; 2], padding: [0; 2] }
    }
}

impl Layer for MaxPool2d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        x.max_pool2d(Pool2d { kernel: self.kernel, stride: self.stride, padding: self.padding })
    }
}

/// The mean of each window, options as `[vertical, horizontal]`. Padding counts as zeros, which are counted
/// (PyTorch's default).
///
/// # Shape
/// As [`MaxPool2d`].
///
/// # Errors
/// As [`MaxPool2d`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    /// The size of the window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring windows.
    pub stride: [usize; 2],
    /// The margin at both ends of each axis.
    pub padding: [usize; 2],
}

impl AvgPool2d {
    /// Square windows side by side, without padding.
    pub fn new(size: usize) -> Self {
        AvgPool2d { kernel: [size; 2], stride: [size; 2], padding: [0; 2] }
    }
}

impl Layer for AvgPool2d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        x.avg_pool2d(Pool2d { kernel: self.kernel, stride: self.stride, padding: self.padding })
    }
}

/// The mean of each channel over the whole image, whatever its size.
///
/// # Shape
/// `[n, c, h, w]` gives `[n, c]`.
///
/// # Errors
/// Images without pixels.
///
/// # Source
/// Lin, Chen, Yan, "Network in network", 2013 (arXiv:1312.4400), section 3.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAveragePool2d {}

impl Layer for GlobalAveragePool2d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        match x.shape().dims() {
            &[_, _, height, width] if height > 0 && width > 0 => x.mean_over(&[-2, -1]),
            _ => x.refuse("global_average_pool2d", "the input must be images [n, channels, height, width]"),
        }
    }
}
