//! Going through the steps of sequences.

use super::padding::Running;
use downhill_autograd::Var;

/// The most steps that are recorded one by one. An engine carries these out faster, while a scan, which longer
/// sequences become, takes program and memory that do not grow with its steps but for what is carried.
const MOST_UNROLLED: usize = 256;

/// The first of the states after the last step, `[n, width]`, or with `all_steps` after each, `[n, steps, width]`.
///
/// `cell` makes the next states of those before, of a step of `input` (`[steps, n, columns]`), and of what is the same
/// in all steps. Steps that do not count leave the states as they are.
#[track_caller]
pub(super) fn recur<'t>(
    running: Running<'t>,
    input: Var<'t>,
    start: &[Var<'t>],
    same: &[Var<'t>],
    all_steps: bool,
    cell: impl for<'u> Fn(&[Var<'u>], Var<'u>, &[Var<'u>]) -> Vec<Var<'u>>,
) -> Var<'t> {
    let steps = input.dim(0);
    let all = if steps > MOST_UNROLLED {
        let mask = running.by_step();
        let sequences: Vec<Var<'t>> = [Some(input), mask].into_iter().flatten().collect();
        let (last, all) = input.tape().scan(steps, start, &sequences, same, |step| {
            let mut next = cell(step.carried, step.elements[0], step.constants);
            if let Some(counts) = step.elements.get(1) {
                next.iter_mut().zip(step.carried).for_each(|(new, &old)| *new = counts.select(*new, old));
            }
            let first = next[0];
            (next, vec![first])
        });
        if !all_steps {
            return last[0];
        }
        all[0].permute(&[1, 0, 2])
    } else {
        let mut states = start.to_vec();
        let mut all = Vec::with_capacity(steps);
        for step in 0..steps {
            let next = cell(&states, input.at(step), same);
            states = next.into_iter().zip(&states).map(|(new, &old)| running.held(step, new, old)).collect();
            all.push(states[0]);
        }
        if !all_steps {
            return states[0];
        }
        input.tape().stack(&all, 1)
    };
    running.cleared(all)
}
