//! Products of matrices.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out};
use crate::{Batch, Error, Kind, Type, Var};
use downhill_tensor::{Float, Layout, Shape};

/// `C[.., i, j] = Σₖ A[.., i, k] B[.., k, j]`, with the axes before the last two broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatMul;

fn split(shape: Shape) -> Option<(Shape, [usize; 2])> {
    let rank = shape.rank();
    if rank < 2 {
        return None;
    }
    Some((shape.reduced(&[rank - 2, rank - 1], false), [shape[rank - 2], shape[rank - 1]]))
}

impl Operation for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        let (Some((batch_a, [m, k])), Some((batch_b, [k_b, n]))) =
            (split(inputs[0].shape), split(inputs[1].shape))
        else {
            return Err("both must have at least two axes, the rows and the columns".into());
        };
        if k != k_b {
            return Err(format!(
                "the last dimension of the left ({k}) must equal the second to last of the right ({k_b})"
            ));
        }
        let batch = batch_a
            .broadcast(batch_b)
            .map_err(|_| format!("the leading axes {batch_a} and {batch_b} must broadcast"))?;
        let mut dims = batch.dims().to_vec();
        dims.extend([m, n]);
        Shape::new(&dims).map(Type::float).map_err(|error| error.to_string())
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (Some((batch_a, [m, k])), Some((batch_b, [_, n])), Some((batch, _))) =
            (split(args.shape(0)), split(args.shape(1)), split(args.output_shape()))
        else {
            return Ok(());
        };
        let starts = |own: Shape| {
            let layout = Layout::contiguous(own).broadcast_to(batch);
            layout.map(|layout| layout.positions()).map_err(|error| error.to_string())
        };
        let (a, b, out) = (args.float(0), args.float(1), out.float());
        for (index, (at_a, at_b)) in starts(batch_a)?.zip(starts(batch_b)?).enumerate() {
            let (a, b) = (&a[at_a * m * k..][..m * k], &b[at_b * k * n..][..k * n]);
            let c = &mut out[index * m * n..][..m * n];
            for i in 0..m {
                for j in 0..n {
                    c[i * n + j] = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
                }
            }
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.aligned(0).matmul(batch.aligned(1)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let (a, b) = (at.inputs[0], at.inputs[1]);
        let record = |left: Var<'t>, right: Var<'t>| at.tape().record(MatMul, &[left, right]);
        Ok(vec![
            at.needs(0).then(|| record(cotangent, b.transpose()).sum_to(a.shape())),
            at.needs(1).then(|| record(a.transpose(), cotangent).sum_to(b.shape())),
        ])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let (a, b) = (at.inputs[0], at.inputs[1]);
        let record = |left: Var<'t>, right: Var<'t>| at.tape().record(MatMul, &[left, right]);
        let terms = [tangents[0].map(|t| record(t, b)), tangents[1].map(|t| record(a, t))];
        Ok(terms.into_iter().flatten().reduce(|sum, term| sum + term))
    }

    fn lower(&self) -> Lowering {
        Lowering::MatMul
    }
}

impl<'t> Var<'t> {
    /// The product of matrices in the last two axes, with the axes before them broadcast: `[.., m, k]` times
    /// `[.., k, n]` is `[.., m, n]`.
    ///
    /// A vector on the left counts as one row, on the right as one column, and that axis disappears from the
    /// result, as in NumPy.
    #[track_caller]
    pub fn matmul(self, other: Var<'t>) -> Var<'t> {
        let (left, right) = (self.shape(), other.shape());
        let inner = if right.rank() == 1 { right.first() } else { right.iter().rev().nth(1) };
        let same_tape = std::ptr::eq(self.tape(), other.tape());
        if same_tape && left.rank().min(right.rank()) == 1 && left.last() != inner {
            // Said here, about the vector as it is, not as the matrix that it would become.
            return self.tape().fail(Error::Operands {
                operation: "matmul".into(),
                inputs: vec![self.ty(), other.ty()],
                expected: "a vector must be as long as the axis of the other that it is multiplied with"
                    .into(),
                place: self.tape().here(),
            });
        }
        match (left.rank(), right.rank()) {
            (1, 2..) => {
                let product = self.unsqueeze(0).matmul(other);
                if product.rank() < 2 { product } else { product.squeeze(-2) }
            }
            (1.., 1) => {
                let product = self.matmul(other.unsqueeze(1));
                if product.rank() < 1 { product } else { product.squeeze(-1) }
            }
            // Many rows times one matrix is one product, whatever axes the rows are arranged in.
            (3.., 2) if left[left.rank() - 1] == right[0] => {
                let mut dims = left.dims().to_vec();
                let inner = dims.pop().unwrap_or(1);
                let rows: usize = dims.iter().product();
                dims.push(right[1]);
                self.reshape([rows, inner]).matmul(other).reshape_dims(&dims)
            }
            _ => self.tape().record(MatMul, &[self, other]),
        }
    }
}
