//! Where the buffers of a run lie.

use crate::plan::Plan;
use crate::step::{Buffer, Home, Operand, Step};
use downhill_autograd::{Data, DataMut, Precision};
use downhill_tensor::Key;
use std::ops::Range;

/// The first element of a stretch of memory.
pub(crate) enum Address<T> {
    Float(*mut T),
    Index(*mut i64),
}

impl<T> Clone for Address<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Address<T> {}

// SAFETY: addresses are looked up anew by each run, and what threads do with them is disjoint: see the comment
// of `execute`.
unsafe impl<T: Send> Send for Address<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Address<T> {}

impl<T> Address<T> {
    /// The first element of an output.
    pub fn of(output: &mut DataMut<'_, T>) -> Self {
        match output {
            DataMut::Float(values) => Address::Float(values.as_mut_ptr()),
            DataMut::Index(values) => Address::Index(values.as_mut_ptr()),
        }
    }

    /// The element `offset` further on; it need not exist as long as nobody looks at it.
    fn at(self, offset: usize) -> Self {
        match self {
            Address::Float(start) => Address::Float(start.wrapping_add(offset)),
            Address::Index(start) => Address::Index(start.wrapping_add(offset)),
        }
    }
}

/// The memory that a plan owns or borrows for a run.
pub(crate) struct Homes<'a, T> {
    pub arena: *mut T,
    pub index_arena: *mut i64,
    pub floats: *const T,
    pub indices: *const i64,
    pub inputs: &'a [Data<'a, T>],
    pub outputs: &'a [Address<T>],
}

impl<T> Homes<'_, T> {
    /// Where a buffer lies. Nobody writes to a constant or an input.
    #[inline(always)]
    pub fn locate(&self, buffer: &Buffer) -> Address<T> {
        match buffer.home {
            Home::Arena(at) if buffer.is_float() => Address::Float(self.arena.wrapping_add(at)),
            Home::Arena(at) => Address::Index(self.index_arena.wrapping_add(at)),
            Home::Constant(at) if buffer.is_float() => {
                Address::Float(self.floats.wrapping_add(at).cast_mut())
            }
            Home::Constant(at) => Address::Index(self.indices.wrapping_add(at).cast_mut()),
            Home::Input { port, offset } => match self.inputs[port] {
                Data::Float(values) => Address::Float(values.as_ptr().cast_mut()).at(offset),
                Data::Index(values) => Address::Index(values.as_ptr().cast_mut()).at(offset),
                Data::InPlace => unreachable!("what lies in an output has its home there"),
            },
            Home::Output { port, offset } => self.outputs[port].at(offset),
            Home::Part { .. } => unreachable!("parts have places of their own when all buffers are placed"),
        }
    }
}

/// The memory of a run: where each buffer lies now.
pub(crate) struct Memory<'a, T> {
    pub buffers: &'a [Buffer],
    /// The first element of each buffer.
    pub addresses: &'a [Address<T>],
    pub scratch: *mut T,
    pub scratch_len: usize,
    /// The plan's nested plans, which the calling thread alone may run.
    pub nested: *mut Plan<T>,
    pub key: Key,
}

// SAFETY: the pointers are borrowed by the plan that runs, and what threads do with them is disjoint: see the
// comment of `execute`.
unsafe impl<T: Send + Sync> Sync for Memory<'_, T> {}

impl<'a, T: Precision> Memory<'a, T> {
    /// The first element of a float buffer.
    #[inline(always)]
    pub fn float_pointer(&self, buffer: usize) -> *mut T {
        match self.addresses[buffer] {
            Address::Float(start) => start,
            Address::Index(_) => unreachable!("kinds are checked before a run"),
        }
    }

    #[inline(always)]
    pub fn index_pointer(&self, buffer: usize) -> *mut i64 {
        match self.addresses[buffer] {
            Address::Index(start) => start,
            Address::Float(_) => unreachable!("kinds are checked before a run"),
        }
    }

    /// A whole float buffer.
    ///
    /// # Safety
    /// Nobody writes to it meanwhile.
    pub unsafe fn floats(&self, buffer: usize) -> &'a [T] {
        // SAFETY: the buffer has this length, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts(self.float_pointer(buffer), self.buffers[buffer].len) }
    }

    /// A whole index buffer.
    ///
    /// # Safety
    /// Nobody writes to it meanwhile.
    pub unsafe fn indices(&self, buffer: usize) -> &'a [i64] {
        // SAFETY: the buffer has this length, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts(self.index_pointer(buffer), self.buffers[buffer].len) }
    }

    /// The elements of a contiguous operand.
    ///
    /// # Safety
    /// Nobody writes to them meanwhile.
    pub unsafe fn float_operand(&self, operand: &Operand) -> &'a [T] {
        // SAFETY: the caller answers for it.
        unsafe { &self.floats(operand.buffer)[stretch_of(operand)] }
    }

    /// The elements of a contiguous index operand.
    ///
    /// # Safety
    /// Nobody writes to them meanwhile.
    pub unsafe fn index_operand(&self, operand: &Operand) -> &'a [i64] {
        // SAFETY: the caller answers for it.
        unsafe { &self.indices(operand.buffer)[stretch_of(operand)] }
    }

    /// Part of a float buffer, to write to.
    ///
    /// # Safety
    /// Nobody else reads or writes this part meanwhile.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part_mut(&self, buffer: usize, part: Range<usize>) -> &'a mut [T] {
        debug_assert!(part.end <= self.buffers[buffer].len);
        // SAFETY: the part lies in the buffer, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.float_pointer(buffer).add(part.start), part.len()) }
    }

    /// The number with which a step multiplies what it subtracts: its last operand.
    ///
    /// # Safety
    /// Nobody writes to it meanwhile.
    pub unsafe fn factor(&self, step: &Step) -> T {
        let operand = &step.operands[step.operands.len() - 1];
        // SAFETY: the operand has one element; the caller answers for the rest.
        unsafe { *self.float_pointer(operand.buffer).add(operand.layout.offset()) }
    }

    /// The scratch space of a thread.
    ///
    /// # Safety
    /// `thread` is the number of the calling one.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn scratch(&self, thread: usize) -> &'a mut [T] {
        // SAFETY: each thread has its own stretch.
        unsafe {
            std::slice::from_raw_parts_mut(self.scratch.add(thread * self.scratch_len), self.scratch_len)
        }
    }
}

/// Where the elements of a contiguous operand lie in its buffer.
fn stretch_of(operand: &Operand) -> Range<usize> {
    let start = operand.layout.offset();
    start..start + operand.layout.shape().size()
}
