//! Plans give what the interpreter gives, for every operation and for random programs.
//!
//! The bound: an element of a plan's result differs from the interpreter's, in the same precision, by at
//! most `BOUND` units of rounding of the largest number in that output (or of 1, if that is larger). Sums
//! in another order and functions with another last digit are all that may differ; infinities and NaN must
//! stand at the same places.
#![allow(clippy::unwrap_used)]

use downhill_autograd::ops::{Conv2d, Pool2d};
use downhill_autograd::testing::{Case, CaseRng, Input, Values, operations, random_program};
use downhill_autograd::{Data, DataMut, Executor, Interpreter, Kind, Output, Precision, Program, Run, Tape};
use downhill_engine::{Engine, EnginePrecision};
use downhill_tensor::Key;

/// In units of the precision's `EPSILON`.
const BOUND: f64 = 64.0;

/// All outputs of a program, in double precision.
fn outputs<T: Precision>(mut run: impl Run<T>, program: &Program, inputs: &[Input<T>]) -> Vec<Vec<f64>> {
    let inputs: Vec<Data<'_, T>> = inputs.iter().map(Input::data).collect();
    let mut floats: Vec<Vec<T>> = program.outputs().iter().map(|port| vec![T::NAN; port.len()]).collect();
    let mut indices: Vec<Vec<i64>> = program.outputs().iter().map(|port| vec![-7; port.len()]).collect();
    let mut places: Vec<DataMut<'_, T>> = floats
        .iter_mut()
        .zip(&mut indices)
        .zip(program.outputs())
        .map(|((float, index), port)| match port.kind {
            Kind::Float => DataMut::Float(float.as_mut_slice()),
            Kind::Index => DataMut::Index(index.as_mut_slice()),
        })
        .collect();
    // Twice, so that what the first run leaves in the arena would show.
    for _ in 0..2 {
        run.run(&inputs, &mut places, Key::new(5)).unwrap();
    }
    let results = floats.iter().zip(&indices).zip(program.outputs());
    results
        .map(|((float, index), port)| match port.kind {
            Kind::Float => float.iter().map(|x| x.to_f64()).collect(),
            Kind::Index => index.iter().map(|&x| x as f64).collect(),
        })
        .collect()
}

/// Whether a plan agrees with the interpreter in one precision; the largest difference in units of rounding.
fn compare<T: EnginePrecision>(engine: &Engine, program: &Program, inputs: &[Input<f64>], what: &str) -> f64 {
    let inputs: Vec<Input<T>> = inputs.iter().map(Input::rounded).collect();
    let expected = outputs::<T>(Executor::<T>::prepare(&Interpreter, program).unwrap(), program, &inputs);
    let actual = outputs::<T>(engine.compile::<T>(program).unwrap(), program, &inputs);
    let mut worst = 0.0f64;
    for ((expected, actual), port) in expected.iter().zip(&actual).zip(program.outputs()) {
        let finite = expected.iter().filter(|x| x.is_finite());
        let scale = finite.fold(1.0f64, |scale, x| scale.max(x.abs())) * T::EPSILON.to_f64();
        for (i, (e, a)) in expected.iter().zip(actual).enumerate() {
            let same = e == a || (e.is_nan() && a.is_nan());
            let off = if same { 0.0 } else { (e - a).abs() / scale };
            assert!(
                off <= BOUND,
                "{what}: output {} element {i}: interpreter {e:e}, plan {a:e}, off by {off} units\n{program}",
                port.name
            );
            worst = worst.max(off);
        }
    }
    worst
}

fn programs(case: &Case, flat: bool) -> Vec<Program> {
    let value = case.program().unwrap();
    let differentiable = !flat && !case.floats.is_empty() && value.outputs()[0].kind == Kind::Float;
    let gradient = differentiable.then(|| case.gradient_program().unwrap());
    std::iter::once(value).chain(gradient).collect()
}

