//! Gradient checks: recorded derivatives against finite differences.

use crate::{Data, Error, Interpreter, Output, Result, Tape, Var};
use downhill_tensor::{Key, Tensor};

/// How close is close enough: `|recorded - numerical| <= absolute + relative |numerical|`.
///
/// The defaults are those of PyTorch's `gradcheck` in double precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The distance of the two points of a central difference from the middle.
    pub epsilon: f64,
    /// The absolute part of the tolerance.
    pub absolute: f64,
    /// The relative part of the tolerance.
    pub relative: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Tolerance { epsilon: 1e-6, absolute: 1e-5, relative: 1e-3 }
    }
}

/// Checks the derivatives that the transforms record for `function` at given inputs, in `f64`:
///
/// 1. the gradient of a random projection of the result (a cotangent of unit norm, so that errors do not
///    cancel as they do with all ones) against central differences, element by element;
/// 2. the same projection's `jvp` along a random direction against the gradient: the transforms are dual;
/// 3. the Hessian-vector product along that direction against central differences of the gradient.
///
/// ```
/// use downhill_autograd::{Tolerance, check_gradients};
/// use downhill_tensor::Tensor;
/// let x = Tensor::from_vec(vec![0.3, -1.2, 2.0], [3])?;
/// check_gradients(|v| v[0].tanh() * v[0], &[x], Tolerance::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::GradientMismatch`] with the element and both numbers, or whatever is wrong with the program.
pub fn check_gradients(
    function: impl for<'t> Fn(&[Var<'t>]) -> Var<'t>,
    inputs: &[Tensor<f64>],
    tolerance: Tolerance,
) -> Result<()> {
    let key = Key::new(0x6772_6164);
    let tape = Tape::new();
    let vars: Vec<_> =
        inputs.iter().enumerate().map(|(i, x)| tape.input(&format!("x{i}"), x.shape())).collect();
    let directions: Vec<_> =
        inputs.iter().enumerate().map(|(i, x)| tape.input(&format!("v{i}"), x.shape())).collect();
    let y = function(&vars);
    let cotangent = unit_vector(key.named("cotangent"), y.shape().size());
    let cotangent = Tensor::from_vec(cotangent, y.shape()).unwrap_or_else(|_| Tensor::full(y.shape(), 1.0));
    let value = (y * tape.constant(cotangent)).sum();
    let gradient = tape.grad(value, &vars);
    let pairs: Vec<_> = vars.iter().copied().zip(directions.iter().copied()).collect();
    let slope = tape.jvp(&[value], &pairs)[0];
    let curved = tape.jvp(&gradient, &pairs);
    let program = tape.finish(&[
        Output::new("value", &value),
        Output::flat("gradient", &gradient),
        Output::new("slope", &slope),
        Output::flat("hvp", &curved),
    ])?;

    let mut point: Vec<Vec<f64>> = inputs.iter().map(Tensor::to_vec).collect();
    let lengths: Vec<usize> = point.iter().map(Vec::len).collect();
    let flat_direction = unit_vector(key.named("direction"), lengths.iter().sum());
    let mut rest = flat_direction.as_slice();
    let direction: Vec<&[f64]> = lengths
        .iter()
        .map(|&n| {
            let (head, tail) = rest.split_at(n);
            rest = tail;
            head
        })
        .collect();
    let run = |point: &[Vec<f64>]| -> Result<Vec<Vec<f64>>> {
        let floats = point.iter().map(|x| Data::Float(x.as_slice()));
        let data: Vec<_> = floats.chain(direction.iter().map(|v| Data::Float(v))).collect();
        Ok(Interpreter.outputs(&program, &data, key)?.iter().map(Tensor::to_vec).collect())
    };
    let compare = |check: &'static str, flat: usize, expected: f64, actual: f64| {
        let both_nan = expected.is_nan() && actual.is_nan();
        // Written so that a NaN on one side fails.
        if both_nan || (expected - actual).abs() <= tolerance.absolute + tolerance.relative * expected.abs() {
            return Ok(());
        }
        let (mut input, mut element) = (0, flat);
        while input + 1 < lengths.len() && element >= lengths[input] {
            element -= lengths[input];
            input += 1;
        }
        Err(Error::GradientMismatch { check, input, element, expected, actual })
    };

    let here = run(&point)?;
    let (recorded, slope, curved) = (&here[1], here[2][0], &here[3]);
    let mut flat = 0;
    for (input, &length) in lengths.iter().enumerate() {
        for element in 0..length {
            let middle = point[input][element];
            point[input][element] = middle + tolerance.epsilon;
            let above = run(&point)?[0][0];
            point[input][element] = middle - tolerance.epsilon;
            let below = run(&point)?[0][0];
            point[input][element] = middle;
            compare("gradient", flat, (above - below) / (2.0 * tolerance.epsilon), recorded[flat])?;
            flat += 1;
        }
    }
    let projected: f64 = recorded.iter().zip(&flat_direction).map(|(g, v)| g * v).sum();
    compare("jvp against vjp", 0, projected, slope)?;
    let shifted = |sign: f64| {
        let moved: Vec<Vec<f64>> = point
            .iter()
            .zip(&direction)
            .map(|(x, v)| x.iter().zip(*v).map(|(x, v)| x + sign * tolerance.epsilon * v).collect())
            .collect();
        run(&moved).map(|results| results[1].clone())
    };
    let (above, below) = (shifted(1.0)?, shifted(-1.0)?);
    for (i, &actual) in curved.iter().enumerate() {
        compare("second order", i, (above[i] - below[i]) / (2.0 * tolerance.epsilon), actual)?;
    }
    Ok(())
}

/// A random vector of length 1, the same for the same key.
fn unit_vector(key: Key, n: usize) -> Vec<f64> {
    let mut v = vec![0.0; n];
    key.fill_uniform(0, &mut v);
    v.iter_mut().for_each(|x| *x = 2.0 * *x - 1.0);
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
    v
}
