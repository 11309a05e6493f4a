//! A scan is its steps one after the other.
#![allow(clippy::unwrap_used)]

use downhill_autograd::testing::CaseRng;
use downhill_autograd::{Data, Error, Interpreter, Output, Program, Tape, Var};
use downhill_tensor::{Key, Tensor};

/// A step of a recurrent layer that also looks rows up.
fn step<'u>(h: Var<'u>, x: Var<'u>, token: Var<'u>, w: Var<'u>, e: Var<'u>) -> Var<'u> {
    (h.matmul(w) + x + e.gather(token)).tanh()
}

/// The value of a function of the recurrence, its gradient, a product with its Hessian, and a directional
/// derivative of the results.
fn program(steps: usize, as_scan: bool) -> Program {
    let (tape, n, width) = (Tape::new(), 2, 3);
    let h0 = tape.input("h", [n, width]);
    let x = tape.input("x", [steps, n, width]);
    let w = tape.input("w", [width, width]);
    let e = tape.input("e", [5, width]);
    let tokens: Vec<i64> = (0..steps * n).map(|i| (i * 7 % 5) as i64).collect();
    let (last, all) = if as_scan {
        let tokens = tape.index_constant(Tensor::from_vec(tokens, [steps, n]).unwrap());
        let (carried, results) = tape.scan(steps, &[h0], &[x, tokens], &[w, e], |s| {
            let h = step(s.carried[0], s.elements[0], s.elements[1], s.constants[0], s.constants[1]);
            (vec![h], vec![h.square()])
        });
        (carried[0], results[0])
    } else {
        let (mut h, mut all) = (h0, Vec::new());
        for t in 0..steps {
            let own = tape.index_constant(Tensor::from_vec(tokens[t * n..][..n].to_vec(), [n]).unwrap());
            h = step(h, x.at(t), own, w, e);
            all.push(h.square());
        }
        (h, tape.stack(&all, 0))
    };
    let value = (last.sin() * all.mean_over(&[0])).sum() + h0.sum().square();
    let wrt = [h0, x, w, e];
    let gradient = tape.grad(value, &wrt);
    let directions: Vec<Var<'_>> = wrt.iter().map(|x| x.cos()).collect();
    let hvp = tape.hvp(value, &wrt, &directions);
    let pairs: Vec<_> = wrt.iter().copied().zip(directions).collect();
    let tangent = tape.jvp(&[all, last], &pairs);
    let outputs = [
        Output::new("value", &value),
        Output::new("all", &all),
        Output::flat("gradient", &gradient),
        Output::flat("hvp", &hvp),
        Output::flat("tangent", &tangent),
    ];
    tape.finish(&outputs).unwrap()
}

fn outputs(program: &Program) -> Vec<f64> {
    let mut rng = CaseRng::new(5);
    let inputs: Vec<Tensor<f64>> =
        program.inputs().iter().map(|port| rng.tensor(port.shape, -1.0, 1.0)).collect();
    let inputs: Vec<Vec<f64>> = inputs.into_iter().map(|input| input.to_vec()).collect();
    let data: Vec<Data<'_, f64>> = inputs.iter().map(|input| Data::Float(input)).collect();
    let outputs = Interpreter.outputs(program, &data, Key::new(1)).unwrap();
    outputs.into_iter().flat_map(|output| output.to_vec()).collect()
}

#[test]
fn value_gradient_and_second_order_are_those_of_the_steps_one_by_one() {
    for steps in [1, 2, 7] {
        let (scan, unrolled) = (outputs(&program(steps, true)), outputs(&program(steps, false)));
        assert_eq!(scan.len(), unrolled.len());
        for (at, (s, u)) in scan.iter().zip(&unrolled).enumerate() {
            assert!((s - u).abs() <= 1e-12 * (1.0 + u.abs()), "{steps} steps, output {at}: {s} and {u}");
        }
    }
}

#[test]
fn a_program_is_as_long_for_a_thousand_steps_as_for_two() {
    assert_eq!(program(1000, true).len(), program(2, true).len());
}

/// Draws of a scan whose body draws.
fn draws(steps: usize) -> Program {
    let tape = Tape::new();
    let x = tape.input("x", [4]);
    let (_, all) = tape.scan(steps, &[], &[], &[x], |s| (vec![], vec![s.tape.uniform([4]) * s.constants[0]]));
    let gradient = tape.grad(all[0].sum(), &[x]);
    tape.finish(&[Output::new("all", &all[0]), Output::flat("gradient", &gradient)]).unwrap()
}

