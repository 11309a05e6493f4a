//! Positions in a sequence that are not learned: waves that are added, and rotations.

use crate::{Layer, Scope};
use downhill_autograd::Var;
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Waves added to sequences: `sin(p / base^(2i / width))` to number 2i of position p, and the cosine of the same
/// angle to number 2i + 1.
///
/// # Shape
/// `[.., length, width]`; the result has the same.
///
/// # Source
/// Vaswani et al., "Attention is all you need", 2017 (arXiv:1706.03762), section 3.5, with a base of 10,000.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinusoidalPositions {
    /// About the longest wavelength, over 2π.
    pub base: f64,
}

impl Default for SinusoidalPositions {
    /// A base of 10,000.
    fn default() -> Self {
        SinusoidalPositions { base: 1e4 }
    }
}

impl Layer for SinusoidalPositions {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        let &[.., length, width] = x.shape().dims() else {
            return x.refuse("sinusoidal_positions", "the input must be sequences [.., length, width]");
        };
        if !(self.base > 0.0 && self.base.is_finite()) {
            return x.refuse("sinusoidal_positions", format!("the base must be positive, not {}", self.base));
        }
        let waves = Tensor::from_fn([length, width], |at| {
            let angle = angle(at[0], at[1] / 2, width, self.base);
            if at[1] % 2 == 0 { angle.sin() } else { angle.cos() }
        });
        x + x.tape().constant(waves)
    }
}

/// Each pair of neighbouring numbers of a vector turned by an angle that grows with its position: numbers 2i and
/// 2i + 1 at position p by `p / base^(2i / width)`. Products of two vectors then depend on the distance of their
/// positions alone, so it is used on queries and keys: see [`MultiHeadAttention`](super::MultiHeadAttention).
///
/// # Shape
/// `[.., length, width]` with an even width; the result has the same.
///
/// # Source
/// Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021 (arXiv:2104.09864), section 3.2,
/// with a base of 10,000. Some implementations pair number i with number i + width / 2 instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotaryPositions {
    /// About the longest wavelength, over 2π.
    pub base: f64,
}

impl Default for RotaryPositions {
    /// A base of 10,000.
    fn default() -> Self {
        RotaryPositions { base: 1e4 }
    }
}

impl RotaryPositions {
    /// Records the rotation.
    #[track_caller]
    pub fn rotate<'t>(&self, x: Var<'t>) -> Var<'t> {
        let shape = x.shape();
        let &[ref lead @ .., length, width] = shape.dims() else {
            return x.refuse("rotary_positions", "the input must be sequences [.., length, width]");
        };
        if !(width.is_multiple_of(2) && self.base > 0.0 && self.base.is_finite()) {
            let reason = format!("the width ({width}) must be even, and the base ({}) positive", self.base);
            return x.refuse("rotary_positions", reason);
        }
        let Ok(pairs) = downhill_tensor::Shape::new(&[lead, &[length, width / 2, 2]].concat()) else {
            return x.refuse("rotary_positions", "the input has too many axes");
        };
        let table = |wave: fn(f64) -> f64| {
            let of = |at: &[usize]| wave(angle(at[0], at[1], width, self.base));
            x.tape().constant(Tensor::from_fn([length, width / 2], of))
        };
        let (cos, sin) = (table(f64::cos), table(f64::sin));
        let paired = x.reshape(pairs);
        let (a, b) = (paired.select_at(-1, 0), paired.select_at(-1, 1));
        x.tape().stack(&[a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape())
    }
}

impl Layer for RotaryPositions {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        self.rotate(x)
    }
}

fn angle(position: usize, pair: usize, width: usize, base: f64) -> f64 {
    position as f64 / base.powf(2.0 * pair as f64 / width as f64)
}
