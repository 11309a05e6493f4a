//! Results that take the place of inputs, and sums that are computed where they lie.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Data, DataMut, Executor, Interpreter, Output, Precision, Program, Run, Tape, Var};
use downhill_engine::Engine;
use downhill_tensor::Key;

/// A vector after some runs that each update it, and the loss of the last.
fn after<T: Precision>(executor: &impl Executor<T>, program: &Program, others: &[Data<'_, T>]) -> Vec<f64> {
    let mut theta: Vec<T> =
        (0..program.outputs()[0].len()).map(|i| T::from_f64((i as f64 * 0.7).sin() / 2.0)).collect();
    let mut run = executor.prepare(program).unwrap();
    for _ in 0..3 {
        let mut inputs = vec![Data::InPlace];
        inputs.extend_from_slice(others);
        run.run(&inputs, &mut [DataMut::Float(&mut theta)], Key::new(0)).unwrap();
    }
    theta.into_iter().map(|x| x.to_f64()).collect()
}

fn compare(program: &Program, others: &[Data<'_, f64>]) {
    let expected = after(&Interpreter, program, others);
    for threads in [1, 2, 5] {
        let actual = after(&Engine::with_threads(threads), program, others);
        for (e, a) in expected.iter().zip(&actual) {
            assert!((e - a).abs() <= 1e-12 * e.abs().max(1.0), "{threads} threads: {e} and {a}\n{program}");
        }
    }
}

/// Descends on `loss`, a function of parts of the given shapes, with a rate of 0.1.
fn descent<const N: usize>(
    shapes: [&[usize]; N],
    loss: impl for<'t> Fn(&'t Tape, [Var<'t>; N]) -> Var<'t>,
) -> Program {
    let tape = Tape::new();
    let port = tape.vector("theta");
    let parts = std::array::from_fn(|i| {
        tape.part(port, &format!("part{i}"), downhill_tensor::Shape::new(shapes[i]).unwrap())
    });
    let loss = loss(&tape, parts);
    let gradient = tape.grad(loss, &parts);
    let moved: Vec<_> = parts.iter().zip(gradient).map(|(&part, slope)| part - 0.1 * slope).collect();
    tape.finish(&[Output::update("theta", &moved)]).unwrap()
}

#[test]
fn a_network_descends_in_place_as_the_interpreter_does() {
    for rows in [1, 4, 40, 300] {
        let program = descent([&[5, 7], &[7], &[7, 3], &[3]], |tape, [w1, b1, w2, b2]| {
            let x = tape.constant(downhill_tensor::Tensor::from_fn([rows, 5], |at| {
                ((at[0] * 5 + at[1]) as f64 * 0.37).cos()
            }));
            let y = (x.matmul(w1) + b1).tanh().matmul(w2) + b2;
            y.square().mean()
        });
        compare(&program, &[]);
    }
}

/// Each number waits for the one across the diagonal, so none may take its place.
#[test]
fn what_a_matrix_loses_of_its_transpose_is_that_of_the_old_numbers() {
    for n in [3, 40] {
        let tape = Tape::new();
        let matrix = tape.part(tape.vector("theta"), "matrix", downhill_tensor::Shape::from([n, n]));
        let moved = matrix - 0.1 * matrix.transpose();
        compare(&tape.finish(&[Output::update("theta", &[moved])]).unwrap(), &[]);
    }
}

#[test]
fn a_long_sum_over_rows_changes_what_the_rows_were_computed_with() {
    let program = descent([&[6, 1], &[1]], |tape, [w, b]| {
        let x = tape.constant(downhill_tensor::Tensor::from_fn([20_000, 6], |at| {
            ((at[0] * 6 + at[1]) as f64 * 0.11).sin()
        }));
        (x.matmul(w) + b).sigmoid().square().mean()
    });
    compare(&program, &[]);
}

#[test]
fn rows_of_a_table_are_changed_alone() {
    let tape = Tape::new();
    let port = tape.vector("table");
    let table = tape.part(port, "table", [9, 4]);
    let rows = tape.index_input("rows", [5]);
    let loss = table.gather(rows).square().sum();
    let slope = tape.grad(loss, &[table])[0];
    let program = tape.finish(&[Output::update("table", &[table - 0.1 * slope])]).unwrap();
    compare(&program, &[Data::Index(&[3, 0, 3, 8, 3])]);
    let mut run = Executor::<f64>::prepare(&Engine::default(), &program).unwrap();
    let mut table = [0.0; 36];
    let inputs = [Data::InPlace, Data::Index(&[3, 0, 3, 9, 3])];
    let error = run.run(&inputs, &mut [DataMut::Float(&mut table)], Key::new(0)).unwrap_err().to_string();
    assert!(error.contains('9'), "{error}");
}

#[test]
fn parts_that_wait_for_each_other_are_exchanged() {
    let tape = Tape::new();
    let port = tape.vector("theta");
    let (a, b) = (tape.part(port, "a", [3, 3]), tape.part(port, "b", [3, 3]));
    let next = [b.matmul(a), a - 0.1 * (b.matmul(a)).transpose()];
    compare(&tape.finish(&[Output::update("theta", &next)]).unwrap(), &[]);
    let tape = Tape::new();
    let port = tape.vector("theta");
    let (a, b) = (tape.part(port, "a", [4]), tape.part(port, "b", [4]));
    compare(&tape.finish(&[Output::update("theta", &[b, a])]).unwrap(), &[]);
}

#[test]
fn what_is_read_of_a_moved_value_is_not_what_was_copied_of_the_old_one() {
    let tape = Tape::new();
    let port = tape.vector("theta");
    let (a, b) = (tape.part(port, "a", [4, 6]), tape.part(port, "b", [4, 3]));
    // Functions of rows read a slice of columns from a copy.
    fn columns<'t>(x: Var<'t>) -> Var<'t> {
        x.slice(1, 0..3).normalize(1e-5)
    }
    let moved = a.square() + columns(a).exp().sum();
    let next = [moved, b.cos() + columns(moved)];
    compare(&tape.finish(&[Output::update("theta", &next)]).unwrap(), &[]);
}

#[test]
fn gradients_of_all_slices_lie_side_by_side() {
    let program = descent([&[6, 8, 4]], |_, [x]| {
        let steps = (0..6).map(|step| (x.at(step) * (step as f64 + 1.0)).sin());
        steps.reduce(|sum, step| (sum + step).tanh()).map_or(x.sum(), |y| y.sum())
    });
    compare(&program, &[]);
    let plan = Engine::default().compile::<f64>(&program).unwrap().to_string();
    assert!(!plan.contains("pad"), "{plan}");
}

/// Neither can be changed where it lies before the other has read it.
#[test]
fn matrices_that_lose_products_of_each_other_lose_those_of_the_old_numbers() {
    for n in [2, 9, 40] {
        let tape = Tape::new();
        let port = tape.vector("theta");
        let [a, b] = ["a", "b"].map(|name| tape.part(port, name, downhill_tensor::Shape::from([n, n])));
        let x = tape.constant(downhill_tensor::Tensor::from_fn([n, n], |at| {
            ((at[0] * 3 + at[1]) as f64).sin() / n as f64
        }));
        let moved = [a - 0.1 * b.matmul(x), b - 0.1 * a.matmul(x)];
        compare(&tape.finish(&[Output::update("theta", &moved)]).unwrap(), &[]);
    }
}
