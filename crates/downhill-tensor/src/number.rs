//! The kinds of numbers that arrays hold.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt::{self, Debug, Display};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// The name of an element type at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DType {
    /// 32-bit IEEE 754 floating point.
    F32,
    /// 64-bit IEEE 754 floating point.
    F64,
    /// 64-bit signed integers: class labels, token and row numbers.
    I64,
    /// Bytes: pixels.
    U8,
    /// Truth values.
    Bool,
}

impl Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::Bool => "bool",
        })
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type that a [`Tensor`](crate::Tensor) can hold: `f32`, `f64`, `i64`, `u8` or `bool`.
pub trait Element:
    sealed::Sealed
    + Copy
    + Default
    + PartialEq
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + Serialize
    + DeserializeOwned
    + 'static
{
    /// This type's name at run time.
    const DTYPE: DType;
}

/// A floating-point number: `f32` or `f64`.
///
/// Only what the numeric code of this workspace needs, so that formulas can be written once for both
/// precisions.
pub trait Float:
    Element
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + std::iter::Sum
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The distance from 1 to the next larger number.
    const EPSILON: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The smallest positive normal number.
    const MIN_POSITIVE: Self;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// This number in double precision, exactly.
    fn to_f64(self) -> f64;
    /// The nearest number of this type.
    fn from_usize(value: usize) -> Self {
        Self::from_f64(value as f64)
    }
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// e to the power of `self`.
    fn exp(self) -> Self;
    /// `exp(self) - 1`, accurate near 0.
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// `ln(1 + self)`, accurate near 0.
    fn ln_1p(self) -> Self;
    /// The sine of an angle in radians.
    fn sin(self) -> Self;
    /// The cosine of an angle in radians.
    fn cos(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// `self` to the power of `exponent`.
    fn powf(self, exponent: Self) -> Self;
    /// `self` to the power of the integer `exponent`.
    fn powi(self, exponent: i32) -> Self;
    /// The largest integer not above `self`.
    fn floor(self) -> Self;
    /// The smallest integer not below `self`.
    fn ceil(self) -> Self;
    /// The nearest integer, ties to even.
    fn round_ties_even(self) -> Self;
    /// Whether this is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether this is NaN.
    fn is_nan(self) -> bool;
    /// The larger of both, NaN if either is NaN (unlike `f32::max`).
    fn maximum(self, other: Self) -> Self {
        if self > other || self.is_nan() { self } else { other }
    }
    /// The smaller of both, NaN if either is NaN (unlike `f32::min`).
    fn minimum(self, other: Self) -> Self {
        if self < other || self.is_nan() { self } else { other }
    }
    /// -1, 0 or 1 by the sign; NaN for NaN (PyTorch's convention: 0 at 0).
    fn sign(self) -> Self {
        if self > Self::ZERO {
            Self::ONE
        } else if self < Self::ZERO {
            -Self::ONE
        } else {
            self + Self::ZERO * self
        }
    }
}

macro_rules! element {
    ($($type:ty => $dtype:ident),* $(,)?) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;
        }
    )*};
}

element!(f32 => F32, f64 => F64, i64 => I64, u8 => U8, bool => Bool);

macro_rules! float {
    ($($type:ident),*) => {$(
        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: Self = $type::EPSILON;
            const INFINITY: Self = $type::INFINITY;
            const NEG_INFINITY: Self = $type::NEG_INFINITY;
            const NAN: Self = $type::NAN;
            const MIN_POSITIVE: Self = $type::MIN_POSITIVE;

            #[inline(always)]
            fn from_f64(value: f64) -> Self { value as $type }
            #[inline(always)]
            fn to_f64(self) -> f64 { f64::from(self) }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self { self.mul_add(a, b) }
            #[inline(always)]
            fn abs(self) -> Self { self.abs() }
            #[inline(always)]
            fn sqrt(self) -> Self { self.sqrt() }
            #[inline(always)]
            fn exp(self) -> Self { self.exp() }
            #[inline(always)]
            fn exp_m1(self) -> Self { self.exp_m1() }
            #[inline(always)]
            fn ln(self) -> Self { self.ln() }
            #[inline(always)]
            fn ln_1p(self) -> Self { self.ln_1p() }
            #[inline(always)]
            fn sin(self) -> Self { self.sin() }
            #[inline(always)]
            fn cos(self) -> Self { self.cos() }
            #[inline(always)]
            fn tanh(self) -> Self { self.tanh() }
            #[inline(always)]
            fn powf(self, exponent: Self) -> Self { self.powf(exponent) }
            #[inline(always)]
            fn powi(self, exponent: i32) -> Self { self.powi(exponent) }
            #[inline(always)]
            fn floor(self) -> Self { self.floor() }
            #[inline(always)]
            fn ceil(self) -> Self { self.ceil() }
            #[inline(always)]
            fn round_ties_even(self) -> Self { self.round_ties_even() }
            #[inline(always)]
            fn is_finite(self) -> bool { self.is_finite() }
            #[inline(always)]
            fn is_nan(self) -> bool { self.is_nan() }
        }
    )*};
}

float!(f32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximum_and_minimum_pass_nan_on() {
        assert!(Float::maximum(f32::NAN, 1.0).is_nan() && Float::maximum(1.0, f32::NAN).is_nan());
        assert!(Float::minimum(f64::NAN, 1.0).is_nan() && Float::minimum(1.0, f64::NAN).is_nan());
        assert_eq!(Float::maximum(1.0f32, 2.0), 2.0);
    }

    #[test]
    fn sign_of_zero_is_zero_and_of_nan_nan() {
        assert_eq!([-2.0f32, 0.0, 3.0].map(Float::sign), [-1.0, 0.0, 1.0]);
        assert!(Float::sign(f32::NAN).is_nan());
    }
}
