//! Running loops on raw memory. All `unsafe` of the engine is here, in `tiles` and in the pool.
//!
//! # Why it is sound
//! A plan knows for every step which stretches it reads and which one it writes. Buffers that are alive at
//! the same time lie apart (the placement pass guarantees it, and [`verify`] checks it when a plan is made),
//! inputs are borrowed shared and outputs exclusively for the whole run, and the parts of one step write
//! disjoint stretches. So no written stretch is ever seen through another reference.

use crate::fusion::MAX_MEMBERS;
use crate::pool::Pool;
use crate::step::{Body, Buffer, Change, Home, Operand, Stage, Step};
use crate::{strips, tiles};
use downhill_autograd::operation::{AttentionPart, PoolPart, Reduction, RowFunction};
use downhill_autograd::{Args, Data, DataMut, Kind, Out, Precision};
use downhill_tensor::Key;
use downhill_tensor::kernels::denormals::FlushDenormals;
use downhill_tensor::kernels::matmul::{Product, Update};
use downhill_tensor::kernels::rows::{self, Rows};
use downhill_tensor::kernels::{attention, conv, copy, elementwise, gather, isa, matmul, pool, reduce};
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

    /// The number with which a step multiplies what it subtracts: its last operand.
    ///
    /// # Safety
    /// Nobody writes to it meanwhile.
    unsafe fn factor(&self, step: &Step) -> T {
        let operand = &step.operands[step.operands.len() - 1];
        // SAFETY: the operand has one element; the caller answers for the rest.
        unsafe { *self.float_pointer(operand.buffer).add(operand.layout.offset()) }
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

/// Runs one stage.
///
/// # Safety
/// `memory` fits the plan that the stage is of, and nobody else uses it.
///
/// # Errors
/// Values that an operation cannot take, in words, and the step that it belongs to.
pub(crate) unsafe fn run<T: Precision>(
    stage: &Stage,
    steps: &[Step],
    memory: &Memory<'_, T>,
    pool: &Pool,
) -> Result<(), (usize, String)> {
    match stage {
        Stage::Whole { step: number, parts, groups } => {
            let step = &steps[*number];
            if step.len == 0 && !matches!(step.body, Body::ScatterAdd { .. }) {
                return Ok(());
            }
            if is_fallible(&step.body) {
                // SAFETY: as the caller says.
                return unsafe { run_fallible(step, memory) }.map_err(|reason| (*number, reason));
            }
            // SAFETY: as the caller says.
            unsafe { check(step, memory) }.map_err(|reason| (*number, reason))?;
            pool.each(*parts, &|i, thread| {
                let _flush = (thread != 0).then(FlushDenormals::new);
                // SAFETY: parts of one step write to disjoint stretches, apart from its operands.
                unsafe { part(step, memory, i, *parts, *groups, thread) };
            });
        }
        Stage::Strip { steps: own, rows, groups, block } => {
            let first = own.start;
            let steps = &steps[own.clone()];
            for (number, step) in steps.iter().enumerate() {
                // SAFETY: as the caller says.
                unsafe { check(step, memory) }.map_err(|reason| (first + number, reason))?;
            }
            pool.each(*groups, &|group, thread| {
                let _flush = (thread != 0).then(FlushDenormals::new);
                let own = share(*rows, group, *groups);
                for start in own.clone().step_by(*block) {
                    let end = own.end.min(start + block);
                    for step in steps {
                        let units = strips::units(step).unwrap_or(*rows);
                        let Some(start) = strips::begin(step, &own, start, *block) else { continue };
                        let range = start * (units / rows)..end * (units / rows);
                        let at = Place { group, groups: *groups, first: start == own.start, thread };
                        // SAFETY: each row is computed once, by one thread; a step of a strip reads from what
                        // the strip writes nothing but the same rows; and each group has its own sums.
                        unsafe { work(step, memory, range, at) };
                    }
                }
            });
        }
    }
    Ok(())
}

/// Looks for values that a function of rows cannot take.
///
/// # Safety
/// As [`run`].
unsafe fn check<T: Precision>(step: &Step, memory: &Memory<'_, T>) -> Result<(), String> {
    // Only classes can be wrong.
    let Body::Rows(function, rows) = &step.body else { return Ok(()) };
    if !matches!(function, RowFunction::CrossEntropy | RowFunction::CrossEntropyGradient) {
        return Ok(());
    }
    let mut operands = [Rows::Index(&[]); MAX_OPERANDS];
    // SAFETY: a step's operands and its result lie apart.
    let operands = unsafe { rows_of(step, memory, *rows, 0..*rows, &mut operands) };
    rows::check(*function, *rows, operands).map_err(|error| error.to_string())
}

/// The rows `part` of the operands of a function of rows.
///
/// # Safety
/// Nobody writes to them meanwhile.
unsafe fn rows_of<'a, 'b, T: Precision>(
    step: &Step,
    memory: &Memory<'a, T>,
    rows: usize,
    part: Range<usize>,
    space: &'b mut [Rows<'a, T>; MAX_OPERANDS],
) -> &'b [Rows<'a, T>] {
    for (slot, operand) in space.iter_mut().zip(&step.operands) {
        let width = operand.layout.shape().size() / rows.max(1);
        let own = part.start * width..part.end * width;
        // SAFETY: the caller answers for it.
        *slot = unsafe {
            match memory.buffers[operand.buffer].kind {
                Kind::Float => Rows::Float(&memory.float_operand(operand)[own]),
                Kind::Index => Rows::Index(&memory.index_operand(operand)[own]),
            }
        };
    }
    &space[..step.operands.len()]
}

