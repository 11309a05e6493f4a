//! The registry of operations under every comparison that holds for all of them.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::testing::{Case, CaseRng, Input, OperationCase, Values, operations, random_program};
use downhill_autograd::{
    Data, Error, Executor, Interpreter, Node, Output, Precision, Program, Run, Tape, Tolerance, Var,
    check_gradients,
};
use downhill_tensor::kernels::scalar::{Binary, Unary};
use downhill_tensor::{Key, Tensor};
use std::collections::BTreeSet;

const KEY: u64 = 11;

/// The outputs of a program in some precision, flat, as double precision.
fn run<T: Precision>(program: &Program, inputs: &[Input<T>]) -> Result<Vec<Vec<f64>>, Error> {
    let data: Vec<Data<'_, T>> = inputs.iter().map(Input::data).collect();
    let outputs = Interpreter.outputs(program, &data, Key::new(KEY))?;
    Ok(outputs.iter().map(|y| y.to_vec().into_iter().map(T::to_f64).collect()).collect())
}

/// A row's cases with all their variations, each with a description to find it again.
fn variations(row: &OperationCase, values: Values, seeds: u64) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for seed in 0..seeds {
        let case = row.case(seed, values);
        let name = |what: &str| format!("{} {values:?} {seed} {what}", row.name);
        let mut rng = CaseRng::new(1000 + seed);
        cases.push((name("through views"), case.through_views(&mut rng)));
        cases.push((name("mid-graph"), case.mid_graph()));
        if let Some(twice) = case.with_one_operand_twice() {
            cases.push((name("with one operand twice, mid-graph"), twice.mid_graph()));
            cases.push((name("with one operand twice"), twice));
        }
        cases.push((name("plain"), case));
    }
    cases
}

/// The names of the operations in a program, with the names of their types.
fn recorded(program: &Program) -> impl Iterator<Item = (&'static str, String)> + '_ {
    program.ids().filter_map(|id| match program.node(id) {
        Node::Operation(operation, _) => {
            let debug = format!("{operation:?}");
            let end = debug.find(|c: char| !c.is_alphanumeric()).unwrap_or(debug.len());
            Some((operation.name(), debug[..end].to_string()))
        }
        Node::Leaf(_) => None,
    })
}

#[test]
fn every_operation_of_this_crate_is_in_the_registry() {
    let (mut names, mut types) = (BTreeSet::new(), BTreeSet::new());
    for row in operations() {
        for seed in 0..8 {
            let program = row.case(seed, Values::Ordinary).program().unwrap();
            for (name, ty) in recorded(&program) {
                names.insert(name);
                types.insert(ty);
            }
        }
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let mut defined = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let heads = text.lines().filter_map(|line| line.strip_prefix("impl Operation for "));
        defined.extend(heads.map(|rest| rest.trim_end_matches([' ', '{']).to_string()));
    }
    assert!(defined.len() > 20, "found only {defined:?}");
    assert_eq!(defined.difference(&types).collect::<Vec<_>>(), Vec::<&String>::new());
    let scalar = Unary::ALL.map(Unary::name).into_iter().chain(Binary::ALL.map(Binary::name));
    let families = ["sum", "max", "min", "max_pool2d", "max_pool2d_scatter", "max_pool2d_gather"];
    for name in scalar.chain(families).chain(["avg_pool2d", "avg_pool2d_scatter"]) {
        assert!(names.contains(name), "no case records `{name}`");
    }
}

#[test]
fn every_case_evaluates_to_numbers_of_the_inferred_shape() {
    let mut count = 0;
    for row in operations() {
        for (name, case) in variations(&row, Values::Ordinary, 12) {
            let program = case.program().unwrap_or_else(|e| panic!("{name}: {e}"));
            // `outputs` fails unless every operation fills exactly its inferred shape; what is not written
            // stays NaN.
            let y = run(&program, &case.inputs::<f64>()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(y[0].len(), program.outputs()[0].len(), "{name}");
            assert!(y[0].iter().all(|y| y.is_finite()), "{name}: {y:?}");
            count += 1;
        }
    }
    println!("{count} cases evaluated");
}

#[test]
fn gradients_agree_with_finite_differences_in_first_and_second_order() {
    let (mut count, mut elements) = (0, 0);
    for row in operations() {
        for (name, case) in variations(&row, Values::Ordinary, 16) {
            if !case.smooth {
                continue;
            }
            check_gradients(|v| record(&case, v), &case.floats, Tolerance::default())
                .unwrap_or_else(|e| panic!("{name}: {e}\n{}", case.program().unwrap()));
            count += 1;
            elements += case.floats.iter().map(Tensor::size).sum::<usize>();
        }
    }
    assert!(count > 3000, "only {count} cases");
    println!("{count} cases checked against finite differences, {elements} elements");
}

fn record<'t>(case: &Case, v: &[Var<'t>]) -> Var<'t> {
    let tape = v[0].tape();
    let whole = case.indices.iter().map(|i| tape.index_constant(i.clone()));
    let vars: Vec<_> = v.iter().copied().chain(whole).collect();
    (case.record)(tape, &vars)
}

