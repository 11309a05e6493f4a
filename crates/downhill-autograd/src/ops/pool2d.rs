//! Two-dimensional pooling: the largest or the mean of each window, and the adjoints.

use super::{Cotangents, Tangent, expect_kinds};
use crate::operation::{Args, At, Lowering, Operation, Out, PoolPart};
use crate::{Batch, Kind, Type, Var};
use downhill_tensor::{Float, Shape};

/// The windows of a pooling, each option as `[vertical, horizontal]`.
///
/// `[n, c, h, w]` gives `[n, c, h', w']` with `h' = (h + 2 padding - kernel) / stride + 1`, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2d {
    /// The size of the window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring windows; at least 1.
    pub stride: [usize; 2],
    /// The margin at both ends of each axis, at most half the window. For the largest it counts as -∞, for
    /// the mean as zeros that are counted (PyTorch's default).
    pub padding: [usize; 2],
}

impl Pool2d {
    /// Windows of this size side by side, without padding.
    pub fn square(size: usize) -> Self {
        Pool2d { kernel: [size; 2], stride: [size; 2], padding: [0; 2] }
    }

    fn output(&self, x: Shape) -> Result<Shape, String> {
        let &[n, c, h, w] = x.dims() else {
            return Err("the input must be [n, c, h, w]".into());
        };
        if self.stride.contains(&0) || self.kernel.contains(&0) {
            return Err("window and stride must be at least 1".into());
        }
        Shape::new(&self.kernel).map_err(|error| error.to_string())?;
        let size = |axis: usize, length: usize| {
            if self.padding[axis] > self.kernel[axis] / 2 {
                return Err(format!(
                    "the padding ({}) must be at most half the window ({})",
                    self.padding[axis], self.kernel[axis]
                ));
            }
            let padded = length.saturating_add(2 * self.padding[axis]);
            if padded < self.kernel[axis] {
                return Err(format!(
                    "the window of {} is larger than the padded input of {padded}",
                    self.kernel[axis]
                ));
            }
            Ok(((padded - self.kernel[axis]) / self.stride[axis]).saturating_add(1))
        };
        Shape::new(&[n, c, size(0, h)?, size(1, w)?]).map_err(|error| error.to_string())
    }

    /// Visits every window: the position of its result, and the positions of its elements in row-major
    /// order.
    fn visit(&self, x: Shape, y: Shape, mut window: impl FnMut(usize, &[usize])) {
        let mut members = Vec::new();
        for plane in 0..y[0] * y[1] {
            for (i, j) in (0..y[2]).flat_map(|i| (0..y[3]).map(move |j| (i, j))) {
                members.clear();
                for (p, q) in (0..self.kernel[0]).flat_map(|p| (0..self.kernel[1]).map(move |q| (p, q))) {
                    let row = (i * self.stride[0] + p).wrapping_sub(self.padding[0]);
                    let col = (j * self.stride[1] + q).wrapping_sub(self.padding[1]);
                    if row < x[2] && col < x[3] {
                        members.push((plane * x[2] + row) * x[3] + col);
                    }
                }
                window((plane * y[2] + i) * y[3] + j, &members);
            }
        }
    }
}

/// One of the poolings and their adjoints.
///
/// The largest of a window is its first in row-major order among equals, and the first NaN if there is one
/// (PyTorch's choice); the whole gradient goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pooling {
    /// Which one.
    pub part: PoolPart,
    /// The windows.
    pub pool: Pool2d,
    /// Height and width of the input of the pooling, which the adjoint of the mean cannot know otherwise.
    pub input: [usize; 2],
}

impl Pooling {
    fn record<'t>(&self, part: PoolPart, operands: &[Var<'t>]) -> Var<'t> {
        operands[0].tape().record(Pooling { part, ..*self }, operands)
    }
}

/// The position of the largest of a window's elements.
fn largest<T: Float>(x: &[T], members: &[usize]) -> Option<usize> {
    members
        .iter()
        .copied()
        .reduce(|best, i| if x[i] > x[best] || (x[i].is_nan() && !x[best].is_nan()) { i } else { best })
}

