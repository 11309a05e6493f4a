//! The scalar functions that programs are made of, with their meaning on one number.
//!
//! Everything elementwise that a program computes is composed of these; what they mean is said here once,
//! for the reference interpreter and for the engine's loops alike.

use super::{gamma, math};
use crate::Float;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// -x
    Neg,
    /// |x|
    Abs,
    /// -1, 0 or 1 by the sign of x
    Sign,
    /// x²
    Square,
    /// √x
    Sqrt,
    /// 1/x
    Recip,
    /// eˣ
    Exp,
    /// eˣ - 1
    Expm1,
    /// ln x
    Log,
    /// ln (1 + x)
    Log1p,
    /// sin x, x in radians
    Sin,
    /// cos x, x in radians
    Cos,
    /// tanh x
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// max(x, 0); NaN for NaN
    Relu,
    /// ln (1 + eˣ)
    Softplus,
    /// 2/√π ∫₀ˣ exp(-t²) dt
    Erf,
    /// x Φ(x), Φ the distribution function of the standard normal distribution
    Gelu,
    /// Φ(x) + x φ(x), the derivative of the former; φ the density
    GeluSlope,
    /// the largest integer not above x
    Floor,
    /// the smallest integer not below x
    Ceil,
    /// the nearest integer, ties to even
    Round,
    /// 1/√x
    Rsqrt,
    /// tan x, x in radians
    Tan,
    /// the angle from -π/2 to π/2 whose sine is x
    Asin,
    /// the angle from 0 to π whose cosine is x
    Acos,
    /// the angle from -π/2 to π/2 whose tangent is x
    Atan,
    /// sinh x
    Sinh,
    /// cosh x
    Cosh,
    /// the number whose hyperbolic sine is x
    Asinh,
    /// the number from 0 on whose hyperbolic cosine is x
    Acosh,
    /// the number whose hyperbolic tangent is x
    Atanh,
    /// 1 - erf x, which keeps its digits where that is small
    Erfc,
    /// ln |Γ(x)|
    Lgamma,
    /// the derivative of ln |Γ(x)|
    Digamma,
}

/// A function of two numbers. Comparisons give 1 for true and 0 for false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b
    Mul,
    /// a / b
    Div,
    /// aᵇ
    Pow,
    /// the larger of a and b; NaN if either is
    Maximum,
    /// the smaller of a and b; NaN if either is
    Minimum,
    /// a = b
    Equal,
    /// a ≠ b
    NotEqual,
    /// a < b
    Less,
    /// a ≤ b
    LessEqual,
    /// a > b
    Greater,
    /// a ≥ b
    GreaterEqual,
    /// the angle of the point (b, a) from the first axis, from -π to π
    Atan2,
}

impl Unary {
    /// All of them.
    pub const ALL: [Unary; 35] = [
        Unary::Neg,
        Unary::Abs,
        Unary::Sign,
        Unary::Square,
        Unary::Sqrt,
        Unary::Recip,
        Unary::Exp,
        Unary::Expm1,
        Unary::Log,
        Unary::Log1p,
        Unary::Sin,
        Unary::Cos,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Relu,
        Unary::Softplus,
        Unary::Erf,
        Unary::Gelu,
        Unary::GeluSlope,
        Unary::Floor,
        Unary::Ceil,
        Unary::Round,
        Unary::Rsqrt,
        Unary::Tan,
        Unary::Asin,
        Unary::Acos,
        Unary::Atan,
        Unary::Sinh,
        Unary::Cosh,
        Unary::Asinh,
        Unary::Acosh,
        Unary::Atanh,
        Unary::Erfc,
        Unary::Lgamma,
        Unary::Digamma,
    ];

