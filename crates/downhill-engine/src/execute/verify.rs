//! What the soundness of running a plan rests on, checked when the plan is made.

use super::MAX_OPERANDS;
use super::scan::MAX_PORTS;
use crate::fusion::MAX_MEMBERS;
use crate::step::{Body, Buffer, Home, Operand, Stage, Step};
use crate::tiles;
use downhill_autograd::Kind;
use std::ops::Range;

/// Checks that no step reads where it writes, unless it knows, that what lives at the same time lies apart, and
/// that all lies within its bounds.
pub(crate) fn verify(steps: &[Step], stages: &[Stage], buffers: &[Buffer], arena: [usize; 2]) -> bool {
    let stretch = |number: usize| -> Option<(usize, Range<usize>)> {
        let buffer = &buffers[number];
        match buffer.home {
            Home::Arena(at) => Some((usize::from(buffer.kind == Kind::Index), at..at + buffer.len)),
            Home::Output { port, offset } => Some((2 + port, offset..offset + buffer.len)),
            Home::Constant(_) | Home::Input { .. } | Home::Part { .. } => None,
        }
    };
    let inside = buffers.iter().all(|buffer| match buffer.home {
        Home::Arena(at) => at + buffer.len <= arena[usize::from(buffer.kind == Kind::Index)],
        _ => true,
    });
    let sound = |step: &Step| {
        let most = match &step.body {
            Body::Loop(_) => tiles::MAX_LOADS,
            Body::Scan { scan, .. } => {
                if scan.body().outputs().len() > MAX_PORTS {
                    return false;
                }
                MAX_PORTS
            }
            _ => MAX_OPERANDS,
        };
        let in_bounds = |operand: &Operand| operand.layout.end() <= buffers[operand.buffer].len;
        step.operands.len() <= most
            && step.outs.len() <= MAX_MEMBERS
            && step.operands.iter().all(in_bounds)
            && step.outs.iter().all(|&out| stretch(out).is_some())
    };
    // Different buffers that a stage touches, one of which it writes, lie apart; a buffer that a step reads and
    // writes is one that an elementwise loop updates in place.
    let apart = |stage: &Stage| {
        let mut touched: Vec<(usize, usize, usize, usize, bool)> = Vec::new();
        for step in &steps[stage.steps()] {
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
    // What a strip copies lies by rows where it is copied to, so that two threads never meet in a row.
    let by_rows = |stage: &Stage| match stage {
        Stage::Whole { .. } => true,
        Stage::Strip { steps: own, .. } => steps[own.clone()].iter().all(|step| match step.body {
            Body::Copy { block, stride, .. } if block > 0 => {
                step.len / block * stride == buffers[step.outs[0]].len
            }
            _ => true,
        }),
    };
    inside && steps.iter().all(sound) && stages.iter().all(|stage| apart(stage) && by_rows(stage))
}