impl Operation for Pooling {
    fn name(&self) -> &'static str {
        match self.part {
            PoolPart::Max => "max_pool2d",
            PoolPart::MaxScatter => "max_pool2d_scatter",
            PoolPart::MaxGather => "max_pool2d_gather",
            PoolPart::Average => "avg_pool2d",
            PoolPart::AverageScatter => "avg_pool2d_scatter",
        }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let two = matches!(self.part, PoolPart::MaxScatter | PoolPart::MaxGather);
        expect_kinds(inputs, &[Kind::Float; 2][..1 + usize::from(two)])?;
        let first = inputs[0].shape;
        if self.part == PoolPart::AverageScatter {
            let &[n, c, ..] = first.dims() else {
                return Err("the cotangent must be [n, c, h', w']".into());
            };
            let x = Shape::new(&[n, c, self.input[0], self.input[1]]).map_err(|error| error.to_string())?;
            return match self.pool.output(x)? {
                y if y == first => Ok(Type::float(x)),
                y => Err(format!("an input of {x} gives a result of {y}, which the cotangent must match")),
            };
        }
        let y = self.pool.output(first)?;
        match self.part {
            PoolPart::MaxScatter if inputs[1].shape != y => {
                Err(format!("the second operand must have the shape of the pooled input, {y}"))
            }
            PoolPart::MaxGather if inputs[1].shape != first => {
                Err(format!("the second operand must have the shape of the first, {first}"))
            }
            PoolPart::MaxScatter => Ok(Type::float(first)),
            _ => Ok(Type::float(y)),
        }
    }

    fn eval<T: Float>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let (x, out) = (args.float(0), out.float());
        let (input, output) = (args.shape(0), args.output_shape());
        let scale = T::ONE / T::from_usize(self.pool.kernel[0] * self.pool.kernel[1]);
        match self.part {
            PoolPart::Max => self.pool.visit(input, output, |to, members| {
                out[to] = largest(x, members).map_or(T::NEG_INFINITY, |from| x[from]);
            }),
            PoolPart::MaxGather => self.pool.visit(input, output, |to, members| {
                out[to] = largest(x, members).map_or(T::ZERO, |from| args.float(1)[from]);
            }),
            PoolPart::MaxScatter => {
                out.fill(T::ZERO);
                self.pool.visit(input, args.shape(1), |from, members| {
                    if let Some(to) = largest(x, members) {
                        out[to] += args.float(1)[from];
                    }
                });
            }
            PoolPart::Average => self.pool.visit(input, output, |to, members| {
                out[to] = members.iter().map(|&from| x[from]).sum::<T>() * scale;
            }),
            PoolPart::AverageScatter => {
                out.fill(T::ZERO);
                self.pool.visit(output, input, |from, members| {
                    for &to in members {
                        out[to] += x[from] * scale;
                    }
                });
            }
        }
        Ok(())
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let operands: Vec<_> =
            (0..1 + usize::from(matches!(self.part, PoolPart::MaxScatter | PoolPart::MaxGather)))
                .map(|i| batch.joined(i))
                .collect();
        Some(batch.parted(batch.record(*self, &operands)))
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let x = at.inputs[0];
        Ok(match self.part {
            PoolPart::Max => vec![Some(self.record(PoolPart::MaxScatter, &[x, cotangent]))],
            // Where the largest stand does not change with x, almost everywhere.
            PoolPart::MaxScatter => vec![None, Some(self.record(PoolPart::MaxGather, &[x, cotangent]))],
            PoolPart::MaxGather => vec![None, Some(self.record(PoolPart::MaxScatter, &[x, cotangent]))],
            PoolPart::Average => vec![Some(self.record(PoolPart::AverageScatter, &[cotangent]))],
            PoolPart::AverageScatter => vec![Some(self.record(PoolPart::Average, &[cotangent]))],
        })
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let x = at.inputs[0];
        Ok(match self.part {
            PoolPart::Max => tangents[0].map(|t| self.record(PoolPart::MaxGather, &[x, t])),
            PoolPart::MaxScatter | PoolPart::MaxGather => {
                tangents[1].map(|t| self.record(self.part, &[x, t]))
            }
            PoolPart::Average | PoolPart::AverageScatter => tangents[0].map(|t| self.record(self.part, &[t])),
        })
    }

    fn lower(&self) -> Lowering {
        Lowering::Pool2d(self.part, self.pool)
    }

    fn attributes(&self) -> String {
        let Pool2d { kernel, stride, padding } = self.pool;
        format!("kernel: {kernel:?}, stride: {stride:?}, padding: {padding:?}")
    }
}

impl<'t> Var<'t> {
    #[track_caller]
    fn pooled(self, part: PoolPart, pool: Pool2d) -> Var<'t> {
        let input = match self.shape().dims() {
            &[_, _, h, w] => [h, w],
            _ => [0, 0],
        };
        self.tape().record(Pooling { part, pool, input }, &[self])
    }

    /// The largest element of each window of images `[n, c, h, w]`: see [`Pool2d`].
    #[track_caller]
    pub fn max_pool2d(self, pool: Pool2d) -> Var<'t> {
        self.pooled(PoolPart::Max, pool)
    }

    /// The mean of each window of images `[n, c, h, w]`, padding counted as zeros: see [`Pool2d`].
    #[track_caller]
    pub fn avg_pool2d(self, pool: Pool2d) -> Var<'t> {
        self.pooled(PoolPart::Average, pool)
    }
}
