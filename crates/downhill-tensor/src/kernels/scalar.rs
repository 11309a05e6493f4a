//! The scalar functions that programs are made of, with their meaning on one number.
//!
//! Everything elementwise that a program computes is composed of these; what they mean is said here once,
//! for the reference interpreter and for the engine's loops alike.

use super::math;
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
}

impl Unary {
    /// All of them.
    pub const ALL: [Unary; 22] = [
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
        }
    }

    /// The value at `x`. In f32 at most 4 ulp from the exact one where that is a normal number.
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
            Unary::Erf => T::from_f64(libm::erf(x.to_f64())),
            Unary::Gelu => T::from_f64(math::gelu(x.to_f64())),
            Unary::GeluSlope => T::from_f64(math::gelu_slope(x.to_f64())),
            Unary::Floor => x.floor(),
            Unary::Ceil => x.ceil(),
            Unary::Round => x.round_ties_even(),
        }
    }
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
    pub const ALL: [Binary; 13] = [
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
