//! Running loops on raw memory. All `unsafe` of the engine is here and in the pool.
//!
//! # Why it is sound
//! A plan knows for every step which stretches it reads and which one it writes. Buffers that are alive at
//! the same time lie apart (the placement pass guarantees it, and [`verify`] checks it when a plan is made),
//! inputs are borrowed shared and outputs exclusively for the whole run, and the parts of one step write
//! disjoint stretches. So no written stretch is ever seen through another reference.

use crate::pool::Pool;
use crate::scalars;
use crate::step::{Body, Buffer, Home, Operand, Step};
use downhill_autograd::operation::{ConvPart, PoolPart, Reduction, RowFunction};
use downhill_autograd::{Args, Data, DataMut, Kind, Out, Precision};
use downhill_tensor::Key;
use downhill_tensor::kernels::{conv, copy, gather, isa, matmul, pool, reduce, softmax};
use std::ops::Range;

/// Most operations have at most three operands; opaque ones may have this many.
pub(crate) const MAX_OPERANDS: usize = 16;

/// The memory of a run: where each buffer lies now.
pub(crate) struct Memory<'a, T> {
    pub buffers: &'a [Buffer],
    pub arena: *mut T,
    pub index_arena: *mut i64,
    pub floats: *const T,
    pub indices: *const i64,
    pub inputs: &'a [Data<'a, T>],
    pub outputs: &'a [Pointer<T>],
    pub scratch: *mut T,
    pub scratch_len: usize,
    pub key: Key,
}

/// Where an output lies.
#[derive(Clone, Copy)]
pub(crate) enum Pointer<T> {
    Float(*mut T),
    Index(*mut i64),
}

// SAFETY: the pointers are borrowed by the plan that runs, and what threads do with them is disjoint: see the
// module's comment.
unsafe impl<T: Send + Sync> Sync for Memory<'_, T> {}
// SAFETY: only carries the addresses of outputs from one run's beginning to its end.
unsafe impl<T: Send> Send for Pointer<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pointer<T> {}

impl<T> Pointer<T> {
    pub fn new(output: &mut DataMut<'_, T>) -> Self {
        match output {
            DataMut::Float(values) => Pointer::Float(values.as_mut_ptr()),
            DataMut::Index(values) => Pointer::Index(values.as_mut_ptr()),
        }
    }
}

impl<'a, T: Precision> Memory<'a, T> {
    /// The first element of a float buffer.
    fn float_pointer(&self, buffer: usize) -> *mut T {
        match self.buffers[buffer].home {
            // SAFETY: the placement lies inside the arena.
            Home::Arena(at) => unsafe { self.arena.add(at) },
            // SAFETY: the constants hold all that was put there. Nobody writes to a constant.
            Home::Constant(at) => unsafe { self.floats.add(at).cast_mut() },
            Home::Input { port, offset } => match self.inputs[port] {
                Data::Float(values) => values[offset..].as_ptr().cast_mut(),
                _ => unreachable!("the kinds of inputs are checked before a run"),
            },
            Home::Output { port, offset } => match self.outputs[port] {
                // SAFETY: the lengths of outputs are checked before a run.
                Pointer::Float(start) => unsafe { start.add(offset) },
                Pointer::Index(_) => unreachable!("the kinds of outputs are checked before a run"),
            },
        }
    }

    fn index_pointer(&self, buffer: usize) -> *mut i64 {
        match self.buffers[buffer].home {
            // SAFETY: the placement lies inside the arena.
            Home::Arena(at) => unsafe { self.index_arena.add(at) },
            // SAFETY: the constants hold all that was put there. Nobody writes to a constant.
            Home::Constant(at) => unsafe { self.indices.add(at).cast_mut() },
            Home::Input { port, offset } => match self.inputs[port] {
                Data::Index(values) => values[offset..].as_ptr().cast_mut(),
                _ => unreachable!("the kinds of inputs are checked before a run"),
            },
            Home::Output { port, offset } => match self.outputs[port] {
                // SAFETY: the lengths of outputs are checked before a run.
                Pointer::Index(start) => unsafe { start.add(offset) },
                Pointer::Float(_) => unreachable!("the kinds of outputs are checked before a run"),
            },
        }
    }

