//! What is minimized: a value and its gradient in one call, and what else an objective may know.

use downhill_tensor::Float;
use std::convert::Infallible;
use std::marker::PhantomData;

/// A function of a vector that can be minimized: its value and its gradient, in one call.
///
/// A closure or function `FnMut(&[T], &mut [T]) -> T` is one: it returns the value at its first argument and
/// writes the whole gradient there into the second. [`Fallible`] makes one of a closure that returns a result,
/// [`WithHessian`] adds the product of the Hessian and a vector.
///
/// A value or gradient that is infinite or not a number is no error: minimizers step back from such a point. An
/// error ends the minimization.
///
/// ```
/// use downhill_optim::minimize::Objective;
/// let mut parabola = |x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (x[0] - 1.0);
///     (x[0] - 1.0).powi(2)
/// };
/// let mut gradient = [0.0];
/// assert_eq!(parabola.value_and_gradient(&[3.0], &mut gradient), Ok(4.0));
/// assert_eq!(gradient, [4.0]);
/// assert!(parabola.curvature().is_none());
/// ```
pub trait Objective<T: Float> {
    /// What can go wrong in an evaluation; [`Infallible`] if nothing can.
    type Error;

    /// The value at `x`; its gradient there goes into `gradient`, which has the length of `x` and whose numbers
    /// before the call mean nothing.
    ///
    /// # Errors
    /// What the objective says: data that cannot be read, a point of the wrong length.
    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<T, Self::Error>;

    /// The value alone. By default it computes a gradient too, into memory allocated for it.
    ///
    /// # Errors
    /// Those of [`value_and_gradient`](Self::value_and_gradient).
    fn value(&mut self, x: &[T]) -> Result<T, Self::Error> {
        self.value_and_gradient(x, &mut vec![T::ZERO; x.len()])
    }

    /// Whether [`value`](Self::value) costs less than value and gradient together; by default it does not.
    /// Where it does, searches that can decide by values alone ask for the gradient only where they end.
    fn value_is_cheaper(&self) -> bool {
        false
    }

    /// The products of the Hessian and vectors, if this objective knows them; by default it does not.
    fn curvature(&mut self) -> Option<&mut dyn HessianVectorProduct<T, Error = Self::Error>> {
        None
    }
}

/// The product of the Hessian of an objective and a vector, at the price of a few gradients.
pub trait HessianVectorProduct<T: Float> {
    /// What can go wrong.
    type Error;

    /// Writes `H(x) v` into `product`, with `H` the matrix of second derivatives at `x`, and `v` the `direction`.
    /// All have the length of `x`.
    ///
    /// # Errors
    /// What the objective says.
    fn hessian_vector_product(
        &mut self,
        x: &[T],
        direction: &[T],
        product: &mut [T],
    ) -> Result<(), Self::Error>;
}

impl<T: Float, F: FnMut(&[T], &mut [T]) -> T> Objective<T> for F {
    type Error = Infallible;

    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<T, Infallible> {
        Ok(self(x, gradient))
    }
}

/// An objective of a closure that can fail: `FnMut(&[T], &mut [T]) -> Result<T, E>`.
///
/// ```
/// use downhill_optim::minimize::{Fallible, Objective};
/// let mut root = Fallible(|x: &[f64], gradient: &mut [f64]| {
///     if x[0] <= 0.0 {
///         return Err(format!("there is no slope at {}", x[0]));
///     }
///     gradient[0] = 0.5 / x[0].sqrt();
///     Ok(x[0].sqrt())
/// });
/// assert_eq!(root.value(&[4.0]), Ok(2.0));
/// assert_eq!(root.value(&[-1.0]), Err("there is no slope at -1".into()));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fallible<F>(
    /// The closure.
    pub F,
);

impl<T: Float, E, F: FnMut(&[T], &mut [T]) -> Result<T, E>> Objective<T> for Fallible<F> {
    type Error = E;

    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<T, E> {
        (self.0)(x, gradient)
    }
}

/// An objective with the products of its Hessian and vectors, as a closure `FnMut(&[T], &[T], &mut [T])` of the
/// point, the vector and the place of the product.
///
/// ```
/// use downhill_optim::minimize::{Objective, WithHessian};
/// let quartic = |x: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 4.0 * x[0].powi(3);
///     x[0].powi(4)
/// };
/// let second = |x: &[f64], v: &[f64], product: &mut [f64]| product[0] = 12.0 * x[0] * x[0] * v[0];
/// let mut objective = WithHessian::new(quartic, second);
/// let mut product = [0.0];
/// let curvature = objective.curvature().expect("it was given");
/// curvature.hessian_vector_product(&[2.0], &[0.5], &mut product).unwrap();
/// assert_eq!(product, [24.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WithHessian<T, O, H> {
    objective: O,
    product: H,
    number: PhantomData<T>,
}

impl<T: Float, O: Objective<T>, H: FnMut(&[T], &[T], &mut [T])> WithHessian<T, O, H> {
    /// The objective with these products.
    pub fn new(objective: O, product: H) -> Self {
        WithHessian { objective, product, number: PhantomData }
    }
}

impl<T: Float, O: Objective<T>, H: FnMut(&[T], &[T], &mut [T])> Objective<T> for WithHessian<T, O, H> {
    type Error = O::Error;

    fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<T, O::Error> {
        self.objective.value_and_gradient(x, gradient)
    }

    fn value(&mut self, x: &[T]) -> Result<T, O::Error> {
        self.objective.value(x)
    }

    fn value_is_cheaper(&self) -> bool {
        self.objective.value_is_cheaper()
    }

    fn curvature(&mut self) -> Option<&mut dyn HessianVectorProduct<T, Error = O::Error>> {
        Some(self)
    }
}

impl<T, O, H> HessianVectorProduct<T> for WithHessian<T, O, H>
where
    T: Float,
    O: Objective<T>,
    H: FnMut(&[T], &[T], &mut [T]),
{
    type Error = O::Error;

    fn hessian_vector_product(
        &mut self,
        x: &[T],
        direction: &[T],
        product: &mut [T],
    ) -> Result<(), O::Error> {
        (self.product)(x, direction, product);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x⁴`, whose value alone costs less.
    struct Quartic {
        gradients: usize,
    }

    impl Objective<f32> for Quartic {
        type Error = String;

        fn value_and_gradient(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f32, String> {
            self.gradients += 1;
            gradient[0] = 4.0 * x[0].powi(3);
            Ok(x[0].powi(4))
        }

        fn value(&mut self, x: &[f32]) -> Result<f32, String> {
            Ok(x[0].powi(4))
        }

        fn value_is_cheaper(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_type_of_ones_own_is_an_objective_and_so_is_it_with_a_hessian() {
        let product = |x: &[f32], v: &[f32], product: &mut [f32]| product[0] = 12.0 * x[0] * x[0] * v[0];
        let mut objective = WithHessian::new(Quartic { gradients: 0 }, product);
        assert_eq!(objective.value(&[2.0]), Ok(16.0));
        assert_eq!(objective.objective.gradients, 0);
        assert!(objective.value_is_cheaper() && objective.curvature().is_some());
    }

    #[test]
    fn an_objective_can_stand_behind_a_pointer() {
        let mut parabola = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 2.0 * x[0];
            x[0] * x[0]
        };
        let objective: &mut dyn Objective<f64, Error = Infallible> = &mut parabola;
        assert_eq!(objective.value(&[3.0]), Ok(9.0));
        assert!(!objective.value_is_cheaper());
    }
}
