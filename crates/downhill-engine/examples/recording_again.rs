//! A training step that records its tape each time, with its plan found again.
//!
//! Prints what a step takes on a plan held directly, recorded again on a cleared tape, recorded on a new tape, and
//! compiled anew each time; then trains a model whose shape changes from step to step.
//!
//! `cargo run --release -p downhill-engine --example recording_again`
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, DataMut, Output, Result, Run, Tape, Var};
use downhill_engine::{Engine, Plan, PlanCache};
use downhill_tensor::Key;
use std::time::Instant;

/// Sizes of a network with one hidden layer.
#[derive(Clone, Copy)]
struct Sizes {
    inputs: usize,
    hidden: usize,
    outputs: usize,
}

impl Sizes {
    fn parameters(self) -> usize {
        (self.inputs + 1) * self.hidden + (self.hidden + 1) * self.outputs
    }
}

/// Records a step: the mean square error on a batch, and the parameters after a step of gradient descent.
fn record(tape: &Tape, sizes: Sizes, batch: usize) -> (Var<'_>, [Var<'_>; 4]) {
    let Sizes { inputs, hidden, outputs } = sizes;
    let port = tape.vector("parameters");
    let [w1, b1] = [tape.part(port, "w1", [inputs, hidden]), tape.part(port, "b1", [hidden])];
    let [w2, b2] = [tape.part(port, "w2", [hidden, outputs]), tape.part(port, "b2", [outputs])];
    let (x, y) = (tape.input("x", [batch, inputs]), tape.input("y", [batch, outputs]));
    let prediction = (x.matmul(w1) + b1).tanh().matmul(w2) + b2;
    let loss = (prediction - y).square().mean();
    let parameters = [w1, b1, w2, b2];
    let gradient = tape.grad(loss, &parameters);
    (loss, std::array::from_fn(|i| parameters[i] - 0.05 * gradient[i]))
}

/// The numbers of a step.
struct Numbers {
    parameters: Vec<f32>,
    x: Vec<f32>,
    y: Vec<f32>,
    loss: f32,
}

impl Numbers {
    fn new(sizes: Sizes, batch: usize) -> Self {
        let uniform = |name: &str, len: usize| {
            let mut numbers = vec![0.0f32; len];
            Key::new(1).named(name).fill_uniform(0, &mut numbers);
            numbers
        };
        let parameters = uniform("parameters", sizes.parameters()).iter().map(|p| 0.2 * p - 0.1).collect();
        let (x, y) = (uniform("x", batch * sizes.inputs), uniform("y", batch * sizes.outputs));
        Numbers { parameters, x, y, loss: 0.0 }
    }

    fn run(&mut self, plan: &mut Plan<f32>) -> Result<()> {
        let inputs = [Data::InPlace, Data::Float(&self.x), Data::Float(&self.y)];
        let loss = DataMut::Float(std::slice::from_mut(&mut self.loss));
        plan.run(&inputs, &mut [loss, DataMut::Float(&mut self.parameters)], Key::new(0))
    }
}

/// The shortest of many times, in microseconds.
fn fastest(mut step: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    let end = Instant::now() + std::time::Duration::from_millis(400);
    while Instant::now() < end {
        let start = Instant::now();
        for _ in 0..10 {
            step()?;
        }
        best = best.min(start.elapsed().as_secs_f64() / 10.0);
    }
    Ok(best * 1e6)
}

fn compare(sizes: Sizes, batch: usize) -> Result<()> {
    let engine = Engine::default();
    let mut numbers = Numbers::new(sizes, batch);
    let (mut plans, mut tape) = (PlanCache::<f32>::new(&engine, 4), Tape::new());
    let (loss, new) = record(&tape, sizes, batch);
    let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
    let program = tape.finish(&outputs)?;
    let mut held = engine.compile::<f32>(&program)?;
    plans.finish(&tape, &outputs)?;

    let by_plan = fastest(|| numbers.run(&mut held))?;
    let again = fastest(|| {
        tape.clear();
        let (loss, new) = record(&tape, sizes, batch);
        let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
        numbers.run(plans.finish(&tape, &outputs)?)
    })?;
    let new_tape = fastest(|| {
        let tape = Tape::new();
        let (loss, new) = record(&tape, sizes, batch);
        let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
        numbers.run(plans.finish(&tape, &outputs)?)
    })?;
    let compiled = fastest(|| {
        let tape = Tape::new();
        let (loss, new) = record(&tape, sizes, batch);
        let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
        numbers.run(&mut engine.compile(&tape.finish(&outputs)?)?)
    })?;
    let Sizes { inputs, hidden, outputs } = sizes;
    println!("{inputs}-{hidden}-{outputs}, batch {batch}, {} values; microseconds a step:", program.len());
    for (name, time) in [
        ("plan held", by_plan),
        ("recorded again, on a cleared tape", again),
        ("recorded again, on a new tape", new_tape),
        ("compiled anew", compiled),
    ] {
        println!("  {name:<36} {time:>8.1}  {:>+8.1}", time - by_plan);
    }
    Ok(())
}

/// Sequences of changing lengths: the state goes through a recurrence of as many steps as there are inputs.
fn changing_lengths() -> Result<()> {
    const WIDTH: usize = 8;
    let (mut plans, mut tape) = (PlanCache::<f32>::new(&Engine::default(), 16), Tape::new());
    let mut parameters = vec![0.1f32; WIDTH * (WIDTH + 2)];
    println!("\nA recurrence over sequences of changing length; microseconds a step:");
    for turn in 0..12u64 {
        let length = [3, 5, 3, 8, 5, 3][turn as usize % 6];
        let start = Instant::now();
        let compiled = plans.compiled();
        tape.clear();
        let port = tape.vector("parameters");
        let own = [
            tape.part(port, "u", [WIDTH, WIDTH]),
            tape.part(port, "w", [WIDTH]),
            tape.part(port, "v", [WIDTH]),
        ];
        let [u, w, v] = own;
        let x = tape.input("x", [length]);
        let mut state = tape.zeros([1, WIDTH]);
        for i in 0..length {
            state = (state.matmul(u) + x.at(i) * w).tanh();
        }
        let loss = ((state * v).sum() - x.mean()).square();
        let gradient = tape.grad(loss, &own);
        let new: [_; 3] = std::array::from_fn(|i| own[i] - 0.1 * gradient[i]);
        let outputs = [Output::new("loss", &loss), Output::update("parameters", &new)];
        let plan = plans.finish(&tape, &outputs)?;
        let found = start.elapsed();
        let (mut x, mut loss) = (vec![0.0f32; length], [0.0f32]);
        Key::new(turn).fill_uniform(0, &mut x);
        let mut outputs = [DataMut::Float(&mut loss), DataMut::Float(&mut parameters)];
        plan.run(&[Data::InPlace, Data::Float(&x)], &mut outputs, Key::new(0))?;
        let way = if plans.compiled() > compiled { "compiled" } else { "found" };
        println!(
            "  step {turn:>2}, length {length}: {way:<9} {:>7.1}, run {:>6.1}, loss {:.4}",
            found.as_secs_f64() * 1e6,
            (start.elapsed() - found).as_secs_f64() * 1e6,
            loss[0]
        );
    }
    println!("  {} plans compiled, {} bytes", plans.compiled(), plans.bytes());
    Ok(())
}

fn main() -> Result<()> {
    compare(Sizes { inputs: 2, hidden: 8, outputs: 1 }, 4)?;
    compare(Sizes { inputs: 784, hidden: 128, outputs: 10 }, 32)?;
    changing_lengths()
}