    /// A whole float buffer.
    ///
    /// # Safety
    /// Nobody writes to it meanwhile.
    unsafe fn floats(&self, buffer: usize) -> &'a [T] {
        // SAFETY: the buffer has this length, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts(self.float_pointer(buffer), self.buffers[buffer].len) }
    }

    /// A whole index buffer.
    ///
    /// # Safety
    /// Nobody writes to it meanwhile.
    unsafe fn indices(&self, buffer: usize) -> &'a [i64] {
        // SAFETY: the buffer has this length, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts(self.index_pointer(buffer), self.buffers[buffer].len) }
    }

    /// The elements of a contiguous operand.
    ///
    /// # Safety
    /// Nobody writes to them meanwhile.
    unsafe fn float_operand(&self, operand: &Operand) -> &'a [T] {
        // SAFETY: the caller answers for it.
        unsafe { &self.floats(operand.buffer)[stretch_of(operand)] }
    }

    /// The elements of a contiguous index operand.
    ///
    /// # Safety
    /// Nobody writes to them meanwhile.
    unsafe fn index_operand(&self, operand: &Operand) -> &'a [i64] {
        // SAFETY: the caller answers for it.
        unsafe { &self.indices(operand.buffer)[stretch_of(operand)] }
    }

    /// Part of a float buffer, to write to.
    ///
    /// # Safety
    /// Nobody else reads or writes this part meanwhile.
    #[allow(clippy::mut_from_ref)]
    unsafe fn part_mut(&self, buffer: usize, part: Range<usize>) -> &'a mut [T] {
        debug_assert!(part.end <= self.buffers[buffer].len);
        // SAFETY: the part lies in the buffer, and the caller answers for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.float_pointer(buffer).add(part.start), part.len()) }
    }

    /// The scratch space of a thread.
    ///
    /// # Safety
    /// `thread` is the number of the calling one.
    #[allow(clippy::mut_from_ref)]
    unsafe fn scratch(&self, thread: usize) -> &'a mut [T] {
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

/// Part `i` of `parts` equal parts of `units` units of work.
fn share(units: usize, i: usize, parts: usize) -> Range<usize> {
    units * i / parts..units * (i + 1) / parts
}

/// Part `i` of a loop over elements, cut at cache lines.
fn stretch(len: usize, i: usize, parts: usize) -> Range<usize> {
    let lines = share(len.div_ceil(32), i, parts);
    (lines.start * 32).min(len)..(lines.end * 32).min(len)
}

/// Runs one step.
///
/// # Safety
/// `memory` fits the plan that the step is of, and nobody else uses it.
///
/// # Errors
/// Values that an operation cannot take, in words.
pub(crate) unsafe fn run<T: Precision>(
    step: &Step,
    memory: &Memory<'_, T>,
    pool: &Pool,
) -> Result<(), String> {
    if step.len == 0 {
        return Ok(());
    }
    match &step.body {
        Body::Opaque { operation, shapes, shape } => {
            let mut data = [Data::Index(&[]); MAX_OPERANDS];
            for (data, operand) in data.iter_mut().zip(&step.operands) {
                // SAFETY: a step's operands and its result lie apart.
                *data = unsafe {
                    match memory.buffers[operand.buffer].kind {
                        Kind::Float => Data::Float(memory.float_operand(operand)),
                        Kind::Index => Data::Index(memory.index_operand(operand)),
                    }
                };
            }
            let args = Args::new(&data[..step.operands.len()], shapes, *shape, memory.key);
            // SAFETY: as above.
            let out = unsafe {
                match memory.buffers[step.out].kind {
                    Kind::Float => Out::Float(memory.part_mut(step.out, 0..step.len)),
                    Kind::Index => {
                        Out::Index(std::slice::from_raw_parts_mut(memory.index_pointer(step.out), step.len))
                    }
                }
            };
            T::eval(&**operation, &args, out)
        }
        Body::Gather { rows, width } => {
            // SAFETY: a step's operands and its result lie apart.
            let (table, numbers, out) = unsafe {
                let [table, numbers] = [&step.operands[0], &step.operands[1]];
                let out = memory.part_mut(step.out, 0..step.len);
                (memory.float_operand(table), memory.index_operand(numbers), out)
            };
            gather::gather_rows(table, *rows, *width, numbers, out).map_err(|error| error.to_string())
        }
        Body::ScatterAdd { rows, width } => {
            // SAFETY: a step's operands and its result lie apart.
            let (source, numbers, out) = unsafe {
                let [source, numbers] = [&step.operands[0], &step.operands[1]];
                let out = memory.part_mut(step.out, 0..step.len);
                (memory.float_operand(source), memory.index_operand(numbers), out)
            };
            out.fill(T::ZERO);
            gather::scatter_add_rows(source, *rows, *width, numbers, 0..*rows, out)
                .map_err(|error| error.to_string())
        }
        Body::Copy { .. } if memory.buffers[step.out].kind == Kind::Index => {
            let Operand { buffer, layout } = &step.operands[0];
            // SAFETY: a step's operands and its result lie apart.
            let (x, out) = unsafe {
                let out = std::slice::from_raw_parts_mut(memory.index_pointer(step.out), step.len);
                (memory.indices(*buffer), out)
            };
            copy::copy_strided(x, layout, 0..step.len, out);
            Ok(())
        }
        _ => {
            pool.each(step.parts, &|i, thread| {
                // SAFETY: parts of one step write to disjoint stretches, apart from its operands.
                unsafe { part(step, memory, i, thread) };
            });
            Ok(())
        }
    }
}

