//! Scans in plans: the numbers of the interpreter, on any number of threads, without allocating for a step.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Data, DataMut, Executor, Interpreter, Output, Precision, Program, Run, Tape};
use downhill_engine::Engine;
use downhill_tensor::Key;

/// The loss of a recurrent layer with dropped states, its gradient, and a product with its Hessian.
fn program(steps: usize, batch: usize, width: usize) -> Program {
    let tape = Tape::new();
    let x = tape.input("x", [steps, batch, width]);
    let w = tape.input("w", [width, width]);
    let b = tape.input("b", [width]);
    let (last, all) = tape.scan(steps, &[tape.zeros([batch, width])], &[x], &[w, b], |step| {
        let [w, b] = [step.constants[0], step.constants[1]];
        let kept = step.tape.uniform([batch, width]).gt(step.tape.scalar(0.2));
        let h = (step.carried[0].matmul(w) + step.elements[0] + b).tanh() * kept;
        (vec![h], vec![h.softmax()])
    });
    let loss = (last[0].square().sum() + all[0].square().sum()) / (steps * batch) as f64;
    let gradient = tape.grad(loss, &[x, w, b]);
    let hvp = tape.hvp(loss, &[w, b], &[w.cos(), b.sin()]);
    let outputs =
        [Output::new("loss", &loss), Output::flat("gradient", &gradient), Output::flat("hvp", &hvp)];
    tape.finish(&outputs).unwrap()
}

fn outputs<T: Precision>(executor: &impl Executor<T>, program: &Program) -> Vec<T> {
    let inputs = program.inputs().iter().enumerate().map(|(seed, port)| {
        let mut values = vec![T::ZERO; port.len()];
        Key::new(seed as u64).fill_uniform(0, &mut values);
        values.iter().map(|x| *x - T::from_f64(0.5)).collect()
    });
    let inputs: Vec<Vec<T>> = inputs.collect();
    let data: Vec<Data<'_, T>> = inputs.iter().map(|values| Data::Float(values)).collect();
    let mut results: Vec<Vec<T>> = program.outputs().iter().map(|port| vec![T::NAN; port.len()]).collect();
    let mut run = executor.prepare(program).unwrap();
    for _ in 0..2 {
        let mut outputs: Vec<DataMut<'_, T>> = results.iter_mut().map(|o| DataMut::Float(o)).collect();
        run.run(&data, &mut outputs, Key::new(4)).unwrap();
    }
    results.concat()
}

#[test]
fn a_plan_agrees_with_the_interpreter() {
    for (steps, batch, width) in [(1, 1, 1), (5, 3, 4), (12, 33, 20), (2, 2, 3)] {
        let program = program(steps, batch, width);
        let (expected, actual) =
            (outputs::<f64>(&Interpreter, &program), outputs::<f64>(&Engine::default(), &program));
        let largest = expected.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
        for (expected, actual) in expected.iter().zip(&actual) {
            assert!((expected - actual).abs() <= 1e-13 * largest, "{expected} and {actual}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let program = program(9, 64, 48);
    let bits = |threads| -> Vec<u32> {
        outputs::<f32>(&Engine::with_threads(threads), &program).into_iter().map(f32::to_bits).collect()
    };
    let one = bits(1);
    assert!([2, 3, 8].into_iter().all(|threads| bits(threads) == one));
}

#[test]
fn memory_grows_by_what_is_carried_alone() {
    let engine = Engine::default();
    let bytes = |steps| engine.compile::<f32>(&program(steps, 16, 32)).unwrap().bytes();
    let (short, long) = (bytes(100), bytes(200));
    // Of a step, only what it reads, carries and returns, and the cotangents of these, lie in the plan.
    let step = 16 * 32 * size_of::<f32>();
    assert!(long - short <= 100 * 24 * step, "{} bytes a step", (long - short) / 100);
    let plan = engine.compile::<f32>(&program(200, 16, 32)).unwrap();
    assert!(plan.to_string().contains("scan: 200 steps of"), "{plan}");
    assert!(plan.operations() > 200 * 3 * 2 * 16 * 32 * 32, "{}", plan.operations());
}