fn is_fallible(body: &Body) -> bool {
    matches!(body, Body::Opaque { .. } | Body::Gather { .. } | Body::ScatterAdd { .. })
}

/// Runs a step that can fail, whole.
///
/// # Safety
/// As [`run`].
unsafe fn run_fallible<T: Precision>(step: &Step, memory: &Memory<'_, T>) -> Result<(), String> {
    let out = step.outs[0];
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
                match memory.buffers[out].kind {
                    Kind::Float => Out::Float(memory.part_mut(out, 0..step.len)),
                    Kind::Index => {
                        Out::Index(std::slice::from_raw_parts_mut(memory.index_pointer(out), step.len))
                    }
                }
            };
            T::eval(&**operation, &args, out)
        }
        Body::Gather { rows, width } => {
            // SAFETY: a step's operands and its result lie apart.
            let (table, numbers, out) = unsafe {
                let [table, numbers] = [&step.operands[0], &step.operands[1]];
                let out = memory.part_mut(out, 0..step.len);
                (memory.float_operand(table), memory.index_operand(numbers), out)
            };
            gather::gather_rows(table, *rows, *width, numbers, out).map_err(|error| error.to_string())
        }
        Body::ScatterAdd { rows, width, change } => {
            // SAFETY: a step's operands and its result lie apart.
            let (source, numbers, out) = unsafe {
                let [source, numbers] = [&step.operands[0], &step.operands[1]];
                let out = memory.part_mut(out, 0..step.len);
                (memory.float_operand(source), memory.index_operand(numbers), out)
            };
            match change {
                Change::Set => {
                    out.fill(T::ZERO);
                    gather::scatter_add_rows(source, *rows, *width, numbers, 0..*rows, out)
                        .map_err(|error| error.to_string())
                }
                _ => {
                    gather::check_rows(numbers, *rows).map_err(|error| error.to_string())?;
                    // SAFETY: the factor is the last operand, of one element, which nobody writes to.
                    let factor = unsafe { memory.factor(step) };
                    gather::add_rows(out, *width, numbers, source, -factor);
                    Ok(())
                }
            }
        }
        _ => Ok(()),
    }
}

/// Which part of the work is done, and by whom.
#[derive(Clone, Copy)]
struct Place {
    /// The group, among how many, for whose sums the work is done.
    group: usize,
    groups: usize,
    /// Whether it is the first of the group's work.
    first: bool,
    thread: usize,
}