/// `Σ uᵢ (J v)ᵢ` by forward and by reverse mode.
fn both_modes(case: &Case) -> Result<(f64, f64, f64), Error> {
    let tape = Tape::new();
    let vars = case.declare(&tape);
    let floats = &vars[..case.floats.len()];
    let y = (case.record)(&tape, &vars);
    let mut rng = CaseRng::new(5);
    let directions: Vec<_> = floats.iter().map(|x| tape.constant(rng.tensor(x.shape(), -1.0, 1.0))).collect();
    let cotangent = tape.constant(rng.tensor(y.shape(), -1.0, 1.0));
    let pairs: Vec<_> = floats.iter().copied().zip(directions.iter().copied()).collect();
    let forward = (tape.jvp(&[y], &pairs)[0] * cotangent).sum();
    let gradient = tape.vjp(&[(y, cotangent)], floats);
    let terms = gradient.iter().zip(&directions).map(|(g, v)| (*g * *v).sum());
    let reverse = terms.fold(tape.scalar(0.0), |sum, term| sum + term);
    let size = gradient.iter().fold(tape.scalar(0.0), |sum, g| sum + g.abs().sum());
    let program = tape.finish(&[
        Output::new("forward", &forward),
        Output::new("reverse", &reverse),
        Output::new("size", &size),
    ])?;
    let results = run(&program, &case.inputs::<f64>())?;
    Ok((results[0][0], results[1][0], results[2][0]))
}

#[test]
fn forward_and_reverse_mode_agree_at_ties_zeros_and_extremes() {
    let (mut count, mut finite) = (0, 0);
    for row in operations().into_iter().filter(|row| !row.flat) {
        for values in [Values::Tied, Values::Extreme] {
            for (name, case) in variations(&row, values, 6) {
                let (forward, reverse, size) = both_modes(&case).unwrap_or_else(|e| panic!("{name}: {e}"));
                count += 1;
                // Where a derivative is infinite, or too large to be summed, there is nothing to compare.
                if size.is_finite() && forward.is_finite() {
                    finite += 1;
                    let bound = 1e-9 * (1.0 + size);
                    assert!((forward - reverse).abs() <= bound, "{name}: {forward} and {reverse}");
                }
            }
        }
    }
    assert!(2 * finite > count, "only {finite} of {count} cases were finite");
    println!("{count} cases at ties, zeros and extremes, {finite} of them finite");
}

/// The bound on the difference between single and double precision: 2 ε (1 + M)², where M is the largest
/// magnitude in the program. Each operation loses a few ε of its largest intermediate, which for products is
/// at most the square of the operands; the cases are at most a dozen operations deep, and 36 terms wide.
fn rounding_bound(program: &Program, inputs: &[Input<f64>]) -> f64 {
    let data: Vec<_> = inputs.iter().map(Input::data).collect();
    let mut largest = 0.0f64;
    let see = |trace: downhill_autograd::Trace| {
        largest = largest.max(trace.max.abs()).max(trace.min.abs());
    };
    Interpreter.trace(program, &data, Key::new(KEY), see).unwrap();
    2.0 * f64::from(f32::EPSILON) * (1.0 + largest).powi(2)
}

#[test]
fn single_precision_agrees_with_double_within_the_stated_bound() {
    let (mut count, mut worst) = (0, 0.0f64);
    for row in operations() {
        for values in [Values::Ordinary, Values::Tied] {
            for (name, case) in variations(&row, values, 6) {
                let program = if row.flat { case.program() } else { case.gradient_program() };
                let program = program.unwrap_or_else(|e| panic!("{name}: {e}"));
                let single_inputs = case.inputs::<f32>();
                let double_inputs = single_inputs.iter().map(widened).collect::<Vec<_>>();
                let single = run(&program, &single_inputs).unwrap();
                let double = run(&program, &double_inputs).unwrap();
                let bound = rounding_bound(&program, &double_inputs);
                for (a, b) in single.iter().flatten().zip(double.iter().flatten()) {
                    if b.is_finite() {
                        let difference = (a - b).abs();
                        assert!(difference <= bound, "{name}: {a} and {b}, bound {bound:e}\n{program}");
                        worst = worst.max(difference / bound);
                    } else {
                        assert!(a == b || (a.is_nan() && b.is_nan()), "{name}: {a} and {b}");
                    }
                }
                count += 1;
            }
        }
    }
    println!("{count} cases in both precisions; the worst used {:.0} % of the bound", 100.0 * worst);
}

