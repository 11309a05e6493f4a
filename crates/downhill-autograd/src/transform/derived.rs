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
            return self.wrong_count(
                "parts of the direction of a Hessian-vector product",
                wrt.len(),
                v.len(),
            );
        }
        let gradient = self.grad(value, wrt);
        let inputs: Vec<_> = wrt.iter().copied().zip(v.iter().copied()).collect();
        self.jvp(&gradient, &inputs)
    }

    /// The products of the Hessian of the scalar `value` with each of k directions at once: a direction has one part
    /// for each of `wrt`, and the parts of all k are `[k, ..]`, as are the results.
    ///
    /// The gradient is recorded once, whatever k.
    #[track_caller]
    pub fn hvps<'t>(&'t self, value: Var<'t>, wrt: &[Var<'t>], v: &[Var<'t>]) -> Vec<Var<'t>> {
        let one: Vec<_> = wrt.iter().map(|x| self.placeholder(x.shape())).collect();
        // As many parts as there are directions, so that a wrong number is reported.
        let given: Vec<_> =
            one.iter().copied().chain(v.iter().skip(one.len()).copied()).take(v.len()).collect();
        let products = self.hvp(value, wrt, &given);
        let directions: Vec<_> = given.iter().copied().zip(v.iter().copied()).collect();
        self.vmap(&products, &directions)
    }

    /// The product of the Gauss-Newton matrix `Jᵀ H J` with the direction `v` (one part for each of `wrt`), in the
    /// parts of `wrt`: J is the Jacobian of `outputs` by `wrt`, and H the Hessian of the scalar `loss` by `outputs`.
    ///
    /// For a loss that is convex in the outputs (squares, cross entropy) it is positive semidefinite, where the
    /// Hessian need not be. Of the loss only what depends on `outputs` counts.
    ///
    /// # Source
    /// Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural Computation 14,
    /// 2002; Martens, "Deep learning via Hessian-free optimization", 2010.
    #[track_caller]
    pub fn gauss_newton_product<'t>(
        &'t self,
        loss: Var<'t>,
        outputs: Var<'t>,
        wrt: &[Var<'t>],
        v: &[Var<'t>],
    ) -> Vec<Var<'t>> {
        if wrt.len() != v.len() {
            return self.wrong_count("parts of the direction of a Gauss-Newton product", wrt.len(), v.len());
        }
        let inputs: Vec<_> = wrt.iter().copied().zip(v.iter().copied()).collect();
        let moved = self.jvp(&[outputs], &inputs)[0];
        let bent = self.hvp(loss, &[outputs], &[moved])[0];
        self.vjp(&[(outputs, bent)], wrt)
    }

    /// The Jacobian ∂y/∂x in the shape of y followed by that of x: [`Tape::jacrev`], which asks least of the
    /// operations. Where y has many more elements than x, [`Tape::jacfwd`] does less work.
    #[track_caller]
    pub fn jacobian<'t>(&'t self, y: Var<'t>, x: Var<'t>) -> Var<'t> {
        self.jacrev(y, x)
    }

    /// The Jacobian ∂y/∂x in the shape of y followed by that of x, by reverse mode: the products with all unit
    /// vectors of y at once, by [`Tape::vmap`].
    ///
    /// Its values have one row for each element of y.
    #[track_caller]
    pub fn jacrev<'t>(&'t self, y: Var<'t>, x: Var<'t>) -> Var<'t> {
        let Some(shape) = self.jacobian_shape("jacrev", y, x) else { return self.poison() };
        if shape.size() == 0 {
            return self.zeros(shape);
        }
        let unit = self.placeholder(y.shape());
        let row = self.vjp(&[(y, unit)], &[x])[0];
        let rows = self.vmap(&[row], &[(unit, self.unit_vectors(y.shape()))])[0];
        rows.reshape(shape)
    }

    /// The Jacobian ∂y/∂x in the shape of y followed by that of x, by forward mode: the products with all unit vectors
    /// of x at once, by [`Tape::vmap`]. Zeros where y does not depend on x.
    ///
    /// Its values have one row for each element of x.
    #[track_caller]
    pub fn jacfwd<'t>(&'t self, y: Var<'t>, x: Var<'t>) -> Var<'t> {
        let Some(shape) = self.jacobian_shape("jacfwd", y, x) else { return self.poison() };
        if shape.size() == 0 {
            return self.zeros(shape);
        }
        let unit = self.placeholder(x.shape());
        let column = self.jvp(&[y], &[(x, unit)])[0];
        let columns = self.vmap(&[column], &[(unit, self.unit_vectors(x.shape()))])[0];
        if columns.is_poison() {
            return columns;
        }
        columns.reshape([x.shape().size(), y.shape().size()]).transpose().reshape(shape)
    }

    #[track_caller]
    fn jacobian_shape<'t>(&'t self, name: &str, y: Var<'t>, x: Var<'t>) -> Option<Shape> {
        if y.is_poison() || x.is_poison() {
            return None;
        }
        match Shape::new(&[y.shape().dims(), x.shape().dims()].concat()) {
            Ok(shape) => Some(shape),
            Err(error) => {
                y.refuse(name, error.to_string());
                None
            }
        }
    }

    /// All vectors of which one element is 1 and the others 0, in this shape: `[size, ..]`.
    #[track_caller]
    fn unit_vectors(&self, shape: Shape) -> Var<'_> {
        let n = shape.size();
        self.eye(n).reshape_dims(&[&[n], shape.dims()].concat())
    }

    #[track_caller]
    fn wrong_count(&self, what: &'static str, expected: usize, actual: usize) -> Vec<Var<'_>> {
        self.fail(Error::Count {
            what,
            expected: format!("{expected}, one for each value"),
            actual: actual.to_string(),
            place: self.here(),
        });
        vec![self.poison(); expected]
    }

    /// A value that stands for another until [`Tape::vmap`] puts a batch in its place. It is nobody's input; where it
    /// stays, it is zeros.
    #[track_caller]
    pub fn placeholder(&self, shape: impl Into<Shape>) -> Var<'_> {
        self.constant(Tensor::zeros(shape))
    }

    /// Whole numbers that stand for others until [`Tape::vmap`] puts a batch in their place.
    #[track_caller]
    pub fn index_placeholder(&self, shape: impl Into<Shape>) -> Var<'_> {
        self.index_constant(Tensor::zeros(shape))
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
