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

/// A matrix of derivatives: `[elements of the value, elements of the point]`.
pub type Jacobian = Tensor<f64>;

/// The Jacobian of a function of a vector at a point.
///
/// # Errors
/// As [`value_and_grad`].
pub fn jacobian(function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, point: &[f64]) -> Result<Jacobian> {
    matrix(point, |tape, x| {
        let y = function(x);
        tape.jacobian(y, x).reshape([y.shape().size(), point.len()])
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