#[test]
fn every_operation_agrees_with_the_interpreter() {
    let engine = Engine::with_threads(2);
    let (mut count, mut worst) = (0, [0.0f64; 2]);
    for row in operations() {
        for seed in 0..12 {
            for values in [Values::Ordinary, Values::Tied] {
                let case = row.case(seed, values);
                let mut rng = CaseRng::new(seed);
                let variants = [case.clone(), case.through_views(&mut rng), case.mid_graph()];
                for (variant, case) in variants.iter().enumerate() {
                    for program in programs(case, row.flat) {
                        let what = format!("{} seed {seed} {values:?} variant {variant}", row.name);
                        let inputs = case.inputs();
                        worst[0] = worst[0].max(compare::<f32>(&engine, &program, &inputs, &what));
                        worst[1] = worst[1].max(compare::<f64>(&engine, &program, &inputs, &what));
                        count += 2;
                    }
                }
            }
        }
    }
    println!(
        "{count} comparisons; at most {:.1} (f32) and {:.1} (f64) units of rounding",
        worst[0], worst[1]
    );
    assert!(count > 5_000);
}

#[test]
fn extreme_values_agree_where_they_are_exact() {
    let engine = Engine::default();
    for row in operations() {
        for seed in 0..12 {
            let case = row.case(seed, Values::Extreme);
            let program = case.program().unwrap();
            compare::<f64>(&engine, &program, &case.inputs(), &format!("{} seed {seed}", row.name));
        }
    }
}

#[test]
fn random_programs_agree_with_the_interpreter() {
    let engine = Engine::with_threads(2);
    let mut worst = [0.0f64; 2];
    for seed in 0..300 {
        let mut rng = CaseRng::new(seed);
        let size = 5 + rng.below(36);
        let (program, inputs) = random_program(&mut rng, size).unwrap();
        let what = format!("random program {seed}");
        worst[0] = worst[0].max(compare::<f32>(&engine, &program, &inputs, &what));
        worst[1] = worst[1].max(compare::<f64>(&engine, &program, &inputs, &what));
    }
    println!("300 programs; at most {:.1} (f32) and {:.1} (f64) units of rounding", worst[0], worst[1]);
}

#[test]
fn a_convolutional_network_and_its_gradient_agree_with_the_interpreter() {
    for batch in [3, 8, 24, 160] {
        let tape = Tape::new();
        let x = tape.input("x", [batch, 2, 14, 15]);
        let (w1, b1) = (tape.input("w1", [8, 2, 3, 3]), tape.input("b1", [8, 1, 1]));
        let (w2, b2) = (tape.input("w2", [9, 8, 3, 3]), tape.input("b2", [9, 1, 1]));
        let options = Conv2d { padding: [1, 1], ..Conv2d::default() };
        let hidden = (x.conv2d(w1, options) + b1).relu().max_pool2d(Pool2d::square(2));
        let y = (hidden.conv2d(w2, options) + b2).relu().max_pool2d(Pool2d::square(2)).square().sum();
        let gradient = tape.grad(y, &[x, w1, b1, w2, b2]);
        let outputs = [Output::new("y", &y), Output::flat("gradient", &gradient)];
        let program = tape.finish(&outputs).unwrap();
        let mut rng = CaseRng::new(batch as u64);
        let floats =
            |len: usize| Input::Float((0..len).map(|_| rng.below(2001) as f64 / 1e3 - 1.0).collect());
        let inputs: Vec<Input<f64>> = program.inputs().iter().map(|port| port.len()).map(floats).collect();
        compare::<f32>(&Engine::with_threads(2), &program, &inputs, &format!("{batch} images"));
        compare::<f64>(&Engine::with_threads(2), &program, &inputs, &format!("{batch} images"));
    }
}

#[test]
fn rows_with_infinities_and_nan_agree() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let rows = [
        [-inf, -inf, -inf],
        [inf, 0.0, 1.0],
        [nan, 0.0, 1.0],
        [-inf, 0.0, 1.0],
        [inf, -inf, 1.0],
        [1e4, -1e4, 0.0],
    ];
    let x = vec![Input::Float(rows.concat())];
    let tape = Tape::new();
    let input = tape.input("x", [rows.len(), 3]);
    let softmax = input.softmax();
    let (logs, sums) = (input.log_softmax(), input.logsumexp());
    let program = tape
        .finish(&[
            Output::new("softmax", &softmax),
            Output::new("log_softmax", &logs),
            Output::new("logsumexp", &sums),
        ])
        .unwrap();
    compare::<f64>(&Engine::default(), &program, &x, "rows");
    compare::<f32>(&Engine::default(), &program, &x, "rows");
    let sums = &outputs::<f64>(Executor::<f64>::prepare(&Interpreter, &program).unwrap(), &program, &x)[2];
    assert_eq!(sums[..2], [-inf, inf]);
    assert!(sums[2].is_nan());
}
