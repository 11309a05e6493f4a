//! The loops that a plan consists of.

use downhill_autograd::operation::{AnyOperation, PoolPart, Reduction, RowFunction};
use downhill_autograd::{Kind, NodeId};
use downhill_tensor::kernels::conv::{Conv2dGeometry, Conv2dPart};
use downhill_tensor::kernels::matmul::Product;
use downhill_tensor::kernels::pool::Pool2dGeometry;
use downhill_tensor::kernels::scalar::{Binary, Unary};
use downhill_tensor::{Layout, Shape};
use std::sync::Arc;

/// Where a buffer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In the arena of its kind, from this element on.
    Arena(usize),
    /// Among the constants of its kind, from this element on.
    Constant(usize),
    /// In an input, from this element on.
    Input { port: usize, offset: usize },
    /// In an output, from this element on.
    Output { port: usize, offset: usize },
}

/// A stretch of memory that holds one value or the parts of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub kind: Kind,
    pub len: usize,
    pub home: Home,
}

/// An operand: a buffer, read through a layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub buffer: usize,
    pub layout: Layout,
}

/// What a step does with its operands.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Unary(Unary),
    Binary(Binary),
    Select,
    /// Over the axes whose bit is set.
    Reduce(Reduction, u8),
    /// One product for each pair of positions at which the matrices begin; the products follow each other in
    /// the result.
    Product(Product, Vec<[usize; 2]>),
    /// The operand, contiguous, block by block: block i goes to `i * stride` in the result.
    Copy {
        block: usize,
        stride: usize,
        start: usize,
    },
    /// Zeros, with the operand at the positions of a layout.
    Pad(Layout),
    /// A function of each row of this length.
    Rows(RowFunction, usize),
    /// The weights, in the form that the part of the convolution reads.
    Conv2dPrepare(Conv2dPart, Conv2dGeometry),
    /// Of so many images.
    Conv2d(Conv2dPart, Conv2dGeometry, usize),
    Pool2d(PoolPart, Pool2dGeometry, usize),
    Gather {
        rows: usize,
        width: usize,
    },
    ScatterAdd {
        rows: usize,
        width: usize,
    },
    Uniform(u64),
    Opaque {
        operation: Arc<dyn AnyOperation>,
        shapes: Vec<Shape>,
        shape: Shape,
    },
}

/// One loop of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub body: Body,
    pub operands: Vec<Operand>,
    /// The buffer that is written. All of it, except by `Copy`.
    pub out: usize,
    /// The number of elements that are written.
    pub len: usize,
    /// Into how many parts the loop is cut.
    pub parts: usize,
    /// Elements of scratch space that each thread needs.
    pub scratch: usize,
    /// The value that it computes, for messages and schedules.
    pub origin: NodeId,
}

impl Step {
    /// Floating-point operations, roughly: one for each element written, two for each multiplication with
    /// addition of a product.
    pub fn operations(&self) -> u64 {
        match &self.body {
            Body::Product(p, batches) => 2 * (p.m * p.n * p.k * batches.len()) as u64,
            Body::Conv2d(_, g, images) => {
                2 * (g.output_len() * (g.weight_len() / g.out_channels.max(1)) * images) as u64
            }
            Body::Reduce(..) => self.operands[0].layout.shape().size() as u64,
            Body::Copy { .. } | Body::Pad(_) => 0,
            _ => self.len as u64,
        }
    }

    /// The name of the loop.
    pub fn name(&self) -> &'static str {
        match &self.body {
            Body::Unary(f) => f.name(),
            Body::Binary(f) => f.name(),
            Body::Select => "select",
            Body::Reduce(Reduction::Sum, _) => "sum",
            Body::Reduce(Reduction::Max, _) => "max",
            Body::Reduce(Reduction::Min, _) => "min",
            Body::Product(..) => "product",
            Body::Copy { .. } => "copy",
            Body::Pad(_) => "pad",
            Body::Rows(RowFunction::Softmax, _) => "softmax",
            Body::Rows(RowFunction::LogSoftmax, _) => "log_softmax",
            Body::Conv2dPrepare(..) => "conv2d_prepare",
            Body::Conv2d(Conv2dPart::Forward, ..) => "conv2d",
            Body::Conv2d(Conv2dPart::InputGradient, ..) => "conv2d_input_gradient",
            Body::Conv2d(Conv2dPart::WeightGradient, ..) => "conv2d_weight_gradient",
            Body::Pool2d(PoolPart::Max, ..) => "max_pool2d",
            Body::Pool2d(PoolPart::MaxScatter, ..) => "max_pool2d_scatter",
            Body::Pool2d(PoolPart::MaxGather, ..) => "max_pool2d_gather",
            Body::Pool2d(PoolPart::Average, ..) => "avg_pool2d",
            Body::Pool2d(PoolPart::AverageScatter, ..) => "avg_pool2d_scatter",
            Body::Gather { .. } => "gather",
            Body::ScatterAdd { .. } => "scatter_add",
            Body::Uniform(_) => "uniform",
            Body::Opaque { operation, .. } => operation.name(),
        }
    }
}