#[test]
fn each_step_draws_numbers_of_its_own_and_the_gradient_draws_them_again() {
    let program = draws(3);
    let run = |x: f64| Interpreter.outputs(&program, &[Data::Float(&[x; 4][..])], Key::new(8)).unwrap();
    let outputs = run(1.0);
    let (all, gradient) = (outputs[0].to_vec(), outputs[1].to_vec());
    assert!(all[..4] != all[4..8] && all[4..8] != all[8..]);
    for (i, slope) in gradient.iter().enumerate() {
        let sum = all[i] + all[4 + i] + all[8 + i];
        assert!((slope - sum).abs() < 1e-15, "the derivative by a factor is the sum of the draws");
    }
}

#[test]
fn nothing_is_done_in_no_steps() {
    let tape = Tape::new();
    let (h, x) = (tape.input("h", [2]), tape.input("x", [0, 2]));
    let (carried, all) = tape.scan(0, &[h], &[x], &[], |s| {
        let h = s.carried[0] * s.elements[0];
        (vec![h], vec![h])
    });
    assert_eq!(all[0].shape().dims(), [0, 2]);
    let gradient = tape.grad(carried[0].sum(), &[h]);
    let program = tape.finish(&[Output::new("h", &carried[0]), Output::flat("gradient", &gradient)]).unwrap();
    let outputs =
        Interpreter.outputs(&program, &[(&[3.0, 4.0][..]).into(), (&[][..]).into()], Key::new(0)).unwrap();
    assert_eq!((outputs[0].to_vec(), outputs[1].to_vec()), (vec![3.0, 4.0], vec![1.0, 1.0]));
}

#[test]
fn what_does_not_fit_is_an_error_with_its_place() {
    type Body = for<'u> fn(Var<'u>) -> Var<'u>;
    let of = |length: usize, body: Body| {
        let tape = Tape::new();
        let (h, x) = (tape.input("h", [2]), tape.input("x", [3, 2]));
        let (carried, _) = tape.at_path("encoder", || {
            tape.scan(length, &[h], &[x], &[], |s| (vec![body(s.carried[0] + s.elements[0])], vec![]))
        });
        tape.finish(&[Output::new("h", &carried[0])]).unwrap_err()
    };
    let long = of(4, |h| h).to_string();
    assert!(long.contains("scan") && long.contains("first axis of 4") && long.contains("encoder"), "{long}");
    let other = of(3, |h| h.sum()).to_string();
    assert!(other.contains("carry on") && other.contains("float[2]"), "{other}");
    let inside = of(3, |h| h.matmul(h.reshape([2, 1])).reshape([7]));
    assert!(matches!(&inside, Error::Operands { operation, .. } if operation == "reshape"), "{inside}");
    assert!(inside.to_string().contains("encoder"), "{inside}");
}

/// What is carried into each step has a cotangent of its own only where a gradient is differentiated backwards.
#[test]
fn a_gradient_may_be_differentiated_in_either_mode() {
    let tape = Tape::new();
    let x = tape.constant(Tensor::from_fn([4, 2], |at| ((at[0] * 2 + at[1]) as f64).cos()));
    let w = tape.constant(Tensor::from(vec![0.7, -0.4]));
    let (h, _) = tape.scan(4, &[tape.zeros([2])], &[x], &[w], |step| {
        let h = (step.constants[0] * step.carried[0] + step.elements[0]).tanh();
        (vec![h], vec![h])
    });
    let loss = h[0].square().sum();
    let slope = tape.grad(loss, &[w])[0];
    let backwards = tape.grad(slope.square().sum(), &[w])[0];
    let forwards = tape.hvp(loss, &[w], &[2.0 * slope])[0];
    let program =
        tape.finish(&[Output::new("backwards", &backwards), Output::new("forwards", &forwards)]).unwrap();
    let results = Interpreter.outputs::<f64>(&program, &[], Key::new(0)).unwrap();
    for (backwards, forwards) in results[0].to_vec().iter().zip(results[1].to_vec()) {
        assert!((backwards - forwards).abs() < 1e-12 && forwards != 0.0, "{backwards} and {forwards}");
    }
}
