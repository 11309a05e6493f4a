//! In which order steps are carried out, which of them together, and into how many parts they are cut.
//!
//! Most steps of a training step work row by row: what they write in one row of the batch depends on the same
//! row of what they read. Such steps are gathered into a *strip*, which is carried out block by block of rows:
//! all steps on the first block, then all on the next. So a step finds in a near cache what the one before has
//! written, and threads, which take blocks, meet once a strip instead of once a step. A step that sums over rows
//! may take part too: each group of blocks sums its own rows, and a step after the strip adds the groups' sums.
//!
//! Rows, groups and blocks follow from shapes alone, never from the number of threads, and so do all bits.

use crate::loops::Load;
use crate::lower::{Lowered, UNPLACED};
use crate::step::{Body, Buffer, Change, Operand, Stage, Step};
use downhill_autograd::Kind;
use downhill_tensor::Layout;
use downhill_tensor::kernels::conv::Conv2dPart;
use downhill_tensor::kernels::matmul::Product;
use std::collections::{HashSet, VecDeque};
use std::ops::Range;

/// The most groups of a strip.
const MAX_GROUPS: usize = 16;
/// Rows of a product that make a block worth its while: its other operand is read once for each block.
const PRODUCT_ROWS: usize = 32;
/// Images that a convolution's gradient by its weights takes at once, if there are so many.
const GRADIENT_IMAGES: usize = 8;
/// Bytes of a block's rows in all buffers of a strip: what stays in a second-level cache beside weights.
const BLOCK_BYTES: usize = 192 * 1024;
/// Elements of a sum over rows that each group may have a copy of.
const GROUP_SUM: usize = 48 * 1024;
/// Elements of a matrix that is better not read by every thread: more than a second-level cache keeps.
const LARGE_MATRIX: usize = 80 * 1024;
/// Steps that a strip may overtake; more would make the search long.
const WINDOW: usize = 512;
/// Nanoseconds of work that are worth a thread's while, roughly.
const GRAIN: f64 = 3_000.0;

/// Puts the steps of a plan into stages. The last `fixed` steps stay at the end.
pub(crate) fn schedule<T>(lowered: &mut Lowered<T>, fixed: usize, threads: usize) {
    let mut steps = std::mem::take(&mut lowered.steps);
    let end = steps.split_off(steps.len() - fixed);
    let mut marks = Marks::new(lowered.buffers.len());
    let (ready, steps) = prepared_first(steps);
    for step in ready {
        lowered.emit(Strip { steps: vec![step], rows: 1 }, threads);
    }
    let mut waiting: VecDeque<usize> = (0..steps.len()).collect();
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    while !waiting.is_empty() {
        let (strip, rows) = gather(&mut waiting, &steps, &lowered.buffers, &mut marks);
        let steps = strip.into_iter().filter_map(|number| steps[number].take()).collect();
        lowered.emit(Strip { steps, rows }, threads);
    }
    for step in end {
        lowered.emit(Strip { steps: vec![step], rows: 1 }, threads);
    }
    for step in &mut lowered.steps {
        step.units = units(step).unwrap_or(0);
    }
}

/// Takes out the steps that prepare what is there from the start, so that they part no strip.
fn prepared_first(steps: Vec<Step>) -> (Vec<Step>, Vec<Step>) {
    let mut written: HashSet<usize> = HashSet::new();
    steps.into_iter().partition(|step| {
        let there = step.operands.iter().all(|operand| !written.contains(&operand.buffer));
        let first = there && matches!(step.body, Body::Conv2dPrepare(..));
        if !first {
            written.extend(&step.outs);
        }
        first
    })
}

/// Steps that go together.
struct Strip {
    steps: Vec<Step>,
    rows: usize,
}

/// What a strip in the making, and the steps that it overtakes, do with each buffer. Each mark holds the number of
/// the strip for which it was made, so that a new strip begins without any.
struct Marks {
    strip: usize,
    read: Vec<usize>,
    /// With whether it is written by rows, and not as a sum across them.
    written: Vec<(usize, bool)>,
    read_later: Vec<usize>,
    written_later: Vec<usize>,
}

impl Marks {
    fn new(buffers: usize) -> Self {
        let none = || vec![0; buffers];
        let written = vec![(0, false); buffers];
        Marks { strip: 0, read: none(), written, read_later: none(), written_later: none() }
    }

