//! The plans of all workloads give what the interpreter gives.
//!
//! # The bounds
//! In double precision: no element of an output is off by more than `TIGHT` times the largest number in that
//! output. Sums in another order are all that may differ.
//!
//! In single precision the truth is the interpreter's in double precision, on the same inputs. How far a result
//! may be off depends on its program: it is measured by how far the truth moves when parameters and batch are
//! rounded to single precision, which nobody can avoid. An element may be off by `AS_ROUNDING` times the
//! largest such move in its output (and that many units of rounding of the output's largest number, since what
//! happens to be insensitive to the inputs must still be rounded itself).

#![allow(clippy::unwrap_used)]

mod common;

use downhill::autograd::{Data, DataMut, Executor, Interpreter, Kind, Precision, Program, Run};
use downhill::engine::{Engine, EnginePrecision};
use downhill::tensor::Key;
use downhill_bench::data::Values;
use downhill_bench::training::Task;
use downhill_bench::workloads::rosenbrock_program;

const TIGHT: f64 = 1e-13;
const AS_ROUNDING: f64 = 8.0;

/// Numbers of either kind.
#[derive(Clone, Debug)]
enum Numbers {
    Float(Vec<f64>),
    Index(Vec<i64>),
}

impl Numbers {
    /// Those of a batch, with the digits that single precision lacks.
    fn of(values: &Values, key: Key) -> Numbers {
        match values {
            Values::Index(values) => Numbers::Index(values.clone()),
            Values::Float(values) => Numbers::Float(
                values.iter().zip(0..).map(|(&x, i)| f64::from(x) * (1.0 + noise(key, i, 1e-7))).collect(),
            ),
        }
    }

    /// The same, rounded to single precision.
    fn rounded(&self) -> Numbers {
        match self {
            Numbers::Index(values) => Numbers::Index(values.clone()),
            Numbers::Float(values) => Numbers::Float(values.iter().map(|&x| f64::from(x as f32)).collect()),
        }
    }
}

/// A number from `-size` to `size`.
fn noise(key: Key, index: u64, size: f64) -> f64 {
    size * (2.0 * f64::from(key.uniform(index)) - 1.0)
}

/// All outputs of a program. An output that takes an input's place finds the input's numbers there.
fn outputs<T: Precision>(run: &mut impl Run<T>, program: &Program, inputs: &[Numbers]) -> Vec<Numbers> {
    let given: Vec<Vec<T>> = inputs
        .iter()
        .map(|numbers| match numbers {
            Numbers::Float(values) => values.iter().map(|&x| T::from_f64(x)).collect(),
            Numbers::Index(_) => Vec::new(),
        })
        .collect();
    let mut data: Vec<Data<'_, T>> = Vec::new();
    for (number, numbers) in inputs.iter().enumerate() {
        data.push(match numbers {
            _ if program.updated_by(number).is_some() => Data::InPlace,
            Numbers::Float(_) => Data::Float(&given[number]),
            Numbers::Index(values) => Data::Index(values),
        });
    }
    let ports = program.outputs();
    let mut results: Vec<(Vec<T>, Vec<i64>)> = ports
        .iter()
        .map(|port| match (port.updates, port.kind) {
            (Some(input), _) => (given[input].clone(), Vec::new()),
            (None, Kind::Float) => (vec![T::NAN; port.len()], Vec::new()),
            (None, Kind::Index) => (Vec::new(), vec![-7; port.len()]),
        })
        .collect();
    let places = results.iter_mut().zip(ports).map(|((floats, indices), port)| match port.kind {
        Kind::Float => DataMut::Float(floats.as_mut_slice()),
        Kind::Index => DataMut::Index(indices.as_mut_slice()),
    });
    run.run(&data, &mut places.collect::<Vec<_>>(), Key::new(7)).unwrap();
    let numbers = results.into_iter().zip(ports).map(|((floats, indices), port)| match port.kind {
        Kind::Float => Numbers::Float(floats.iter().map(|x| x.to_f64()).collect()),
        Kind::Index => Numbers::Index(indices),
    });
    numbers.collect()
}

fn interpreted(program: &Program, inputs: &[Numbers]) -> Vec<Numbers> {
    let mut run = Executor::<f64>::prepare(&Interpreter, program).unwrap();
    outputs::<f64>(&mut run, program, inputs)
}

fn planned<T: EnginePrecision>(program: &Program, inputs: &[Numbers]) -> Vec<Numbers> {
    let mut plan = Engine::with_threads(2).compile::<T>(program).unwrap();
    outputs(&mut plan, program, inputs);
    // Again, so that what the first run leaves in the arena would show.
    outputs(&mut plan, program, inputs)
}

