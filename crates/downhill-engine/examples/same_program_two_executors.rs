//! One recorded program, run by the interpreter and by the engine, in single and in double precision.
//!
//! The program says *float* and leaves the precision to whoever runs it. So a model that trains fast in `f32`
//! can be checked in `f64` without writing it twice, and the error of the fast run can be measured.
//!
//! `cargo run --release -p downhill-engine --example same_program_two_executors`
#![allow(clippy::print_stdout)]

use downhill_autograd::{
    Data, DataMut, Executor, Interpreter, Output, Precision, Program, Result, Run, Tape,
};
use downhill_engine::Engine;
use downhill_tensor::Key;
use std::time::Instant;

/// The energy of a chain of 1,000 springs that pull and saturate, and its gradient.
fn record() -> Result<Program> {
    let tape = Tape::new();
    let x = tape.input("x", [1000]);
    let stretch = x.slice(0, 1..1000) - x.slice(0, 0..999);
    let energy = (stretch.square() + 0.1 * stretch.tanh() + 1.0).log().sum();
    let gradient = tape.grad(energy, &[x])[0];
    tape.finish(&[Output::new("energy", &energy), Output::new("gradient", &gradient)])
}

/// Energy, gradient, and microseconds of a run, by any executor in any precision.
fn run<T: Precision>(executor: &impl Executor<T>, program: &Program) -> Result<(f64, Vec<f64>, f64)> {
    let mut positions = vec![T::ZERO; 1000];
    Key::new(3).fill_uniform(0, &mut positions);
    let (mut energy, mut gradient) = ([T::ZERO], vec![T::ZERO; 1000]);
    let mut run = executor.prepare(program)?;
    let start = Instant::now();
    for _ in 0..100 {
        let mut outputs = [DataMut::Float(&mut energy), DataMut::Float(&mut gradient)];
        run.run(&[Data::Float(&positions)], &mut outputs, Key::new(0))?;
    }
    let microseconds = start.elapsed().as_secs_f64() * 1e4;
    Ok((energy[0].to_f64(), gradient.iter().map(|g| g.to_f64()).collect(), microseconds))
}

fn main() -> Result<()> {
    let program = record()?;
    println!("{program}");

    let (reference, exact, time) = run::<f64>(&Interpreter, &program)?;
    println!("interpreter f64: energy {reference:.12}, {time:>7.1} microseconds");
    let engine = Engine::default();
    let results = [
        ("interpreter f32", run::<f32>(&Interpreter, &program)?),
        ("engine      f64", run::<f64>(&engine, &program)?),
        ("engine      f32", run::<f32>(&engine, &program)?),
    ];
    for (name, (energy, gradient, time)) in results {
        let worst = gradient.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!(
            "{name}: energy {energy:.12}, {time:>7.1} microseconds, gradient off by at most {worst:.1e}, energy by {:.1e}",
            (energy - reference).abs()
        );
    }
    Ok(())
}
