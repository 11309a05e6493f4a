//! Pooling to a given size, whatever that of the input.

use crate::{Layer, Scope};
use downhill_autograd::{Var, ops::Pool2d};
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The means of `size` windows along a signal that share it as evenly as whole numbers allow: window i reaches from
/// `⌊i l / size⌋` up to `⌈(i + 1) l / size⌉`.
///
/// # Shape
/// `[n, c, l]` gives `[n, c, size]`.
///
/// # Errors
/// A size of 0, an input without elements.
///
/// # Source
/// PyTorch, `torch.nn.AdaptiveAvgPool1d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAvgPool1d {
    /// The length of the result.
    pub size: usize,
}

/// The means of `size` windows along each axis of an image, options as `[vertical, horizontal]`: see
/// [`AdaptiveAvgPool1d`].
///
/// # Shape
/// `[n, c, h, w]` gives `[n, c, size..]`.
///
/// # Errors
/// As [`AdaptiveAvgPool1d`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of the result.
    pub size: [usize; 2],
}

/// The largest elements of `size` windows along a signal, the windows of [`AdaptiveAvgPool1d`]. Of equal elements
/// the first gets the gradient.
///
/// # Shape
/// `[n, c, l]` gives `[n, c, size]`.
///
/// # Errors
/// As [`AdaptiveAvgPool1d`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveMaxPool1d {
    /// The length of the result.
    pub size: usize,
}

/// The largest elements of `size` windows along each axis of an image, options as `[vertical, horizontal]`: the
/// windows of [`AdaptiveAvgPool1d`]. Of equal elements one gets the gradient.
///
/// # Shape
/// `[n, c, h, w]` gives `[n, c, size..]`.
///
/// # Errors
/// As [`AdaptiveAvgPool1d`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveMaxPool2d {
    /// Height and width of the result.
    pub size: [usize; 2],
}

/// Start and end of window `i` of `count` on an axis of this length.
fn window(i: usize, count: usize, length: usize) -> [usize; 2] {
    // Beyond 64 bits, for lengths and counts that a product does not fit.
    let at = |numerator: u128| (numerator / count as u128) as usize;
    let (i, length) = (i as u128, length as u128);
    [at(i * length), at((i + 1) * length + count as u128 - 1)]
}

/// The largest number of elements of a result along an axis: more is a mistake, and would take all memory.
const LONGEST: usize = 1 << 16;

fn check(x: Var<'_>, rank: usize, sizes: &[usize]) -> Result<(), String> {
    let spatial = &x.shape()[2.min(x.rank())..];
    if x.rank() != rank {
        let expected =
            if rank == 3 { "signals [n, channels, length]" } else { "images [n, channels, height, width]" };
        return Err(format!("the input must be {expected}"));
    }
    if spatial.contains(&0) || sizes.iter().any(|&size| size == 0 || size > LONGEST) {
        return Err(format!(
            "the sizes ({sizes:?}) must be from 1 to {LONGEST}, and the input must have elements"
        ));
    }
    Ok(())
}

/// The means of windows along the last axis.
#[track_caller]
fn means(x: Var<'_>, count: usize) -> Var<'_> {
    let length = x.dim(-1);
    let share = Tensor::from_fn([length, count], |at| {
        let [start, end] = window(at[1], count, length);
        if (start..end).contains(&at[0]) { 1.0 / (end - start) as f64 } else { 0.0 }
    });
    x.matmul(x.tape().constant(share))
}

/// The largest elements of windows along the last of four axes.
#[track_caller]
fn largest(x: Var<'_>, count: usize) -> Var<'_> {
    let length = x.dim(-1);
    let each: Vec<_> = (0..count)
        .map(|i| {
            let [start, end] = window(i, count, length);
            let kernel = [1, end - start];
            x.slice(-1, start..end).max_pool2d(Pool2d { kernel, stride: kernel, padding: [0, 0] })
        })
        .collect();
    x.tape().concat(&each, -1)
}

impl Layer for AdaptiveAvgPool1d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        match check(x, 3, &[self.size]) {
            Ok(()) => means(x, self.size),
            Err(reason) => x.refuse("adaptive_avg_pool1d", reason),
        }
    }
}

impl Layer for AdaptiveAvgPool2d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        match check(x, 4, &self.size) {
            Ok(()) => means(means(x, self.size[1]).transpose(), self.size[0]).transpose(),
            Err(reason) => x.refuse("adaptive_avg_pool2d", reason),
        }
    }
}

impl Layer for AdaptiveMaxPool1d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        match check(x, 3, &[self.size]) {
            Ok(()) => largest(x.unsqueeze(2), self.size).squeeze(2),
            Err(reason) => x.refuse("adaptive_max_pool1d", reason),
        }
    }
}

impl Layer for AdaptiveMaxPool2d {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        match check(x, 4, &self.size) {
            Ok(()) => largest(largest(x, self.size[1]).transpose(), self.size[0]).transpose(),
            Err(reason) => x.refuse("adaptive_max_pool2d", reason),
        }
    }
}
