//! Passes leave the meaning as it was, where they have a reason to act.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{
    Args, Data, DataMut, Executor, Interpreter, Operation, Out, Output, Precision, Program, Run, Tape, Type,
    Var,
};
use downhill_engine::Engine;
use downhill_tensor::{Float, Key, Shape};

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
    let functions: [fn(Var<'_>) -> Var<'_>; 13] = [
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
        // The two zeros are equal, but what is divided by them is not.
        |x| x / x.tape().scalar(0.0) - x / x.tape().scalar(-0.0),
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

/// Whether a function of an array has the result that the interpreter says.
fn agrees(shape: &[usize], function: impl for<'t> Fn(Var<'t>) -> Var<'t>) {
    let tape = Tape::new();
    let y = function(tape.input("x", Shape::new(shape).unwrap()));
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    let x: Vec<f64> = (0..shape.iter().product()).map(|i: usize| (i as f64 * 0.7).sin()).collect();
    let (expected, actual) = (output(&Interpreter, &program, &x), output(&Engine::default(), &program, &x));
    for (e, a) in expected.iter().zip(&actual) {
        assert!((e - a).abs() <= 1e-12 * e.abs().max(1.0), "{e} and {a}\n{program}");
    }
}

#[test]
fn ones_between_zeros_are_not_all_ones() {
    // Larger than what is computed ahead.
    agrees(&[6000], |x| x * x.tape().ones([1000]).pad(0, 2000, 3000));
}

#[test]
fn a_sum_of_products_and_others_forgets_none_of_the_others() {
    agrees(&[6, 6], |x| {
        let products = x.transpose().matmul(x.sin()) + x.cos().transpose().matmul(x);
        products + x.exp() + x.tanh() + x.sigmoid()
    });
}

#[test]
fn a_product_that_is_read_twice_is_not_added_to_where_it_lies() {
    agrees(&[6, 6], |x| {
        let product = x.matmul(x);
        (product + x.sin().matmul(x)) * product.tanh()
    });
}

#[test]
fn sums_over_an_axis_between_others_that_stay_are_sums_over_that_axis() {
    agrees(&[2, 3, 2, 3, 16], |x| x.exp().sum_over(&[2, 4]));
    agrees(&[2, 3, 2, 3, 16], |x| x.exp().sum_over(&[0, 2, 4]));
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

/// The gradient by a matrix that a function of it and of states `[n, 3]` uses at each of so many steps.
fn used_at_each_step(steps: usize, rows: usize) -> Program {
    let tape = Tape::new();
    let weights = tape.input("x", [3]).broadcast_to([3, 3]) + tape.ones([3, 1]);
    let mut state = tape.ones([rows, 3]) * 0.5;
    for step in 0..steps {
        state = (state.matmul(weights) * (0.1 * step as f64 + 0.1)).tanh();
    }
    let gradient = tape.grad(state.square().sum(), &[weights]);
    tape.finish(&[Output::new("gradient", &gradient[0])]).unwrap()
}

#[test]
fn products_over_the_rows_of_each_step_become_one() {
    for (steps, rows) in [(2, 1), (5, 4), (9, 7)] {
        let program = used_at_each_step(steps, rows);
        let x = [0.3, -0.2, 0.7];
        let (expected, actual) =
            (output::<f64>(&Interpreter, &program, &x), output::<f64>(&Engine::default(), &program, &x));
        for (expected, actual) in expected.iter().zip(&actual) {
            assert!((expected - actual).abs() <= 1e-13, "{expected} and {actual}");
        }
        let plan = Engine::default().compile::<f64>(&program).unwrap().to_string();
        // One for each step forward, one for each but the first backward, and one for the gradient.
        assert_eq!(plan.matches("  product").count(), 2 * steps, "{plan}");
    }
    // Over many rows, each is long enough by itself.
    let plan = Engine::default().compile::<f64>(&used_at_each_step(3, 300)).unwrap().to_string();
    assert_eq!(plan.matches("  product").count(), 3 + 2 + 3, "{plan}");
}

#[test]
fn what_is_stacked_is_computed_where_it_lies_then() {
    let functions: [fn(Var<'_>) -> Var<'_>; 4] = [
        |x| x.tape().stack(&[x.exp(), x.sin(), x.cos()], 0),
        // A value that is read elsewhere too, one that is there twice, and an input.
        |x| x.tape().concat(&[x.exp(), x.exp().sum_keep(&[0]), x.exp(), x], 0).square(),
        // A stack of stacks.
        |x| {
            let pair = x.tape().stack(&[x.exp(), x.sin()], 0);
            x.tape().concat(&[pair, x.tape().stack(&[x.cos()], 0)], 0)
        },
        // Delivered, and read afterwards.
        |x| x.tape().stack(&[x.exp(), x.tanh()], 0).sum_keep(&[0]),
    ];
    let x = [0.3, -0.2, 0.7];
    for (number, function) in functions.into_iter().enumerate() {
        let program = program(function);
        let (expected, actual) =
            (output::<f64>(&Interpreter, &program, &x), output::<f64>(&Engine::default(), &program, &x));
        let near = expected.iter().zip(&actual).all(|(e, a)| (e - a).abs() <= 1e-14);
        assert!(near && expected.len() == actual.len(), "function {number}: {expected:?}, {actual:?}");
    }
    let plan = Engine::default().compile::<f64>(&program(functions[0])).unwrap().to_string();
    assert!(!plan.contains("copy"), "{plan}");
}

/// The gradient of a chain of blocks on a batch of 256 rows, each computed again or kept.
fn chain_of_blocks(again: bool) -> Program {
    let tape = Tape::new();
    let start = tape.input("x", [3]);
    let x = start.sum().broadcast_to([256, 64]);
    let w = start.at(0)
        * tape.constant(downhill_tensor::Tensor::from_fn([64, 64], |at| {
            0.02 * ((at[0] * 7 + at[1] * 3) % 11) as f64 - 0.1
        }));
    let mut y = x;
    for _ in 0..6 {
        let block = || {
            let mut y = y;
            for _ in 0..4 {
                y = y.matmul(w).sin() + y.exp().tanh();
            }
            y
        };
        y = if again { tape.checkpoint(block) } else { block() };
    }
    let gradient = tape.grad(y.square().mean(), &[start]);
    tape.finish(&[Output::flat("gradient", &gradient)]).unwrap()
}

#[test]
fn what_is_computed_again_is_not_kept() {
    let (again, kept) = (chain_of_blocks(true), chain_of_blocks(false));
    let x = [0.3_f32, -0.2, 0.7];
    for threads in [1, 2] {
        let engine = Engine::with_threads(threads);
        let bits =
            |program| output::<f32>(&engine, program, &x).into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(&again), bits(&kept));
    }
    let x = x.map(f64::from);
    let (expected, actual) =
        (output::<f64>(&Interpreter, &again, &x), output::<f64>(&Engine::default(), &again, &x));
    for (expected, actual) in expected.iter().zip(&actual) {
        assert!((expected - actual).abs() <= 1e-12 * expected.abs().max(1.0), "{expected} and {actual}");
    }
    let bytes = |program| Engine::default().compile::<f32>(program).unwrap().bytes();
    assert!(2 * bytes(&again) < bytes(&kept), "{} against {} bytes", bytes(&again), bytes(&kept));
}

#[test]
fn whatever_is_not_zero_is_true_in_short_loops_and_long_ones() {
    for length in [4, 1000] {
        let tape = Tape::new();
        let x = tape.input("x", [length]);
        let y = (x * 1.5).select(tape.scalar(1.0), tape.scalar(2.0)) + x.logical_not();
        let program = tape.finish(&[Output::new("y", &y)]).unwrap();
        let x: Vec<f64> = [2.0, -0.5, 0.0, f64::NEG_INFINITY].into_iter().cycle().take(length).collect();
        assert_eq!(output(&Engine::default(), &program, &x)[..4], [1.0, 1.0, 3.0, 1.0]);
        assert_eq!(output(&Interpreter, &program, &x), output(&Engine::default(), &program, &x));
    }
}

#[test]
fn rows_wider_than_a_tile_have_sums_of_their_own() {
    for width in [511, 512, 513, 1300] {
        let tape = Tape::new();
        let x = tape.input("x", [5, width]);
        let sums = (x.sin() * x).exp().sum_over(&[-1]);
        let program = tape.finish(&[Output::new("sums", &sums)]).unwrap();
        let x: Vec<f64> = (0..5 * width).map(|i| (i as f64 * 0.37).cos()).collect();
        let (expected, actual) =
            (output(&Interpreter, &program, &x), output(&Engine::default(), &program, &x));
        let near = expected.iter().zip(&actual).all(|(e, a)| (e - a).abs() <= 1e-12 * e.abs());
        assert!(near, "{expected:?} and {actual:?}");
    }
}
