//! The last steps and the changes of the gradient over them: what quasi-Newton methods remember.

use super::vectors::{add_scaled, difference_into, dot};
use super::walk::Walk;
use downhill_tensor::Float;

/// Up to `memory` pairs of a step `s` and a change of the gradient `y`, with `s·y > 0`.
#[derive(Clone, Debug)]
pub(crate) struct History<T> {
    variables: usize,
    memory: usize,
    steps: Vec<T>,
    changes: Vec<T>,
    /// `s·y` of each pair.
    products: Vec<f64>,
    factors: Vec<f64>,
    len: usize,
    /// The place of the oldest pair.
    oldest: usize,
    /// `y·y / s·y` of the newest pair, a size of the curvature.
    pub scale: f64,
}

impl<T: Float> History<T> {
    pub fn new(memory: usize, variables: usize) -> Self {
        History {
            variables,
            memory,
            steps: vec![T::ZERO; memory * variables],
            changes: vec![T::ZERO; memory * variables],
            products: vec![0.0; memory],
            factors: vec![0.0; memory],
            len: 0,
            oldest: 0,
            scale: 1.0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn clear(&mut self) {
        (self.len, self.oldest, self.scale) = (0, 0, 1.0);
    }

    /// The place of the pair that is `age`-th from the oldest.
    pub fn place(&self, age: usize) -> usize {
        (self.oldest + age) % self.memory
    }

    pub fn step(&self, place: usize) -> &[T] {
        &self.steps[place * self.variables..][..self.variables]
    }

    pub fn change(&self, place: usize) -> &[T] {
        &self.changes[place * self.variables..][..self.variables]
    }

    /// Takes in the step that the walk has just made, unless the curvature along it is not clearly above 0: then
    /// the model of the function would not be convex. Gives the place of the pair.
    pub fn push(&mut self, walk: &Walk<T>) -> Option<usize> {
        // The place after the newest, which is that of the oldest if all are taken.
        let place = (self.oldest + self.len) % self.memory;
        let range = place * self.variables..(place + 1) * self.variables;
        let (step, change) = (&mut self.steps[range.clone()], &mut self.changes[range]);
        difference_into(step, &walk.x, &walk.other);
        difference_into(change, &walk.gradient, &walk.other_gradient);
        let (product, square) = (dot(step, change), dot(change, change));
        let parallel = (dot(step, step) * square).sqrt();
        let scale = square / product;
        if !(product > T::EPSILON.to_f64() * parallel && scale.is_finite() && scale > 0.0) {
            // What was at this place is lost if it was the oldest pair.
            if self.len == self.memory {
                self.oldest = (self.oldest + 1) % self.memory;
                self.len -= 1;
            }
            return None;
        }
        (self.products[place], self.scale) = (product, scale);
        if self.len == self.memory {
            self.oldest = (self.oldest + 1) % self.memory;
        } else {
            self.len += 1;
        }
        Some(place)
    }

    /// Replaces `vector` by the product of the approximate inverse Hessian and it: the two-loop recursion
    /// (Nocedal & Wright, algorithm 7.4).
    pub fn apply_inverse(&mut self, vector: &mut [T]) {
        for age in (0..self.len).rev() {
            let place = self.place(age);
            let factor = dot(self.step(place), vector) / self.products[place];
            self.factors[place] = factor;
            add_scaled(vector, -factor, self.change(place));
        }
        let scale = T::from_f64(1.0 / self.scale);
        vector.iter_mut().for_each(|element| *element *= scale);
        for age in 0..self.len {
            let place = self.place(age);
            let factor = self.factors[place] - dot(self.change(place), vector) / self.products[place];
            add_scaled(vector, factor, self.step(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The step from 0 to (1, 0), over which the gradient changes by this.
    fn step(change: [f64; 2]) -> Walk<f64> {
        let mut walk = Walk::new(&[1.0, 0.0]);
        walk.gradient.copy_from_slice(&change);
        walk
    }

    #[test]
    fn pairs_without_curvature_above_zero_are_left_out() {
        let mut history = History::new(2, 2);
        for flat in [[-1.0, 0.5], [0.0, 1.0], [1e-17, 1.0], [0.0, 0.0], [f64::NAN, 0.0]] {
            assert_eq!((history.push(&step(flat)), history.len()), (None, 0), "{flat:?}");
        }
        assert_eq!((history.push(&step([2.0, 1.0])), history.len(), history.scale), (Some(0), 1, 2.5));
        let mut vector = [2.0, 1.0];
        history.apply_inverse(&mut vector);
        assert!((vector[0] - 1.0).abs() < 1e-15 && vector[1].abs() < 1e-15, "{vector:?}");
    }
}
