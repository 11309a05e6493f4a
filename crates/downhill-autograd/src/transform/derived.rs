//! What follows from the two modes: Hessian-vector products, Jacobians, Hessians.

use crate::{Error, Tape, Var};
use downhill_tensor::{Shape, Tensor};

impl Tape {
    /// The products of the Hessian of the scalar `value` with the direction `v` (one part for each of
    /// `wrt`): the tangent of the gradient, in the parts of `wrt`.
    ///
    /// Forward over reverse mode: about four times the work of the value itself, whatever the number of
    /// parameters.
    ///
    /// # Source
    /// Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.
    #[track_caller]
    pub fn hvp<'t>(&'t self, value: Var<'t>, wrt: &[Var<'t>], v: &[Var<'t>]) -> Vec<Var<'t>> {
        if wrt.len() != v.len() {
            self.fail(Error::Count {
                what: "parts of the direction of a Hessian-vector product",
                expected: format!("{}, one for each value", wrt.len()),
                actual: v.len().to_string(),
                place: self.here(),
            });
            return vec![self.poison(); wrt.len()];
        }
        let gradient = self.grad(value, wrt);
        let inputs: Vec<_> = wrt.iter().copied().zip(v.iter().copied()).collect();
        self.jvp(&gradient, &inputs)
    }

    /// The Jacobian ∂y/∂x in the shape of y followed by that of x, by reverse mode: one row after the other.
    ///
    /// The program grows with the number of elements of y.
    #[track_caller]
    pub fn jacobian<'t>(&'t self, y: Var<'t>, x: Var<'t>) -> Var<'t> {
        if y.is_poison() || x.is_poison() {
            return self.poison();
        }
        let (rows, columns) = (y.shape().size(), x.shape().size());
        let dims = [y.shape().dims(), x.shape().dims()].concat();
        let shape = match Shape::new(&dims) {
            Ok(shape) => shape,
            Err(error) => return y.refuse("jacobian", error.to_string()),
        };
        let mut parts = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut unit = vec![0.0; rows];
            unit[row] = 1.0;
            let Ok(unit) = Tensor::from_vec(unit, y.shape()) else { return self.poison() };
            let product = self.vjp(&[(y, self.constant(unit))], &[x])[0];
            if product.is_poison() {
                return product;
            }
            parts.push(product.reshape([1, columns]));
        }
        if parts.is_empty() { self.zeros(shape) } else { self.concat(&parts, 0).reshape(shape) }
    }

    /// The Hessian of the scalar `value` in the shape of x twice: the Jacobian of the gradient.
    ///
    /// A value whose gradient does not depend on x (one that is linear in x) has Hessian 0.
    #[track_caller]
    pub fn hessian<'t>(&'t self, value: Var<'t>, x: Var<'t>) -> Var<'t> {
        let gradient = self.grad(value, &[x])[0];
        if gradient.is_poison() {
            return gradient;
        }
        // A linear function is a good citizen here: its Hessian is zero, not an unreached input.
        let connected = gradient + 0.0 * x.stop_gradient();
        self.jacobian(connected, x)
    }
}
