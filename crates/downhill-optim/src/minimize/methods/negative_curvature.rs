//! A way down from a stationary point that is no minimum.

use crate::global_norm;
use crate::minimize::Objective;
use crate::minimize::evaluator::{Evaluator, Halt, rounding};
use crate::minimize::vectors::{add_scaled, along, dot};
use crate::minimize::walk::{Moved, Walk};
use downhill_tensor::Float;

/// The most products of the Hessian to spend on the question whether a stationary point is a minimum.
const PRODUCTS: usize = 100;

/// A curvature counts as negative below this part of the largest one seen: differences of gradients are right to about
/// eight digits.
const NEGATIVE: f64 = -1e-6;

/// The most times that a step along negative curvature is halved.
const HALVINGS: usize = 40;

/// Conjugate gradients on the Hessian from a fixed pseudo-random vector come upon a direction of negative curvature,
/// if there is one, unless the vector happens to lie across all of them. The walk then goes along it, to a lower
/// value.
///
/// # Source
/// C. Royer, M. O'Neill, S. Wright, *A Newton-CG algorithm with complexity guarantees for smooth unconstrained
/// optimization*, Mathematical Programming 180 (2020), procedure 3.
pub(super) struct NegativeCurvature<'a, T> {
    pub direction: &'a mut [T],
    pub residual: &'a mut [T],
    pub product: &'a mut [T],
}

impl<T: Float> NegativeCurvature<'_, T> {
    pub fn leave<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<Moved>, Halt<O::Error>> {
        let Some(curvature) = self.find(walk, evaluator)? else { return Ok(None) };
        let length = global_norm(self.direction);
        let scale = T::from_f64(1.0 / length);
        self.direction.iter_mut().for_each(|element| *element *= scale);
        let slope = dot(&walk.gradient, self.direction);
        let mut step = if slope > 0.0 { -1.0 } else { 1.0 } * (1.0 + global_norm(&walk.x));
        for _ in 0..HALVINGS {
            // Both ways: along the one the slope may rise by less than the curvature falls.
            for step in [step, -step] {
                along(&mut walk.other, &walk.x, step, self.direction);
                let found = evaluator.value_and_gradient(&walk.other, &mut walk.other_gradient)?;
                let promised = 0.25 * curvature * step * step;
                let falls = found.value <= walk.value + 0.1 * promised;
                if found.is_finite() && falls && found.value < walk.value - rounding::<T>(walk.value) {
                    walk.accept(found);
                    return Ok(Some(Moved { step, slope, satisfied: true }));
                }
            }
            step *= 0.5;
        }
        Ok(None)
    }

    /// The curvature along a direction that is left in `direction`, if a negative one was found.
    fn find<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<f64>, Halt<O::Error>> {
        // Numbers without a pattern, by multiplication with the golden ratio.
        for (index, element) in self.residual.iter_mut().enumerate() {
            let fraction = ((index + 1) as f64 * 0.618_033_988_749_895).fract();
            *element = T::from_f64(fraction - 0.5);
        }
        self.direction.copy_from_slice(self.residual);
        let begun = dot(self.residual, self.residual);
        let (mut square, mut largest) = (begun, 0.0_f64);
        for _ in 0..PRODUCTS.min(2 * walk.x.len()) {
            let (x, gradient) = (&walk.x, &walk.gradient);
            evaluator.hessian_product(x, gradient, self.direction, self.product, &mut walk.other)?;
            let along = dot(self.direction, self.product);
            let curvature = along / dot(self.direction, self.direction);
            if !curvature.is_finite() {
                return Ok(None);
            }
            largest = largest.max(curvature.abs());
            if curvature < NEGATIVE * largest {
                return Ok(Some(curvature));
            }
            if along <= 0.0 {
                return Ok(None);
            }
            add_scaled(self.residual, -square / along, self.product);
            let next = dot(self.residual, self.residual);
            if next <= 1e-20 * begun {
                return Ok(None);
            }
            let ratio = T::from_f64(next / square);
            self.direction.iter_mut().zip(&*self.residual).for_each(|(d, &r)| *d = r + ratio * *d);
            square = next;
        }
        Ok(None)
    }
}
