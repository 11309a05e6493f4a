//! Programs composed at random.

use super::{CaseRng, Input};
use crate::ops::{Conv2d, Pool2d};
use crate::{Output, Program, Result, Tape, Var};
use downhill_tensor::{Shape, Slice};

/// A program of `size` random operations, smooth and such that every intermediate stays within ±4, with its
/// inputs.
///
/// Outputs: `value`, a mean over all that was computed; `gradient`, with respect to all real inputs, one
/// after the other; and `hidden`, one of the intermediates in its own shape.
///
/// # Errors
/// None that the program is to blame for: an error is a bug of an operation's shape rule or derivative.
pub fn random_program(rng: &mut CaseRng, size: usize) -> Result<(Program, Vec<Input<f64>>)> {
    let tape = Tape::new();
    let (values, inputs) = random_values(&tape, rng, size);
    Ok((tape.finish(&values.outputs())?, inputs))
}

/// What a random program delivers.
pub struct RandomValues<'t> {
    value: Var<'t>,
    gradient: Vec<Var<'t>>,
    hidden: Var<'t>,
}

impl<'t> RandomValues<'t> {
    /// The outputs of [`random_program`].
    pub fn outputs(&self) -> [Output<'_, 't>; 3] {
        [
            Output::new("value", &self.value),
            Output::flat("gradient", &self.gradient),
            Output::new("hidden", &self.hidden),
        ]
    }
}

/// Records what [`random_program`] is made of.
pub fn random_values<'t>(
    tape: &'t Tape,
    rng: &mut CaseRng,
    size: usize,
) -> (RandomValues<'t>, Vec<Input<f64>>) {
    let mut inputs = Vec::new();
    let mut values = Vec::new();
    for i in 0..rng.within(1..=4) {
        let shape = rng.full_shape(0..=4);
        inputs.push(Input::Float(rng.tensor(shape, -2.0, 2.0).to_vec()));
        values.push(tape.input(&format!("x{i}"), shape));
    }
    let sources = values.clone();
    let rows = rng.full_shape(0..=1);
    // Some numbers below 1: every table has a row 0.
    inputs.push(Input::Index(vec![0; rows.size()]));
    let zero_rows = tape.index_input("rows", rows);
    let mut all = tape.scalar(0.0);
    for step in 0..size {
        // The newest half of the time, so that programs grow deep as well as wide.
        let x = if rng.chance(0.5) { values[values.len() - 1] } else { rng.pick(&values) };
        let other = rng.pick(&values);
        let y = tape.at_path(&format!("step.{step}"), || match rng.below(4) {
            0 => scalar_function(rng, x),
            1 => binary_function(rng, x, other),
            2 => movement(rng, x),
            _ => contraction(rng, x, zero_rows),
        });
        // What an operation has blown up is left aside, so that programs stay small.
        if y.shape().size() <= 100 && y.shape().size() > 0 {
            values.push(y);
        }
        all = all + y.mean();
    }
    // Every input is reached, whatever happened to be chosen.
    for x in &sources {
        all = all + x.sin().mean();
    }
    let value = all * (1.0 / (size + sources.len()) as f64);
    let gradient = tape.grad(value, &sources);
    let hidden = rng.pick(&values);
    (RandomValues { value, gradient, hidden }, inputs)
}

/// Functions that map [-4, 4] into itself.
fn scalar_function<'t>(rng: &mut CaseRng, x: Var<'t>) -> Var<'t> {
    match rng.below(21) {
        0 => x.sin(),
        1 => x.cos(),
        2 => x.tanh(),
        3 => 3.0 * x.sigmoid(),
        4 => 0.9 * x.softplus(),
        5 => 2.0 * x.erf(),
        6 => (0.3 * x).exp(),
        7 => (0.3 * x).expm1(),
        8 => 0.25 * x.square(),
        9 => (1.0 + x.square()).sqrt() * 0.9,
        10 => (1.5 + x.tanh()).log(),
        11 => x.square().log1p(),
        12 => (1.5 + x.sigmoid()).recip(),
        13 => -x,
        14 => 0.9 * x.gelu(),
        15 => 0.9 * x.silu(),
        16 => 0.05 * x.powf(3.0),
        17 => x.atan(),
        18 => x.asinh(),
        19 => x.erfc(),
        _ => 1.0 - 0.5 * x,
    }
}

