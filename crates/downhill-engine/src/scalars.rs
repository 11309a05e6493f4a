//! Elementwise loops: one instance of the kernel for each scalar function.

use downhill_tensor::kernels::elementwise::{map_strided, zip_strided};
use downhill_tensor::kernels::math;
use downhill_tensor::kernels::scalar::{Binary, Unary};
use downhill_tensor::{Float, Layout};
use std::ops::Range;

/// `out = f(x)` for the elements `part`.
pub(crate) fn unary<T: Float>(f: Unary, x: (&[T], &Layout), part: Range<usize>, out: &mut [T]) {
    macro_rules! each {
        ($($function:ident => $with:expr,)* ; $($plain:ident)*) => {
            match f {
                $(Unary::$function => map_strided(x.0, x.1, part, out, $with),)*
                $(Unary::$plain => map_strided(x.0, x.1, part, out, #[inline(always)] |x| Unary::$plain.apply(x)),)*
            }
        };
    }
    each! {
        Exp => #[inline(always)] |x| math::exp(x),
        Log => #[inline(always)] |x| math::ln(x),
        Tanh => #[inline(always)] |x| math::tanh(x),
        Sigmoid => #[inline(always)] |x| math::sigmoid(x),
        Erf => #[inline(always)] |x| math::erf(x),
        Expm1 => #[inline(always)] |x| math::exp_m1(x),
        Log1p => #[inline(always)] |x| math::ln_1p(x),
        Softplus => #[inline(always)] |x: T| x.maximum(T::ZERO) + math::ln_1p(math::exp(-x.abs())),
        ; Neg Abs Sign Square Sqrt Recip Sin Cos Relu Floor Ceil Round
    }
}

/// `out = f(a, b)` for the elements `part`.
pub(crate) fn binary<T: Float>(
    f: Binary,
    a: (&[T], &Layout),
    b: (&[T], &Layout),
    part: Range<usize>,
    out: &mut [T],
) {
    macro_rules! each {
        ($($function:ident)*) => {
            match f {
                $(Binary::$function => {
                    zip_strided(a, b, part, out, #[inline(always)] |a, b| Binary::$function.apply(a, b));
                })*
            }
        };
    }
    each!(Add Sub Mul Div Pow Maximum Minimum Equal NotEqual Less LessEqual Greater GreaterEqual);
}

/// `out = condition != 0 ? a : b` for the elements `part`.
pub(crate) fn select<T: Float>(
    condition: (&[T], &Layout),
    a: (&[T], &Layout),
    b: (&[T], &Layout),
    part: Range<usize>,
    out: &mut [T],
) {
    // The choice first, then what is not chosen is written over: two loops that vectorize.
    map_strided(a.0, a.1, part.clone(), out, |a| a);
    let mut chosen = [T::ZERO; 256];
    let mut mask = [T::ZERO; 256];
    for first in part.clone().step_by(256) {
        let range = first..part.end.min(first + 256);
        let n = range.len();
        map_strided(condition.0, condition.1, range.clone(), &mut mask[..n], |c| c);
        map_strided(b.0, b.1, range.clone(), &mut chosen[..n], |b| b);
        let out = &mut out[first - part.start..][..n];
        for ((out, &mask), &other) in out.iter_mut().zip(&mask).zip(&chosen) {
            *out = if mask == T::ZERO { other } else { *out };
        }
    }
}
