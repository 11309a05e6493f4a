//! Running loops on raw memory. All `unsafe` of the engine is here and below, in `tiles`, `small` and the pool.
//!
//! # Why it is sound
//! A plan knows for every step which stretches it reads and which one it writes. Buffers that are alive at
//! the same time lie apart (the placement pass guarantees it, and [`verify`] checks it when a plan is made),
//! inputs are borrowed shared and outputs exclusively for the whole run, and the parts of one step write
//! disjoint stretches. So no written stretch is ever seen through another reference.

mod memory;
mod scan;
mod verify;

pub(crate) use memory::{Address, Homes, Memory};
pub(crate) use verify::verify;

use crate::clock::Clock;
use crate::fusion::MAX_MEMBERS;
use crate::pool::Pool;
use crate::step::{Body, Change, Operand, Stage, Step};
use crate::{small, strips, tiles};
use downhill_autograd::operation::{AttentionPart, PoolPart, Reduction, RowFunction};
use downhill_autograd::{Args, Data, Kind, Out, Precision};
use downhill_tensor::kernels::denormals::FlushDenormals;
use downhill_tensor::kernels::matmul::{Product, Update};
use downhill_tensor::kernels::rows::{self, Rows};
use downhill_tensor::kernels::{attention, conv, copy, elementwise, gather, isa, matmul, pool, reduce};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Most operations have at most three operands; opaque ones may have this many.
pub(crate) const MAX_OPERANDS: usize = 16;

/// Part `i` of `parts` equal parts of `units` units of work.
#[inline(always)]
fn share(units: usize, i: usize, parts: usize) -> Range<usize> {
    if parts == 1 {
        return 0..units;
    }
    units * i / parts..units * (i + 1) / parts
}

/// Part `i` of a loop over elements, cut at cache lines.
#[inline(always)]
fn stretch(len: usize, i: usize, parts: usize) -> Range<usize> {
    let lines = share(len.div_ceil(32), i, parts);
    (lines.start * 32).min(len)..(lines.end * 32).min(len)
}

