//! Passes leave the meaning as it was, where they have a reason to act.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{
    Args, Data, DataMut, Executor, Interpreter, Operation, Out, Output, Precision, Program, Run, Tape, Type,
    Var,
};
use downhill_engine::Engine;
use downhill_tensor::{Float, Key};

/// The only output of a program of one input, by an executor.
fn output<T: Precision>(executor: &impl Executor<T>, program: &Program, x: &[T]) -> Vec<T> {
    let mut y = vec![T::NAN; program.outputs()[0].len()];
    let mut run = executor.prepare(program).unwrap();
    run.run(&[Data::Float(x)], &mut [DataMut::Float(&mut y)], Key::new(4)).unwrap();
    y
}

/// The program of a function of three numbers.
fn program(function: impl for<'t> Fn(Var<'t>) -> Var<'t>) -> Program {
    let tape = Tape::new();
    let y = function(tape.input("x", [3]));
    tape.finish(&[Output::new("y", &y)]).unwrap()
}

#[test]
fn identities_are_removed_only_where_they_hold() {
    let functions: [fn(Var<'_>) -> Var<'_>; 12] = [
        |x| x + 0.0,
        |x| 0.0 + x,
        |x| x - 0.0,
        |x| 0.0 - x,
        |x| x * 1.0,
        |x| 1.0 * x,
        |x| x / 1.0,
        |x| 1.0 / x,
        |x| -(-x),
        |x| -(-(-x)),
        |x| x * 0.0,
        // The shape changes, though the numbers do not.
        |x| x + x.tape().zeros([2, 3]),
    ];
    let x = [2.0, -0.5, f64::INFINITY];
    for (number, function) in functions.into_iter().enumerate() {
        let program = program(function);
        let (expected, actual) =
            (output(&Interpreter, &program, &x), output(&Engine::default(), &program, &x));
        let same = expected.iter().zip(&actual).all(|(e, a)| e == a || (e.is_nan() && a.is_nan()));
        assert!(same && expected.len() == actual.len(), "function {number}: {expected:?}, {actual:?}");
    }
}

#[test]
fn what_changes_nothing_is_not_computed() {
    let nothing = program(|x| (1.0 * (x + 0.0)) / 1.0);
    let plan = Engine::default().compile::<f32>(&nothing).unwrap();
    assert_eq!(plan.steps(), 1, "only the copy to the output is left:\n{plan}");
    let twice = program(|x| x.exp() * x.exp());
    let plan = Engine::default().compile::<f32>(&twice).unwrap().to_string();
    assert_eq!(plan.matches("exp").count(), 1, "{plan}");
    let known = program(|x| x * (2.0 * x.tape().scalar(3.0)).exp());
    assert_eq!(Engine::default().compile::<f32>(&known).unwrap().steps(), 1);
}

/// x times a factor that an engine does not see.
#[derive(Clone, Debug, PartialEq)]
struct Scale(f64);

impl Operation for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        for (y, &x) in out.float().iter_mut().zip(args.float(0)) {
            *y = x * T::from_f64(self.0);
        }
        Ok(())
    }
}

#[test]
fn operations_of_a_users_own_are_never_taken_for_each_other() {
    let program = program(|x| x.tape().record(Scale(2.0), &[x]) - x.tape().record(Scale(5.0), &[x]));
    assert_eq!(output(&Engine::default(), &program, &[1.0f32, 2.0, 3.0]), [-3.0, -6.0, -9.0]);
}

#[test]
fn random_numbers_do_not_depend_on_the_cut() {
    let program = program(|x| x.tape().uniform([50_000]) + x.sum());
    let x = [0.0f64; 3];
    let expected = output(&Interpreter, &program, &x);
    for threads in [1, 2, 5] {
        assert!(expected == output(&Engine::with_threads(threads), &program, &x), "{threads} threads");
    }
}
