//! Scalar functions of one value, elementwise.

use super::{Cotangents, Elementwise, Tangent, one_float};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Batch, Type, Var};
use downhill_tensor::Float;
use downhill_tensor::kernels::scalar::Unary;

/// 1/√(2π), the density of the standard normal distribution at 0.
const DENSITY_AT_0: f64 = 0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

/// A scalar function of one operand, applied to each element.
///
/// Derivatives by convention (PyTorch's): `abs` and `sign` 0 at 0, `relu` 0 at 0, the rounding functions and
/// `sign` 0 everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnaryOperation(pub Unary);

impl Elementwise for UnaryOperation {
    fn scale<'t>(&self, at: &At<'_, 't>, _: usize, v: Var<'t>) -> Option<Var<'t>> {
        let (x, y) = (at.inputs[0], at.output);
        Some(match self.0 {
            Unary::Neg => -v,
            Unary::Abs => v * x.sign(),
            Unary::Square => v * (2.0 * x),
            Unary::Sqrt => v * 0.5 / y,
            Unary::Recip => -v * y.square(),
            Unary::Exp => v * y,
            Unary::Expm1 => v * (y + 1.0),
            Unary::Log => v / x,
            Unary::Log1p => v / (x + 1.0),
            Unary::Sin => v * x.cos(),
            Unary::Cos => -v * x.sin(),
            Unary::Tanh => v * (1.0 - y.square()),
            Unary::Sigmoid => v * (y * (1.0 - y)),
            // By the result, so that the operand need not be kept.
            Unary::Relu => v * y.gt(y.tape().scalar(0.0)),
            Unary::Softplus => v * x.sigmoid(),
            Unary::Erf => v * (std::f64::consts::FRAC_2_SQRT_PI * (-x.square()).exp()),
            Unary::Gelu => v * x.gelu_slope(),
            Unary::GeluSlope => {
                let density = DENSITY_AT_0 * (-0.5 * x.square()).exp();
                v * ((2.0 - x.square()) * density)
            }
            Unary::Rsqrt => v * (-0.5 * y * y.square()),
            Unary::Tan => v * (1.0 + y.square()),
            Unary::Asin => v * ((1.0 - x) * (1.0 + x)).rsqrt(),
            Unary::Acos => -v * ((1.0 - x) * (1.0 + x)).rsqrt(),
            Unary::Atan => v / (1.0 + x.square()),
            Unary::Sinh => v * x.cosh(),
            Unary::Cosh => v * x.sinh(),
            Unary::Asinh => v * (1.0 + x.square()).rsqrt(),
            Unary::Acosh => v * ((x - 1.0) * (x + 1.0)).rsqrt(),
            Unary::Atanh => v / ((1.0 - x) * (1.0 + x)),
            Unary::Erfc => -v * (std::f64::consts::FRAC_2_SQRT_PI * (-x.square()).exp()),
            Unary::Lgamma => v * x.digamma(),
            Unary::Digamma => v * x.polygamma(1),
            Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Round => return None,
        })
    }
}

impl Operation for UnaryOperation {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        one_float(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.float().iter_mut().zip(args.float(0)) {
            *y = self.0.apply(x);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.elementwise(self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        self.elementwise_vjp(at, cotangent)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        self.elementwise_jvp(at, tangents)
    }

    fn lower(&self) -> Lowering {
        Lowering::Unary(self.0)
    }

    fn attributes(&self) -> String {
        String::new() // the name says it
    }
}

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $method:ident => $function:ident;)*) => {
        impl<'t> Var<'t> {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $method(self) -> Var<'t> {
                self.tape().record(UnaryOperation(Unary::$function), &[self])
            }
        )*}
    };
}

