//! Values and derivatives where the definition alone does not decide: ties, zeros, NaN, extremes.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::ops::Pool2d;
use downhill_autograd::{Data, DataMut, Executor, Interpreter, Output, Run, Tape, Var, grad, value_and_grad};
use downhill_tensor::{Key, Tensor};

const NAN: f64 = f64::NAN;

/// The value of a function of a vector, in double precision.
fn value(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, x: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let y = function(tape.input("x", [x.len()]));
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    Interpreter.outputs(&program, &[Data::Float(x)], Key::new(0)).unwrap()[0].to_vec()
}

/// The value and the gradient of the sum of a function, in single precision.
fn single(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let tape = Tape::new();
    let input = tape.input("x", [x.len()]);
    let y = function(input);
    let gradient = tape.grad(y.sum(), &[input])[0];
    let program = tape.finish(&[Output::new("y", &y), Output::new("gradient", &gradient)]).unwrap();
    let results = Interpreter.outputs(&program, &[Data::Float(x)], Key::new(0)).unwrap();
    (results[0].to_vec(), results[1].to_vec())
}

#[test]
fn gradient_of_max_splits_ties() {
    let x = [1.0, 3.0, 3.0, -1.0, 3.0, 2.0];
    let third = 1.0 / 3.0;
    assert_eq!(grad(|x| x.max_over(&[0]), &x).unwrap(), [0.0, third, third, 0.0, third, 0.0]);
    assert_eq!(grad(|x| x.min_over(&[0]), &[2.0, 1.0, 1.0]).unwrap(), [0.0, 0.5, 0.5]);
}

