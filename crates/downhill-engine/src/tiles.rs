//! Running an elementwise loop, tile by tile.

use crate::fusion::{MAX_MEMBERS, Sum};
use crate::loops::{Argument, Function, Load, Loop, Place, TILE};
use crate::scalars::{self, Numbers};
use downhill_tensor::{Float, MAX_RANK};
use std::mem::MaybeUninit;
use std::ops::Range;

/// The memory of a loop: where its operands begin, where its outputs do, and its registers.
pub(crate) struct Frame<'a, T> {
    pub operands: &'a [*const T],
    pub outputs: &'a [*mut T],
    pub registers: *mut T,
}

/// The most operands of a loop: each member has at most three.
pub(crate) const MAX_LOADS: usize = 3 * MAX_MEMBERS;

/// Computes the elements `range`. Sums across elements begin anew where `first`, and else add to what is there.
///
/// # Safety
/// The frame's pointers reach as far as the loop's layouts and `len`; registers are `Loop::scratch` elements.
/// Nobody else accesses the range of the outputs, the sums, or the registers meanwhile, and nobody writes to the
/// operands; an output may be an operand only if both lie at the same elements in the same order (the loop was
/// made with `shared`).
pub(crate) unsafe fn run<T: Float>(this: &Loop, frame: &Frame<'_, T>, range: Range<usize>, first: bool) {
    let mut tile = Tile {
        this,
        frame,
        numbers: [MaybeUninit::uninit(); MAX_MEMBERS],
        starts: [MaybeUninit::uninit(); MAX_LOADS],
        start: range.start,
        len: 0,
    };
    // SAFETY: the caller answers for the pointers; every number is written before it is read, as functions
    // only read the results of those before.
    unsafe {
        for (number, function) in this.functions.iter().enumerate() {
            if this.places[number] == Place::Scalar {
                let value = tile.number(function);
                tile.numbers[number] = MaybeUninit::new(value);
            }
        }
        let mut partial = Partial::new(this, frame, first);
        let period = this.dims.last().copied().unwrap_or(1).max(1);
        let mut filled = false;
        while tile.start < range.end {
            let left = range.end - tile.start;
            tile.len = if this.run > TILE {
                left.min(TILE).min(this.run - tile.start % this.run)
            } else {
                left.min(this.tile)
            };
            let aligned = tile.start.is_multiple_of(period);
            tile.load(filled && aligned);
            // Only a whole tile fills the registers for those to come.
            filled = aligned && (filled || tile.len == this.tile);
            for (number, function) in this.functions.iter().enumerate() {
                tile.apply(number, function);
            }
            for &(argument, output) in &this.stores {
                let out = frame.outputs[output].add(tile.start);
                match tile.numbers(argument) {
                    Numbers::All(value) => (0..tile.len).for_each(|i| out.add(i).write(value)),
                    Numbers::Each(values) => std::ptr::copy(values.as_ptr(), out, values.len()),
                }
            }
            for (number, &(argument, sum, _)) in this.sums.iter().enumerate() {
                partial.add(number, sum, tile.numbers(argument), tile.start, tile.len);
            }
            tile.start += tile.len;
        }
        partial.finish(first);
    }
}

/// The tile that is being computed.
struct Tile<'a, T> {
    this: &'a Loop,
    frame: &'a Frame<'a, T>,
    /// The results that are one number.
    numbers: [MaybeUninit<T>; MAX_MEMBERS],
    /// Where the tile's elements of each load are.
    starts: [MaybeUninit<Start<T>>; MAX_LOADS],
    start: usize,
    len: usize,
}

/// Where a tile's elements of a load begin, and whether they are all the number there.
#[derive(Clone, Copy)]
struct Start<T> {
    at: *const T,
    same: bool,
}

impl<T> Start<T> {
    fn each(at: *const T) -> Self {
        Start { at, same: false }
    }
}

