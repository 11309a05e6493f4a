//! Derivatives of a function at a point, evaluated in `f64` by the reference interpreter.

use crate::{Data, Interpreter, Output, Result, Tape, Var};
use downhill_tensor::{Key, Tensor};

/// Records a function and something about it at a point, and evaluates that.
fn at_point(
    point: &[f64],
    extra: &[f64],
    record: impl for<'t> FnOnce(&'t Tape, Var<'t>, Var<'t>) -> Vec<Var<'t>>,
) -> Result<Vec<Tensor<f64>>> {
    let tape = Tape::new();
    let x = tape.input("x", [point.len()]);
    let v = tape.input("v", [extra.len()]);
    let results = record(&tape, x, v);
    let outputs: Vec<_> = results.iter().map(|var| Output::new("result", var)).collect();
    let program = tape.finish(&outputs)?;
    Interpreter.outputs(&program, &[Data::Float(point), Data::Float(extra)], Key::new(0))
}

fn first(results: Vec<Tensor<f64>>) -> Vec<f64> {
    results.first().map(Tensor::to_vec).unwrap_or_default()
}

/// The value and the gradient of a scalar function at a point.
///
/// # Errors
/// What [`Tape::grad`] and [`Tape::finish`] report.
pub fn value_and_grad(
    function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>,
    point: &[f64],
) -> Result<(f64, Vec<f64>)> {
    let results = at_point(point, &[], |tape, x, _| {
        let y = function(x);
        vec![y, tape.grad(y, &[x])[0]]
    })?;
    let value = results.first().and_then(|value| value.to_vec().first().copied()).unwrap_or(f64::NAN);
    Ok((value, results.get(1).map(Tensor::to_vec).unwrap_or_default()))
}

/// The gradient of a scalar function at a point.
///
/// # Errors
/// As [`value_and_grad`].
pub fn grad(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64]) -> Result<Vec<f64>> {
    value_and_grad(function, point).map(|(_, gradient)| gradient)
}

/// The value of a function of a vector at a point, and its change in the direction `v`: the Jacobian times
/// `v`.
///
/// # Errors
/// As [`value_and_grad`]; a direction of another length than the point.
pub fn jvp(
    function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>,
    point: &[f64],
    v: &[f64],
) -> Result<(Vec<f64>, Vec<f64>)> {
    let results = at_point(point, v, |tape, x, v| {
        let y = function(x);
        vec![y, tape.jvp(&[y], &[(x, v)])[0]]
    })?;
    let tangent = results.get(1).map(Tensor::to_vec).unwrap_or_default();
    Ok((first(results), tangent))
}

/// The value of a function of a vector at a point, and `u` (one number for each element of the value) times
/// the Jacobian.
///
/// # Errors
/// As [`value_and_grad`]; a cotangent with another number of elements than the value.
pub fn vjp(
    function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>,
    point: &[f64],
    u: &[f64],
) -> Result<(Vec<f64>, Vec<f64>)> {
    let results = at_point(point, u, |tape, x, u| {
        let y = function(x);
        vec![y, tape.vjp(&[(y, u.reshape(y.shape()))], &[x])[0]]
    })?;
    let cotangent = results.get(1).map(Tensor::to_vec).unwrap_or_default();
    Ok((first(results), cotangent))
}

/// The Hessian of a scalar function at a point, times `v`.
///
/// # Errors
/// As [`value_and_grad`]; a direction of another length than the point.
pub fn hvp(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64], v: &[f64]) -> Result<Vec<f64>> {
    at_point(point, v, |tape, x, v| tape.hvp(function(x), &[x], &[v])).map(first)
}

/// The Hessian of a scalar function at a point, times each row of `vectors` (`[k, n]`): row i of the result is the
/// product with row i.
///
/// # Errors
/// As [`value_and_grad`]; rows of another length than the point.
pub fn hvps(
    function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>,
    point: &[f64],
    vectors: &Tensor<f64>,
) -> Result<Tensor<f64>> {
    let results =
        at_point(point, &[], |tape, x, _| tape.hvps(function(x), &[x], &[tape.constant(vectors.clone())]))?;
    Ok(results.into_iter().next().unwrap_or_else(|| Tensor::full([0, 0], 0.0)))
}

/// The Gauss-Newton matrix `Jᵀ H J` of `loss(model(x))` at a point, times `v`: J is the Jacobian of the model, H the
/// Hessian of the scalar loss by the model's outputs.
///
/// # Errors
/// As [`value_and_grad`]; a direction of another length than the point.
pub fn gauss_newton_product(
    model: impl for<'t> FnOnce(Var<'t>) -> Var<'t>,
    loss: impl for<'t> FnOnce(Var<'t>) -> Var<'t>,
    point: &[f64],
    v: &[f64],
) -> Result<Vec<f64>> {
    let results = at_point(point, v, |tape, x, v| {
        let outputs = model(x);
        tape.gauss_newton_product(loss(outputs), outputs, &[x], &[v])
    })?;
    Ok(first(results))
}

/// A matrix of derivatives: `[elements of the value, elements of the point]`.
pub type Jacobian = Tensor<f64>;

/// The Jacobian of a function of a vector at a point: [`jacrev`].
///
/// # Errors
/// As [`value_and_grad`].
pub fn jacobian(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64]) -> Result<Jacobian> {
    jacrev(function, point)
}

/// The Jacobian of a function of a vector at a point, by reverse mode: for functions with fewer results than
/// arguments.
///
/// # Errors
/// As [`value_and_grad`].
pub fn jacrev(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64]) -> Result<Jacobian> {
    matrix(point, |tape, x| {
        let y = function(x);
        tape.jacrev(y, x).reshape([y.shape().size(), point.len()])
    })
}

/// The Jacobian of a function of a vector at a point, by forward mode: for functions with more results than
/// arguments.
///
/// # Errors
/// What [`Tape::jvp`] and [`Tape::finish`] report.
pub fn jacfwd(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64]) -> Result<Jacobian> {
    matrix(point, |tape, x| {
        let y = function(x);
        tape.jacfwd(y, x).reshape([y.shape().size(), point.len()])
    })
}

/// The Hessian of a scalar function at a point.
///
/// # Errors
/// As [`value_and_grad`].
pub fn hessian(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64]) -> Result<Jacobian> {
    matrix(point, |tape, x| tape.hessian(function(x), x).reshape([point.len(), point.len()]))
}

fn matrix(point: &[f64], record: impl for<'t> FnOnce(&'t Tape, Var<'t>) -> Var<'t>) -> Result<Jacobian> {
    let results = at_point(point, &[], |tape, x, _| vec![record(tape, x)])?;
    Ok(results.into_iter().next().unwrap_or_else(|| Tensor::full([0, 0], 0.0)))
}