    /// The name under which programs print it.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Neg => "neg",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Square => "square",
            Unary::Sqrt => "sqrt",
            Unary::Recip => "recip",
            Unary::Exp => "exp",
            Unary::Expm1 => "expm1",
            Unary::Log => "log",
            Unary::Log1p => "log1p",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Tanh => "tanh",
            Unary::Sigmoid => "sigmoid",
            Unary::Relu => "relu",
            Unary::Softplus => "softplus",
            Unary::Erf => "erf",
            Unary::Gelu => "gelu",
            Unary::GeluSlope => "gelu_slope",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
            Unary::Round => "round",
            Unary::Rsqrt => "rsqrt",
            Unary::Tan => "tan",
            Unary::Asin => "asin",
            Unary::Acos => "acos",
            Unary::Atan => "atan",
            Unary::Sinh => "sinh",
            Unary::Cosh => "cosh",
            Unary::Asinh => "asinh",
            Unary::Acosh => "acosh",
            Unary::Atanh => "atanh",
            Unary::Erfc => "erfc",
            Unary::Lgamma => "lgamma",
            Unary::Digamma => "digamma",
        }
    }

    /// The value at `x`. In f32 at most 4 ulp from the exact one where that is a normal number, in f64 within a
    /// relative 1e-13; `lgamma` and `digamma` in f64 within 1e-13 near their roots.
    #[inline(always)]
    pub fn apply<T: Float>(self, x: T) -> T {
        match self {
            Unary::Neg => -x,
            Unary::Abs => x.abs(),
            Unary::Sign => x.sign(),
            Unary::Square => x * x,
            Unary::Sqrt => x.sqrt(),
            Unary::Recip => T::ONE / x,
            Unary::Exp => x.exp(),
            Unary::Expm1 => x.exp_m1(),
            Unary::Log => x.ln(),
            Unary::Log1p => x.ln_1p(),
            Unary::Sin => x.sin(),
            Unary::Cos => x.cos(),
            Unary::Tanh => x.tanh(),
            Unary::Sigmoid => sigmoid(x),
            Unary::Relu => x.maximum(T::ZERO),
            // Written so that neither term overflows, and small values keep their digits.
            Unary::Softplus => x.maximum(T::ZERO) + (-x.abs()).exp().ln_1p(),
            Unary::Erf => by_double(x, libm::erf),
            Unary::Gelu => by_double(x, math::gelu),
            Unary::GeluSlope => by_double(x, math::gelu_slope),
            Unary::Floor => x.floor(),
            Unary::Ceil => x.ceil(),
            Unary::Round => x.round_ties_even(),
            Unary::Rsqrt => T::ONE / x.sqrt(),
            Unary::Tan => by_double(x, libm::tan),
            Unary::Asin => by_double(x, libm::asin),
            Unary::Acos => by_double(x, libm::acos),
            Unary::Atan => by_double(x, libm::atan),
            Unary::Sinh => by_double(x, libm::sinh),
            Unary::Cosh => by_double(x, libm::cosh),
            Unary::Asinh => by_double(x, libm::asinh),
            Unary::Acosh => by_double(x, libm::acosh),
            Unary::Atanh => by_double(x, libm::atanh),
            Unary::Erfc => by_double(x, libm::erfc),
            Unary::Lgamma => by_double(x, gamma::lgamma),
            Unary::Digamma => by_double(x, gamma::digamma),
        }
    }
}

/// The function in double precision, rounded: what is rare need not be fast, and is right to the last place.
#[inline(always)]
fn by_double<T: Float>(x: T, function: impl Fn(f64) -> f64) -> T {
    T::from_f64(function(x.to_f64()))
}

/// 1 / (1 + e⁻ˣ), without overflow for large |x|.
#[inline(always)]
fn sigmoid<T: Float>(x: T) -> T {
    let e = (-x.abs()).exp();
    let small = e / (T::ONE + e);
    if x < T::ZERO { small } else { T::ONE / (T::ONE + e) }
}

impl Binary {
    /// All of them.
    pub const ALL: [Binary; 14] = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Pow,
        Binary::Maximum,
        Binary::Minimum,
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::Atan2,
    ];

    /// The name under which programs print it.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
            Binary::Pow => "pow",
            Binary::Maximum => "maximum",
            Binary::Minimum => "minimum",
            Binary::Equal => "eq",
            Binary::NotEqual => "ne",
            Binary::Less => "lt",
            Binary::LessEqual => "le",
            Binary::Greater => "gt",
            Binary::GreaterEqual => "ge",
            Binary::Atan2 => "atan2",
        }
    }

    /// The value at `a` and `b`. In f32 a power is at most 2 ulp from the exact one, and the others are rounded
    /// once.
    #[inline(always)]
    pub fn apply<T: Float>(self, a: T, b: T) -> T {
        let truth = |holds: bool| if holds { T::ONE } else { T::ZERO };
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Pow => a.powf(b),
            Binary::Maximum => a.maximum(b),
            Binary::Minimum => a.minimum(b),
            Binary::Equal => truth(a == b),
            Binary::NotEqual => truth(a != b),
            Binary::Less => truth(a < b),
            Binary::LessEqual => truth(a <= b),
            Binary::Greater => truth(a > b),
            Binary::GreaterEqual => truth(a >= b),
            Binary::Atan2 => T::from_f64(libm::atan2(a.to_f64(), b.to_f64())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_and_softplus_stay_finite_at_extremes() {
        for x in [-1e4f32, -88.0, 0.0, 88.0, 1e4] {
            let s = Unary::Sigmoid.apply(x);
            assert!((0.0..=1.0).contains(&s), "sigmoid({x}) = {s}");
            assert!(Unary::Softplus.apply(x).is_finite());
        }
        assert_eq!(Unary::Sigmoid.apply(0.0f64), 0.5);
        assert!(Unary::Sigmoid.apply(f32::NAN).is_nan());
        assert_eq!(Unary::Softplus.apply(1e4f32), 1e4);
    }

    #[test]
    fn relu_passes_nan_on() {
        assert!(Unary::Relu.apply(f32::NAN).is_nan());
        assert_eq!(Unary::Relu.apply(-0.5f64), 0.0);
    }
}