/// Runs one stage; `clock` notes the time of each step, where there is one.
///
/// # Safety
/// `memory` fits the plan that the stage is of, and nobody else uses it.
///
/// # Errors
/// Values that an operation cannot take, in words, and the step that it belongs to.
#[inline(always)]
pub(crate) unsafe fn run<T: Precision>(
    stage: &Stage,
    steps: &[Step],
    memory: &Memory<'_, T>,
    pool: &Pool,
    clock: Option<&Clock>,
) -> Result<(), (usize, String)> {
    match stage {
        Stage::Whole { step: number, parts, groups } => {
            let step = &steps[*number];
            if step.len == 0 && !matches!(step.body, Body::ScatterAdd { .. }) {
                return Ok(());
            }
            if is_fallible(&step.body) {
                // SAFETY: as the caller says.
                let done = Clock::time(clock, *number, || unsafe { run_fallible(step, memory) });
                return done.map_err(|reason| (*number, reason));
            }
            // SAFETY: as the caller says.
            unsafe { check(step, memory) }.map_err(|reason| (*number, reason))?;
            let compute = |i: usize, thread: usize| {
                // SAFETY: parts of one step write to disjoint stretches, apart from its operands.
                Clock::time(clock, *number, || unsafe { part(step, memory, i, *parts, *groups, thread) });
            };
            if *parts == 1 {
                compute(0, 0);
                return Ok(());
            }
            pool.each(*parts, &|i, thread| {
                let _flush = (thread != 0).then(FlushDenormals::new);
                compute(i, thread);
            });
        }
        Stage::Strip { steps: own, rows, groups, block } => {
            let first_step = own.start;
            let steps = &steps[own.clone()];
            for (number, step) in steps.iter().enumerate() {
                // SAFETY: as the caller says.
                unsafe { check(step, memory) }.map_err(|reason| (first_step + number, reason))?;
            }
            let compute = |group: usize, thread: usize| {
                let own = share(*rows, group, *groups);
                for start in own.clone().step_by(*block) {
                    let end = own.end.min(start + block);
                    for (number, step) in steps.iter().enumerate() {
                        let each = step.units / rows;
                        let Some(start) = strips::begin(step, &own, start, *block) else { continue };
                        let range = start * each..end * each;
                        let at = Place { group, groups: *groups, first: start == own.start, thread };
                        Clock::time(clock, first_step + number, || {
                            // SAFETY: each row is computed once, by one thread; a step of a strip reads from
                            // what the strip writes nothing but the same rows; and each group has its own sums.
                            unsafe { work(step, memory, range, at) };
                        });
                    }
                }
            };
            if *groups == 1 {
                compute(0, 0);
                return Ok(());
            }
            pool.each(*groups, &|group, thread| {
                let _flush = (thread != 0).then(FlushDenormals::new);
                compute(group, thread);
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

/// The rows `part` of the operands of a function of rows; no more than one, if rows of an operand lie apart.
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
        if !operand.layout.is_contiguous() {
            let start = operand.layout.offset() + part.start * operand.layout.strides()[0].unsigned_abs();
            // SAFETY: the caller answers for it.
            *slot = Rows::Float(unsafe { &memory.floats(operand.buffer)[start..start + width] });
            continue;
        }
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
    matches!(body, Body::Opaque { .. } | Body::Scan { .. } | Body::Gather { .. } | Body::ScatterAdd { .. })
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
        // SAFETY: as the caller says; steps that can fail are run by the calling thread.
        Body::Scan { scan, nested } => unsafe { scan::run(scan, *nested, step, memory) },
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
            Body::Copy { block, .. } if *block == step.len => {
                copy_elements(step, memory, stretch(step.len, i, parts));
            }
            Body::Copy { .. } => copy_elements(step, memory, 0..step.len),
            Body::MatmulPrepare(prepared, start) => {
                let panels = share(prepared.panels(), i, parts);
                let len = prepared.panel_len();
                let out = memory.part_mut(step.outs[0], panels.start * len..panels.end * len);
                prepared.fill(panels, &memory.floats(step.operands[0].buffer)[*start..], out);
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
                work(step, memory, share(step.units, i, parts), place);
            }
        }
    }
}

/// Computes rows of a step that goes by rows ([`Step::units`] says how many there are).
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
            let mut operands = [MaybeUninit::uninit(); tiles::MAX_LOADS];
            for (start, operand) in operands.iter_mut().zip(&step.operands) {
                start.write(memory.float_pointer(operand.buffer).cast_const());
            }
            let mut outputs = [MaybeUninit::uninit(); MAX_MEMBERS];
            for (number, (start, &out)) in outputs.iter_mut().zip(&step.outs).enumerate() {
                let mut first = memory.float_pointer(out);
                if place.groups > 1 && body.sums_across(number) {
                    let len = memory.buffers[out].len / place.groups;
                    // SAFETY: there is a place for each group.
                    first = unsafe { first.add(place.group * len) };
                }
                start.write(first);
            }
            // SAFETY: as many are written as there are operands and outputs.
            let (operands, outputs) = unsafe {
                let operands = operands[..step.operands.len()].assume_init_ref();
                (operands, outputs[..step.outs.len()].assume_init_ref())
            };
            // SAFETY: scratch space suffices for the registers, and this is the calling thread's.
            let registers = unsafe { memory.scratch(place.thread) }.as_mut_ptr();
            let frame = tiles::Frame { operands, outputs, registers };
            if let (Some(small), true) = (&body.small, range.len() == step.units) {
                // SAFETY: as below; all elements belong to this call.
                return unsafe { small::run(body, small, &frame, place.first) };
            }
            let range = range.start * body.row..range.end * body.row;
            // SAFETY: layouts lie in their buffers (checked when the plan was made), the range and the group's
            // sums belong to this call, and an output is an operand only where the loop knows it.
            unsafe { tiles::run(body, &frame, range, place.first) };
        }
        Body::Product(product, batches, _) if batches.len() == 1 => {
            if product.m == step.units {
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
            let together = step.operands.iter().all(|operand| operand.layout.is_contiguous());
            let at_once = if together { range.len().max(1) } else { 1 };
            for start in range.clone().step_by(at_once) {
                let own = start..start + at_once;
                let mut operands = [Rows::Index(&[]); MAX_OPERANDS];
                // SAFETY: a step's operands and its result lie apart.
                let operands = unsafe { rows_of(step, memory, *rows, own.clone(), &mut operands) };
                rows::apply(*function, at_once, operands, write(own.start * width..own.end * width));
            }
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
        Body::Copy { .. } => {
            let row = step.len / step.units;
            // SAFETY: these rows belong to this call.
            unsafe { copy_elements(step, memory, range.start * row..range.end * row) };
        }
        _ => unreachable!("these do not go by rows"),
    }
}

/// Copies elements of a step's operand to their places: whole blocks of them, if the step copies by blocks.
///
/// # Safety
/// As [`run`]; nobody else copies these.
unsafe fn copy_elements<T: Precision>(step: &Step, memory: &Memory<'_, T>, part: Range<usize>) {
    let Body::Copy { block, stride, start } = step.body else { return };
    let (Operand { buffer, layout }, out) = (&step.operands[0], step.outs[0]);
    // SAFETY: nobody writes to the operand; the elements belong to this call.
    unsafe {
        if !memory.buffers[out].is_float() {
            let to = memory.index_pointer(out).add(part.start);
            let to = std::slice::from_raw_parts_mut(to, part.len());
            return copy::copy_strided(memory.indices(*buffer), layout, part, to);
        }
        let x = memory.floats(*buffer);
        if block == step.len {
            let to = memory.part_mut(out, start + part.start..start + part.end);
            return copy::copy_strided(x, layout, part, to);
        }
        for row in part.start / block..part.end / block {
            let to = row * stride + start;
            let to = memory.part_mut(out, to..to + block);
            copy::copy_strided(x, layout, row * block..(row + 1) * block, to);
        }
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
        if let Some(prepared) = &step.prepared {
            let a = a.get(starts[0][0]..).unwrap_or(&[]);
            let c = memory.float_pointer(step.outs[0]).add(rows.start * product.n + columns.start);
            matmul::matmul_prepared_raw(prepared, rows, columns, a, b, c, update, memory.scratch(thread));
            return;
        }
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
        // A view of nothing may begin behind the end of its buffer.
        let x = if shape.size() == 0 { &[] } else { &x[layout.offset()..][..shape.size()] };
        reduce::reduce(reduction, x, whole, part, out);
    } else {
        reduce::reduce_strided(reduction, x, layout, |axis| axes >> axis & 1 == 1, part, out);
    }
}