fn binary_function<'t>(rng: &mut CaseRng, x: Var<'t>, other: Var<'t>) -> Var<'t> {
    let other = match x.shape().broadcast(other.shape()) {
        Ok(_) => other,
        Err(_) if rng.chance(0.5) => other.mean(),
        Err(_) => x.cos(),
    };
    match rng.below(5) {
        0 => 0.5 * (x + other),
        1 => 0.5 * (x - other),
        2 => 0.25 * x * other,
        3 => x / (1.5 + other.sigmoid()),
        _ => (1.5 + 0.5 * x.tanh()).pow(other.tanh()),
    }
}

fn movement<'t>(rng: &mut CaseRng, x: Var<'t>) -> Var<'t> {
    let (rank, tape) = (x.rank(), x.tape());
    if rank == 0 {
        return x.broadcast_to([rng.within(1..=3), 2]);
    }
    let axis = rng.axis(rank);
    match rng.below(11) {
        0 => x.permute(&rng.order(rank)),
        1 => x.reshape([x.shape().size()]),
        2 => {
            let step = rng.pick(&[1, 2, -1]);
            x.slice(axis, Slice { start: None, end: None, step })
        }
        3 => x.pad(axis, rng.below(2), rng.below(2)),
        4 => x.flip(axis),
        5 => tape.concat(&[x, x.sin()], axis),
        6 if rank < 4 => tape.stack(&[x.cos(), x], axis),
        7 if rank < 4 => {
            let dims = [&[2][..], x.shape().dims()].concat();
            x.broadcast_to(Shape::new(&dims).unwrap_or(x.shape()))
        }
        8 => x.roll(axis, 1),
        9 => x.repeat(axis, 2),
        10 if rank > 1 => x.diagonal(0),
        _ => x.select_at(axis, 0),
    }
}

/// Reductions, products, rows, windows and chosen rows.
fn contraction<'t>(rng: &mut CaseRng, x: Var<'t>, zero_rows: Var<'t>) -> Var<'t> {
    let (rank, tape) = (x.rank(), x.tape());
    if rank == 0 {
        return (x * 0.5).sin();
    }
    let last = x.dim(-1);
    match rng.below(13) {
        0 => x.mean_over(&rng.axes(rank)),
        1 => x.sum_keep(&[-1]) * (1.0 / last as f64),
        2 => x.softmax(),
        3 => 0.25 * x.log_softmax(),
        4 => 0.4 * x.logsumexp(),
        5 => (x.variance_keep(&[-1]) + 0.1).sqrt(),
        6 => {
            let columns = rng.within(1..=3);
            let weight = tape.constant(rng.tensor([last, columns].into(), -1.0, 1.0));
            x.matmul(weight) * (1.0 / last as f64)
        }
        7 => {
            let table = x.gather(zero_rows);
            if rng.chance(0.5) { table } else { table.scatter_add(zero_rows, 2) * scatter_scale(zero_rows) }
        }
        8 => x.cumsum(-1) * (1.0 / last as f64),
        9 => 0.25 * x.var_over(&[-1], 0),
        10 => x.sort(-1, false).0,
        11 => (0.25 * x).cumprod(-1),
        _ => {
            let image = x.reshape([1, 1, x.shape().size() / last, last]).pad(-1, 1, 1).pad(-2, 1, 1);
            if rng.chance(0.4) {
                return image.avg_pool2d(Pool2d { kernel: [2, 2], stride: [1, 2], padding: [1, 0] });
            }
            let weight = tape.constant(rng.tensor([2, 1, 3, 3].into(), -0.1, 0.1));
            let stride = [1 + rng.below(2), 1 + rng.below(2)];
            image.conv2d(weight, Conv2d { stride, padding: [1, 0], ..Conv2d::default() })
        }
    }
}

/// All rows land in one, so the sum must be divided by their number.
fn scatter_scale(rows: Var<'_>) -> f64 {
    1.0 / rows.shape().size().max(1) as f64
}
