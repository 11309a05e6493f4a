//! The objective with its counts, its limits, and the best point that was seen.

use super::vectors::max_abs;
use super::{MinimizeOptions, Objective, StopReason};
use crate::Error;
use downhill_tensor::Float;
use std::time::Instant;

/// How often an objective was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluations {
    /// Points at which the value was computed.
    pub values: u64,
    /// Points at which the gradient was, too. A difference of gradients in place of a product of the Hessian
    /// counts as one.
    pub gradients: u64,
    /// Products of the Hessian and a vector.
    pub hessian_products: u64,
}

impl Evaluations {
    /// All calls of the objective, which the budget limits.
    pub fn calls(&self) -> u64 {
        self.values + self.hessian_products
    }
}

/// Why an iteration did not come to its end.
pub(crate) enum Halt<E> {
    /// The objective failed.
    Objective(E),
    /// The method failed.
    Method(Error),
    /// There is a reason to stop.
    Stop(StopReason),
}

/// The best point seen: the lowest value, and among values equal to within rounding the smallest gradient.
#[derive(Clone, Debug)]
pub(crate) struct Best<T> {
    pub x: Vec<T>,
    pub gradient: Vec<T>,
    pub value: f64,
    lowest: f64,
    max_gradient: f64,
}

impl<T: Float> Best<T> {
    pub fn new(len: usize) -> Self {
        let zeros = || vec![T::ZERO; len];
        let none = f64::INFINITY;
        Best { x: zeros(), gradient: zeros(), value: none, lowest: none, max_gradient: none }
    }

    fn offer(&mut self, x: &[T], gradient: &[T], value: f64, max_gradient: f64) {
        let rounding = rounding::<T>(self.lowest);
        let lower = value < self.lowest - rounding;
        if lower || (value <= self.lowest + rounding && max_gradient < self.max_gradient) {
            self.x.copy_from_slice(x);
            self.gradient.copy_from_slice(gradient);
            (self.value, self.max_gradient) = (value, max_gradient);
        }
        self.lowest = self.lowest.min(value);
    }
}

/// How far a computed value of this size may lie from the true one: a few units in the last place.
pub(crate) fn rounding<T: Float>(value: f64) -> f64 {
    if value.is_finite() { 4.0 * T::EPSILON.to_f64() * value.abs() } else { 0.0 }
}

/// What an evaluation gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluation {
    pub value: f64,
    /// The largest absolute number of the gradient.
    pub max_gradient: f64,
}

impl Evaluation {
    pub fn is_finite(&self) -> bool {
        self.value.is_finite() && self.max_gradient.is_finite()
    }
}

/// The objective as methods see it.
pub(crate) struct Evaluator<'a, T, O: ?Sized> {
    pub objective: &'a mut O,
    pub options: &'a MinimizeOptions,
    pub counts: &'a mut Evaluations,
    pub best: &'a mut Best<T>,
    pub began: Option<Instant>,
}

impl<T: Float, O: Objective<T> + ?Sized> Evaluator<'_, T, O> {
    /// Value and gradient. Ends the minimization at a limit, or where the value is below target or floor.
    pub fn value_and_gradient(&mut self, x: &[T], gradient: &mut [T]) -> Result<Evaluation, Halt<O::Error>> {
        self.check_limits()?;
        self.counts.values += 1;
        self.counts.gradients += 1;
        let value = self.objective.value_and_gradient(x, gradient).map_err(Halt::Objective)?.to_f64();
        let found = Evaluation { value, max_gradient: max_abs(gradient) };
        if found.is_finite() {
            self.best.offer(x, gradient, value, found.max_gradient);
        }
        match self.options.reached(value) {
            // A value without a gradient is no end that one could want.
            Some(StopReason::Target { .. }) if !found.is_finite() => Ok(found),
            Some(reason) => Err(Halt::Stop(reason)),
            None => Ok(found),
        }
    }

    /// The value alone.
    pub fn value(&mut self, x: &[T]) -> Result<f64, Halt<O::Error>> {
        self.check_limits()?;
        self.counts.values += 1;
        Ok(self.objective.value(x).map_err(Halt::Objective)?.to_f64())
    }

    /// The product of the Hessian and a vector: the objective's own, or a difference of gradients
    ///
    /// ```text
    /// H v ≈ (∇f(x + h v) - ∇f(x)) / h,    h = 2 sqrt(ε) (1 + |x|) / |v|
    /// ```
    ///
    /// for which `moved` is memory. With ε = 2.2e-16 it is right to about eight digits.
    pub fn hessian_product(
        &mut self,
        x: &[T],
        gradient: &[T],
        direction: &[T],
        product: &mut [T],
        moved: &mut [T],
    ) -> Result<(), Halt<O::Error>> {
        self.check_limits()?;
        if let Some(curvature) = self.objective.curvature() {
            self.counts.hessian_products += 1;
            return curvature.hessian_vector_product(x, direction, product).map_err(Halt::Objective);
        }
        let length = crate::global_norm(direction);
        if length == 0.0 {
            product.fill(T::ZERO);
            return Ok(());
        }
        let step = 2.0 * T::EPSILON.sqrt().to_f64() * (1.0 + crate::global_norm(x)) / length;
        super::vectors::along(moved, x, step, direction);
        self.counts.values += 1;
        self.counts.gradients += 1;
        self.objective.value_and_gradient(moved, product).map_err(Halt::Objective)?;
        let scale = T::from_f64(1.0 / step);
        product.iter_mut().zip(gradient).for_each(|(moved, &here)| *moved = (*moved - here) * scale);
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Halt<O::Error>> {
        let spent = self.options.spent(self.counts, self.began);
        spent.map_or(Ok(()), |reason| Err(Halt::Stop(reason)))
    }
}
