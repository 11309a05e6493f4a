//! Sequences of different lengths in one batch: which of their steps count.

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
