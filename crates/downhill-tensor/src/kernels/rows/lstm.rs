//! The cell of an LSTM behind its products, and the gradient.
//!
//! # Source
//! Hochreiter and Schmidhuber, "Long short-term memory", 1997, with the forget gate of Gers, Schmidhuber and
//! Cummins, "Learning to forget", 2000. The gates stand in PyTorch's order: input, forget, candidate, output.

use crate::Float;
use crate::kernels::isa::{Isa, vectorize};
use crate::kernels::math::{sigmoid, tanh};

/// A row of gates in its four parts.
#[inline(always)]
fn quarters<T>(gates: &[T], h: usize) -> [&[T]; 4] {
    let (first, second) = gates.split_at(2 * h);
    let ((i, f), (g, o)) = (first.split_at(h), second.split_at(h));
    [&i[..h], &f[..h], &g[..h], &o[..h]]
}

/// `[output | new state]` of each row of gates and states.
pub(super) fn lstm_cell<T: Float>(isa: Isa, gates: &[T], c: &[T], rows: usize, out: &mut [T]) {
    let h = c.len() / rows;
    let fits = c.len() == rows * h && gates.len() == 4 * c.len() && out.len() == 2 * c.len();
    assert!(fits, "the lengths do not fit {rows} rows");
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            for row in 0..rows {
                let [i, f, g, o] = quarters(&gates[row * 4 * h..(row + 1) * 4 * h], h);
                let c = &c[row * h..(row + 1) * h];
                let (output, state) = out[row * 2 * h..(row + 1) * 2 * h].split_at_mut(h);
                let state = &mut state[..h];
                for at in 0..h {
                    let next = sigmoid(f[at]) * c[at] + sigmoid(i[at]) * tanh(g[at]);
                    state[at] = next;
                    output[at] = sigmoid(o[at]) * tanh(next);
                }
            }
        },
    );
}

/// `[cotangents of the gates | of the state]` of each row, for the cotangents of output and new state.
pub(super) fn lstm_cell_gradient<T: Float>(
    isa: Isa,
    gates: &[T],
    c: &[T],
    [d_output, d_next]: [&[T]; 2],
    rows: usize,
    out: &mut [T],
) {
    let h = c.len() / rows;
    let fits = c.len() == rows * h && gates.len() == 4 * c.len() && d_output.len() == c.len();
    assert!(
        fits && d_next.len() == c.len() && out.len() == 5 * c.len(),
        "the lengths do not fit {rows} rows"
    );
    vectorize(
        isa,
        #[inline(always)]
        |_| {
            for row in 0..rows {
                let [i, f, g, o] = quarters(&gates[row * 4 * h..(row + 1) * 4 * h], h);
                let c = &c[row * h..(row + 1) * h];
                let (d_output, d_next) = (&d_output[row * h..(row + 1) * h], &d_next[row * h..(row + 1) * h]);
                let (d_gates, d_c) = out[row * 5 * h..(row + 1) * 5 * h].split_at_mut(4 * h);
                let (first, second) = d_gates.split_at_mut(2 * h);
                let ((d_i, d_f), (d_g, d_o)) = (first.split_at_mut(h), second.split_at_mut(h));
                let (d_g, d_o, d_c) = (&mut d_g[..h], &mut d_o[..h], &mut d_c[..h]);
                for at in 0..h {
                    let (i, f, g, o) = (sigmoid(i[at]), sigmoid(f[at]), tanh(g[at]), sigmoid(o[at]));
                    let squashed = tanh(f * c[at] + i * g);
                    let d_state = d_next[at] + d_output[at] * o * (T::ONE - squashed * squashed);
                    d_i[at] = d_state * g * (i * (T::ONE - i));
                    d_f[at] = d_state * c[at] * (f * (T::ONE - f));
                    d_g[at] = d_state * i * (T::ONE - g * g);
                    d_o[at] = d_output[at] * squashed * (o * (T::ONE - o));
                    d_c[at] = d_state * f;
                }
            }
        },
    );
}
