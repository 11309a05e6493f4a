//! Values of a strip that nobody needs any more leave their places to later ones.
//!
//! Threads work on different rows of a strip, each at its own pace, so two of its buffers may only share memory if
//! what one thread writes there can never be what another still reads. That is so where both are gone through row
//! by row and a row has the same length in both: then row i of one lies where row i of the other lies, and whoever
//! has row i goes through the strip in order. Such buffers become one. What is written next then lies in a near
//! cache already, and the arena shrinks.

use crate::lower::{Lowered, UNPLACED};
use crate::step::{Stage, Step};
use crate::strips;
use std::collections::HashMap;

/// When a buffer is touched: in which stages and by which steps first and last.
#[derive(Clone, Copy)]
struct Life {
    stages: (usize, usize),
    /// None if a step reads it that waits for further blocks while others go on.
    last_step: Option<usize>,
    /// Whether it is gone through row by row by all that write to it, and written before it is read.
    by_rows: bool,
}

/// Lets buffers of each strip take over the places of others.
pub(crate) fn reuse<T>(lowered: &mut Lowered<T>) {
    let lives = lives(lowered);
    for (at, stage) in lowered.stages.iter().enumerate() {
        let Stage::Strip { steps, .. } = stage else { continue };
        let own = |buffer: usize| {
            let free = lowered.buffers[buffer].home == UNPLACED && lowered.buffers[buffer].is_float();
            lives[buffer].filter(|life| free && life.by_rows && life.stages == (at, at))
        };
        let mut taken: HashMap<usize, usize> = HashMap::new();
        let mut free: HashMap<usize, Vec<usize>> = HashMap::new();
        for number in steps.clone() {
            let step = &mut lowered.steps[number];
            let mut ended: Vec<usize> = Vec::new();
            let mut place = |buffer: &mut usize, written: bool| {
                let Some(life) = own(*buffer) else { return };
                let len = lowered.buffers[*buffer].len;
                let there = match taken.get(buffer) {
                    Some(&there) => there,
                    None if written => free.get_mut(&len).and_then(Vec::pop).unwrap_or(*buffer),
                    None => return,
                };
                taken.insert(*buffer, there);
                if life.last_step == Some(number) && !ended.contains(&there) {
                    ended.push(there);
                }
                *buffer = there;
            };
            step.operands.iter_mut().for_each(|operand| place(&mut operand.buffer, false));
            step.outs.iter_mut().for_each(|out| place(out, true));
            // Not before the step is done: what it reads must not lie where it writes.
            for buffer in ended {
                free.entry(lowered.buffers[buffer].len).or_default().push(buffer);
            }
        }
    }
}

fn lives<T>(lowered: &Lowered<T>) -> Vec<Option<Life>> {
    let mut lives: Vec<Option<Life>> = vec![None; lowered.buffers.len()];
    for (at, stage) in lowered.stages.iter().enumerate() {
        for number in stage.steps() {
            let step: &Step = &lowered.steps[number];
            let read = step.operands.iter().map(|operand| (operand.buffer, false, true));
            let written = step.outs.iter().enumerate().map(|(n, &out)| (out, true, !strips::across(step, n)));
            let touched: Vec<_> = read.chain(written).collect();
            // What is done to a part is done to the whole, and not to all of it.
            let wholes = touched.iter().filter_map(|&(buffer, ..)| {
                let (whole, _) = lowered.whole(buffer);
                (whole != buffer).then_some((whole, false, false))
            });
            for (buffer, written, by_rows) in touched.iter().copied().chain(wholes) {
                let new = Life { stages: (at, at), last_step: Some(number), by_rows: written };
                let life = lives[buffer].get_or_insert(new);
                life.stages.1 = at;
                life.last_step = if strips::waits(step) { None } else { life.last_step.and(Some(number)) };
                life.by_rows &= by_rows;
            }
        }
    }
    lives
}