fn widened(input: &Input<f32>) -> Input<f64> {
    match input {
        Input::Float(values) => Input::Float(values.iter().map(|&x| f64::from(x)).collect()),
        Input::Index(values) => Input::Index(values.clone()),
    }
}

#[test]
fn operations_that_are_flat_by_nature_have_tangent_zero_and_an_error_for_a_gradient() {
    for row in operations().into_iter().filter(|row| row.flat) {
        let case = row.case(1, Values::Tied);
        let tape = Tape::new();
        let vars = case.declare(&tape);
        let y = (case.record)(&tape, &vars);
        let pairs: Vec<_> = vars.iter().map(|x| (*x, tape.ones(x.shape()))).collect();
        let tangent = tape.jvp(&[y], &pairs)[0];
        let program = tape.finish(&[Output::new("tangent", &tangent)]).unwrap();
        let results = run(&program, &case.inputs::<f64>()).unwrap();
        assert!(results[0].iter().all(|&t| t == 0.0), "{}", row.name);
        let error = case.gradient_program().unwrap_err();
        assert!(matches!(error, Error::ZeroDerivative { .. }), "{}: {error}", row.name);
    }
}

#[test]
fn running_twice_gives_the_same_bits() {
    for row in operations() {
        let case = row.case(2, Values::Extreme);
        let program = case.program().unwrap();
        let inputs = case.inputs::<f32>();
        let data: Vec<_> = inputs.iter().map(Input::data).collect();
        let mut prepared = Executor::<f32>::prepare(&Interpreter, &program).unwrap();
        let mut results = [0, 1].map(|_| vec![0.0f32; program.outputs()[0].len()]);
        for result in &mut results {
            prepared.run(&data, &mut [result.as_mut_slice().into()], Key::new(KEY)).unwrap();
        }
        let bits = results.map(|result| result.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        assert_eq!(bits[0], bits[1], "{}", row.name);
    }
}

#[test]
fn random_programs_stay_bounded_and_their_gradients_agree_with_finite_differences() {
    let (mut count, mut operations) = (0, 0);
    for seed in 0..120 {
        let mut rng = CaseRng::new(seed);
        let size = rng.within(5..=40);
        let (program, inputs) =
            random_program(&mut rng, size).unwrap_or_else(|e| panic!("program {seed}: {e}"));
        let here = run(&program, &inputs).unwrap();
        assert!(here.iter().flatten().all(|x| x.is_finite()), "program {seed}\n{program}");
        assert!(here[2].iter().all(|x| x.abs() <= 4.0), "program {seed}\n{program}");
        // Along a random direction of unit length.
        let mut direction: Vec<f64> = here[1].iter().map(|_| rng.between(-1.0, 1.0)).collect();
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        direction.iter_mut().for_each(|x| *x /= norm);
        let epsilon = 1e-6;
        let value_at = |sign: f64| {
            let mut moved = inputs.clone();
            let mut steps = direction.iter();
            for input in &mut moved {
                if let Input::Float(values) = input {
                    values.iter_mut().zip(&mut steps).for_each(|(x, v)| *x += sign * epsilon * v);
                }
            }
            run(&program, &moved).unwrap()[0][0]
        };
        let expected = (value_at(1.0) - value_at(-1.0)) / (2.0 * epsilon);
        let actual: f64 = here[1].iter().zip(&direction).map(|(g, v)| g * v).sum();
        assert!(
            (expected - actual).abs() <= 1e-7 + 1e-5 * expected.abs(),
            "program {seed}: {expected} and {actual}\n{program}"
        );
        let rounded: Vec<_> = inputs.iter().map(Input::rounded::<f32>).collect();
        let single = run(&program, &rounded).unwrap();
        assert!((single[0][0] - here[0][0]).abs() < 1e-4, "program {seed}");
        count += 1;
        operations += program.len();
    }
    println!("{count} random programs of {operations} operations together");
}
