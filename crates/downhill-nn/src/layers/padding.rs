//! Sequences of different lengths in one batch: which of their steps count.

use crate::Scope;
use downhill_autograd::{Kind, Var};
use downhill_tensor::Tensor;

/// 1 where a step is one of the first `lengths`, 0 behind them: whole numbers `[n]` give `[n, steps]`. A length
/// beyond the steps is an error when the program runs.
#[track_caller]
pub(crate) fn table<'t>(lengths: Var<'t>, steps: usize) -> Var<'t> {
    if lengths.ty().kind != Kind::Index || lengths.rank() != 1 {
        return lengths.refuse("lengths", "the lengths of the sequences must be whole numbers (index) [n]");
    }
    let counts = Tensor::from_fn([steps.saturating_add(1), steps], |at| f64::from(u8::from(at[1] < at[0])));
    lengths.tape().constant(counts).gather(lengths)
}

/// Which steps of the sequences count, for layers that go through them. Where all count, nothing is recorded.
#[derive(Clone, Copy)]
pub(super) struct Running<'t> {
    /// `[n, steps, 1]`: 1 for those that count.
    running: Option<Var<'t>>,
}

impl<'t> Running<'t> {
    /// For sequences of this many steps.
    #[track_caller]
    pub(super) fn of(scope: &Scope<'t>, steps: usize) -> Self {
        Running { running: scope.running(steps).map(|running| running.unsqueeze(-1)) }
    }

    /// Sequences `[n, steps, width]` with zeros in the steps that do not count, whatever stood there, NaN included.
    #[track_caller]
    pub(super) fn cleared(self, sequences: Var<'t>) -> Var<'t> {
        match self.running {
            Some(running) => running.select(sequences, sequences.tape().scalar(0.0)),
            None => sequences,
        }
    }

    /// The state after a step: the new one where the step counts, else the one before.
    #[track_caller]
    pub(super) fn held(self, step: usize, new: Var<'t>, old: Var<'t>) -> Var<'t> {
        match self.running {
            Some(running) => running.select_at(1, step).select(new, old),
            None => new,
        }
    }
}
