//! The transforms against JAX, on a small tanh network: Jacobians, Hessians, products with them and with the
//! Gauss-Newton matrix, and the gradients of each example.
//!
//! The frozen numbers are in `oracles/transforms.json`, which `oracles/transforms.py` writes.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::{
    Data, Interpreter, Output, Tape, Var, gauss_newton_product, hessian, hvp, hvps, jacfwd, jacobian, jacrev,
    value_and_grad,
};
use downhill_tensor::{Key, Tensor};
use serde::Deserialize;

/// The examples.
const N: usize = 5;
/// The parameters.
const P: usize = 26;

#[derive(Deserialize)]
struct Oracle {
    theta: Vec<f64>,
    xs: Vec<f64>,
    ys: Vec<f64>,
    classes: Vec<i64>,
    vectors: Vec<f64>,
    outputs: Vec<f64>,
    jacobian: Vec<f64>,
    input_jacobian: Vec<f64>,
    squares: Loss,
    cross_entropy: Loss,
}

#[derive(Deserialize)]
struct Loss {
    value: f64,
    gradient: Vec<f64>,
    hessian: Vec<f64>,
    hvps: Vec<f64>,
    gauss_newton: Vec<f64>,
    per_example: Vec<f64>,
}

fn oracle() -> Oracle {
    serde_json::from_str(include_str!("oracles/transforms.json")).unwrap()
}

#[track_caller]
fn close(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-10 * e.abs() + 1e-13, "element {i}: {a} and {e}");
    }
}

/// W1 [3, 4], b1 [4], W2 [4, 2], b2 [2], one after the other in `theta`; `x` is `[.., 3]`.
fn network<'t>(theta: Var<'t>, x: Var<'t>) -> Var<'t> {
    let (w1, b1) = (theta.slice(0, ..12).reshape([3, 4]), theta.slice(0, 12..16));
    let (w2, b2) = (theta.slice(0, 16..24).reshape([4, 2]), theta.slice(0, 24..));
    (x.matmul(w1) + b1).tanh().matmul(w2) + b2
}

impl Oracle {
    fn xs<'t>(&self, tape: &'t Tape) -> Var<'t> {
        tape.constant(Tensor::from_slice(&self.xs, [N, 3]).unwrap())
    }

    fn ys<'t>(&self, tape: &'t Tape) -> Var<'t> {
        tape.constant(Tensor::from_slice(&self.ys, [N, 2]).unwrap())
    }

    fn classes<'t>(&self, tape: &'t Tape) -> Var<'t> {
        tape.index_constant(Tensor::from(self.classes.clone()))
    }

    fn model<'t>(&self, theta: Var<'t>) -> Var<'t> {
        network(theta, self.xs(theta.tape()))
    }

    fn squares<'t>(&self, outputs: Var<'t>) -> Var<'t> {
        (outputs - self.ys(outputs.tape())).square().mean()
    }

    fn cross_entropy<'t>(&self, outputs: Var<'t>) -> Var<'t> {
        outputs.cross_entropy(self.classes(outputs.tape())).mean()
    }

    fn vectors(&self) -> Tensor<f64> {
        Tensor::from_slice(&self.vectors, [3, P]).unwrap()
    }

    /// Everything that follows from one loss.
    fn check(&self, expected: &Loss, loss: impl for<'t> Fn(Var<'t>) -> Var<'t> + Copy) {
        // A closure whose result has the lifetime of its operand.
        fn function<F: for<'t> Fn(Var<'t>) -> Var<'t>>(f: F) -> F {
            f
        }
        let whole = function(|theta| loss(self.model(theta)));
        let (value, gradient) = value_and_grad(whole, &self.theta).unwrap();
        close(&[value], &[expected.value]);
        close(&gradient, &expected.gradient);
        close(&hessian(whole, &self.theta).unwrap().to_vec(), &expected.hessian);
        let products = hvps(whole, &self.theta, &self.vectors()).unwrap();
        assert_eq!(products.shape().dims(), [3, P]);
        close(&products.to_vec(), &expected.hvps);
        for (v, (product, gauss_newton)) in
            self.vectors.chunks(P).zip(expected.hvps.chunks(P).zip(expected.gauss_newton.chunks(P)))
        {
            close(&hvp(whole, &self.theta, v).unwrap(), product);
            let model = function(|theta| self.model(theta));
            close(&gauss_newton_product(model, loss, &self.theta, v).unwrap(), gauss_newton);
        }
    }
}

#[test]
fn jacobians_are_those_of_jax_in_both_modes() {
    let oracle = oracle();
    let expected = &oracle.jacobian;
    for matrix in [
        jacobian(|theta| oracle.model(theta), &oracle.theta),
        jacrev(|theta| oracle.model(theta), &oracle.theta),
        jacfwd(|theta| oracle.model(theta), &oracle.theta),
    ] {
        let matrix = matrix.unwrap();
        assert_eq!(matrix.shape().dims(), [2 * N, P]);
        close(&matrix.to_vec(), expected);
    }
    // By the input, of which there are few elements.
    let matrix =
        jacfwd(|x| network(x.tape().constant(Tensor::from(oracle.theta.clone())), x), &oracle.xs[..3]);
    close(&matrix.unwrap().to_vec(), &oracle.input_jacobian);
}

#[test]
fn second_order_products_of_squares_are_those_of_jax() {
    let oracle = oracle();
    oracle.check(&oracle.squares, |outputs| oracle.squares(outputs));
}

#[test]
fn second_order_products_of_cross_entropy_are_those_of_jax() {
    let oracle = oracle();
    oracle.check(&oracle.cross_entropy, |outputs| oracle.cross_entropy(outputs));
}

#[test]
fn the_gradients_of_each_example_are_those_of_jax() {
    let oracle = oracle();
    let tape = Tape::new();
    let theta = tape.input("theta", [P]);
    let (x, y, class) = (tape.placeholder([3]), tape.placeholder([2]), tape.index_placeholder([]));
    let outputs = network(theta, x);
    assert_eq!(outputs.shape().dims(), [2]);
    let losses = [(outputs - y).square().mean(), outputs.cross_entropy(class)];
    let gradients = losses.map(|loss| tape.grad(loss, &[theta])[0]);
    let pairs = [(x, oracle.xs(&tape)), (y, oracle.ys(&tape)), (class, oracle.classes(&tape))];
    let batches = tape.vmap(&[gradients[0], gradients[1], outputs], &pairs);
    let program = tape
        .finish(&[
            Output::new("squares", &batches[0]),
            Output::new("cross_entropy", &batches[1]),
            Output::new("outputs", &batches[2]),
        ])
        .unwrap();
    let results = Interpreter.outputs(&program, &[Data::Float(&oracle.theta)], Key::new(0)).unwrap();
    assert_eq!(results[0].shape().dims(), [N, P]);
    close(&results[0].to_vec(), &oracle.squares.per_example);
    close(&results[1].to_vec(), &oracle.cross_entropy.per_example);
    close(&results[2].to_vec(), &oracle.outputs);
}
