//! Matrices that are multiplied with again and again are copied together once.
//!
//! A product reads its right-hand matrix, the weights say, fastest in panels ([`Prepared`]). Products that go by
//! blocks of rows, or that follow one another with the same matrix as the steps of a recurrent layer do, would
//! each copy it together anew. Where that is more than once, a step of its own does it before the first of them.
//! No bit depends on it.

use crate::lower::{Lowered, UNPLACED};
use crate::step::{Body, Buffer, Operand, Stage, Step};
use downhill_autograd::{Kind, Precision};
use downhill_tensor::Layout;
use downhill_tensor::kernels::isa;
use downhill_tensor::kernels::matmul::{Prepared, Strides2, preparing_pays};
use std::collections::HashMap;

/// A right-hand matrix: its buffer, how often that has been written to before, where in it the matrix begins,
/// its rows, columns and strides.
type Matrix = (usize, usize, usize, usize, usize, Strides2);

/// What is known of a matrix.
struct Use {
    /// The first stage that multiplies with it.
    first: usize,
    /// The products with it.
    steps: Vec<usize>,
    /// The rows of all of them together, and the most of them that are computed at once.
    rows: usize,
    at_once: usize,
}

/// Has matrices prepared that are worth it.
pub(crate) fn prepare<T: Precision>(lowered: &mut Lowered<T>, threads: usize) {
    let worthwhile: Vec<(Matrix, Use)> = uses(lowered)
        .into_iter()
        .filter(|(_, uses)| {
            let Body::Product(product, ..) = &lowered.steps[uses.steps[0]].body else { return false };
            preparing_pays::<T>(product, uses.at_once, uses.rows)
        })
        .collect();
    let mut before: HashMap<usize, Vec<Step>> = HashMap::new();
    for ((buffer, _, start, ..), uses) in worthwhile {
        let mut panels = None;
        for number in uses.steps {
            let step = &mut lowered.steps[number];
            let Body::Product(product, ..) = &step.body else { continue };
            let prepared = Prepared::new::<T>(isa::current(), product);
            let layout = Layout::contiguous([prepared.len()].into());
            let panels = *panels.get_or_insert_with(|| {
                let len = prepared.len();
                lowered.buffers.push(Buffer { kind: Kind::Float, len, home: UNPLACED });
                let panels = lowered.buffers.len() - 1;
                before.entry(uses.first).or_default().push(Step {
                    body: Body::MatmulPrepare(prepared, start),
                    operands: vec![Operand { buffer, ..step.operands[1] }],
                    outs: vec![panels],
                    len,
                    units: 0,
                    scratch: 0,
                    prepared: None,
                    origin: step.origin,
                });
                panels
            });
            step.operands[1] = Operand { buffer: panels, layout };
            step.prepared = Some(prepared);
        }
    }
    insert(lowered, before, threads);
}

/// The right-hand matrices of a plan's products.
fn uses<T>(lowered: &Lowered<T>) -> Vec<(Matrix, Use)> {
    let mut found: Vec<(Matrix, Use)> = Vec::new();
    let mut number_of: HashMap<Matrix, usize> = HashMap::new();
    // How often each buffer has been written to, and by which stage last.
    let mut writes = vec![(0, usize::MAX); lowered.buffers.len()];
    for (at, stage) in lowered.stages.iter().enumerate() {
        // What the stage itself writes is not there before it.
        let own = stage.steps();
        for out in lowered.steps[own.clone()].iter().flat_map(|step| &step.outs) {
            writes[*out] = (writes[*out].0 + 1, at);
        }
        for number in own {
            let step = &lowered.steps[number];
            let Body::Product(product, batches, _) = &step.body else { continue };
            let buffer = step.operands[1].buffer;
            let (version, writer) = writes[buffer];
            let by_rows = match stage {
                Stage::Whole { .. } => true,
                Stage::Strip { .. } => product.m == step.units,
            };
            if batches.len() != 1 || !by_rows || writer == at {
                continue;
            }
            let matrix = (buffer, version, batches[0][1], product.k, product.n, product.b);
            let rows = match stage {
                Stage::Strip { rows, block, .. } => product.m / rows * block,
                Stage::Whole { parts, .. } if product.m >= product.n => product.m.div_ceil(*parts),
                Stage::Whole { .. } => product.m,
            };
            let place = *number_of.entry(matrix).or_insert_with(|| {
                found.push((matrix, Use { first: at, steps: Vec::new(), rows: 0, at_once: 0 }));
                found.len() - 1
            });
            let uses = &mut found[place].1;
            uses.steps.push(number);
            uses.rows += product.m;
            uses.at_once = uses.at_once.max(rows);
        }
    }
    found
}

/// Inserts steps, each a stage of its own, before stages.
fn insert<T: Precision>(lowered: &mut Lowered<T>, mut before: HashMap<usize, Vec<Step>>, threads: usize) {
    if before.is_empty() {
        return;
    }
    let stages = std::mem::take(&mut lowered.stages);
    let mut steps = std::mem::take(&mut lowered.steps).into_iter();
    for (at, mut stage) in stages.into_iter().enumerate() {
        for step in before.remove(&at).unwrap_or_default() {
            let parts = (step.len / MIN_PART).clamp(1, threads);
            lowered.stages.push(Stage::Whole { step: lowered.steps.len(), parts, groups: 1 });
            lowered.steps.push(step);
        }
        let (start, count) = (lowered.steps.len(), stage.steps().len());
        lowered.steps.extend(steps.by_ref().take(count));
        match &mut stage {
            Stage::Whole { step, .. } => *step = start,
            Stage::Strip { steps, .. } => *steps = start..start + count,
        }
        lowered.stages.push(stage);
    }
}

/// Elements to copy together that are worth a thread's while.
const MIN_PART: usize = 8 * 1024;
