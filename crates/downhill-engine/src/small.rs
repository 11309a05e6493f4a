//! Elementwise loops over a few elements.
//!
//! In a program of a few numbers the arithmetic takes no time; what does is finding out what is to be done. So
//! everything that a loop reads is first laid out in registers, stretches of whole vectors, by positions that
//! are known ahead; then one function after the other goes over whole vectors, all in one piece of code; and
//! the results are copied to where they belong. The bits are those of [`tiles`](crate::tiles): a function gives
//! the same for a number wherever it stands.

use crate::fusion::Sum;
use crate::loops::{Argument, Function, Load, Loop, Place};
use crate::scalars::{self, unary_of};
use crate::tiles::Frame;
use downhill_tensor::Float;
use downhill_tensor::kernels::isa::{current, vectorize};
use downhill_tensor::kernels::scalar::{Binary, Unary};

/// The most elements of such a loop.
const MOST: usize = 64;
/// The most elements of all its registers together.
const REGISTERS: usize = 4096;
/// Elements that functions go over at once.
const LANES: usize = 8;

/// How a loop of a few elements is carried out.
#[derive(Clone, Debug)]
pub(crate) struct Small {
    /// Elements of the loop, and of a register.
    len: usize,
    padded: usize,
    /// Where the elements of each load lie in its operand; those of a load that is one number, once.
    positions: Vec<Box<[usize]>>,
}

impl Small {
    /// None for a loop of more than a few elements.
    pub fn of(this: &Loop, len: usize) -> Option<Self> {
        let padded = len.next_multiple_of(LANES);
        let registers = this.loads.len() + this.functions.len();
        if len == 0 || len > MOST || registers * padded > REGISTERS {
            return None;
        }
        let positions = |load: &Load| -> Box<[usize]> {
            match load {
                Load::Same(position) => [*position].into(),
                Load::Direct(offset) => (*offset..offset + len).collect(),
                Load::Strided { offset, strides, .. } => {
                    let position = |mut rest: usize| {
                        let mut position = *offset;
                        for (&dim, &stride) in this.dims.iter().zip(strides).rev() {
                            position += (rest % dim) as isize * stride;
                            rest /= dim;
                        }
                        position as usize
                    };
                    (0..len).map(position).collect()
                }
            }
        };
        Some(Small { len, padded, positions: this.loads.iter().map(positions).collect() })
    }

    /// Elements of scratch space.
    pub fn scratch(&self, functions: usize) -> usize {
        (self.positions.len() + functions) * self.padded
    }
}

/// Computes the whole loop; sums across elements are added to what is there unless `first`.
///
/// # Safety
/// As for [`tiles::run`](crate::tiles::run) with the range of all elements; registers are
/// [`Small::scratch`] elements.
pub(crate) unsafe fn run<T: Float>(this: &Loop, small: &Small, frame: &Frame<'_, T>, first: bool) {
    let (len, padded) = (small.len, small.padded);
    let loads = small.positions.len();
    // SAFETY: the caller answers for the registers, which nobody else uses.
    let registers =
        unsafe { std::slice::from_raw_parts_mut(frame.registers, small.scratch(this.functions.len())) };
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            for (number, positions) in small.positions.iter().enumerate() {
                let register = &mut registers[number * padded..][..padded];
                let operand = frame.operands[number];
                // SAFETY: the positions lie in the operand, and nobody writes to it.
                unsafe {
                    match &positions[..] {
                        [one] => register.fill(*operand.add(*one)),
                        many => register.iter_mut().zip(many).for_each(|(x, &at)| *x = *operand.add(at)),
                    }
                }
            }
            let number_of = |argument: Argument| match argument {
                Argument::Load(load) => load,
                Argument::Result(result) => loads + result,
            };
            for (number, function) in this.functions.iter().enumerate() {
                let (before, out) = registers.split_at_mut((loads + number) * padded);
                let out = &mut out[..padded];
                let register = |argument: Argument| &before[number_of(argument) * padded..][..padded];
                match *function {
                    Function::Unary(f, a) => unary(f, register(a), out),
                    Function::Binary(f, a, b) => binary(f, register(a), register(b), out),
                    Function::Select(c, a, b) => select(register(c), register(a), register(b), out),
                }
            }
            let of = |argument: Argument| &registers[number_of(argument) * padded..][..len];
            let direct = this.places.iter().enumerate().filter_map(|(number, place)| match place {
                Place::Output(output) => Some((Argument::Result(number), *output)),
                _ => None,
            });
            for (argument, output) in direct.chain(this.stores.iter().copied()) {
                // SAFETY: the output has `len` elements, and nobody else accesses them.
                let out = unsafe { std::slice::from_raw_parts_mut(frame.outputs[output], len) };
                out.iter_mut().zip(of(argument)).for_each(|(out, &x)| *out = x);
            }
            for &(argument, sum, output) in &this.sums {
                // SAFETY: the output has an element for each sum, and nobody else accesses them.
                unsafe { add(sum, of(argument), frame.outputs[output], first) };
            }
        },
    );
}