unary_methods! {
    /// -x, elementwise.
    #[allow(clippy::should_implement_trait)]
    neg => Neg;
    /// |x|, elementwise; derivative 0 at 0.
    abs => Abs;
    /// -1, 0 or 1 by the sign of x, elementwise; derivative 0.
    sign => Sign;
    /// x², elementwise.
    square => Square;
    /// √x, elementwise; NaN below 0, derivative infinite at 0.
    sqrt => Sqrt;
    /// 1/x, elementwise.
    recip => Recip;
    /// eˣ, elementwise.
    exp => Exp;
    /// eˣ - 1, accurate near 0, elementwise.
    expm1 => Expm1;
    /// The natural logarithm, elementwise; -∞ at 0, NaN below.
    log => Log;
    /// ln (1 + x), accurate near 0, elementwise.
    log1p => Log1p;
    /// The sine of an angle in radians, elementwise.
    sin => Sin;
    /// The cosine of an angle in radians, elementwise.
    cos => Cos;
    /// The hyperbolic tangent, elementwise.
    tanh => Tanh;
    /// The logistic function 1 / (1 + e⁻ˣ), elementwise.
    sigmoid => Sigmoid;
    /// max(x, 0), elementwise; derivative 0 at 0.
    relu => Relu;
    /// ln (1 + eˣ), without overflow, elementwise.
    softplus => Softplus;
    /// The error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise.
    erf => Erf;
    /// The Gaussian error linear unit x Φ(x) = x (1 + erf(x/√2)) / 2, elementwise.
    ///
    /// # Source
    /// Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016 (arXiv:1606.08415), the exact form.
    gelu => Gelu;
    /// Φ(x) + x φ(x), the derivative of [`gelu`](Var::gelu), elementwise; φ(x) = exp(-x²/2) / √(2π).
    gelu_slope => GeluSlope;
    /// The largest integer not above x, elementwise; derivative 0.
    floor => Floor;
    /// The smallest integer not below x, elementwise; derivative 0.
    ceil => Ceil;
    /// The nearest integer, ties to even, elementwise; derivative 0.
    round => Round;
    /// 1/√x, elementwise; ∞ at 0, NaN below.
    rsqrt => Rsqrt;
    /// The tangent of an angle in radians, elementwise.
    tan => Tan;
    /// The angle from -π/2 to π/2 whose sine is x, elementwise; NaN outside of [-1, 1], derivative infinite at
    /// the ends.
    asin => Asin;
    /// The angle from 0 to π whose cosine is x, elementwise; NaN outside of [-1, 1], derivative infinite at the
    /// ends.
    acos => Acos;
    /// The angle from -π/2 to π/2 whose tangent is x, elementwise.
    atan => Atan;
    /// The hyperbolic sine, elementwise.
    sinh => Sinh;
    /// The hyperbolic cosine, elementwise.
    cosh => Cosh;
    /// The number whose hyperbolic sine is x, elementwise.
    asinh => Asinh;
    /// The number from 0 on whose hyperbolic cosine is x, elementwise; NaN below 1, derivative infinite at 1.
    acosh => Acosh;
    /// The number whose hyperbolic tangent is x, elementwise; ±∞ at ±1, NaN beyond.
    atanh => Atanh;
    /// The complementary error function 1 - erf x, accurate where it is small, elementwise.
    erfc => Erfc;
    /// ln |Γ(x)|, elementwise; ∞ at 0 and the negative whole numbers. Its derivative is [`digamma`](Var::digamma).
    lgamma => Lgamma;
    /// ψ(x), the derivative of [`lgamma`](Var::lgamma), elementwise; infinite at 0, NaN at the negative whole
    /// numbers. Its derivative is [`polygamma`](Var::polygamma) of order 1.
    digamma => Digamma;
}

impl<'t> Var<'t> {
    /// The sigmoid linear unit x σ(x), elementwise; also called swish.
    ///
    /// # Source
    /// Elfwing, Uchibe, Doya, 2017 (arXiv:1702.03118).
    #[track_caller]
    pub fn silu(self) -> Var<'t> {
        self * self.sigmoid()
    }

    /// x where x > 0, `negative_slope` times x elsewhere, elementwise; derivative `negative_slope` at 0.
    #[track_caller]
    pub fn leaky_relu(self, negative_slope: f64) -> Var<'t> {
        self.gt(self.tape().scalar(0.0)).select(self, self * negative_slope)
    }
}
