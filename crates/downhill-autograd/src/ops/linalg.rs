//! Inverses, systems of equations, determinants and Cholesky factors of the matrices in the last two axes.
//!
//! They are computed in double precision, whatever that of the executor, and rounded.

use super::{Cotangents, Tangent, expect_kinds, one_float};
use crate::operation::{Args, At, Operation, Out};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Shape, Tensor, linalg};

/// `A⁻¹` of square matrices `[.., n, n]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inverse;

/// The X with `A X = B`, for square matrices A `[.., n, n]` and B `[.., n, k]` with the same leading axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Solve;

/// The determinant of square matrices `[.., n, n]`, in the shape of the leading axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Determinant;

/// `ln |det A|` of square matrices `[.., n, n]`, in the shape of the leading axes, without over- or underflow of the
/// determinant; -∞ for one that is exactly singular.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogAbsDeterminant;

/// The lower triangular L with `L Lᵀ = A`, for symmetric positive definite matrices `[.., n, n]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cholesky;

/// The side of square matrices in the last two axes.
fn side(shape: Shape) -> Result<usize, String> {
    match shape.dims() {
        &[.., m, n] if m == n => Ok(n),
        _ => Err("the last two axes must be those of square matrices".into()),
    }
}

fn without_matrices(shape: Shape) -> Shape {
    shape.reduced(&[shape.rank() - 2, shape.rank() - 1], false)
}

/// The matrices of an operand one after the other, in double precision.
fn matrices<T: Float>(args: &Args<'_, T>, i: usize) -> impl Iterator<Item = Result<Tensor<f64>, String>> {
    let shape = args.shape(i);
    let size = [shape[shape.rank() - 2], shape[shape.rank() - 1]];
    let matrix = move |x: &[T]| {
        let data = x.iter().map(|x| x.to_f64()).collect();
        Tensor::from_vec(data, size).map_err(|error| error.to_string())
    };
    // Matrices without elements give nothing to be computed.
    args.float(i).chunks_exact((size[0] * size[1]).max(1)).map(matrix)
}

/// Puts one matrix after the other.
fn put<T: Float>(out: &mut [T], number: usize, matrix: &Tensor<f64>) {
    let size = matrix.size();
    for (y, x) in out[number * size..][..size].iter_mut().zip(matrix.iter()) {
        *y = T::from_f64(x);
    }
}

#[track_caller]
fn negative_sandwich<'t>(left: Var<'t>, inner: Var<'t>, right: Var<'t>) -> Var<'t> {
    -left.matmul(inner).matmul(right)
}

impl Operation for Inverse {
    fn name(&self) -> &'static str {
        "inverse"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        side(one_float(inputs)?.shape)?;
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        for (number, matrix) in matrices(args, 0).enumerate() {
            put(out, number, &linalg::inverse(&matrix?).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    // d(A⁻¹) = -A⁻¹ dA A⁻¹
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let transposed = at.output.transpose();
        Ok(vec![Some(negative_sandwich(transposed, cotangent, transposed))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| negative_sandwich(at.output, tangent, at.output)))
    }
}

impl Operation for Solve {
    fn name(&self) -> &'static str {
        "solve"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        expect_kinds(inputs, &[Kind::Float; 2])?;
        let (a, b) = (inputs[0].shape, inputs[1].shape);
        let n = side(a)?;
        if b.rank() != a.rank() || b[..b.rank() - 1] != a[..a.rank() - 1] {
            return Err(format!(
                "the right side must have {n} rows in its last two axes, and the same axes before"
            ));
        }
        Ok(inputs[1])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        for (number, (a, b)) in matrices(args, 0).zip(matrices(args, 1)).enumerate() {
            put(out, number, &linalg::solve(&a?, &b?).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    // A dX = dB - dA X
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let by_b = at.tape().record(Solve, &[at.inputs[0].transpose(), cotangent]);
        let by_a = at.needs(0).then(|| -by_b.matmul(at.output.transpose()));
        Ok(vec![by_a, Some(by_b)])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let by_a = tangents[0].map(|t| -t.matmul(at.output));
        let terms = [by_a, tangents[1]].into_iter().flatten().reduce(|sum, term| sum + term);
        Ok(terms.map(|right| at.tape().record(Solve, &[at.inputs[0], right])))
    }
}

/// The sum of `inverseᵀ` and `tangent` multiplied element by element: what a change of A does to ln |det A|.
#[track_caller]
fn log_slope<'t>(a: Var<'t>, tangent: Var<'t>) -> Var<'t> {
    (a.inverse().transpose() * tangent).sum_over(&[-2, -1])
}

impl Operation for Determinant {
    fn name(&self) -> &'static str {
        "det"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        side(one_float(inputs)?.shape)?;
        Ok(Type::float(without_matrices(inputs[0].shape)))
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        out.fill(T::ONE);
        for (y, matrix) in out.iter_mut().zip(matrices(args, 0)) {
            *y = T::from_f64(linalg::determinant(&matrix?).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    // d det A = det A tr(A⁻¹ dA)
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let scale = (cotangent * at.output).unsqueeze(-1).unsqueeze(-1);
        Ok(vec![Some(scale * at.inputs[0].inverse().transpose())])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| at.output * log_slope(at.inputs[0], tangent)))
    }
}

impl Operation for LogAbsDeterminant {
    fn name(&self) -> &'static str {
        "log_abs_det"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        Determinant.infer(inputs)
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        out.fill(T::ZERO);
        for (y, matrix) in out.iter_mut().zip(matrices(args, 0)) {
            // |det A| = |det R|, and the diagonal of R is not negative.
            let factor = linalg::qr(&matrix?).map_err(|error| error.to_string())?.r;
            let n = factor.shape()[0];
            let logs = (0..n).map(|i| factor.get(&[i, i]).map(f64::ln)).sum::<Result<f64, _>>();
            *y = T::from_f64(logs.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        Ok(vec![Some(cotangent.unsqueeze(-1).unsqueeze(-1) * at.inputs[0].inverse().transpose())])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        Ok(tangents[0].map(|tangent| log_slope(at.inputs[0], tangent)))
    }
}

/// The lower triangle, with the diagonal halved: of a symmetric matrix, the part L with `L + Lᵀ` = it.
#[track_caller]
fn half_lower<'t>(x: Var<'t>) -> Var<'t> {
    let n = x.dim(-1);
    let weights =
        super::arrange::triangle_mask(x.tape(), [n, n], |row, column| column <= row) - 0.5 * x.tape().eye(n);
    x * weights
}