/// Computes one part of a step that cannot fail.
///
/// # Safety
/// As [`run`]; each part is computed once, and `thread` is the number of the calling thread.
unsafe fn part<T: Precision>(step: &Step, memory: &Memory<'_, T>, i: usize, thread: usize) {
    // SAFETY: a step's operands and its result lie apart, so nobody writes to what is read here.
    let read = |operand: &Operand| unsafe { memory.floats(operand.buffer) };
    // SAFETY: as above.
    let read_flat = |operand: &Operand| unsafe { memory.float_operand(operand) };
    // SAFETY: the stretches of different parts lie apart.
    let write = |part: Range<usize>| unsafe { memory.part_mut(step.out, part) };
    let len = step.len;
    match &step.body {
        Body::Unary(f) => {
            let part = stretch(len, i, step.parts);
            let x = &step.operands[0];
            scalars::unary(*f, (read(x), &x.layout), part.clone(), write(part));
        }
        Body::Binary(f) => {
            let part = stretch(len, i, step.parts);
            let (a, b) = (&step.operands[0], &step.operands[1]);
            scalars::binary(*f, (read(a), &a.layout), (read(b), &b.layout), part.clone(), write(part));
        }
        Body::Select => {
            let part = stretch(len, i, step.parts);
            let [c, a, b] = [0, 1, 2].map(|n| (read(&step.operands[n]), &step.operands[n].layout));
            scalars::select(c, a, b, part.clone(), write(part));
        }
        Body::Reduce(reduction, axes) => {
            let part = share(len, i, step.parts);
            let x = &step.operands[0];
            reduce_part(*reduction, read(x), x, *axes, part.clone(), write(part));
        }
        Body::Product(product, batches) => {
            let (a, b) = (read(&step.operands[0]), read(&step.operands[1]));
            let (mut rows, mut columns, mut own) = (0..product.m, 0..product.n, 0..batches.len());
            // One product is cut along its longer side, many are dealt out.
            if batches.len() > 1 {
                own = share(batches.len(), i, step.parts);
            } else if product.m >= product.n {
                rows = share(product.m, i, step.parts);
            } else {
                columns = share(product.n, i, step.parts);
            }
            for number in own {
                let [at_a, at_b] = batches[number];
                // SAFETY: this part's rows and columns of this batch lie in the result and belong to it alone.
                unsafe {
                    let first = (number * product.m + rows.start) * product.n + columns.start;
                    let c = memory.float_pointer(step.out).add(first);
                    matmul::matmul_raw(
                        isa::current(),
                        product,
                        rows.clone(),
                        columns.clone(),
                        a.get(at_a..).unwrap_or(&[]),
                        b.get(at_b..).unwrap_or(&[]),
                        c,
                        false,
                        memory.scratch(thread),
                    );
                }
            }
        }
        Body::Copy { block, stride, start } => {
            let Operand { layout, .. } = &step.operands[0];
            let x = read(&step.operands[0]);
            if *block == len {
                let part = stretch(len, i, step.parts);
                copy::copy_strided(x, layout, part.clone(), write(start + part.start..start + part.end));
            } else {
                for row in 0..len / block {
                    let to = row * stride + start;
                    copy::copy_strided(x, layout, row * block..(row + 1) * block, write(to..to + block));
                }
            }
        }
        Body::Pad(layout) => {
            let x = &step.operands[0];
            copy::pad(read_flat(x), T::ZERO, write(0..len), layout);
        }
        Body::Rows(function, n) => {
            let rows = share(len / n, i, step.parts);
            let part = rows.start * n..rows.end * n;
            let (x, out) = (&read_flat(&step.operands[0])[part.clone()], write(part));
            match function {
                RowFunction::Softmax => softmax::softmax(x, *n, out),
                RowFunction::LogSoftmax => softmax::log_softmax(x, *n, out),
            }
        }
        Body::Conv2d(kind, geometry, images) => {
            let (first, second) = (read_flat(&step.operands[0]), read_flat(&step.operands[1]));
            // SAFETY: this is the calling thread's number.
            let scratch = unsafe { memory.scratch(thread) };
            let own = share(*images, i, step.parts);
            let input = own.start * geometry.input_len()..own.end * geometry.input_len();
            let output = own.start * geometry.output_len()..own.end * geometry.output_len();
            match kind {
                ConvPart::Forward => {
                    conv::conv2d(geometry, &first[input], second, write(output), scratch);
                }
                ConvPart::InputGradient => {
                    conv::conv2d_input_gradient(geometry, second, &first[output], write(input), scratch);
                }
                ConvPart::WeightGradient => {
                    let channels = share(geometry.out_channels, i, step.parts);
                    let window = geometry.weight_len() / geometry.out_channels;
                    let out = write(channels.start * window..channels.end * window);
                    conv::conv2d_weight_gradient(geometry, channels, first, second, out, false, scratch);
                }
            }
        }
        Body::Pool2d(kind, geometry, planes) => {
            let own = share(*planes, i, step.parts);
            let input = own.start * geometry.input_len()..own.end * geometry.input_len();
            let output = own.start * geometry.output_len()..own.end * geometry.output_len();
            let x = read_flat(&step.operands[0]);
            let second = |part: Range<usize>| &read_flat(&step.operands[1])[part];
            match kind {
                PoolPart::Max => pool::max_pool2d(geometry, &x[input], write(output)),
                PoolPart::MaxGather => {
                    pool::max_pool2d_gather(geometry, &x[input.clone()], second(input), write(output));
                }
                PoolPart::MaxScatter => {
                    pool::max_pool2d_scatter(geometry, &x[input.clone()], second(output), write(input));
                }
                PoolPart::Average => pool::avg_pool2d(geometry, &x[input], write(output)),
                PoolPart::AverageScatter => pool::avg_pool2d_gradient(geometry, &x[output], write(input)),
            }
        }
        Body::Uniform(stream) => {
            let part = stretch(len, i, step.parts);
            memory.key.fold(*stream).fill_uniform(part.start as u64, write(part));
        }
        Body::Gather { .. } | Body::ScatterAdd { .. } | Body::Opaque { .. } => {
            unreachable!("these can fail and are run whole")
        }
    }
}

