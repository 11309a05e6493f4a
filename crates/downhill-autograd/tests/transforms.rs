//! The transforms against closed forms, and against each other.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::testing::CaseRng;
use downhill_autograd::{
    Data, Interpreter, Output, Tape, Var, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp,
};
use downhill_tensor::{Key, Tensor};
use std::time::{Duration, Instant};

fn close(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() <= 1e-12 * (1.0 + e.abs()), "{actual:?} and {expected:?}");
    }
}

fn rosenbrock(x: Var<'_>) -> Var<'_> {
    let (a, b) = (x.at(0), x.at(1));
    (1.0 - a).square() + 100.0 * (b - a.square()).square()
}

/// A function of three numbers in which everything depends on everything.
fn entangled(x: Var<'_>) -> Var<'_> {
    (x.softmax() * x.flip(0).sin()).sum().exp() + x.square().sum().sqrt().tanh()
}

#[test]
fn rosenbrock_has_its_known_gradient_and_hessian() {
    let (a, b) = (-1.2, 1.0);
    let (value, gradient) = value_and_grad(rosenbrock, &[a, b]).unwrap();
    close(&[value], &[24.2]);
    close(&gradient, &[-215.6, -88.0]);
    let expected = [2.0 - 400.0 * (b - 3.0 * a * a), -400.0 * a, -400.0 * a, 200.0];
    close(&hessian(rosenbrock, &[a, b]).unwrap().to_vec(), &expected);
}

#[test]
fn quadratic_forms_have_their_matrix_as_hessian() {
    for seed in 0..10 {
        let mut rng = CaseRng::new(seed);
        let n = 1 + rng.below(5);
        let matrix = rng.tensor([n, n].into(), -1.0, 1.0);
        let symmetric = matrix.add(&matrix.transpose().unwrap()).unwrap();
        let point: Vec<f64> = (0..n).map(|_| rng.between(-1.0, 1.0)).collect();
        let actual = hessian(|x| x.matmul(x.tape().constant(matrix.clone()).matmul(x)), &point).unwrap();
        close(&actual.to_vec(), &symmetric.to_vec());
    }
}

#[test]
fn jacobian_of_softmax_is_its_closed_form() {
    let x = [0.5f64, -1.0, 2.0];
    let total: f64 = x.iter().map(|x| x.exp()).sum();
    let y = x.map(|x| x.exp() / total);
    let expected: Vec<f64> = (0..9)
        .map(|k| {
            let (i, j) = (k / 3, k % 3);
            y[i] * (f64::from(u8::from(i == j)) - y[j])
        })
        .collect();
    close(&jacobian(|x| x.softmax(), &x).unwrap().to_vec(), &expected);
}

#[test]
fn hessian_vector_products_agree_with_the_hessian() {
    let (x, v) = ([0.4, -0.8, 1.3], [1.0, -2.0, 0.5]);
    let matrix = hessian(entangled, &x).unwrap().to_vec();
    let product: Vec<f64> = matrix.chunks(3).map(|row| row.iter().zip(v).map(|(h, v)| h * v).sum()).collect();
    close(&hvp(entangled, &x, &v).unwrap(), &product);
    for i in 0..3 {
        for j in 0..3 {
            close(&[matrix[3 * i + j]], &[matrix[3 * j + i]]);
        }
    }
}

#[test]
fn rows_by_reverse_mode_and_columns_by_forward_mode_are_one_jacobian() {
    fn record(x: Var<'_>) -> Var<'_> {
        let outer = x.unsqueeze(1).matmul(x.sin().unsqueeze(0));
        outer.log_softmax().reshape([9]).slice(0, 1..6)
    }
    let x = [0.4, -0.8, 1.3];
    let rows = jacobian(record, &x).unwrap();
    assert_eq!(rows.shape().dims(), [5, 3]);
    for column in 0..3 {
        let mut unit = [0.0; 3];
        unit[column] = 1.0;
        let (_, tangent) = jvp(record, &x, &unit).unwrap();
        let expected: Vec<f64> = rows.to_vec().chunks(3).map(|row| row[column]).collect();
        close(&tangent, &expected);
    }
    let u = [1.0, -1.0, 2.0, 0.5, 3.0];
    let (_, cotangent) = vjp(record, &x, &u).unwrap();
    let matrix = rows.to_vec();
    let expected: Vec<f64> =
        (0..3).map(|column| (0..5).map(|row| u[row] * matrix[3 * row + column]).sum()).collect();
    close(&cotangent, &expected);
}

#[test]
fn linear_functions_have_hessian_zero() {
    let zero = hessian(|x| (3.0 * x - 1.0).sum(), &[1.0, 2.0]).unwrap();
    assert_eq!(zero.to_vec(), [0.0; 4]);
    assert_eq!(hvp(|x| x.sum(), &[1.0, 2.0], &[1.0, 1.0]).unwrap(), [0.0; 2]);
    // Linear in parts: zero almost everywhere.
    assert_eq!(hessian(|x| x.relu().sum(), &[1.0, -2.0]).unwrap().to_vec(), [0.0; 4]);
}

#[test]
fn third_and_fourth_derivatives_agree_with_closed_forms() {
    fn nth<'t>(tape: &'t Tape, f: Var<'t>, x: Var<'t>, order: usize) -> Var<'t> {
        (0..order).fold(f, |y, _| tape.grad(y, &[x])[0])
    }
    type Function = fn(Var<'_>) -> Var<'_>;
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let x = 0.7f64;
    let s = logistic(x);
    let (tanh, gauss) = (x.tanh(), (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI);
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    // Function, third derivative, fourth derivative.
    let cases: [(&str, Function, f64, f64); 11] = [
        ("exp", |x| x.exp(), x.exp(), x.exp()),
        ("sin", |x| x.sin(), -x.cos(), x.sin()),
        ("log", |x| x.log(), 2.0 / x.powi(3), -6.0 / x.powi(4)),
        ("recip", |x| x.recip(), -6.0 / x.powi(4), 24.0 / x.powi(5)),
        ("sqrt", |x| x.sqrt(), 0.375 * x.powf(-2.5), -0.9375 * x.powf(-3.5)),
        ("x^5", |x| x.powf(5.0), 60.0 * x * x, 120.0 * x),
        (
            "tanh",
            |x| x.tanh(),
            (1.0 - tanh * tanh) * (6.0 * tanh * tanh - 2.0),
            (1.0 - tanh * tanh) * (16.0 * tanh - 24.0 * tanh.powi(3)),
        ),
        (
            "sigmoid",
            |x| x.sigmoid(),
            s * (1.0 - s) * (1.0 - 6.0 * s + 6.0 * s * s),
            s * (1.0 - s) * (1.0 - 2.0 * s) * (1.0 - 12.0 * s + 12.0 * s * s),
        ),
        (
            "softplus",
            |x| x.softplus(),
            s * (1.0 - s) * (1.0 - 2.0 * s),
            s * (1.0 - s) * (1.0 - 6.0 * s + 6.0 * s * s),
        ),
        ("gelu", |x| x.gelu(), density * (x.powi(3) - 4.0 * x), density * (7.0 * x * x - 4.0 - x.powi(4))),
        ("erf", |x| x.erf(), gauss * (4.0 * x * x - 2.0), gauss * (12.0 * x - 8.0 * x.powi(3))),
    ];
    for (name, function, third, fourth) in cases {
        let tape = Tape::new();
        let input = tape.input("x", ());
        let y = function(input);
        let results = [nth(&tape, y, input, 3), nth(&tape, y, input, 4)];
        let program = tape.finish(&[Output::flat("derivatives", &results)]).unwrap();
        let actual = Interpreter.outputs(&program, &[Data::Float(&[x])], Key::new(0)).unwrap()[0].to_vec();
        for (a, e) in actual.iter().zip([third, fourth]) {
            assert!((a - e).abs() <= 1e-11 * (1.0 + e.abs()), "{name}: {a} and {e}");
        }
    }
}

#[test]
fn values_used_on_several_paths_collect_the_gradients_of_all() {
    // A diamond: y = sin(h) cos(h) with h = x², so y = sin(2 x²) / 2 and y' = 2 x cos(2 x²).
    let x = 0.6f64;
    let diamond = grad(
        |x| {
            let h = x.square();
            (h.sin() * h.cos()).sum()
        },
        &[x],
    );
    close(&diamond.unwrap(), &[2.0 * x * (2.0 * x * x).cos()]);
    // Thirty diamonds on top of each other have 2³⁰ paths, and still few operations: y = x^(2^30) at 1.
    let tape = Tape::new();
    let input = tape.input("x", ());
    let y = (0..30).fold(input, |y, _| y * y);
    let gradient = tape.grad(y, &[input])[0];
    assert!(tape.len() < 200, "{}", tape.len());
    let program = tape.finish(&[Output::new("gradient", &gradient)]).unwrap();
    let result = Interpreter.outputs::<f64>(&program, &[Data::Float(&[1.0])], Key::new(0)).unwrap();
    assert_eq!(result[0].to_vec(), [2f64.powi(30)]);
}

/// The outputs of a program without inputs.
fn run(tape: &Tape, values: &[Var<'_>]) -> Vec<Vec<f64>> {
    let outputs: Vec<_> = values.iter().map(|value| Output::new("value", value)).collect();
    let program = tape.finish(&outputs).unwrap();
    Interpreter.outputs::<f64>(&program, &[], Key::new(0)).unwrap().iter().map(Tensor::to_vec).collect()
}

#[test]
fn the_same_value_may_be_differentiated_by_twice() {
    let tape = Tape::new();
    let x = tape.scalar(3.0);
    let y = x.square();
    let gradients = tape.grad(y, &[x, x]);
    // As two directions of one value, tangents add.
    let tangent = tape.jvp(&[y], &[(x, tape.scalar(1.0)), (x, tape.scalar(10.0))])[0];
    assert_eq!(run(&tape, &[gradients[0], gradients[1], tangent]), [[6.0], [6.0], [66.0]]);
}

#[test]
fn constants_may_be_differentiated_by() {
    // f(x, n) = xⁿ with both of them constants: ∂²f/∂x∂n = xⁿ⁻¹ (1 + n ln x).
    let tape = Tape::new();
    let (x, n) = (tape.scalar(2.0), tape.scalar(3.0));
    let mixed = tape.hvp(x.pow(n), &[x, n], &[tape.scalar(0.0), tape.scalar(1.0)])[0];
    let expected = 4.0 * (1.0 + 3.0 * 2f64.ln());
    close(&run(&tape, &[mixed])[0], &[expected]);
}

#[test]
fn intermediates_and_the_value_itself_have_gradients() {
    let tape = Tape::new();
    let x = tape.scalar(3.0);
    let h = x.square();
    let y = h * x;
    let gradients = tape.grad(y, &[x, h, y]);
    assert_eq!(run(&tape, &gradients), [[27.0], [3.0], [1.0]]);
}

#[test]
fn several_values_with_cotangents_add_up() {
    let tape = Tape::new();
    let x = tape.scalar(2.0);
    let (a, b) = (x.square(), x.exp());
    let gradient = tape.vjp(&[(a, tape.scalar(3.0)), (b, tape.scalar(0.0)), (a, tape.scalar(1.0))], &[x]);
    assert_eq!(run(&tape, &gradient), [[16.0]]);
}

#[test]
fn hvp_takes_parameters_in_parts() {
    // f(a, B) = Σ a (B a): the product of its Hessian with a direction, against one flat vector.
    let tape = Tape::new();
    let port = tape.vector("theta");
    let (a, b) = (tape.part(port, "a", [2]), tape.part(port, "b", [2, 2]));
    let (v, w) = (tape.input("v", [2]), tape.input("w", [2, 2]));
    let loss = a.matmul(b.matmul(a));
    let parts = tape.hvp(loss, &[a, b], &[v, w]);
    let program = tape.finish(&[Output::flat("hvp", &parts)]).unwrap();
    let theta = [1.0, -2.0, 0.5, 1.5, -1.0, 2.0];
    let direction = [0.3, 0.7, -1.0, 0.2, 0.4, 0.9];
    let inputs = [Data::Float(&theta), Data::Float(&direction[..2]), Data::Float(&direction[2..])];
    let actual = Interpreter.outputs(&program, &inputs, Key::new(0)).unwrap()[0].to_vec();
    let expected = hvp(
        |x| {
            let (a, b) = (x.slice(0, ..2), x.slice(0, 2..).reshape([2, 2]));
            a.matmul(b.matmul(a))
        },
        &theta,
        &direction,
    );
    close(&actual, &expected.unwrap());
}

#[test]
fn chains_of_ten_thousand_operations_are_differentiated_in_linear_time() {
    let record = |length: usize| {
        let tape = Tape::new();
        let x = tape.input("x", ());
        let y = (0..length).fold(x, |y, _| y.sin());
        let start = Instant::now();
        let gradient = tape.grad(y, &[x])[0];
        let elapsed = start.elapsed();
        let program = tape.finish(&[Output::new("gradient", &gradient)]).unwrap();
        let result = Interpreter.outputs::<f64>(&program, &[Data::Float(&[1.0])], Key::new(0)).unwrap();
        (elapsed, result[0].to_vec()[0])
    };
    let (elapsed, gradient) = record(10_000);
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
    let (mut y, mut expected) = (1.0f64, 1.0f64);
    for _ in 0..10_000 {
        expected *= y.cos();
        y = y.sin();
    }
    assert!((gradient / expected - 1.0).abs() < 1e-9, "{gradient:e} and {expected:e}");
    println!("10,000 operations: {elapsed:?}");
}

/// The gradient of a chain of blocks, each computed again or kept.
fn blocks(again: bool) -> downhill_autograd::Program {
    let tape = Tape::new();
    let x = tape.input("x", [6]);
    let mut y = x;
    for number in 0..4 {
        let block = || (y * (1.0 + 0.1 * number as f64)).sin().tanh() * tape.uniform([6]) + x.exp();
        y = if again { tape.checkpoint(block) } else { block() };
    }
    let value = y.square().sum();
    let gradient = tape.grad(value, &[x]);
    tape.finish(&[Output::new("value", &value), Output::flat("gradient", &gradient)]).unwrap()
}

#[test]
fn what_is_computed_again_gives_the_same_bits() {
    let x = [0.3, -0.2, 0.7, 1.5, -2.0, 0.0];
    let outputs = |again| {
        let program = blocks(again);
        let values = Interpreter.outputs(&program, &[Data::Float(&x[..])], Key::new(3)).unwrap();
        values.into_iter().flat_map(|output| output.to_vec()).map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(outputs(true), outputs(false));
    let (again, kept) = (blocks(true).to_string(), blocks(false).to_string());
    assert!(again.contains("after") && !kept.contains("after"));
    // Each sine is computed once more, and nothing of the derivatives reads the first one.
    assert_eq!((again.matches("= sin").count(), kept.matches("= sin").count()), (8, 4), "{again}");
}