#[test]
fn relu_abs_and_leaky_relu_have_their_stated_derivative_at_zero() {
    let x = [-1.0, 0.0, -0.0, 2.0];
    assert_eq!(grad(|x| x.relu().sum(), &x).unwrap(), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(grad(|x| x.abs().sum(), &x).unwrap(), [-1.0, 0.0, 0.0, 1.0]);
    assert_eq!(grad(|x| x.leaky_relu(0.25).sum(), &x).unwrap(), [0.25, 0.25, 0.25, 1.0]);
}

#[test]
fn maximum_and_minimum_share_the_gradient_of_equal_operands() {
    let x = [1.0, 2.0, 2.0, 2.0];
    let of = |function: for<'t> fn(Var<'t>, Var<'t>) -> Var<'t>| {
        grad(|x| function(x.slice(0, ..2), x.slice(0, 2..)).sum(), &x).unwrap()
    };
    assert_eq!(of(|a, b| a.maximum(b)), [0.0, 0.5, 1.0, 0.5]);
    assert_eq!(of(|a, b| a.minimum(b)), [1.0, 0.5, 0.0, 0.5]);
    assert_eq!(grad(|x| x.clamp(2.0, 5.0).sum(), &x).unwrap(), [0.0, 0.5, 0.5, 0.5]);
}

#[test]
fn max_pooling_gives_the_whole_gradient_to_the_first_of_equals() {
    let pool = Pool2d::square(2);
    let gradient =
        grad(|x| x.reshape([1, 1, 2, 4]).max_pool2d(pool).sum(), &[1., 7., 0., 0., 7., 1., 0., 0.]);
    assert_eq!(gradient.unwrap(), [0., 1., 1., 0., 0., 0., 0., 0.]);
    let with_nan = value(|x| x.reshape([1, 1, 2, 2]).max_pool2d(pool), &[1.0, NAN, 2.0, 3.0]);
    assert!(with_nan[0].is_nan());
}

#[test]
fn padding_counts_as_minus_infinity_for_the_largest_and_as_zeros_for_the_mean() {
    let pool = Pool2d { kernel: [2, 2], stride: [2, 2], padding: [1, 1] };
    let x = [-1.0, -2.0, -3.0, -4.0];
    assert_eq!(value(|x| x.reshape([1, 1, 2, 2]).max_pool2d(pool), &x), x);
    assert_eq!(value(|x| x.reshape([1, 1, 2, 2]).avg_pool2d(pool), &x), x.map(|x| x / 4.0));
}

#[test]
fn powers_have_finite_derivatives_at_zero_where_the_limit_is_finite() {
    assert_eq!(value_and_grad(|x| x.powf(0.0).sum(), &[0.0, 2.0]).unwrap(), (2.0, vec![0.0, 0.0]));
    assert_eq!(value_and_grad(|x| x.powf(3.0).sum(), &[0.0, -2.0]).unwrap(), (-8.0, vec![0.0, 12.0]));
    assert_eq!(grad(|x| x.powf(2.0).sum(), &[0.0]).unwrap(), [0.0]);
    // Both operands vary: x₀ to the power of x₁.
    let both = |point: &[f64]| grad(|x| x.at(0).pow(x.at(1)), point).unwrap();
    assert_eq!(both(&[0.0, 2.0]), [0.0, 0.0]);
    assert_eq!(both(&[0.0, 0.0]), [0.0, 0.0]);
    assert_eq!(both(&[0.0, 1.0]), [1.0, 0.0]);
    let at = both(&[2.0, 3.0]);
    assert!((at[0] - 12.0).abs() < 1e-14 && (at[1] - 8.0 * 2f64.ln()).abs() < 1e-14);
    assert!(value(|x| x.powf(0.5), &[-1.0])[0].is_nan());
}

#[test]
fn select_ignores_nan_in_the_branch_that_is_not_chosen() {
    // The logarithm is NaN at -1 and -∞ at 0, and so are its derivatives; neither is chosen there.
    let x = [-1.0, 0.0, 2.0];
    let branch = value(
        |x| {
            let nan = x.tape().constant(Tensor::from_vec(vec![NAN, f64::INFINITY, 5.0], [3]).unwrap());
            x.gt(x.tape().scalar(1.0)).select(nan, 10.0 * x)
        },
        &x,
    );
    assert_eq!(branch, [-10.0, 0.0, 5.0]);
    let gradient = grad(
        |x| {
            let positive = x.gt(x.tape().scalar(0.0));
            // The operand is made harmless first: a cotangent of 0 times an infinite derivative is NaN.
            let harmless = positive.select(x, x.tape().scalar(1.0));
            positive.select(harmless.log(), x).sum()
        },
        &x,
    );
    assert_eq!(gradient.unwrap(), [1.0, 1.0, 0.5]);
}

#[test]
fn softmax_and_its_logarithm_stay_finite_at_logits_of_ten_thousand() {
    let x = [1e4f32, -1e4, 0.0, 1e4];
    let (y, gradient) = single(|x| x.softmax(), &x);
    assert_eq!(y, [0.5, 0.0, 0.0, 0.5]);
    assert_eq!(gradient, [0.0; 4]);
    let (y, gradient) = single(|x| x.log_softmax(), &x);
    let half = 0.5f32.ln();
    assert_eq!(y, [half, -2e4 + half, -1e4 + half, half]);
    assert_eq!(gradient, [-1.0, 1.0, 1.0, -1.0]);
    let (y, gradient) = single(|x| x.logsumexp(), &x);
    assert_eq!(y, [1e4 + 2f32.ln()]);
    assert_eq!(gradient, [0.5, 0.0, 0.0, 0.5]);
    let (y, gradient) = single(|x| x.softplus(), &[1e4, -1e4, 0.0]);
    assert_eq!(y, [1e4, 0.0, 2f32.ln()]);
    assert_eq!(gradient, [1.0, 0.0, 0.5]);
    let (y, gradient) = single(|x| x.sigmoid(), &[1e4, -1e4, 0.0]);
    assert_eq!((y, gradient), (vec![1.0, 0.0, 0.5], vec![0.0, 0.0, 0.25]));
}

#[test]
fn second_derivatives_of_the_softmax_family_stay_finite_at_extremes() {
    for function in [(|x| x.softmax()) as fn(Var<'_>) -> Var<'_>, |x| x.log_softmax(), |x| x.logsumexp()] {
        let curved =
            downhill_autograd::hvp(|x| function(x).square().sum(), &[1e4, -1e4, 3.0], &[1.0, 2.0, 3.0]);
        let curved = curved.unwrap();
        assert!(curved.iter().all(|x| x.is_finite()), "{curved:?}");
    }
}

#[test]
fn infinite_logits_mask_what_they_belong_to() {
    let x = [0.0, f64::NEG_INFINITY, 0.0];
    assert_eq!(value(|x| x.softmax(), &x), [0.5, 0.0, 0.5]);
    assert_eq!(value(|x| x.logsumexp(), &x), [2f64.ln()]);
    // What is masked takes no part in the gradient either.
    assert_eq!(grad(|x| x.logsumexp(), &x).unwrap(), [0.5, 0.0, 0.5]);
}

#[test]
fn extremes_and_argmax_pass_nan_on() {
    let x = [1.0, NAN, 3.0, NAN];
    assert!(value(|x| x.max_over(&[0]), &x)[0].is_nan());
    assert!(value(|x| x.min_over(&[0]), &x)[0].is_nan());
    assert!(value(|x| x.maximum(x.tape().scalar(9.0)), &x)[1].is_nan());
    assert!(value(|x| x.relu(), &x)[1].is_nan());
    // The position of the first NaN, and of the first among equals.
    let position = |x: &[f64]| {
        let tape = Tape::new();
        let y = tape.input("x", [x.len()]).argmax();
        let program = tape.finish(&[Output::new("position", &y)]).unwrap();
        let mut result = [i64::MIN];
        let mut run = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
        run.run(&[Data::Float(x)], &mut [DataMut::Index(&mut result)], Key::new(0)).unwrap();
        result[0]
    };
    assert_eq!(position(&x), 1);
    assert_eq!(position(&[2.0, 5.0, 5.0]), 1);
    assert_eq!(position(&[f64::NEG_INFINITY, f64::NEG_INFINITY]), 0);
}

#[test]
fn stop_gradient_silences_exactly_what_it_encloses() {
    assert_eq!(grad(|x| (x * x.stop_gradient()).sum(), &[3.0, -2.0]).unwrap(), [3.0, -2.0]);
    // Everything stopped: zero, and no error.
    assert_eq!(grad(|x| x.square().stop_gradient().sum(), &[3.0]).unwrap(), [0.0]);
    let (value, tangent) = downhill_autograd::jvp(|x| x * x.stop_gradient(), &[3.0], &[1.0]).unwrap();
    assert_eq!((value, tangent), (vec![9.0], vec![3.0]));
}

#[test]
fn rounding_takes_ties_to_even_and_sign_of_zero_is_zero() {
    assert_eq!(value(|x| x.round(), &[0.5, 1.5, 2.5, -0.5, -1.5]), [0.0, 2.0, 2.0, 0.0, -2.0]);
    assert_eq!(value(|x| x.sign(), &[-3.0, 0.0, 5.0]), [-1.0, 0.0, 1.0]);
    assert_eq!(value(|x| x.floor() + x.ceil(), &[-1.5, 0.25]), [-3.0, 1.0]);
}

#[test]
fn scalar_functions_agree_with_their_closed_forms() {
    let x = [0.3, 1.0, 2.5];
    let check = |function: fn(Var<'_>) -> Var<'_>, expected: fn(f64) -> f64, slope: fn(f64) -> f64| {
        let (values, slopes) = (value(function, &x), grad(|x| function(x).sum(), &x).unwrap());
        for ((x, y), dy) in x.into_iter().zip(values).zip(slopes) {
            assert!((y - expected(x)).abs() <= 4e-15 * (1.0 + y.abs()), "f({x}) = {y}");
            assert!((dy - slope(x)).abs() <= 4e-15 * (1.0 + dy.abs()), "f'({x}) = {dy}");
        }
    };
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    check(|x| x.exp(), f64::exp, f64::exp);
    check(|x| x.log(), f64::ln, |x| 1.0 / x);
    check(|x| x.sqrt(), f64::sqrt, |x| 0.5 / x.sqrt());
    check(|x| x.recip(), |x| 1.0 / x, |x| -1.0 / (x * x));
    check(|x| x.tanh(), f64::tanh, |x| 1.0 - x.tanh().powi(2));
    check(|x| x.sin(), f64::sin, f64::cos);
    check(|x| x.cos(), f64::cos, |x| -x.sin());
    check(|x| x.powf(1.7), |x| x.powf(1.7), |x| 1.7 * x.powf(0.7));
    check(
        |x| x.sigmoid(),
        logistic,
        |x| {
            let y = 1.0 / (1.0 + (-x).exp());
            y * (1.0 - y)
        },
    );
    check(
        |x| x.silu(),
        |x| x / (1.0 + (-x).exp()),
        |x| {
            let y = 1.0 / (1.0 + (-x).exp());
            y + x * y * (1.0 - y)
        },
    );
    // erf(1) and the Gaussian distribution function at 1, from tables (Abramowitz and Stegun, 7.1 and 26.1).
    assert!((value(|x| x.erf(), &[1.0])[0] - 0.842_700_792_949_714_9).abs() < 1e-15);
    assert!((value(|x| x.gelu(), &[1.0])[0] - 0.841_344_746_068_542_9).abs() < 1e-15);
}

#[test]
fn empty_and_scalar_shapes_have_their_natural_values() {
    let tape = Tape::new();
    let empty = tape.input("empty", [0, 3]);
    let results = [
        empty.sum(),
        empty.sum_over(&[0]),
        empty.mean(),
        empty.transpose().matmul(empty),
        empty.softmax(),
        tape.scalar(2.0).sum(),
        tape.scalar(2.0).max_over(&[]),
        tape.scalar(2.0).reshape([1, 1]),
    ];
    let names = ["sum", "sum_over", "mean", "matmul", "softmax", "scalar", "max", "reshape"];
    let outputs: Vec<_> = names.iter().zip(&results).map(|(name, y)| Output::new(name, y)).collect();
    let program = tape.finish(&outputs).unwrap();
    let results = Interpreter.outputs::<f64>(&program, &[Data::Float(&[])], Key::new(0)).unwrap();
    let values: Vec<_> = results.iter().map(Tensor::to_vec).collect();
    assert_eq!(values[0], [0.0]);
    assert_eq!(values[1], [0.0; 3]);
    assert!(values[2][0].is_nan());
    assert_eq!(values[3], [0.0; 9]);
    assert!(values[4].is_empty());
    assert_eq!((values[5][0], values[6][0], values[7][0]), (2.0, 2.0, 2.0));
}

#[test]
fn uniform_numbers_depend_on_the_key_and_the_stream_alone() {
    let tape = Tape::new();
    let (a, b) = (tape.uniform([100]), tape.uniform([100]));
    let program = tape.finish(&[Output::new("a", &a), Output::new("b", &b)]).unwrap();
    let draw = |seed| -> Vec<Vec<f64>> {
        let results = Interpreter.outputs(&program, &[], Key::new(seed)).unwrap();
        results.iter().map(Tensor::to_vec).collect()
    };
    let (first, again, other) = (draw(1), draw(1), draw(2));
    assert_eq!(first, again);
    assert!(first[0] != first[1] && first[0] != other[0]);
    assert!(first.iter().flatten().all(|x| (0.0..1.0).contains(x)));
    let single: Vec<f64> = Interpreter.outputs::<f32>(&program, &[], Key::new(1)).unwrap()[0]
        .to_vec()
        .into_iter()
        .map(f64::from)
        .collect();
    assert_eq!(single, first[0]);
}