/// The outputs `part` of a reduction.
fn reduce_part<T: Precision>(
    reduction: Reduction,
    x: &[T],
    operand: &Operand,
    axes: u8,
    part: Range<usize>,
    out: &mut [T],
) {
    let reduction = match reduction {
        Reduction::Sum => reduce::Reduction::Sum,
        Reduction::Max => reduce::Reduction::Max,
        Reduction::Min => reduce::Reduction::Min,
    };
    let layout = &operand.layout;
    let shape = layout.shape();
    let first = axes.trailing_zeros() as usize;
    let last = 8 - axes.leading_zeros() as usize;
    let neighbours = axes != 0 && axes.count_ones() as usize == last - first;
    if neighbours && layout.is_contiguous() {
        let whole = reduce::Axes {
            outer: shape[..first].iter().product(),
            reduced: shape[first..last].iter().product(),
            inner: shape[last..].iter().product(),
        };
        reduce::reduce(reduction, &x[layout.offset()..][..shape.size()], whole, part, out);
    } else {
        reduce::reduce_strided(reduction, x, layout, |axis| axes >> axis & 1 == 1, part, out);
    }
}

/// Checks that no step reads where it writes, and that all lies within its bounds.
pub(crate) fn verify(steps: &[Step], buffers: &[Buffer], arena: [usize; 2]) -> bool {
    let stretch = |number: usize| -> Option<(u8, usize, Range<usize>)> {
        let buffer = &buffers[number];
        match buffer.home {
            Home::Arena(at) => Some((u8::from(buffer.kind == Kind::Index), 0, at..at + buffer.len)),
            Home::Output { port, offset } => Some((2, port, offset..offset + buffer.len)),
            Home::Constant(_) | Home::Input { .. } => None,
        }
    };
    steps.iter().all(|step| {
        let writes = stretch(step.out);
        let inside = buffers.iter().all(|buffer| match buffer.home {
            Home::Arena(at) => at + buffer.len <= arena[usize::from(buffer.kind == Kind::Index)],
            _ => true,
        });
        let reads = step.operands.iter().all(|operand| {
            let apart = match (&writes, stretch(operand.buffer)) {
                (Some((kind, port, written)), Some((other_kind, other_port, read))) => {
                    let empty = written.is_empty() || read.is_empty();
                    empty
                        || (*kind, *port) != (other_kind, other_port)
                        || written.end <= read.start
                        || read.end <= written.start
                }
                _ => true,
            };
            apart && operand.layout.end() <= buffers[operand.buffer].len
        });
        writes.is_some() && inside && reads && step.operands.len() <= MAX_OPERANDS
    })
}