/// Computes one part of a step that stands by itself.
///
/// # Safety
/// As [`run`]; each part is computed once, and `thread` is the number of the calling thread.
unsafe fn part<T: Precision>(
    step: &Step,
    memory: &Memory<'_, T>,
    i: usize,
    parts: usize,
    groups: usize,
    thread: usize,
) {
    let place = Place { group: i, groups, first: true, thread };
    // SAFETY: the parts of different numbers are different.
    unsafe {
        match &step.body {
            Body::Loop(body) => {
                let units = step.len / body.row;
                let range = if body.row == 1 { stretch(units, i, parts) } else { share(units, i, parts) };
                work(step, memory, range, place);
            }
            // One product is cut along its longer side, many are dealt out.
            Body::Product(product, batches, _) if batches.len() == 1 => {
                let (mut rows, mut columns) = (0..product.m, 0..product.n);
                if product.m >= product.n {
                    rows = share(product.m, i, parts);
                } else {
                    columns = share(product.n, i, parts);
                }
                multiply(step, memory, rows, columns, 0..1, thread);
            }
            Body::Product(product, batches, _) => {
                let own = share(batches.len(), i, parts);
                multiply(step, memory, 0..product.m, 0..product.n, own, thread);
            }
            Body::Conv2d(conv::Conv2dPart::WeightGradient, geometry, images) => {
                let channels = share(geometry.out_channels, i, parts);
                weight_gradient(step, memory, channels, 0..*images, place);
            }
            Body::Reduce(reduction, axes) => {
                let part = share(step.len, i, parts);
                let x = &step.operands[0];
                let out = memory.part_mut(step.outs[0], part.clone());
                reduce_part(*reduction, memory.floats(x.buffer), x, *axes, part, out);
            }
            Body::Combine(groups, change) => {
                let part = stretch(step.len, i, parts);
                let x = memory.floats(step.operands[0].buffer);
                let out = memory.part_mut(step.outs[0], part.clone());
                for group in 0..*groups {
                    let x = &x[group * step.len..][part.clone()];
                    match change {
                        Change::Set if group == 0 => out.copy_from_slice(x),
                        Change::Set | Change::Add => {
                            elementwise::zip_in_place(
                                out,
                                x,
                                #[inline(always)]
                                |a, b| a + b,
                            );
                        }
                        Change::Subtract => {
                            let factor = memory.factor(step);
                            elementwise::zip_in_place(
                                out,
                                x,
                                #[inline(always)]
                                move |a, b| a - factor * b,
                            );
                        }
                    }
                }
            }
            Body::Copy { .. } if memory.buffers[step.outs[0]].kind == Kind::Index => {
                let Operand { buffer, layout } = &step.operands[0];
                let part = stretch(step.len, i, parts);
                let out = memory.index_pointer(step.outs[0]).add(part.start);
                let out = std::slice::from_raw_parts_mut(out, part.len());
                copy::copy_strided(memory.indices(*buffer), layout, part, out);
            }
            Body::Copy { block, stride, start } => {
                let Operand { buffer, layout } = &step.operands[0];
                let (x, len) = (memory.floats(*buffer), step.len);
                if *block == len {
                    let part = stretch(len, i, parts);
                    let out = memory.part_mut(step.outs[0], start + part.start..start + part.end);
                    copy::copy_strided(x, layout, part, out);
                } else {
                    for row in 0..len / block {
                        let to = row * stride + start;
                        let out = memory.part_mut(step.outs[0], to..to + block);
                        copy::copy_strided(x, layout, row * block..(row + 1) * block, out);
                    }
                }
            }
            Body::Conv2dPrepare(part, geometry) => {
                let out = memory.part_mut(step.outs[0], 0..step.len);
                conv::conv2d_prepare(geometry, *part, memory.float_operand(&step.operands[0]), out);
            }
            Body::Pad(layout) => {
                let out = memory.part_mut(step.outs[0], 0..step.len);
                copy::pad(memory.float_operand(&step.operands[0]), T::ZERO, out, layout);
            }
            Body::Uniform(stream) => {
                let part = stretch(step.len, i, parts);
                let out = memory.part_mut(step.outs[0], part.clone());
                memory.key.fold(*stream).fill_uniform(part.start as u64, out);
            }
            _ => {
                let units = strips::units(step).unwrap_or(1);
                work(step, memory, share(units, i, parts), place);
            }
        }
    }
}

