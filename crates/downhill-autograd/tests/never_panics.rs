//! Nothing panics: not on options beyond all bounds, not on what follows from an error.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::ops::{Conv2d, Pad, Pool2d, SliceAxis};
use downhill_autograd::testing::{Values, operations};
use downhill_autograd::{Output, Tape, Var};
use downhill_tensor::Slice;

/// A function of one value.
type Record = fn(Var<'_>) -> Var<'_>;

#[test]
fn options_beyond_all_bounds_are_refused_and_never_panic() {
    let cases: [Record; 10] = [
        |x| x.pad(0, usize::MAX, 1),
        |x| x.tape().record(SliceAxis { axis: 0, start: 1, step: isize::MIN, count: usize::MAX }, &[x]),
        |x| x.tape().record(SliceAxis { axis: 9, start: 0, step: 1, count: 1 }, &[x]),
        |x| x.tape().record(Pad { axis: 9, start: 0, step: 1, length: 1 }, &[x]),
        |x| x.tape().record(Pad { axis: 0, start: 0, step: isize::MAX, length: usize::MAX }, &[x]),
        |x| x.conv2d(x, Conv2d { padding: [usize::MAX; 2], ..Conv2d::default() }),
        |x| x.conv2d(x, Conv2d { dilation: [usize::MAX; 2], ..Conv2d::default() }),
        |x| x.conv2d(x, Conv2d { groups: 0, ..Conv2d::default() }),
        |x| x.conv2d(x, Conv2d { stride: [0, 1], ..Conv2d::default() }),
        |x| x.max_pool2d(Pool2d { kernel: [usize::MAX; 2], stride: [1; 2], padding: [usize::MAX / 2; 2] }),
    ];
    for (i, record) in cases.into_iter().enumerate() {
        let tape = Tape::new();
        let y = record(tape.input("x", [2, 2, 2, 2]));
        assert!(tape.finish(&[Output::new("y", &y)]).is_err(), "case {i}");
    }
}

#[test]
fn nothing_panics_on_a_value_that_an_error_has_made_meaningless() {
    let tape = Tape::new();
    let x = tape.input("x", [2, 3]);
    let poison = x.reshape([7]);
    let first = tape.finish(&[]).unwrap_err().to_string();
    let pool = Pool2d::square(2);
    let unary: [Record; 41] = [
        |x| -x,
        |x| x.abs(),
        |x| x.relu(),
        |x| x.gelu(),
        |x| x.silu(),
        |x| x.leaky_relu(0.1),
        |x| x.clamp(0.0, 1.0),
        |x| x.powf(0.0),
        |x| x.powf(3.0),
        |x| 1.0 + x,
        |x| x / 2.0,
        |x| x.sum(),
        |x| x.mean(),
        |x| x.sum_over(&[0, 5]),
        |x| x.mean_over(&[-1]),
        |x| x.mean_keep(&[-1]),
        |x| x.sum_keep(&[3]),
        |x| x.variance_keep(&[-1]),
        |x| x.max_over(&[0]),
        |x| x.min_over(&[0]),
        |x| x.sum_to([4].into()),
        |x| x.reshape([2, 2]),
        |x| x.flatten_from(1),
        |x| x.unsqueeze(3),
        |x| x.squeeze(-2),
        |x| x.permute(&[1, 0]),
        |x| x.transpose(),
        |x| x.broadcast_to([2, 2]),
        |x| x.slice(1, Slice { start: None, end: None, step: 0 }),
        |x| x.select_at(1, 7),
        |x| x.at(3),
        |x| x.pad(2, 1, 1),
        |x| x.flip(0),
        |x| x.softmax(),
        |x| x.log_softmax(),
        |x| x.logsumexp(),
        |x| x.one_hot(3),
        |x| x.argmax(),
        |x| x.stop_gradient(),
        |x| x.watch("hidden"),
        |x| x.refuse("a layer", "something else"),
    ];
    for function in unary {
        let _ = function(poison);
    }
    let binary: [for<'t> fn(Var<'t>, Var<'t>) -> Var<'t>; 12] = [
        |a, b| a + b,
        |a, b| a.pow(b),
        |a, b| a.maximum(b),
        |a, b| a.select(b, a),
        |a, b| a.matmul(b),
        |a, b| a.slice(0, ..0).matmul(b),
        |a, b| a.gather(b),
        |a, b| a.scatter_add(b, 3),
        |a, b| a.conv2d(b, Conv2d::default()),
        |a, b| a.tape().concat(&[a, b], 1),
        |a, b| a.tape().stack(&[a, b], 1),
        |a, b| a.tape().jacobian(a, b),
    ];
    for function in binary {
        for (a, b) in [(poison, poison), (poison, x), (x, poison)] {
            let _ = function(a, b);
        }
    }
    let _ = (poison.max_pool2d(pool), poison.avg_pool2d(pool));
    let _ = (poison.dim(0), poison.dim(-1), poison.rank(), poison.ty(), poison.is_float(), poison.id());
    assert_eq!(format!("{poison:?}"), "%?");
    for (value, wrt) in [(poison, x), (x.sum(), poison), (poison, poison)] {
        tape.grad(value, &[wrt]);
        tape.vjp(&[(value, wrt)], &[wrt]);
        tape.jvp(&[value], &[(wrt, poison)]);
        tape.hvp(value, &[wrt], &[poison]);
        tape.hessian(value, wrt);
        tape.jacobian(value, wrt);
        tape.jacfwd(value, wrt);
        tape.hvps(value, &[wrt], &[poison]);
        tape.hvps(value, &[wrt], &[]);
        tape.gauss_newton_product(value, x, &[wrt], &[poison]);
        tape.gauss_newton_product(value, x, &[wrt], &[]);
        tape.vmap(&[value], &[(wrt, x)]);
        tape.vmap(&[value], &[(x, poison)]);
        tape.vmap(&[value], &[]);
    }
    let error = tape.finish(&[Output::new("y", &poison), Output::flat("all", &[poison, x])]).unwrap_err();
    assert_eq!(error.to_string(), first);
}

#[test]
fn every_row_of_the_registry_takes_meaningless_operands() {
    for row in operations() {
        let case = row.case(0, Values::Ordinary);
        let tape = Tape::new();
        let mut vars = case.declare(&tape);
        let poison = vars[0].refuse("test", "nothing");
        vars.fill(poison);
        let y = (case.record)(&tape, &vars);
        assert!(tape.finish(&[Output::new("y", &y)]).is_err(), "{}", row.name);
    }
}
