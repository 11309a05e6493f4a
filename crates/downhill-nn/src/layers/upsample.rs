//! Larger images: by repeating, by interpolating, and by rearranging channels.

use crate::{Layer, Scope};
use downhill_autograd::Var;
use downhill_tensor::{Shape, Tensor};
use serde::{Deserialize, Serialize};

/// How [`Upsample`] finds what lies between two pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Interpolation {
    /// Each pixel is repeated.
    #[default]
    Nearest,
    /// Linear along each axis (bilinear for images), held at the edges.
    Linear {
        /// Whether the centres of the first and last pixels stay where they are, and not the outer edges.
        align_corners: bool,
    },
}

/// Signals, images or volumes `scale` times as large along each axis behind the channels.
///
/// # Shape
/// `[n, c, ..]` gives the same with each of the last axes `scale` times as long.
///
/// # Errors
/// A scale of 0, an input of fewer than three axes.
///
/// # Source
/// PyTorch, `torch.nn.Upsample` with the modes nearest, linear, bilinear and trilinear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// How many times as large.
    pub scale: usize,
    /// What lies between.
    pub interpolation: Interpolation,
}

impl Upsample {
    /// By repeating pixels.
    pub fn nearest(scale: usize) -> Self {
        Upsample { scale, interpolation: Interpolation::Nearest }
    }

    /// Linear along each axis, between the centres of pixels.
    pub fn linear(scale: usize) -> Self {
        Upsample { scale, interpolation: Interpolation::Linear { align_corners: false } }
    }
}

impl Layer for Upsample {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let rank = x.rank();
        if rank < 3 || self.scale == 0 || !x.is_float() {
            let reason =
                format!("the input must be [n, channels, ..], and the scale ({}) at least 1", self.scale);
            return x.refuse("upsample", reason);
        }
        (2..rank).fold(x, |x, axis| {
            let length = x.dim(axis as isize);
            let Ok(larger) = x.shape().with(axis, length.saturating_mul(self.scale)) else {
                return x
                    .refuse("upsample", format!("{} times as large, it is beyond all measure", self.scale));
            };
            match self.interpolation {
                Interpolation::Nearest => repeated(x, axis, self.scale, larger),
                Interpolation::Linear { align_corners } => linear(x, axis, larger[axis], align_corners),
            }
        })
    }
}

fn repeated<'t>(x: Var<'t>, axis: usize, scale: usize, larger: Shape) -> Var<'t> {
    let apart = x.unsqueeze(axis as isize + 1);
    match apart.shape().with(axis + 1, scale) {
        Ok(shape) => apart.broadcast_to(shape).reshape(larger),
        Err(error) => x.refuse("upsample", error.to_string()),
    }
}

fn linear(x: Var<'_>, axis: usize, count: usize, align_corners: bool) -> Var<'_> {
    let length = x.dim(axis as isize);
    if length == 0 || length.saturating_mul(count) > 1 << 26 {
        return x
            .refuse("upsample", "the axes must have elements, and not so many that no weights for them fit");
    }
    let weights = Tensor::from_fn([length, count], |at| {
        let place = if align_corners {
            (at[1] * (length - 1)) as f64 / (count - 1).max(1) as f64
        } else {
            ((at[1] as f64 + 0.5) * length as f64 / count as f64 - 0.5).clamp(0.0, (length - 1) as f64)
        };
        (1.0 - (place - at[0] as f64).abs()).max(0.0)
    });
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order.swap(axis, x.rank() - 1);
    x.permute(&order).matmul(x.tape().constant(weights)).permute(&order)
}

/// Images `factor` times as high and wide, with the pixels of `factor²` channels put side by side: channel
/// `c factor² + i factor + j` becomes the pixels at row i and column j of each square of channel c.
///
/// # Shape
/// `[n, c factor², h, w]` gives `[n, c, h factor, w factor]`.
///
/// # Errors
/// Channels that are not a multiple of `factor²`.
///
/// # Source
/// Shi et al., "Real-time single image and video super-resolution", 2016 (arXiv:1609.05158).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelShuffle {
    /// How many times as high and wide.
    pub factor: usize,
}

impl Layer for PixelShuffle {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let factor = self.factor;
        let square = factor.saturating_mul(factor);
        match *x.shape().dims() {
            [n, channels, height, width] if square > 0 && channels.is_multiple_of(square) => x
                .reshape([n, channels / square, factor, factor, height, width])
                .permute(&[0, 1, 4, 2, 5, 3])
                .reshape([n, channels / square, height * factor, width * factor]),
            _ => x.refuse(
                "pixel_shuffle",
                format!("the input must be images [n, channels, height, width], with channels a multiple of {square}"),
            ),
        }
    }
}
