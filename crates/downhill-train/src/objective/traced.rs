//! A function on a tape as an objective: its gradient and its curvature come with it.

use crate::{Error, Result};
use downhill_autograd::{Data, DataMut, Executor, Output, Precision, Program, Run, Tape, Var};
use downhill_engine::Engine;
use downhill_optim::minimize::{HessianVectorProduct, Objective};
use downhill_tensor::Key;

/// A function of one vector that is recorded on a tape, to be minimized: value, gradient, and products of the Hessian,
/// each compiled once by an executor. The engine and the interpreter are executors, in either precision.
///
/// ```
/// use downhill_autograd::{Interpreter, Var};
/// use downhill_engine::Engine;
/// use downhill_optim::minimize::{Method, MinimizeOptions, minimize, unobserved};
/// use downhill_train::objective::Traced;
///
/// // The valley of Rosenbrock in any number of dimensions.
/// fn rosenbrock(x: Var<'_>) -> Var<'_> {
///     let n = x.shape().size();
///     let (low, high) = (x.slice(0, 0..n - 1), x.slice(0, 1..n));
///     ((1.0 - low).square() + 100.0 * (high - low.square()).square()).sum()
/// }
/// let options = MinimizeOptions::default();
/// let start = [-1.2, 1.0, -1.2, 1.0];
///
/// let mut x = start;
/// let mut objective = Traced::<f64, _>::new(&Engine::default(), 4, rosenbrock)?;
/// let end = minimize(&mut objective, &mut x, &Method::from_name("lbfgs")?, &options, unobserved)?;
/// assert!(end.reason.converged() && end.gradient_norm <= 1e-5);
///
/// // The same by the interpreter; Newton's method asks for products of the Hessian.
/// let mut x = start;
/// let mut objective = Traced::<f64, _>::new(&Interpreter, 4, rosenbrock)?;
/// let end = minimize(&mut objective, &mut x, &Method::from_name("newton_cg")?, &options, unobserved)?;
/// assert!(end.reason.converged() && end.evaluations.hessian_products > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Traced<T: Precision, E: Executor<T> = Engine> {
    value: E::Run,
    gradient: E::Run,
    /// None, where an operation has no second derivative.
    product: Option<E::Run>,
}

/// What is recorded.
#[derive(Clone, Copy)]
enum Pass {
    Value,
    Gradient,
    Product,
}

impl<T: Precision, E: Executor<T>> Traced<T, E> {
    /// Records and compiles a function of `dimension` numbers, which may have any shape with one element as its value.
    /// It is called a few times, each time on a tape of its own.
    ///
    /// # Errors
    /// What the tape says of the function; a value of more than one element; an operation without derivative, or one
    /// that the executor cannot carry out. Where only the second derivative is missing,
    /// [`curvature`](Objective::curvature) is none.
    pub fn new(
        executor: &E,
        dimension: usize,
        function: impl for<'t> Fn(Var<'t>) -> Var<'t>,
    ) -> Result<Self> {
        let prepare = |pass: Pass| {
            let program = record(dimension, &function, pass)?;
            executor.prepare(&program)
        };
        let value = prepare(Pass::Value).map_err(downhill_nn::Error::from)?;
        let gradient = prepare(Pass::Gradient).map_err(downhill_nn::Error::from)?;
        Ok(Traced { value, gradient, product: prepare(Pass::Product).ok() })
    }
}

/// Inputs: `x` \[n\], and for a product `direction` \[n\]. Outputs: `value` \[\] and `gradient` \[n\], or `product` \[n\].
fn record(
    dimension: usize,
    function: &impl for<'t> Fn(Var<'t>) -> Var<'t>,
    pass: Pass,
) -> downhill_autograd::Result<Program> {
    let tape = Tape::new();
    let x = tape.input("x", [dimension]);
    let value = function(x).reshape(());
    match pass {
        Pass::Value => tape.finish(&[Output::new("value", &value)]),
        Pass::Gradient => {
            let gradient = tape.grad(value, &[x])[0];
            tape.finish(&[Output::new("value", &value), Output::new("gradient", &gradient)])
        }
        Pass::Product => {
            let direction = tape.input("direction", [dimension]);
            tape.finish(&[Output::new("product", &tape.hvp(value, &[x], &[direction])[0])])
        }
    }
}

/// Functions of a point have nothing random in them; one that draws all the same draws the same each time.
fn key() -> Key {
    Key::new(0)
}