    /// Whether the strip writes a buffer, and if so, whether by rows.
    fn written(&self, buffer: usize) -> Option<bool> {
        let (strip, by_rows) = self.written[buffer];
        (strip == self.strip).then_some(by_rows)
    }

    /// Notes a step of the strip.
    fn take(&mut self, step: &Step) {
        step.operands.iter().for_each(|operand| self.read[operand.buffer] = self.strip);
        for (number, &out) in step.outs.iter().enumerate() {
            self.written[out] = (self.strip, !across(step, number));
        }
    }

    /// Notes a step that is left to later.
    fn leave(&mut self, step: &Step) {
        step.operands.iter().for_each(|operand| self.read_later[operand.buffer] = self.strip);
        step.outs.iter().for_each(|&out| self.written_later[out] = self.strip);
    }

    /// Whether a step must come after one that is left to later.
    fn follows(&self, step: &Step) -> bool {
        let later = |mark: usize| mark == self.strip;
        step.operands.iter().any(|operand| later(self.written_later[operand.buffer]))
            || step.outs.iter().any(|&out| later(self.written_later[out]) || later(self.read_later[out]))
    }

    /// Whether a step writes what the strip reads or writes.
    fn overwrites(&self, step: &Step) -> bool {
        // Copies side by side share a buffer, but no element of it.
        let beside = matches!(step.body, Body::Copy { block, .. } if block != step.len);
        step.outs.iter().any(|&out| {
            // A loop may take the place of its operand's rows: nobody else reads them.
            let in_place = step.operands.iter().any(|operand| operand.buffer == out);
            let own = in_place && self.written(out) == Some(true);
            !own && (self.read[out] == self.strip || (self.written(out).is_some() && !beside))
        })
    }
}

/// Takes the first step, and all that can go with it, from those that are waiting; what is left keeps its order.
/// Returns the numbers of the steps, and their rows.
fn gather(
    waiting: &mut VecDeque<usize>,
    steps: &[Option<Step>],
    buffers: &[Buffer],
    marks: &mut Marks,
) -> (Vec<usize>, usize) {
    marks.strip += 1;
    let (mut strip, mut later) = (Vec::new(), Vec::new());
    let (mut rows, mut wants_many) = (0, None);
    while let Some(number) = waiting.pop_front() {
        let Some(step) = &steps[number] else { continue };
        // What changes a value by a sum over rows does so when the strip is done.
        let overwrites = changes(step) == Change::Set && marks.overwrites(step);
        let wants = wants_many_rows(step);
        let differs = wants.is_some() && wants_many.is_some() && wants != wants_many;
        let left = marks.follows(step) || overwrites || differs;
        let fitting = if left { None } else { fit(step, buffers, marks, rows) };
        match fitting {
            Some(fitting) => {
                rows = fitting;
                wants_many = wants_many.or(wants);
                marks.take(step);
                strip.push(number);
            }
            None if strip.is_empty() => return (vec![number], 1),
            None => {
                marks.leave(step);
                later.push(number);
                if later.len() >= WINDOW {
                    break;
                }
            }
        }
    }
    later.into_iter().rev().for_each(|number| waiting.push_front(number));
    (strip, rows)
}

/// Whether a step asks for many rows at once, as products do, or for few, as images do, which fill a cache by
/// themselves.
fn wants_many_rows(step: &Step) -> Option<bool> {
    match &step.body {
        Body::Product(product, batches, _) if batches.len() == 1 => {
            (!is_row_sum(step, product)).then_some(true)
        }
        Body::Conv2d(..) | Body::Pool2d(..) => Some(false),
        _ => None,
    }
}

/// Whether output `number` of a step is a sum over rows.
pub(crate) fn across(step: &Step, number: usize) -> bool {
    match &step.body {
        Body::Loop(body) => body.sums_across(number),
        Body::Product(product, batches, _) => batches.len() == 1 && is_row_sum(step, product),
        Body::Conv2d(Conv2dPart::WeightGradient, ..) => true,
        _ => false,
    }
}

fn changes(step: &Step) -> Change {
    match &step.body {
        Body::Product(_, _, change) => *change,
        _ => Change::Set,
    }
}