/// Delivers sums of `x`.
///
/// # Safety
/// `out` has an element for each sum, which nobody else accesses.
#[inline(always)]
unsafe fn add<T: Float>(sum: Sum, x: &[T], out: *mut T, first: bool) {
    // SAFETY: the caller answers for the output.
    unsafe {
        match sum {
            Sum::All => {
                let sum = scalars::sum(x);
                out.write(if first { sum } else { *out + sum });
            }
            Sum::Rows(width) => {
                for (row, x) in x.chunks_exact(width).enumerate() {
                    out.add(row).write(scalars::sum(x));
                }
            }
            Sum::Planes { channels, plane } => {
                let sums = std::slice::from_raw_parts_mut(out, channels);
                if first {
                    sums.fill(T::ZERO);
                }
                scalars::add_planes(x, plane, 0, sums);
            }
            Sum::Columns(width) => {
                let sums = std::slice::from_raw_parts_mut(out, width);
                if first {
                    sums.fill(T::ZERO);
                }
                let mut block = [T::ZERO; MOST];
                scalars::add_rows(x, &mut block, sums);
            }
        }
    }
}

/// `out = f(x)` over whole vectors.
#[inline(always)]
fn map<T: Float>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, &x) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0) {
        // By way of a copy, so that nothing can overlap.
        let mut y = [T::ZERO; LANES];
        for lane in 0..LANES {
            y[lane] = f(x[lane]);
        }
        *out = y;
    }
}

/// `out = f(a, b)` over whole vectors.
#[inline(always)]
fn zip<T: Float>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    let operands = a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0);
    for (out, (&a, &b)) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(operands) {
        let mut y = [T::ZERO; LANES];
        for lane in 0..LANES {
            y[lane] = f(a[lane], b[lane]);
        }
        *out = y;
    }
}

#[inline(always)]
fn unary<T: Float>(f: Unary, x: &[T], out: &mut [T]) {
    macro_rules! each {
        ($($function:ident)*) => {
            match f {
                $(Unary::$function => map(x, out, #[inline(always)] |x| unary_of(Unary::$function, x)),)*
            }
        };
    }
    each!(Neg Abs Sign Square Sqrt Recip Exp Expm1 Log Log1p Sin Cos Tanh Sigmoid Relu Softplus Erf Gelu GeluSlope Floor Ceil
        Round Rsqrt Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Erfc Lgamma Digamma);
}

#[inline(always)]
fn binary<T: Float>(f: Binary, a: &[T], b: &[T], out: &mut [T]) {
    macro_rules! each {
        ($($function:ident)*) => {
            match f {
                $(Binary::$function => {
                    zip(a, b, out, #[inline(always)] |a, b| Binary::$function.apply(a, b));
                })*
            }
        };
    }
    each!(Add Sub Mul Div Pow Maximum Minimum Equal NotEqual Less LessEqual Greater GreaterEqual Atan2);
}

#[inline(always)]
fn select<T: Float>(condition: &[T], a: &[T], b: &[T], out: &mut [T]) {
    for (((out, &c), &a), &b) in out.iter_mut().zip(condition).zip(a).zip(b) {
        *out = if c != T::ZERO { a } else { b };
    }
}
