//! What a plan does, as a value to look at.

use crate::lower::Lowered;
use crate::step::{Body, Change, Stage, Step};
use downhill_autograd::Program;
use std::fmt;

/// The loops of a plan, in the order in which they run, and the memory that it holds. `Display` prints a line
/// for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The loops.
    pub loops: Vec<ScheduledLoop>,
    /// The stages: loops that run by themselves, and strips of loops that go through the batch together.
    pub stages: Vec<ScheduledStage>,
    /// Bytes of intermediate values. Those that are not needed at the same time share their places.
    pub intermediate_bytes: usize,
    /// Bytes of constants.
    pub constant_bytes: usize,
    /// Bytes in which threads lay things out while they compute, of all threads together.
    pub scratch_bytes: usize,
    /// The number of threads.
    pub threads: usize,
}

/// One loop of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledLoop {
    /// What it does: the name of the kernel, or the functions and sums that were fused, in order.
    pub kind: String,
    /// The elements that it computes.
    pub elements: usize,
    /// Floating-point operations, roughly: one for each function of each element, two for each multiplication
    /// with addition of a product.
    pub operations: u64,
    /// Bytes that it reads and writes, if each number is moved once. Those that a loop of the same strip has
    /// just written are in a near cache.
    pub bytes: u64,
    /// The path of the layer that it belongs to; empty at the top.
    pub layer: String,
}

/// Loops that run one after the other with nothing in between.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledStage {
    /// The numbers of its loops.
    pub loops: std::ops::Range<usize>,
    /// The parts into which it is cut for threads.
    pub parts: usize,
    /// Of a strip, its rows, and how many of them make a block.
    pub strip: Option<(usize, usize)>,
}

impl Schedule {
    pub(crate) fn new<T>(lowered: &Lowered<T>, program: &Program, threads: usize, element: usize) -> Self {
        let describe = |step: &Step| ScheduledLoop {
            kind: step.description(),
            elements: step.len,
            operations: step.operations(),
            bytes: bytes(step, lowered, element),
            layer: program.place(step.origin).path,
        };
        let stages = lowered.stages.iter().map(|stage| {
            let (parts, strip) = match stage {
                Stage::Whole { parts, .. } => (*parts, None),
                Stage::Strip { rows, groups, block, .. } => (*groups, Some((*rows, *block))),
            };
            ScheduledStage { loops: stage.steps(), parts, strip }
        });
        Schedule {
            loops: lowered.steps.iter().map(describe).collect(),
            stages: stages.collect(),
            intermediate_bytes: lowered.arena * element + lowered.index_arena * size_of::<i64>(),
            constant_bytes: lowered.floats.len() * element + lowered.indices.len() * size_of::<i64>(),
            scratch_bytes: lowered.scratch * threads * element,
            threads,
        }
    }

    /// Floating-point operations of one run, roughly.
    pub fn operations(&self) -> u64 {
        self.loops.iter().map(|each| each.operations).sum()
    }

    /// Bytes that the loops read and write in one run.
    pub fn bytes(&self) -> u64 {
        self.loops.iter().map(|each| each.bytes).sum()
    }
}

/// Bytes that a step reads and writes, each number once.
fn bytes<T>(step: &Step, lowered: &Lowered<T>, element: usize) -> u64 {
    let size = |buffer: usize| if lowered.buffers[buffer].is_float() { element } else { size_of::<i64>() };
    let read = step.operands.iter().map(|operand| {
        let (shape, strides) = (operand.layout.shape(), operand.layout.strides());
        // What is repeated along an axis is read once.
        let axes = shape.iter().zip(strides);
        let distinct: usize =
            axes.map(|(&dim, &stride)| if stride == 0 { dim.min(1) } else { dim }).product();
        distinct.min(lowered.buffers[operand.buffer].len) * size(operand.buffer)
    });
    let passes = match &step.body {
        Body::Product(_, _, change) | Body::Combine(_, change) if *change != Change::Set => 2,
        _ => 1,
    };
    let written = step.outs.iter().map(|&out| match &step.body {
        Body::Copy { .. } => step.len * size(out),
        _ => passes * lowered.buffers[out].len * size(out),
    });
    read.chain(written).sum::<usize>() as u64
}

/// 1,234,567 as `1.2 M`.
pub(crate) fn short(number: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.iter().find(|(unit, _)| number >= *unit) {
        Some((unit, letter)) => format!("{:.1} {letter}", number / unit),
        None => format!("{number:.0}"),
    }
}

impl fmt::Display for Schedule {
    /// Each loop with what it computes and moves, into how many parts it is cut, and the layer that it belongs
    /// to; loops that go through the batch together stand under a line of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plan: {} loops in {} stages on {} threads; {} operations and {}B moved in a run; \
             {}B of intermediates, {}B of constants, {}B of scratch space",
            self.loops.len(),
            self.stages.len(),
            self.threads,
            short(self.operations() as f64),
            short(self.bytes() as f64),
            short(self.intermediate_bytes as f64),
            short(self.constant_bytes as f64),
            short(self.scratch_bytes as f64),
        )?;
        writeln!(
            f,
            "  {:>4}  {:>5} {:>10} {:>10} {:>9}  {:<28} layer",
            "loop", "parts", "elements", "operations", "bytes", "kind"
        )?;
        for stage in &self.stages {
            if let Some((rows, block)) = stage.strip {
                writeln!(f, "  strip of {} loops, {rows} rows by {block}:", stage.loops.len())?;
            }
            for number in stage.loops.clone() {
                let ScheduledLoop { kind, elements, operations, bytes, layer } = &self.loops[number];
                writeln!(
                    f,
                    "  {number:>4}  {:>5} {elements:>10} {:>10} {:>9}  {kind:<28} {layer}",
                    stage.parts,
                    short(*operations as f64),
                    short(*bytes as f64),
                )?;
            }
        }
        Ok(())
    }
}