impl<T: Precision, E: Executor<T>> Objective<T> for Traced<T, E> {
    type Error = Error;

    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<T> {
        let mut value = [T::ZERO];
        let outputs = &mut [DataMut::Float(&mut value), DataMut::Float(gradient)];
        let outcome = self.gradient.run(&[Data::Float(x)], outputs, key());
        outcome.map_err(Error::execution("computing the gradient"))?;
        Ok(value[0])
    }

    fn value(&mut self, x: &[T]) -> Result<T> {
        let mut value = [T::ZERO];
        let outcome = self.value.run(&[Data::Float(x)], &mut [DataMut::Float(&mut value)], key());
        outcome.map_err(Error::execution("computing the value"))?;
        Ok(value[0])
    }

    fn value_is_cheaper(&self) -> bool {
        true
    }

    fn curvature(&mut self) -> Option<&mut dyn HessianVectorProduct<T, Error = Error>> {
        if self.product.is_some() { Some(self) } else { None }
    }
}

impl<T: Precision, E: Executor<T>> HessianVectorProduct<T> for Traced<T, E> {
    type Error = Error;

    fn hessian_vector_product(&mut self, x: &[T], direction: &[T], product: &mut [T]) -> Result<()> {
        let Some(run) = &mut self.product else { return Ok(()) };
        let inputs = [Data::Float(x), Data::Float(direction)];
        let outcome = run.run(&inputs, &mut [DataMut::Float(product)], key());
        outcome.map_err(Error::execution("computing a product with the Hessian"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use downhill_autograd::{Interpreter, hvp, value_and_grad};
    use downhill_optim::minimize::{Method, MinimizeOptions, minimize, unobserved};

    fn wavy(x: Var<'_>) -> Var<'_> {
        (x.at(0) * x.at(1)).sin() + (0.3 * x.at(2)).exp() * x.at(0).square() + x.square().sum()
    }

    #[test]
    fn value_gradient_and_curvature_are_those_of_the_tape_in_either_precision() {
        let (x, v) = ([0.7, -1.1, 0.4], [0.3, 0.2, -0.9]);
        let (value, gradient) = value_and_grad(wavy, &x).unwrap();
        let product = hvp(wavy, &x, &v).unwrap();
        fn check<T: Precision, E: Executor<T>>(
            executor: &E,
            points: [&[f64]; 4],
            value: f64,
            tolerance: f64,
        ) {
            let [x, v, gradient, product] = points;
            let of = |values: &[f64]| values.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
            let near = |ours: &[T], theirs: &[f64]| {
                ours.iter().zip(theirs).all(|(a, b)| (a.to_f64() - b).abs() <= tolerance * b.abs().max(1.0))
            };
            let mut traced = Traced::new(executor, 3, wavy).unwrap();
            let mut filled = of(&[0.0; 3]);
            let found = traced.value_and_gradient(&of(x), &mut filled).unwrap();
            assert!(
                near(&[found, traced.value(&of(x)).unwrap()], &[value, value]) && near(&filled, gradient)
            );
            traced.curvature().unwrap().hessian_vector_product(&of(x), &of(v), &mut filled).unwrap();
            assert!(near(&filled, product));
        }
        let points = [&x[..], &v, &gradient, &product];
        check::<f64, _>(&Interpreter, points, value, 1e-14);
        check::<f64, _>(&Engine::with_threads(1), points, value, 1e-14);
        check::<f32, _>(&Engine::with_threads(1), points, value, 1e-6);
    }

    #[test]
    fn every_method_of_curvature_minimizes_it() {
        let mut objective = Traced::<f64>::new(&Engine::with_threads(1), 3, wavy).unwrap();
        for name in ["lbfgs", "newton_cg", "trust_region", "steepest_descent"] {
            let mut x = [0.7, -1.1, 0.4];
            let method = Method::from_name(name).unwrap();
            let end =
                minimize(&mut objective, &mut x, &method, &MinimizeOptions::default(), unobserved).unwrap();
            assert!(end.reason.converged() && end.gradient_norm <= 1e-5, "{name}: {end:?}");
        }
    }

    #[test]
    fn a_function_that_is_not_one_number_and_a_point_of_another_length_are_errors() {
        let error = Traced::<f64>::new(&Engine::with_threads(1), 3, |x| x.square()).err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::Configuration, "{error}");
        let mut traced = Traced::<f64>::new(&Engine::with_threads(1), 3, wavy).unwrap();
        assert!(traced.value(&[1.0, 2.0]).is_err());
    }
}