impl<T: Float> Tile<'_, T> {
    /// The operand of a function that is one number.
    ///
    /// # Safety
    /// The argument is a scalar, and computed if it is a result.
    #[inline(always)]
    unsafe fn scalar(&self, argument: Argument) -> T {
        match argument {
            Argument::Load(load) => match self.this.loads[load] {
                // SAFETY: the position lies in the operand.
                Load::Same(position) => unsafe { *self.frame.operands[load].add(position) },
                _ => T::NAN,
            },
            // SAFETY: it is computed.
            Argument::Result(result) => unsafe { self.numbers[result].assume_init() },
        }
    }

    /// The result of a function of numbers.
    ///
    /// # Safety
    /// As [`Tile::scalar`], for all arguments.
    #[inline(always)]
    unsafe fn number(&self, function: &Function) -> T {
        // SAFETY: the caller answers for the arguments.
        unsafe {
            match *function {
                Function::Unary(f, a) => scalars::unary_of(f, self.scalar(a)),
                Function::Binary(f, a, b) => f.apply(self.scalar(a), self.scalar(b)),
                Function::Select(c, a, b) => {
                    if self.scalar(c) != T::ZERO {
                        self.scalar(a)
                    } else {
                        self.scalar(b)
                    }
                }
            }
        }
    }

    /// Lays out what does not lie one after the other. Where `filled`, what repeats is there already.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn load(&mut self, filled: bool) {
        for (number, load) in self.this.loads.iter().enumerate() {
            let base = self.frame.operands[number];
            // SAFETY: the positions lie in the operand, the register among the registers.
            let start = unsafe {
                match load {
                    Load::Same(_) => continue,
                    Load::Direct(offset) => Start::each(base.add(offset + self.start)),
                    Load::Strided { offset, strides, register, periodic } => {
                        let register = self.frame.registers.add(register * self.this.tile);
                        if *periodic && filled {
                            Start::each(register)
                        } else {
                            self.fill(base.offset(*offset), strides, register)
                        }
                    }
                }
            };
            self.starts[number] = MaybeUninit::new(start);
        }
    }

    /// The tile's elements by strides: where they lie, if they lie one after the other or are one number, or else
    /// a copy.
    ///
    /// # Safety
    /// As [`run`].
    unsafe fn fill(&self, base: *const T, strides: &[isize; MAX_RANK], register: *mut T) -> Start<T> {
        let dims = &self.this.dims;
        let last = dims.len() - 1;
        let mut index = [0usize; MAX_RANK];
        let mut rest = self.start;
        for axis in (0..=last).rev() {
            index[axis] = rest % dims[axis];
            rest /= dims[axis];
        }
        let mut done = 0;
        loop {
            let position: isize = (0..=last).map(|axis| index[axis] as isize * strides[axis]).sum();
            let run = (dims[last] - index[last]).min(self.len - done);
            // SAFETY: the positions lie in the operand, and the tile in the register.
            unsafe {
                let from = base.offset(position);
                let to = register.add(done);
                match strides[last] {
                    0 if run == self.len => return Start { at: from, same: true },
                    1 if run == self.len => return Start::each(from),
                    1 => std::ptr::copy_nonoverlapping(from, to, run),
                    0 => {
                        let value = *from;
                        (0..run).for_each(|i| to.add(i).write(value));
                    }
                    stride => (0..run).for_each(|i| to.add(i).write(*from.offset(i as isize * stride))),
                }
            }
            done += run;
            if done == self.len {
                return Start::each(register);
            }
            index[last] = 0;
            for axis in (0..last).rev() {
                index[axis] += 1;
                if index[axis] < dims[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }

    /// The numbers that a function reads.
    ///
    /// # Safety
    /// They are loaded or computed, and nobody writes to them while they are borrowed.
    #[inline(always)]
    unsafe fn numbers(&self, argument: Argument) -> Numbers<'_, T> {
        // SAFETY: loaded or computed, as the caller says.
        unsafe {
            if self.this.is_scalar(argument) {
                return Numbers::All(self.scalar(argument));
            }
            let start = match argument {
                Argument::Load(load) => match self.starts[load].assume_init() {
                    Start { at, same: true } => return Numbers::All(*at),
                    Start { at, .. } => at,
                },
                Argument::Result(result) => self.place(result).cast_const(),
            };
            Numbers::Each(std::slice::from_raw_parts(start, self.len))
        }
    }

    /// Where the tile's results of a function go.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn place(&self, result: usize) -> *mut T {
        // SAFETY: registers and outputs reach as far as the tile.
        unsafe {
            match self.this.places[result] {
                Place::Register(register) => self.frame.registers.add(register * self.this.tile),
                Place::Output(output) => self.frame.outputs[output].add(self.start),
                Place::Scalar => std::ptr::NonNull::dangling().as_ptr(),
            }
        }
    }

    /// Computes the tile's results of a function.
    ///
    /// # Safety
    /// As [`run`]; its arguments are loaded or computed.
    #[inline(always)]
    unsafe fn apply(&self, number: usize, function: &Function) {
        if self.this.places[number] == Place::Scalar {
            return;
        }
        // SAFETY: a function's place is neither a place of its arguments nor an operand.
        unsafe {
            let out = std::slice::from_raw_parts_mut(self.place(number), self.len);
            match *function {
                Function::Unary(f, a) => match self.numbers(a) {
                    Numbers::Each(x) => scalars::unary(f, x, out),
                    Numbers::All(x) => out.fill(scalars::unary_of(f, x)),
                },
                Function::Binary(f, a, b) => scalars::binary(f, self.numbers(a), self.numbers(b), out),
                Function::Select(c, a, b) => {
                    scalars::select(self.numbers(c), self.numbers(a), self.numbers(b), out);
                }
            }
        }
    }
}

