//! Pooling of signals: the largest or the mean of each window.

use crate::{Layer, Scope};
use downhill_autograd::{Var, ops::Pool2d};
use serde::{Deserialize, Serialize};

/// The largest element of each window of a signal. Padding counts as -∞. Of equal elements the first gets the
/// gradient.
///
/// # Shape
/// `[n, c, l]` gives `[n, c, l']` with `l' = (l + 2 padding - kernel) / stride + 1`, rounded down.
///
/// # Errors
/// A padding of more than half the window, a window larger than the padded input, a stride of 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool1d {
    /// The size of the window.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// The margin at both ends.
    pub padding: usize,
}

impl MaxPool1d {
    /// Windows side by side, without padding.
    pub fn new(size: usize) -> Self {
        MaxPool1d { kernel: size, stride: size, padding: 0 }
    }
}

/// The mean of each window of a signal. Padding counts as zeros, which are counted (PyTorch's default).
///
/// # Shape
/// As [`MaxPool1d`].
///
/// # Errors
/// As [`MaxPool1d`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool1d {
    /// The size of the window.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// The margin at both ends.
    pub padding: usize,
}

impl AvgPool1d {
    /// Windows side by side, without padding.
    pub fn new(size: usize) -> Self {
        AvgPool1d { kernel: size, stride: size, padding: 0 }
    }
}

/// Pools images of one row.
#[track_caller]
fn as_row<'t>(
    name: &str,
    x: Var<'t>,
    [kernel, stride, padding]: [usize; 3],
    pool: impl FnOnce(Var<'t>, Pool2d) -> Var<'t>,
) -> Var<'t> {
    if x.rank() != 3 {
        return x.refuse(name, "the input must be signals [n, channels, length]");
    }
    let y = pool(x.unsqueeze(2), Pool2d { kernel: [1, kernel], stride: [1, stride], padding: [0, padding] });
    if y.rank() == 4 { y.squeeze(2) } else { y }
}

impl Layer for MaxPool1d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        as_row("max_pool1d", x, [self.kernel, self.stride, self.padding], Var::max_pool2d)
    }
}

impl Layer for AvgPool1d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        as_row("avg_pool1d", x, [self.kernel, self.stride, self.padding], Var::avg_pool2d)
    }
}
