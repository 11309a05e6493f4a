//! Newton's equation by conjugate gradients: what the methods share that solve it.

use super::negative_curvature::NegativeCurvature;
use crate::minimize::Objective;
use crate::minimize::evaluator::{Evaluator, Halt};
use crate::minimize::vectors::{add_scaled, dot, scaled_into};
use crate::minimize::walk::{Moved, Walk};
use crate::{Error, global_norm};
use downhill_tensor::Float;

/// Conjugate gradients on `∇²f p = -∇f`, until `|∇²f p + ∇f| <= min(0.5, sqrt |∇f|) |∇f|`. The step `p` belongs to the
/// method, which also says what to do where the curvature is not positive.
pub(super) struct NewtonEquation<T> {
    /// The gradient of the parabola at the step, `∇²f p + ∇f`.
    pub residual: Vec<T>,
    /// The direction in which to go on.
    pub conjugate: Vec<T>,
    /// The product of the Hessian and that direction.
    pub product: Vec<T>,
    /// |residual|².
    square: f64,
    tolerance: f64,
}

impl<T: Float> NewtonEquation<T> {
    pub fn new(variables: usize) -> Self {
        let zeros = || vec![T::ZERO; variables];
        let [residual, conjugate, product] = [zeros(), zeros(), zeros()];
        NewtonEquation { residual, conjugate, product, square: 0.0, tolerance: 0.0 }
    }

    /// Begins at the step 0.
    pub fn begin(&mut self, step: &mut [T], gradient: &[T]) {
        let norm = global_norm(gradient);
        self.tolerance = norm * norm.sqrt().min(0.5);
        step.fill(T::ZERO);
        self.residual.copy_from_slice(gradient);
        scaled_into(&mut self.conjugate, -1.0, gradient);
        self.square = dot(&self.residual, &self.residual);
    }

    /// The curvature `d·∇²f d` along the direction.
    pub fn curvature<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<f64, Halt<O::Error>> {
        let (x, gradient, moved) = (&walk.x, &walk.gradient, &mut walk.other);
        evaluator.hessian_product(x, gradient, &self.conjugate, &mut self.product, moved)?;
        Ok(dot(&self.conjugate, &self.product))
    }

    /// How far along the direction the parabola of this curvature is lowest.
    pub fn length(&self, curvature: f64) -> f64 {
        self.square / curvature
    }

    /// Goes so far along the direction, and finds the next; says whether to go on.
    pub fn advance(&mut self, step: &mut [T], length: f64) -> bool {
        add_scaled(step, length, &self.conjugate);
        add_scaled(&mut self.residual, length, &self.product);
        let next = dot(&self.residual, &self.residual);
        if next.is_nan() || next.sqrt() <= self.tolerance {
            return false;
        }
        let ratio = T::from_f64(next / self.square);
        self.conjugate.iter_mut().zip(&self.residual).for_each(|(d, &r)| *d = ratio * *d - r);
        self.square = next;
        true
    }

    /// Leaves a stationary point along negative curvature, if there is any.
    pub fn leave<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<Moved>, Halt<O::Error>> {
        let (direction, residual, product) = (&mut self.conjugate, &mut self.residual, &mut self.product);
        NegativeCurvature { direction, residual, product }.leave(walk, evaluator)
    }
}

/// How many conjugate gradients to allow: in exact arithmetic one a variable is enough.
pub(super) fn inner_limit(asked: u32, variables: usize) -> usize {
    (asked as usize).min(2 * variables + 10)
}

pub(super) fn check_inner(owner: &str, inner: u32) -> crate::Result<()> {
    Error::check(inner > 0, owner, "inner_iterations", "at least 1", inner.into())
}
