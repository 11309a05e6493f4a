//! Connectionist temporal classification: a sequence of labels without their places.

use super::{Reduction, refuse};
use crate::layers::padding;
use downhill_autograd::{Kind, Var};
use downhill_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The logarithm that stands for the probability 0: far below all others, and finite, so that it can be computed
/// with.
const IMPOSSIBLE: f64 = -1e30;

/// The negative log-likelihood of a sequence of labels, summed over all ways to lay it along the steps of a
/// longer one: each label over one step or several in a row, with blanks between them wherever one likes, and at
/// least one between two labels that are the same.
///
/// The sum is Graves's forward recursion in logarithms over the `2 S + 1` places of labels and blanks:
///
/// ```text
/// α₁(s) = log p₁(s) for the first blank and the first label
/// αₜ(s) = log Σ exp(αₜ₋₁(s), αₜ₋₁(s - 1), αₜ₋₁(s - 2) if s is a label unlike the one before) + log pₜ(s)
/// loss  = -log Σ exp(α_T(last label), α_T(last blank))
/// ```
///
/// With [`Reduction::Mean`] each sequence's loss is divided by the number of its labels (at least 1) first, as in
/// PyTorch. A sequence that has too few steps for its labels has the loss ∞, or 0 with `zero_infinity`, and in
/// both cases the gradient 0 (PyTorch: NaN without it).
///
/// The gradient is that by the logarithms as they are; PyTorch's adds the derivative of their normalization, which
/// vanishes behind a log-softmax.
///
/// # Source
/// Graves et al., "Connectionist temporal classification", ICML 2006; PyTorch, `torch.nn.CTCLoss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ctc {
    /// The class of the blank.
    pub blank: usize,
    /// Whether an impossible sequence counts as 0.
    pub zero_infinity: bool,
}

impl Ctc {
    /// Records the loss, reduced as asked.
    ///
    /// # Shape
    /// Logarithms of probabilities `[n, steps, classes]` (PyTorch: `[steps, n, classes]`); whole numbers: labels
    /// `[n, S]` (behind a shorter sequence any classes), the numbers of steps `[n]` and of labels `[n]`.
    #[track_caller]
    pub fn reduced<'t>(
        &self,
        log_probabilities: Var<'t>,
        labels: Var<'t>,
        steps: Var<'t>,
        counts: Var<'t>,
        reduction: Reduction,
    ) -> Var<'t> {
        let tape = log_probabilities.tape();
        let (&[n, length, classes], &[labels_n, most]) =
            (log_probabilities.shape().dims(), labels.shape().dims())
        else {
            let expected = "the output must be [n, steps, classes], and the labels [n, S]";
            return refuse("ctc", log_probabilities, labels, expected);
        };
        let whole = [labels, steps, counts].iter().all(|value| value.ty().kind == Kind::Index);
        if !whole || labels_n != n || steps.shape()[..] != [n] || counts.shape()[..] != [n] || length == 0 {
            let expected = "labels [n, S], numbers of steps [n] and of labels [n] must be whole numbers, and \
                            there must be at least one step";
            return refuse("ctc", log_probabilities, labels, expected);
        }
        if self.blank >= classes {
            let reason = format!("the blank ({}) must be one of the {classes} classes", self.blank);
            return refuse("ctc", log_probabilities, labels, &reason);
        }
        let places = 2 * most + 1;
        let impossible = tape.scalar(IMPOSSIBLE);

        // Which class stands at each place, as unit vectors: blank, label, blank, ..., label, blank.
        let blank = tape.constant(Tensor::from_fn([classes], |at| f64::from(u8::from(at[0] == self.blank))));
        let pairs = [blank.broadcast_to([n, most, classes]), labels.one_hot(classes)];
        let pairs = tape.stack(&pairs, 2).reshape([n, 2 * most, classes]);
        let class = tape.concat(&[pairs, blank.broadcast_to([n, 1, classes])], 1);
        let emitted = log_probabilities.matmul(class.transpose());

        // A place may be reached from the one before the last if another class stands there.
        let skips = (places > 2).then(|| {
            let same = class.slice(1, 2..) * class.slice(1, ..places - 2);
            (1.0 - same.sum_over(&[-1])).pad(1, 2, 0)
        });
        let shifted = |alpha: Var<'t>, by: usize| {
            let nothing = impossible.broadcast_to([n, by.min(places)]);
            tape.concat(&[nothing, alpha.slice(1, ..places.saturating_sub(by))], 1)
        };
        let running = padding::table(steps, length);
        let first = tape.constant(Tensor::from_fn([places], |at| f64::from(u8::from(at[0] < 2))));
        let mut alpha = first.select(emitted.select_at(1, 0), impossible);
        for step in 1..length {
            let mut ways = vec![alpha, shifted(alpha, 1)];
            ways.extend(skips.map(|skips| skips.select(shifted(alpha, 2), impossible)));
            let next = tape.stack(&ways, -1).logsumexp() + emitted.select_at(1, step);
            alpha = running.slice(1, step..step + 1).select(next, alpha);
        }

        let ends = Tensor::from_fn([most + 1, places], |at| {
            f64::from(u8::from(at[1] == 2 * at[0] || at[1] + 1 == 2 * at[0]))
        });
        let ends = tape.constant(ends).gather(counts);
        let loss = -ends.select(alpha, impossible).logsumexp();
        let infinite = if self.zero_infinity { 0.0 } else { f64::INFINITY };
        let loss = loss.gt(tape.scalar(-0.1 * IMPOSSIBLE)).select(tape.scalar(infinite), loss);
        if reduction == Reduction::Mean {
            let lengths = Tensor::from_fn([most + 1], |at| at[0].max(1) as f64);
            return (loss / tape.constant(lengths).gather(counts)).mean();
        }
        reduction.apply(loss)
    }
}
