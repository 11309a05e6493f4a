//! The scalar functions over stretches of numbers: one instance of the kernel for each.
//!
//! A function of a number gives the same bits as the function of a stretch, so it does not matter which of an
//! operation's operands are known to be the same for all elements.

use downhill_tensor::Float;
use downhill_tensor::kernels::elementwise::{map, zip};
use downhill_tensor::kernels::isa::{current, vectorize};
use downhill_tensor::kernels::math;
use downhill_tensor::kernels::scalar::{Binary, Unary};

/// An operand: numbers, or one for all.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a, T> {
    All(T),
    Each(&'a [T]),
}

/// f(x)
#[inline(always)]
pub(crate) fn unary_of<T: Float>(f: Unary, x: T) -> T {
    match f {
        Unary::Exp => math::exp(x),
        Unary::Log => math::ln(x),
        Unary::Tanh => math::tanh(x),
        Unary::Sigmoid => math::sigmoid(x),
        Unary::Erf => math::erf(x),
        Unary::Gelu => math::gelu(x),
        Unary::GeluSlope => math::gelu_slope(x),
        Unary::Expm1 => math::exp_m1(x),
        Unary::Log1p => math::ln_1p(x),
        Unary::Softplus => math::softplus(x),
        plain => plain.apply(x),
    }
}

/// `out = f(x)`
pub(crate) fn unary<T: Float>(f: Unary, x: &[T], out: &mut [T]) {
    macro_rules! each {
        ($($function:ident => $with:expr,)* ; $($plain:ident)*) => {
            match f {
                $(Unary::$function => map(x, out, $with),)*
                $(Unary::$plain => map(x, out, #[inline(always)] |x| Unary::$plain.apply(x)),)*
            }
        };
    }
    each! {
        Exp => #[inline(always)] |x| math::exp(x),
        Log => #[inline(always)] |x| math::ln(x),
        Tanh => #[inline(always)] |x| math::tanh(x),
        Sigmoid => #[inline(always)] |x| math::sigmoid(x),
        Erf => #[inline(always)] |x| math::erf(x),
        Gelu => #[inline(always)] |x| math::gelu(x),
        GeluSlope => #[inline(always)] |x| math::gelu_slope(x),
        Expm1 => #[inline(always)] |x| math::exp_m1(x),
        Log1p => #[inline(always)] |x| math::ln_1p(x),
        Softplus => #[inline(always)] |x| math::softplus(x),
        ; Neg Abs Sign Square Sqrt Recip Sin Cos Relu Floor Ceil Round
        Rsqrt Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Erfc Lgamma Digamma
    }
}

/// `out = f(a, b)`
pub(crate) fn binary<T: Float>(f: Binary, a: Numbers<'_, T>, b: Numbers<'_, T>, out: &mut [T]) {
    macro_rules! each {
        ($($function:ident)*) => {
            match f {
                $(Binary::$function => match (a, b) {
                    (Numbers::Each(a), Numbers::Each(b)) => {
                        zip(a, b, out, #[inline(always)] |a, b| Binary::$function.apply(a, b));
                    }
                    (Numbers::Each(a), Numbers::All(b)) => {
                        map(a, out, #[inline(always)] move |a| Binary::$function.apply(a, b));
                    }
                    (Numbers::All(a), Numbers::Each(b)) => {
                        map(b, out, #[inline(always)] move |b| Binary::$function.apply(a, b));
                    }
                    (Numbers::All(a), Numbers::All(b)) => out.fill(Binary::$function.apply(a, b)),
                },)*
            }
        };
    }
    each!(Add Sub Mul Div Pow Maximum Minimum Equal NotEqual Less LessEqual Greater GreaterEqual Atan2);
}

/// `out = condition != 0 ? a : b`
pub(crate) fn select<T: Float>(
    condition: Numbers<'_, T>,
    a: Numbers<'_, T>,
    b: Numbers<'_, T>,
    out: &mut [T],
) {
    let condition = match condition {
        Numbers::Each(condition) => condition,
        Numbers::All(condition) => {
            return match if condition != T::ZERO { a } else { b } {
                Numbers::All(x) => out.fill(x),
                Numbers::Each(x) => out.copy_from_slice(x),
            };
        }
    };
    match (a, b) {
        (Numbers::Each(a), Numbers::Each(b)) => vectorize(
            current(),
            #[inline(always)]
            |_| {
                for (((out, &c), &a), &b) in out.iter_mut().zip(condition).zip(a).zip(b) {
                    *out = if c != T::ZERO { a } else { b };
                }
            },
        ),
        (Numbers::Each(a), Numbers::All(b)) => {
            zip(
                condition,
                a,
                out,
                #[inline(always)]
                move |c, a| if c != T::ZERO { a } else { b },
            );
        }
        (Numbers::All(a), Numbers::Each(b)) => {
            zip(
                condition,
                b,
                out,
                #[inline(always)]
                move |c, b| if c != T::ZERO { a } else { b },
            );
        }
        (Numbers::All(a), Numbers::All(b)) => {
            map(
                condition,
                out,
                #[inline(always)]
                move |c| if c != T::ZERO { a } else { b },
            );
        }
    }
}

/// Interleaved sums, so that additions need not wait for each other.
const LANES: usize = 32;

/// Σ x, in lanes that are added in a fixed tree.
pub(crate) fn sum<T: Float>(x: &[T]) -> T {
    vectorize(
        current(),
        #[inline(always)]
        |_| in_lanes(x),
    )
}

#[inline(always)]
fn in_lanes<T: Float>(x: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] += block[lane];
        }
    }
    if !rest.is_empty() {
        // Zeros change no lane, and lanes that nobody numbers stay in registers.
        let mut block = [T::ZERO; LANES];
        block[..rest.len()].copy_from_slice(rest);
        for lane in 0..LANES {
            lanes[lane] += block[lane];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// `sums[c] += Σ x` over the planes of channel `c`, or a part of one: planes of one channel after the other, from
/// channel `first` on and over again.
pub(crate) fn add_planes<T: Float>(x: &[T], plane: usize, first: usize, sums: &mut [T]) {
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            let mut channel = first;
            for plane in x.chunks(plane) {
                sums[channel] += in_lanes(plane);
                channel = if channel + 1 == sums.len() { 0 } else { channel + 1 };
            }
        },
    );
}

/// `sums[c] += Σ x[r, c]` over the rows of `x`; the rows are added up first.
pub(crate) fn add_rows<T: Float>(x: &[T], block: &mut [T], sums: &mut [T]) {
    let width = sums.len();
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            let mut rows = x.chunks_exact(width);
            let Some(first) = rows.next() else { return };
            if rows.len() == 0 {
                return sums.iter_mut().zip(first).for_each(|(sum, &x)| *sum += x);
            }
            let block = &mut block[..width];
            block.copy_from_slice(first);
            for row in rows {
                block.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
            }
            sums.iter_mut().zip(&*block).for_each(|(sum, &x)| *sum += x);
        },
    );
}