/// Whether a product's rows of work are those of its inner dimension: few results of long sums, over columns of
/// the left matrix, as in the gradient of weights.
fn is_row_sum(step: &Step, product: &Product) -> bool {
    let by_columns = product.a.column >= product.a.row;
    by_columns && step.len <= GROUP_SUM && product.k >= 4 * product.m && product.k >= 64
}

/// The least number of rows with which a strip is one.
const MIN_ROWS: usize = 8;

/// The number of rows by which a strip goes that this step takes part in; `rows` is what it was before (0 for
/// any). None if the step does not fit.
fn fit(step: &Step, buffers: &[Buffer], marks: &Marks, rows: usize) -> Option<usize> {
    let units = units(step)?;
    let rows = gcd(rows, units);
    if rows < MIN_ROWS {
        return None;
    }
    let fits = |number: usize| {
        let operand = &step.operands[number];
        match marks.written(operand.buffer) {
            None => true,
            Some(false) => false,
            Some(true) => reads_by_rows(step, number, operand, &buffers[operand.buffer], rows),
        }
    };
    (0..step.operands.len()).all(fits).then_some(rows)
}

fn gcd(a: usize, b: usize) -> usize {
    if a == 0 { b } else { gcd(b % a, a) }
}

/// Into how many rows of work a step can be cut, if it is one that can.
pub(crate) fn units(step: &Step) -> Option<usize> {
    let units = match &step.body {
        Body::Loop(body) => step.len / body.row,
        Body::Product(product, batches, change)
            if *change != Change::Set && (batches.len() > 1 || !is_row_sum(step, product)) =>
        {
            return None;
        }
        Body::Product(product, batches, _) => match batches.len() {
            1 if is_row_sum(step, product) => product.k,
            // Few rows are better cut by columns: each thread then reads its own part of a large matrix.
            1 if product.m < 2 * PRODUCT_ROWS && product.k * product.n >= LARGE_MATRIX => return None,
            1 => product.m,
            many => many,
        },
        Body::Rows(_, rows) => *rows,
        Body::Attention(_, _, sequences) => *sequences,
        Body::Conv2d(_, _, images) => *images,
        Body::Pool2d(_, _, planes) => *planes,
        Body::Copy { block, .. } if *block == step.len => {
            step.operands[0].layout.shape().iter().copied().find(|&dim| dim > 1)?
        }
        Body::Copy { block, .. } => step.len / (*block).max(1),
        _ => return None,
    };
    (units > 0 && step.len > 0).then_some(units)
}

/// Whether a step goes through several blocks of a strip at once, when the others have been there.
pub(crate) fn waits(step: &Step) -> bool {
    matches!(step.body, Body::Conv2d(Conv2dPart::WeightGradient, ..))
}

/// Where the rows begin that a step goes through when a strip, in `own`, has come to the block from `start` on;
/// none if it waits for more blocks. The gradient of a convolution by its weights is brought back from its
/// transform once for all images that it sees at once.
pub(crate) fn begin(step: &Step, own: &Range<usize>, start: usize, block: usize) -> Option<usize> {
    if !waits(step) {
        return Some(start);
    }
    let (number, most) = ((start - own.start) / block, GRADIENT_IMAGES.div_ceil(block));
    let complete = start + block >= own.end || (number + 1).is_multiple_of(most);
    complete.then(|| start - number % most * block)
}

