//! Scalar functions of two values, elementwise, with broadcasting.

use super::{Cotangents, Elementwise, Tangent, expect_kinds, repeated};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::Float;
use downhill_tensor::kernels::scalar::Binary;

/// A scalar function of two operands, applied to each pair of elements after broadcasting.
///
/// Derivatives by convention (PyTorch's): `maximum` and `minimum` share the gradient equally between equal
/// operands; comparisons have derivative 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BinaryOperation(pub Binary);

impl Elementwise for BinaryOperation {
    fn scale<'t>(&self, at: &At<'_, 't>, i: usize, v: Var<'t>) -> Option<Var<'t>> {
        let (a, b, y) = (at.inputs[0], at.inputs[1], at.output);
        Some(match (self.0, i) {
            (Binary::Add, _) | (Binary::Sub, 0) => v,
            (Binary::Sub, _) => -v,
            (Binary::Mul, 0) => v * b,
            (Binary::Mul, _) => v * a,
            (Binary::Div, 0) => v / b,
            (Binary::Div, _) => -v * y / b,
            (Binary::Pow, 0) => {
                let zero = b.tape().scalar(0.0);
                // A constant may be differentiated by as well, and then the slope depends on it.
                let known = if at.needs(1) { None } else { b.known_scalar() };
                let slope = match known {
                    // 0 even at a = 0, where a to the power of -1 is infinite.
                    Some(0.0) => zero,
                    Some(exponent) => exponent * a.powf(exponent - 1.0),
                    None => b.eq(zero).select(zero, b * a.pow(b - 1.0)),
                };
                v * slope
            }
            // aᵇ ln a, and 0 at a = 0, where aᵇ goes to 0 faster than the logarithm grows.
            (Binary::Pow, _) => {
                let zero = a.tape().scalar(0.0);
                v * a.eq(zero).select(zero, y * a.log())
            }
            (Binary::Maximum, 0) => v * preferred(a, b),
            (Binary::Maximum, _) | (Binary::Minimum, 0) => v * preferred(b, a),
            (Binary::Minimum, _) => v * preferred(a, b),
            // 0 at the origin, where there is no angle.
            (Binary::Atan2, _) => {
                let square = a.square() + b.square();
                let zero = a.tape().scalar(0.0);
                let safe = square.eq(zero).select(a.tape().scalar(1.0), square);
                if i == 0 { v * (b / safe) } else { -v * (a / safe) }
            }
            _ => return None,
        })
    }
}

/// 1 where `a > b`, 1/2 where they are equal, 0 elsewhere.
fn preferred<'t>(a: Var<'t>, b: Var<'t>) -> Var<'t> {
    0.5 * (a.gt(b) + a.ge(b))
}

impl Operation for BinaryOperation {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        let shape = inputs[0].shape.broadcast(inputs[1].shape).map_err(|_| {
            "the shapes must broadcast: aligned at the last dimension, dimensions must be equal or one of them 1"
        })?;
        Ok(Type::float(shape))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (a, b) = (args.float(0), args.float(1));
        for ((y, i), j) in out.float().iter_mut().zip(repeated(args, 0)?).zip(repeated(args, 1)?) {
            *y = self.0.apply(a[i], b[j]);
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
        Lowering::Binary(self.0)
    }

    fn attributes(&self) -> String {
        String::new() // the name says it
    }
}

macro_rules! binary_methods {
    ($($(#[$doc:meta])* $method:ident => $function:ident;)*) => {
        impl<'t> Var<'t> {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $method(self, other: Var<'t>) -> Var<'t> {
                self.tape().record(BinaryOperation(Binary::$function), &[self, other])
            }
        )*}
    };
}

binary_methods! {
    /// a + b, elementwise with broadcasting.
    #[allow(clippy::should_implement_trait)]
    add => Add;
    /// a - b, elementwise with broadcasting.
    #[allow(clippy::should_implement_trait)]
    sub => Sub;
    /// a b, elementwise with broadcasting.
    #[allow(clippy::should_implement_trait)]
    mul => Mul;
    /// a / b, elementwise with broadcasting.
    #[allow(clippy::should_implement_trait)]
    div => Div;
    /// aᵇ, elementwise with broadcasting; NaN for a < 0 unless b is whole.
    pow => Pow;
    /// The larger of both, elementwise with broadcasting; NaN if either is. Equal operands share the
    /// gradient equally.
    maximum => Maximum;
    /// The smaller of both, elementwise with broadcasting; NaN if either is. Equal operands share the
    /// gradient equally.
    minimum => Minimum;
    /// 1 where a = b, else 0, elementwise with broadcasting; derivative 0.
    eq => Equal;
    /// 1 where a ≠ b, else 0, elementwise with broadcasting; derivative 0.
    ne => NotEqual;
    /// 1 where a < b, else 0, elementwise with broadcasting; derivative 0.
    lt => Less;
    /// 1 where a ≤ b, else 0, elementwise with broadcasting; derivative 0.
    le => LessEqual;
    /// 1 where a > b, else 0, elementwise with broadcasting; derivative 0.
    gt => Greater;
    /// 1 where a ≥ b, else 0, elementwise with broadcasting; derivative 0.
    ge => GreaterEqual;
    /// The angle of the point (b, a) from the first axis, from -π to π, elementwise with broadcasting; derivative 0
    /// at the origin.
    atan2 => Atan2;
}

impl<'t> Var<'t> {
    /// x to the power of a number, elementwise. Exponents 1, 2, 0.5 and -1 become what they mean.
    #[track_caller]
    pub fn powf(self, exponent: f64) -> Var<'t> {
        match exponent {
            1.0 => self,
            2.0 => self.square(),
            0.5 => self.sqrt(),
            -1.0 => self.recip(),
            _ => self.pow(self.tape().scalar(exponent)),
        }
    }

    /// x held between `low` and `high`, elementwise; derivative 1 in between, and half at the ends.
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Var<'t> {
        self.maximum(self.tape().scalar(low)).minimum(self.tape().scalar(high))
    }
}
