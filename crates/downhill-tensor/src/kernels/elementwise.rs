//! One function applied to every element: contiguous, strided and broadcast.
//!
//! The function is any closure; an `#[inline(always)]` one without branches becomes vector instructions.
//! Elements do not touch each other, so a caller may cut the output anywhere.
//!
//! A closure that holds numbers should own them (`move`): a number behind a reference is read again for each
//! element, as far as the compiler knows what is written may have changed it.

use super::isa::{current, vectorize};
use super::runs::Runs;
use crate::Layout;
use std::ops::Range;

/// `out[i] = f(a[i])`.
///
/// # Panics
/// Where the lengths differ.
pub fn map<A: Copy, O>(a: &[A], out: &mut [O], f: impl Fn(A) -> O) {
    assert_eq!(a.len(), out.len(), "the lengths differ");
    vectorize(
        current(),
        #[inline(always)]
        move |_| {
            for (out, &a) in out.iter_mut().zip(a) {
                *out = f(a);
            }
        },
    );
}

/// `out[i] = f(a[i], b[i])`.
///
/// # Panics
/// Where the lengths differ.
pub fn zip<A: Copy, B: Copy, O>(a: &[A], b: &[B], out: &mut [O], f: impl Fn(A, B) -> O) {
    assert!(a.len() == out.len() && b.len() == out.len(), "the lengths differ");
    vectorize(
        current(),
        #[inline(always)]
        move |_| {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = f(a, b);
            }
        },
    );
}

/// `x[i] = f(x[i])`.
pub fn map_in_place<T: Copy>(x: &mut [T], f: impl Fn(T) -> T) {
    vectorize(
        current(),
        #[inline(always)]
        move |_| {
            x.iter_mut().for_each(
                #[inline(always)]
                |x| *x = f(*x),
            )
        },
    );
}

/// `x[i] = f(x[i], b[i])`.
///
/// # Panics
/// Where the lengths differ.
pub fn zip_in_place<T: Copy, B: Copy>(x: &mut [T], b: &[B], f: impl Fn(T, B) -> T) {
    assert_eq!(x.len(), b.len(), "the lengths differ");
    vectorize(
        current(),
        #[inline(always)]
        move |_| {
            for (x, &b) in x.iter_mut().zip(b) {
                *x = f(*x, b);
            }
        },
    );
}

/// The elements `part` (row-major numbers) of `f(a)`, where `a` is read through a layout.
///
/// # Panics
/// Where `out` has not the length of `part`, `part` exceeds the layout, or the layout `a`.
pub fn map_strided<A: Copy, O>(
    a: &[A],
    layout: &Layout,
    part: Range<usize>,
    out: &mut [O],
    f: impl Fn(A) -> O,
) {
    assert_eq!(out.len(), part.len(), "the output has another length than the part");
    let runs = Runs::new([layout]);
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            let [stride] = runs.inner_strides();
            runs.for_each(
                part,
                #[inline(always)]
                |first, [p], length| {
                    let out = &mut out[first..first + length];
                    match Run::new(a, p, stride, length) {
                        Run::Same(a) => out.iter_mut().for_each(|out| *out = f(a)),
                        Run::Slice(a) => out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a)),
                        Run::Strided => {
                            out.iter_mut().enumerate().for_each(|(i, out)| *out = f(a[at(p, stride, i)]));
                        }
                    }
                },
            );
        },
    );
}

/// The elements `part` (row-major numbers) of `f(a, b)`, where `a` and `b` are read through layouts of one
/// shape: broadcast them first ([`Layout::broadcast_to`]).
///
/// # Panics
/// Where `out` has not the length of `part`, the shapes differ, `part` exceeds them, or a layout its slice.
pub fn zip_strided<A: Copy, B: Copy, O>(
    (a, a_layout): (&[A], &Layout),
    (b, b_layout): (&[B], &Layout),
    part: Range<usize>,
    out: &mut [O],
    f: impl Fn(A, B) -> O,
) {
    assert_eq!(out.len(), part.len(), "the output has another length than the part");
    let runs = Runs::new([a_layout, b_layout]);
    vectorize(
        current(),
        #[inline(always)]
        |_| {
            let [a_stride, b_stride] = runs.inner_strides();
            runs.for_each(
                part,
                #[inline(always)]
                |first, [p, q], length| {
                    let out = &mut out[first..first + length];
                    match (Run::new(a, p, a_stride, length), Run::new(b, q, b_stride, length)) {
                        (Run::Slice(a), Run::Slice(b)) => {
                            out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = f(a, b));
                        }
                        (Run::Slice(a), Run::Same(b)) => {
                            out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a, b))
                        }
                        (Run::Same(a), Run::Slice(b)) => {
                            out.iter_mut().zip(b).for_each(|(out, &b)| *out = f(a, b))
                        }
                        (Run::Same(a), Run::Same(b)) => out.iter_mut().for_each(|out| *out = f(a, b)),
                        _ => out.iter_mut().enumerate().for_each(|(i, out)| {
                            *out = f(a[at(p, a_stride, i)], b[at(q, b_stride, i)]);
                        }),
                    }
                },
            );
        },
    );
}

/// How one operand of a run is read.
enum Run<'a, A> {
    Same(A),
    Slice(&'a [A]),
    Strided,
}

impl<'a, A: Copy> Run<'a, A> {
    #[inline(always)]
    fn new(a: &'a [A], position: usize, stride: isize, length: usize) -> Self {
        match stride {
            0 => Run::Same(a[position]),
            1 => Run::Slice(&a[position..position + length]),
            _ => Run::Strided,
        }
    }
}

#[inline(always)]
fn at(position: usize, stride: isize, i: usize) -> usize {
    (position as isize + stride * i as isize) as usize
}