/// Sums on their way.
struct Partial<'a, T> {
    this: &'a Loop,
    outputs: &'a [*mut T],
    sums: [MaybeUninit<T>; MAX_MEMBERS],
}

impl<'a, T: Float> Partial<'a, T> {
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn new(this: &'a Loop, frame: &Frame<'a, T>, first: bool) -> Self {
        let mut sums = [MaybeUninit::uninit(); MAX_MEMBERS];
        for (number, &(_, sum, output)) in this.sums.iter().enumerate() {
            sums[number] = MaybeUninit::new(T::ZERO);
            let len = match sum {
                Sum::Columns(width) => width,
                Sum::Planes { channels, .. } => channels,
                Sum::All | Sum::Rows(_) => 0,
            };
            if first {
                // SAFETY: the output has one element for each column or channel.
                unsafe { std::slice::from_raw_parts_mut(frame.outputs[output], len).fill(T::ZERO) };
            }
        }
        Partial { this, outputs: frame.outputs, sums }
    }

    /// Adds the numbers of a tile.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn add(&mut self, number: usize, sum: Sum, x: Numbers<'_, T>, start: usize, len: usize) {
        let mut same = [T::ZERO; TILE];
        let x = match x {
            Numbers::Each(x) => x,
            Numbers::All(value) => {
                same[..len].fill(value);
                &same[..len]
            }
        };
        let output = self.outputs[self.this.sums[number].2];
        // SAFETY: the sums were set in the beginning; the outputs have one element for each row, column
        // or channel.
        unsafe {
            let so_far = self.sums[number].assume_init();
            match sum {
                Sum::All => self.sums[number] = MaybeUninit::new(so_far + scalars::sum(x)),
                Sum::Rows(width) if width <= TILE => {
                    for (row, x) in x.chunks_exact(width).enumerate() {
                        output.add(start / width + row).write(scalars::sum(x));
                    }
                }
                Sum::Rows(width) => {
                    let now = so_far + scalars::sum(x);
                    let ended = (start + len).is_multiple_of(width);
                    if ended {
                        output.add(start / width).write(now);
                    }
                    self.sums[number] = MaybeUninit::new(if ended { T::ZERO } else { now });
                }
                Sum::Columns(width) if width <= TILE => {
                    let mut block = [MaybeUninit::<T>::uninit(); TILE];
                    block[..width].fill(MaybeUninit::new(T::ZERO));
                    let block = std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<T>(), width);
                    scalars::add_rows(x, block, std::slice::from_raw_parts_mut(output, width));
                }
                Sum::Planes { channels, plane } => {
                    let sums = std::slice::from_raw_parts_mut(output, channels);
                    scalars::add_planes(x, plane, start / plane % channels, sums);
                }
                Sum::Columns(width) => {
                    let columns = std::slice::from_raw_parts_mut(output.add(start % width), len);
                    scalars::add_rows(x, &mut [], columns);
                }
            }
        }
    }

    /// Delivers the sums of all elements.
    ///
    /// # Safety
    /// As [`run`].
    #[inline(always)]
    unsafe fn finish(self, first: bool) {
        for (number, &(_, sum, output)) in self.this.sums.iter().enumerate() {
            if sum == Sum::All {
                // SAFETY: the output has one element, and the sum was set in the beginning.
                unsafe {
                    let (output, sum) = (self.outputs[output], self.sums[number].assume_init());
                    output.write(if first { sum } else { *output + sum });
                }
            }
        }
    }
}