/// Whether row i of a step's work reads nothing of an operand but row i.
fn reads_by_rows(step: &Step, number: usize, operand: &Operand, buffer: &Buffer, rows: usize) -> bool {
    let whole = operand.layout.is_contiguous()
        && operand.layout.offset() == 0
        && operand.layout.shape().size() == buffer.len;
    match &step.body {
        Body::Loop(body) => match &body.loads[number] {
            Load::Direct(0) => buffer.len == step.len,
            Load::Direct(_) | Load::Same(_) => false,
            Load::Strided { offset, strides, .. } => {
                let axes: Vec<(usize, isize)> =
                    body.dims.iter().copied().zip(strides.iter().copied()).collect();
                stays_in_rows(*offset, &axes, buffer.len, rows)
            }
        },
        Body::Product(product, batches, _) if batches.len() == 1 => {
            let layout = &operand.layout;
            let strides = layout.strides();
            let [row, column] = [strides[strides.len() - 2], strides[strides.len() - 1]];
            let offset = layout.offset() as isize;
            let summed = is_row_sum(step, product);
            let axes = match (number, summed) {
                (0, false) => [(product.m, row), (product.k, column)],
                (0, true) => [(product.k, column), (product.m, row)],
                (1, true) => [(product.k, row), (product.n, column)],
                _ => return false,
            };
            stays_in_rows(offset, &axes, buffer.len, rows)
        }
        Body::Copy { .. } => {
            let shape = operand.layout.shape();
            let axes = shape.iter().copied().zip(operand.layout.strides().iter().copied());
            let axes: Vec<(usize, isize)> = axes.filter(|&(dim, _)| dim > 1).collect();
            stays_in_rows(operand.layout.offset() as isize, &axes, buffer.len, rows)
        }
        Body::Product(product, batches, _) => {
            let (side, strides) = (number.min(1), [product.a, product.b][number.min(1)]);
            let (height, width) = if side == 0 { (product.m, product.k) } else { (product.k, product.n) };
            let extent = height.saturating_sub(1) * strides.row + width.saturating_sub(1) * strides.column;
            let share = buffer.len / rows;
            let each = batches.len() / rows;
            buffer.len.is_multiple_of(rows)
                && batches.iter().enumerate().all(|(at, starts)| {
                    let row = at / each;
                    starts[side] >= row * share && starts[side] + extent < (row + 1) * share
                })
        }
        Body::Conv2d(part, ..) => match (part, number) {
            (Conv2dPart::WeightGradient, _) | (_, 0) => whole && buffer.len.is_multiple_of(rows),
            _ => false,
        },
        Body::Rows(..) if !operand.layout.is_contiguous() => {
            let (shape, strides) = (operand.layout.shape(), operand.layout.strides());
            let axes = [(shape[0], strides[0]), (shape[1], strides[1])];
            stays_in_rows(operand.layout.offset() as isize, &axes, buffer.len, rows)
        }
        _ => whole && buffer.len.is_multiple_of(rows),
    }
}

/// Whether the first axis goes through the buffer from end to end, by as many equal stretches as it is long, and
/// the others stay within a stretch.
fn stays_in_rows(offset: isize, axes: &[(usize, isize)], len: usize, rows: usize) -> bool {
    let Some((&(count, stride), inner)) = axes.split_first() else { return false };
    let extent: isize = inner.iter().map(|&(dim, stride)| (dim as isize - 1) * stride.max(0)).sum();
    let forward = inner.iter().all(|&(dim, stride)| stride >= 0 || dim <= 1);
    count.is_multiple_of(rows)
        && stride > 0
        && stride as usize * count == len
        && forward
        && offset >= 0
        && offset + extent < stride
}

/// Nanoseconds that a step takes on one thread, very roughly.
fn cost(step: &Step) -> f64 {
    let each = match &step.body {
        Body::Product(..) | Body::Conv2d(..) | Body::Attention(..) => return step.operations() as f64 / 60.0,
        Body::Loop(body) => 0.3 + 0.1 * body.functions.iter().map(crate::loops::Function::cost).sum::<f64>(),
        Body::Copy { .. } | Body::Combine(..) => 0.3,
        _ => 1.0,
    };
    let len = step.operands.iter().map(|operand| operand.layout.shape().size()).max().unwrap_or(0);
    each * len.max(step.len) as f64
}