/// Computes rows of a step that goes by rows ([`strips::units`] says how many there are).
///
/// # Safety
/// As [`run`]; nobody else computes these rows.
unsafe fn work<T: Precision>(step: &Step, memory: &Memory<'_, T>, range: Range<usize>, place: Place) {
    // SAFETY: a step's operands and its result lie apart, so nobody writes to what is read here.
    let read_flat = |number: usize| unsafe { memory.float_operand(&step.operands[number]) };
    // SAFETY: the rows of different calls lie apart.
    let write = |part: Range<usize>| unsafe { memory.part_mut(step.outs[0], part) };
    match &step.body {
        Body::Loop(body) => {
            let mut operands = [std::ptr::null(); tiles::MAX_LOADS];
            for (start, operand) in operands.iter_mut().zip(&step.operands) {
                *start = memory.float_pointer(operand.buffer).cast_const();
            }
            let mut outputs = [std::ptr::null_mut(); MAX_MEMBERS];
            for (number, (start, &out)) in outputs.iter_mut().zip(&step.outs).enumerate() {
                *start = memory.float_pointer(out);
                if place.groups > 1 && body.sums_across(number) {
                    let len = memory.buffers[out].len / place.groups;
                    // SAFETY: there is a place for each group.
                    *start = unsafe { start.add(place.group * len) };
                }
            }
            // SAFETY: scratch space suffices for the registers, and this is the calling thread's.
            let registers = unsafe { memory.scratch(place.thread) }.as_mut_ptr();
            let frame = tiles::Frame { operands: &operands, outputs: &outputs, registers };
            let range = range.start * body.row..range.end * body.row;
            // SAFETY: layouts lie in their buffers (checked when the plan was made), the range and the group's
            // sums belong to this call, and an output is an operand only where the loop knows it.
            unsafe { tiles::run(body, &frame, range, place.first) };
        }
        Body::Product(product, batches, _) if batches.len() == 1 => {
            if product.m == strips::units(step).unwrap_or(0) {
                // SAFETY: these rows belong to this call.
                unsafe { multiply(step, memory, range, 0..product.n, 0..1, place.thread) };
            } else {
                // SAFETY: the group's sums belong to this call.
                unsafe { multiply_rows(step, memory, range, place) };
            }
        }
        // SAFETY: these products belong to this call.
        Body::Product(product, ..) => unsafe {
            multiply(step, memory, 0..product.m, 0..product.n, range, place.thread);
        },
        Body::Rows(function, rows) => {
            let width = step.len / rows;
            let mut operands = [Rows::Index(&[]); MAX_OPERANDS];
            // SAFETY: a step's operands and its result lie apart.
            let operands = unsafe { rows_of(step, memory, *rows, range.clone(), &mut operands) };
            rows::apply(*function, range.len(), operands, write(range.start * width..range.end * width));
        }
        Body::Attention(kind, sizes, _) => {
            // SAFETY: this is the calling thread's number.
            let scratch = unsafe { memory.scratch(place.thread) };
            let packed = range.start * sizes.packed_len()..range.end * sizes.packed_len();
            let result = range.start * sizes.output_len()..range.end * sizes.output_len();
            let projections = &read_flat(0)[packed.clone()];
            match kind {
                AttentionPart::Forward => {
                    attention::attention(sizes, projections, write(result), scratch);
                }
                AttentionPart::Gradient => {
                    let cotangent = &read_flat(1)[result];
                    attention::attention_gradient(sizes, projections, cotangent, write(packed), scratch);
                }
            }
        }
        Body::Conv2d(kind, geometry, _) => {
            let input = range.start * geometry.input_len()..range.end * geometry.input_len();
            let output = range.start * geometry.output_len()..range.end * geometry.output_len();
            // SAFETY: this is the calling thread's number.
            let scratch = unsafe { memory.scratch(place.thread) };
            match kind {
                conv::Conv2dPart::Forward => {
                    conv::conv2d(geometry, read_flat(1), &read_flat(0)[input], write(output), scratch);
                }
                conv::Conv2dPart::InputGradient => {
                    let (cotangent, weight) = (&read_flat(0)[output], read_flat(1));
                    conv::conv2d_input_gradient(geometry, weight, cotangent, write(input), scratch);
                }
                // SAFETY: the group's sums belong to this call.
                conv::Conv2dPart::WeightGradient => unsafe {
                    weight_gradient(step, memory, 0..geometry.out_channels, range, place);
                },
            }
        }
        Body::Pool2d(kind, geometry, _) => {
            let input = range.start * geometry.input_len()..range.end * geometry.input_len();
            let output = range.start * geometry.output_len()..range.end * geometry.output_len();
            let x = read_flat(0);
            let second = |part: Range<usize>| &read_flat(1)[part];
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
        _ => unreachable!("these do not go by rows"),
    }
}

/// Computes rows and columns of some of a step's products.
///
/// # Safety
/// As [`run`]; nobody else computes these.
unsafe fn multiply<T: Precision>(
    step: &Step,
    memory: &Memory<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
    batches: Range<usize>,
    thread: usize,
) {
    let Body::Product(product, starts, change) = &step.body else { return };
    // SAFETY: nobody writes to operands; rows and columns lie in the result and belong to this call alone.
    unsafe {
        let a = memory.floats(step.operands[0].buffer);
        let b = memory.floats(step.operands[1].buffer);
        let update = match change {
            Change::Set => Update::SET,
            Change::Add => Update::ADD,
            Change::Subtract => Update::add_scaled(-memory.factor(step)),
        };
        for number in batches {
            let [at_a, at_b] = starts[number];
            let first = (number * product.m + rows.start) * product.n + columns.start;
            matmul::matmul_raw(
                isa::current(),
                product,
                rows.clone(),
                columns.clone(),
                a.get(at_a..).unwrap_or(&[]),
                b.get(at_b..).unwrap_or(&[]),
                memory.float_pointer(step.outs[0]).add(first),
                update,
                memory.scratch(thread),
            );
        }
    }
}

/// Adds the products of these rows of B, and columns of A, to the sums of the group.
///
/// # Safety
/// As [`run`]; the group's sums belong to this call.
unsafe fn multiply_rows<T: Precision>(
    step: &Step,
    memory: &Memory<'_, T>,
    range: Range<usize>,
    place: Place,
) {
    let Body::Product(product, starts, _) = &step.body else { return };
    let part = Product { k: range.len(), ..*product };
    let [at_a, at_b] = starts[0];
    let update = if place.first { Update::SET } else { Update::ADD };
    // SAFETY: nobody writes to operands; the sums belong to this call alone.
    unsafe {
        let a = &memory.floats(step.operands[0].buffer)[at_a + range.start * product.a.column..];
        let b = &memory.floats(step.operands[1].buffer)[at_b + range.start * product.b.row..];
        let out = memory.float_pointer(step.outs[0]).add(place.group * step.len);
        let scratch = memory.scratch(place.thread);
        matmul::matmul_raw(isa::current(), &part, 0..part.m, 0..part.n, a, b, out, update, scratch);
    }
}

/// Adds what these images contribute to the weights' gradient to the sums of the group.
///
/// # Safety
/// As [`run`]; these channels of the group's sums belong to this call.
unsafe fn weight_gradient<T: Precision>(
    step: &Step,
    memory: &Memory<'_, T>,
    channels: Range<usize>,
    images: Range<usize>,
    place: Place,
) {
    let Body::Conv2d(_, geometry, _) = &step.body else { return };
    let window = geometry.weight_len() / geometry.out_channels;
    let start = if place.groups > 1 { place.group * geometry.weight_len() } else { 0 };
    // SAFETY: nobody writes to operands; the channels belong to this call alone.
    unsafe {
        let x = &memory.float_operand(&step.operands[0])
            [images.start * geometry.input_len()..images.end * geometry.input_len()];
        let cotangent = &memory.float_operand(&step.operands[1])
            [images.start * geometry.output_len()..images.end * geometry.output_len()];
        let out =
            memory.part_mut(step.outs[0], start + channels.start * window..start + channels.end * window);
        let scratch = memory.scratch(place.thread);
        conv::conv2d_weight_gradient(geometry, channels, x, cotangent, out, !place.first, scratch);
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

/// Checks that no step reads where it writes, unless it knows, that what lives at the same time lies apart, and
/// that all lies within its bounds.
pub(crate) fn verify(steps: &[Step], stages: &[Stage], buffers: &[Buffer], arena: [usize; 2]) -> bool {
    let stretch = |number: usize| -> Option<(usize, Range<usize>)> {
        let buffer = &buffers[number];
        match buffer.home {
            Home::Arena(at) => Some((usize::from(buffer.kind == Kind::Index), at..at + buffer.len)),
            Home::Output { port, offset } => Some((2 + port, offset..offset + buffer.len)),
            Home::Constant(_) | Home::Input { .. } => None,
        }
    };
    let inside = buffers.iter().all(|buffer| match buffer.home {
        Home::Arena(at) => at + buffer.len <= arena[usize::from(buffer.kind == Kind::Index)],
        _ => true,
    });
    let sound = |step: &Step| {
        let most = if matches!(step.body, Body::Loop(_)) { tiles::MAX_LOADS } else { MAX_OPERANDS };
        let in_bounds = |operand: &Operand| operand.layout.end() <= buffers[operand.buffer].len;
        step.operands.len() <= most
            && step.outs.len() <= MAX_MEMBERS
            && step.operands.iter().all(in_bounds)
            && step.outs.iter().all(|&out| stretch(out).is_some())
    };
    // Different buffers that a stage touches, one of which it writes, lie apart; a buffer that a step reads and
    // writes is one that an elementwise loop updates in place.
    let apart = |stage: &Stage| {
        let own = match stage {
            Stage::Whole { step, .. } => *step..step + 1,
            Stage::Strip { steps, .. } => steps.clone(),
        };
        let mut touched: Vec<(usize, usize, usize, usize, bool)> = Vec::new();
        for step in &steps[own] {
            let read = step.operands.iter().map(|operand| (operand.buffer, false));
            for (buffer, written) in read.chain(step.outs.iter().map(|&out| (out, true))) {
                if let Some((space, range)) = stretch(buffer)
                    && !range.is_empty()
                {
                    touched.push((space, range.start, range.end, buffer, written));
                }
            }
            let reads_own = step.operands.iter().any(|operand| step.outs.contains(&operand.buffer));
            if reads_own && !matches!(step.body, Body::Loop(_)) && step.len > 0 {
                return false;
            }
        }
        touched.sort_unstable();
        let mut reach: Option<(usize, usize, usize, bool)> = None;
        touched.iter().all(|&(space, start, end, buffer, written)| {
            let free = match reach {
                Some((other_space, other_end, other, other_written)) => {
                    space != other_space
                        || start >= other_end
                        || other == buffer
                        || !(written || other_written)
                }
                None => true,
            };
            if reach.is_none_or(|(other_space, other_end, ..)| space != other_space || end > other_end) {
                reach = Some((space, end, buffer, written));
            } else if let Some(reach) = &mut reach
                && reach.2 == buffer
            {
                reach.3 |= written;
            }
            free
        })
    };
    inside && steps.iter().all(sound) && stages.iter().all(apart)
}