/// The largest difference between two results; whole numbers that differ are infinitely far apart, and so is
/// what is not a number from anything.
fn distance(from: &Numbers, to: &Numbers) -> f64 {
    match (from, to) {
        (Numbers::Float(from), Numbers::Float(to)) => {
            let off = from.iter().zip(to).map(|(a, b)| (a - b).abs());
            off.map(|off| if off.is_nan() { f64::INFINITY } else { off }).fold(0.0, f64::max)
        }
        (Numbers::Index(from), Numbers::Index(to)) if from == to => 0.0,
        _ => f64::INFINITY,
    }
}

fn largest(numbers: &Numbers) -> f64 {
    match numbers {
        Numbers::Float(values) => values.iter().fold(0.0, |largest, x| x.abs().max(largest)),
        Numbers::Index(_) => 0.0,
    }
}

/// Holds the plans of a program to the interpreter; the shares of both bounds that it needed.
fn compare(program: &Program, inputs: &[Numbers], what: &str) -> [f64; 2] {
    let rounded: Vec<Numbers> = inputs.iter().map(Numbers::rounded).collect();
    let truth = interpreted(program, &rounded);
    let moved = interpreted(program, inputs);
    let (double, single) = (planned::<f64>(program, &rounded), planned::<f32>(program, &rounded));
    let mut worst = [0.0f64; 2];
    for (number, port) in program.outputs().iter().enumerate() {
        let truth = &truth[number];
        let scale = largest(truth);
        let moved = distance(truth, &moved[number]);
        assert!(moved.is_finite(), "{what}: output {} is not finite", port.name);
        let bounds = [TIGHT * scale, AS_ROUNDING * (moved + f64::from(f32::EPSILON) * scale)];
        for (precision, result) in [&double[number], &single[number]].into_iter().enumerate() {
            let (off, bound) = (distance(truth, result), bounds[precision]);
            let name = ["f64", "f32"][precision];
            assert!(
                off <= bound,
                "{what}: output {} is off by {off:e} in {name}, bound {bound:e}",
                port.name
            );
            if off > 0.0 {
                worst[precision] = worst[precision].max(off / bound);
            }
        }
    }
    worst
}

/// All programs that a network can be trained with.
fn programs(task: &Task) -> Vec<(&'static str, Program)> {
    let (network, [input, target], loss) = (&task.network, task.types, &task.loss);
    let mut programs = vec![
        ("gradient", network.training_program(input, target, loss).unwrap()),
        ("descent in place", network.sgd_program(input, target, loss).unwrap()),
    ];
    if network.layout().entries().iter().any(|entry| entry.sparse) {
        programs.push(("gradient by rows", network.rows_program(input, target, loss).unwrap().program));
    }
    programs
}

/// Data for all inputs of a training program, by their names.
fn inputs(task: &mut Task, program: &Program) -> Vec<Numbers> {
    let key = Key::new(11);
    // What starts at zero must not hide in a sum.
    let mut parameters: Vec<f64> = task.network.initialize(key.named("parameters"));
    parameters.iter_mut().zip(0..).for_each(|(x, i)| *x += noise(key.named("moved"), i, 0.05));
    let (input, target) = task.batches.next_batch();
    let numbers = |name: &str| match name {
        "parameters" => Numbers::Float(parameters.clone()),
        "state" => Numbers::Float(task.network.initial_state()),
        "input" => Numbers::of(input, key),
        "target" => Numbers::of(target, key),
        "rate" => Numbers::Float(vec![1.0]),
        other => panic!("nothing is known of an input `{other}`"),
    };
    program.inputs().iter().map(|port| numbers(&port.name)).collect()
}

#[test]
fn every_training_program_agrees_with_the_interpreter() {
    for line in common::lines() {
        let Some(mut task) = common::task(&line).unwrap() else { continue };
        for (what, program) in programs(&task) {
            let inputs = inputs(&mut task, &program);
            let [double, single] = compare(&program, &inputs, &format!("{line}, {what}"));
            println!("{line}, {what}: {double:.3} of the bound in f64, {single:.3} in f32");
        }
    }
}

#[test]
fn the_descent_without_a_network_agrees_with_the_interpreter() {
    let program = rosenbrock_program().unwrap();
    for point in [[-1.2, 1.0], [0.3, 0.1], [1.7, -0.4]] {
        compare(&program, &[Numbers::Float(point.to_vec())], "Rosenbrock");
    }
}