impl<T> Lowered<T> {
    /// Appends a strip, or a step by itself, with what adds up the sums of its groups.
    fn emit(&mut self, strip: Strip, threads: usize) {
        let Strip { mut steps, rows } = strip;
        // The order that they stand for is settled.
        steps.retain(|step| !matches!(step.body, Body::Join));
        if steps.is_empty() {
            return;
        }
        let total: f64 = steps.iter().map(cost).sum();
        let worth = (total / GRAIN) as usize;
        let start = self.steps.len();
        if steps.len() <= 1 {
            let Some(mut step) = steps.pop() else { return };
            let sums = matches!(step.body, Body::Loop(_)) && across_any(&step);
            let groups = match units(&step) {
                Some(units) if sums => worth.min(MAX_GROUPS).min(units / 8).max(1),
                _ => 1,
            };
            let parts = if sums { groups } else { parts(&step, worth.clamp(1, threads)) };
            let combined = if sums { self.split_sums(&mut step, groups) } else { Vec::new() };
            self.steps.push(step);
            self.stages.push(Stage::Whole { step: start, parts, groups });
            self.combine(combined, threads);
            return;
        }
        // Rows of each product in a row of the strip.
        let heights = steps.iter().filter_map(|step| match &step.body {
            Body::Product(product, batches, _) if batches.len() == 1 && !is_row_sum(step, product) => {
                Some((product.m / rows).max(1))
            }
            _ => None,
        });
        let least = heights.map(|height| PRODUCT_ROWS.div_ceil(height)).max().unwrap_or(1);
        let most = (rows / least).clamp(if rows >= 2 * MIN_ROWS { 2 } else { 1 }, MAX_GROUPS);
        let groups = worth.clamp(1, most);
        let mut bytes = 0;
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for step in &steps {
            // Of a buffer of which only a part is read, that part.
            let read = step.operands.iter().map(|operand| {
                let len = operand.layout.shape().size().min(self.buffers[operand.buffer].len);
                (operand.buffer, operand.layout.offset(), len)
            });
            let written = step.outs.iter().map(|&out| (out, 0, self.buffers[out].len));
            for (buffer, offset, len) in read.chain(written) {
                if len >= rows && seen.insert((buffer, offset)) {
                    bytes += len / rows * size_of::<T>();
                }
            }
        }
        let block = (BLOCK_BYTES / bytes.max(1)).max(least).clamp(1, rows.div_ceil(groups));
        let mut combined = Vec::new();
        for step in &mut steps {
            if across_any(step) {
                combined.extend(self.split_sums(step, groups));
            }
        }
        self.steps.extend(steps);
        self.stages.push(Stage::Strip { steps: start..self.steps.len(), rows, groups, block });
        self.combine(combined, threads);
    }

    /// Gives each group a place for its sums. Returns the steps that add them up.
    fn split_sums(&mut self, step: &mut Step, groups: usize) -> Vec<Step> {
        let change = changes(step);
        if groups <= 1 && change == Change::Set {
            return Vec::new();
        }
        // What a group's sums become is done when all groups are combined.
        let factor = if change == Change::Subtract { step.operands.pop() } else { None };
        if let Body::Product(_, _, change) = &mut step.body {
            *change = Change::Set;
        }
        let mut combine = Vec::new();
        for number in 0..step.outs.len() {
            if !across(step, number) {
                continue;
            }
            let out = step.outs[number];
            let len = self.buffers[out].len;
            self.buffers.push(Buffer { kind: Kind::Float, len: groups * len, home: UNPLACED });
            let partial = self.buffers.len() - 1;
            step.outs[number] = partial;
            combine.push(Step {
                body: Body::Combine(groups, change),
                operands: std::iter::once(Operand {
                    buffer: partial,
                    layout: Layout::contiguous([groups, len].into()),
                })
                .chain(factor)
                .collect(),
                outs: vec![out],
                len,
                units: 0,
                scratch: 0,
                prepared: None,
                origin: step.origin,
            });
        }
        combine
    }

    fn combine(&mut self, steps: Vec<Step>, threads: usize) {
        for step in steps {
            let parts = parts(&step, ((cost(&step) / GRAIN) as usize).clamp(1, threads));
            self.steps.push(step);
            self.stages.push(Stage::Whole { step: self.steps.len() - 1, parts, groups: 1 });
        }
    }
}

fn across_any(step: &Step) -> bool {
    (0..step.outs.len()).any(|number| across(step, number))
}

/// Into how many parts a step by itself is cut, if `worth` are worth their while. No bit of its result depends
/// on it.
fn parts(step: &Step, worth: usize) -> usize {
    let limit = match &step.body {
        Body::Product(product, batches, _) => match batches.len() {
            0 => 1,
            1 => product.m.max(product.n),
            many => many,
        },
        Body::Conv2d(Conv2dPart::WeightGradient, geometry, _) => geometry.out_channels,
        Body::Conv2d(_, _, images) => *images,
        Body::Pool2d(_, _, planes) => *planes,
        Body::Rows(_, rows) => *rows,
        Body::Attention(_, _, sequences) => *sequences,
        Body::Loop(body) => step.len / body.row,
        Body::Reduce(..) => step.len / 16,
        Body::Uniform(_) | Body::Combine(..) => step.len,
        Body::Copy { block, .. } if *block == step.len => step.len,
        _ => 1,
    };
    worth.min(limit.max(1))
}