impl Operation for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        side(one_float(inputs)?.shape)?;
        Ok(inputs[0])
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let out = out.float();
        for (number, matrix) in matrices(args, 0).enumerate() {
            put(out, number, &linalg::cholesky(&matrix?).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        Some(batch.leading(*self))
    }

    // With Φ = `half_lower` and symmetric dA: dL = L Φ(L⁻¹ dA L⁻ᵀ). (Murray, "Differentiation of the Cholesky
    // decomposition", 2016, arXiv:1602.07527.)
    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let l = at.output;
        let inner = half_lower(l.transpose().matmul(cotangent));
        let inverse = l.inverse();
        let whole = inverse.transpose().matmul(inner).matmul(inverse);
        Ok(vec![Some(0.5 * (whole + whole.transpose()))])
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let l = at.output;
        Ok(tangents[0].map(|tangent| {
            let inverse = l.inverse();
            let symmetric = 0.5 * (tangent + tangent.transpose());
            l.matmul(half_lower(inverse.matmul(symmetric).matmul(inverse.transpose())))
        }))
    }
}

impl<'t> Var<'t> {
    /// The inverses of the square matrices `[.., n, n]` in the last two axes. To solve equations, [`Var::solve`] is
    /// faster and more accurate. A singular matrix is an error when the program runs.
    #[track_caller]
    pub fn inverse(self) -> Var<'t> {
        self.tape().record(Inverse, &[self])
    }

    /// The X with `A X = B`, A being this value `[.., n, n]`: B is `[.., n, k]`, or `[n]` for a single matrix. The
    /// axes before the last two broadcast. A singular matrix is an error when the program runs.
    #[track_caller]
    pub fn solve(self, b: Var<'t>) -> Var<'t> {
        let (left, right) = (self.shape(), b.shape());
        if left.rank() < 2 || right.rank() < 2 {
            return match (left.rank(), right.rank()) {
                (2, 1) => {
                    let x = self.solve(b.unsqueeze(1));
                    if x.is_poison() { x } else { x.squeeze(1) }
                }
                _ => self.tape().record(Solve, &[self, b]),
            };
        }
        let Ok(batch) = without_matrices(left).broadcast(without_matrices(right)) else {
            return self.tape().record(Solve, &[self, b]);
        };
        let spread = |x: Var<'t>| {
            let dims = [batch.dims(), &x.shape()[x.rank() - 2..]].concat();
            match Shape::new(&dims) {
                Ok(shape) => x.broadcast_to(shape),
                Err(error) => x.refuse("solve", error.to_string()),
            }
        };
        self.tape().record(Solve, &[spread(self), spread(b)])
    }

    /// The determinants of the square matrices `[.., n, n]` in the last two axes, which disappear; 1 for n = 0. The
    /// gradient is `det A A⁻ᵀ`, so that of a singular matrix is an error when the program runs.
    #[track_caller]
    pub fn det(self) -> Var<'t> {
        self.tape().record(Determinant, &[self])
    }

    /// `ln |det A|` of the square matrices `[.., n, n]` in the last two axes, which disappear; -∞ for one that is
    /// exactly singular. The gradient is `A⁻ᵀ`, so that of a singular matrix is an error when the program runs.
    #[track_caller]
    pub fn log_abs_det(self) -> Var<'t> {
        self.tape().record(LogAbsDeterminant, &[self])
    }

    /// The lower triangular L with `L Lᵀ = (A + Aᵀ) / 2` for matrices A `[.., n, n]` that are positive definite, which
    /// for a symmetric A is its Cholesky factor. The gradient is symmetric, as PyTorch's. A matrix that is not
    /// positive definite is an error when the program runs.
    #[track_caller]
    pub fn cholesky(self) -> Var<'t> {
        if self.rank() < 2 {
            return self.tape().record(Cholesky, &[self]);
        }
        let n = self.shape()[self.rank() - 1];
        if self.shape()[self.rank() - 2] != n {
            return self.tape().record(Cholesky, &[self]);
        }
        let symmetric = 0.5 * (self + self.transpose());
        self.tape().record(Cholesky, &[symmetric])
    }
}
