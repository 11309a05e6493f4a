//! The loops that a plan consists of.

use crate::fusion::Sum;
use crate::loops::Loop;
use downhill_autograd::operation::{AnyOperation, AttentionPart, PoolPart, Reduction, RowFunction};
use downhill_autograd::ops::Scan;
use downhill_autograd::{Kind, NodeId};
use downhill_tensor::kernels::attention::Attention;
use downhill_tensor::kernels::conv::{Conv2dGeometry, Conv2dPart};
use downhill_tensor::kernels::matmul::{Prepared, Product};
use downhill_tensor::kernels::pool::Pool2dGeometry;
use downhill_tensor::{Layout, Shape};
use std::ops::Range;
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
    /// In another buffer, from this element on; only until buffers have their places.
    Part { whole: usize, offset: usize },
}

impl Home {
    /// So many elements further on.
    pub fn further(self, by: usize) -> Home {
        match self {
            Home::Arena(at) => Home::Arena(at + by),
            Home::Constant(at) => Home::Constant(at + by),
            Home::Input { port, offset } => Home::Input { port, offset: offset + by },
            Home::Output { port, offset } => Home::Output { port, offset: offset + by },
            Home::Part { whole, offset } => Home::Part { whole, offset: offset + by },
        }
    }
}

/// A stretch of memory that holds one value or the parts of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub kind: Kind,
    pub len: usize,
    pub home: Home,
}

impl Buffer {
    pub fn is_float(&self) -> bool {
        self.kind == Kind::Float
    }
}

/// An operand: a buffer, read through a layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub buffer: usize,
    pub layout: Layout,
}

/// What a result does to what lies in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It takes its place.
    Set,
    /// It is added.
    Add,
    /// It is multiplied with the last operand, one number, and subtracted.
    Subtract,
}

/// What a step does with its operands.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Loop(Box<Loop>),
    /// Over the axes whose bit is set.
    Reduce(Reduction, u8),
    /// One product for each pair of positions at which the matrices begin; the products follow each other in
    /// the result. What becomes of them there is said by `Change`; its factor is the third operand.
    Product(Product, Vec<[usize; 2]>, Change),
    /// The matrix that begins at this position of the operand, in the form in which products read it.
    MatmulPrepare(Prepared, usize),
    /// The sum of the operand's `groups` rows, which parts of a strip have computed.
    Combine(usize, Change),
    /// The operand, contiguous, block by block: block i goes to `i * stride` in the result.
    Copy {
        block: usize,
        stride: usize,
        start: usize,
    },
    /// Nothing: the operands lie in the result already, each in its part, or it in them. It says that what reads the
    /// result comes after what computes the operands, and is left out when that order is settled.
    Join,
    /// Zeros, with the operand at the positions of a layout.
    Pad(Layout),
    /// A function of each of so many rows.
    Rows(RowFunction, usize),
    /// Over so many sequences.
    Attention(AttentionPart, Attention, usize),
    /// The weights, in the form that the part of the convolution reads.
    Conv2dPrepare(Conv2dPart, Conv2dGeometry),
    /// Of so many images.
    Conv2d(Conv2dPart, Conv2dGeometry, usize),
    Pool2d(PoolPart, Pool2dGeometry, usize),
    Gather {
        rows: usize,
        width: usize,
    },
    /// With a change, the third operand is its factor.
    ScatterAdd {
        rows: usize,
        width: usize,
        change: Change,
    },
    Uniform(u64),
    /// A program step after step; it is compiled into the plan's nested plan of this number.
    Scan {
        scan: Box<Scan>,
        nested: usize,
    },
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
    /// The buffers that are written. All of them, except by `Copy`.
    pub outs: Vec<usize>,
    /// The number of elements of the loop: those that are written to the first buffer, unless they are sums.
    pub len: usize,
    /// Into how many rows of work it can be cut ([`crate::strips::units`]), 0 if it cannot.
    pub units: usize,
    /// Elements of scratch space that each thread needs.
    pub scratch: usize,
    /// Of a product, the form in which its second operand is, if it has been prepared.
    pub prepared: Option<Prepared>,
    /// The value that it computes, for messages and schedules.
    pub origin: NodeId,
}

/// Steps that are carried out together.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// One step, cut into parts. Where it sums across parts, there is a group for each of them.
    Whole { step: usize, parts: usize, groups: usize },
    /// Several steps on one block of rows after the other, so that a step finds what the one before has
    /// written in a near cache. Rows are dealt to threads in groups of blocks.
    Strip { steps: Range<usize>, rows: usize, groups: usize, block: usize },
}

impl Stage {
    /// The numbers of its steps.
    pub fn steps(&self) -> Range<usize> {
        match self {
            Stage::Whole { step, .. } => *step..step + 1,
            Stage::Strip { steps, .. } => steps.clone(),
        }
    }
}

impl Step {
    /// Floating-point operations, roughly: one for each element written, two for each multiplication with
    /// addition of a product.
    pub fn operations(&self) -> u64 {
        match &self.body {
            Body::Loop(body) => (self.len * (body.functions.len() + body.sums.len())) as u64,
            Body::Product(p, batches, _) => 2 * (p.m * p.n * p.k * batches.len()) as u64,
            Body::Conv2d(_, g, images) => {
                2 * (g.output_len() * (g.weight_len() / g.out_channels.max(1)) * images) as u64
            }
            Body::Attention(part, sizes, sequences) => {
                let products = if *part == AttentionPart::Forward { 2 } else { 5 };
                let scores = sizes.length * sizes.length * if sizes.causal { 1 } else { 2 };
                (products * scores * sizes.width() * sequences) as u64
            }
            Body::Reduce(..) => self.operands[0].layout.shape().size() as u64,
            Body::Copy { .. }
            | Body::Join
            | Body::Pad(_)
            | Body::MatmulPrepare(..)
            | Body::Conv2dPrepare(..) => 0,
            _ => self.len as u64,
        }
    }

    /// What it does, with the functions of a loop in order.
    pub fn description(&self) -> String {
        let Body::Loop(body) = &self.body else { return self.name().into() };
        let functions = body.functions.iter().map(|function| function.name());
        let sums = body.sums.iter().map(|(_, sum, _)| match sum {
            Sum::All => "sum",
            Sum::Rows(_) => "sum of rows",
            Sum::Columns(_) => "sum of columns",
            Sum::Planes { .. } => "sum of planes",
        });
        format!("loop: {}", functions.chain(sums).collect::<Vec<_>>().join(", "))
    }

    /// The name of the loop.
    pub fn name(&self) -> &'static str {
        match &self.body {
            Body::Loop(_) => "loop",
            Body::Combine(..) => "combine",
            Body::Reduce(Reduction::Sum, _) => "sum",
            Body::Reduce(Reduction::Max, _) => "max",
            Body::Reduce(Reduction::Min, _) => "min",
            Body::Product(_, _, Change::Set) => "product",
            Body::Product(..) => "product, added",
            Body::Copy { .. } => "copy",
            Body::Join => "join",
            Body::Pad(_) => "pad",
            Body::Rows(function, _) => function.name(),
            Body::Attention(AttentionPart::Forward, ..) => "attention",
            Body::Attention(AttentionPart::Gradient, ..) => "attention_gradient",
            Body::MatmulPrepare(..) => "matmul_prepare",
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
            Body::ScatterAdd { change: Change::Set, .. } => "scatter_add",
            Body::ScatterAdd { .. } => "scatter_add, in place",
            Body::Uniform(_) => "uniform",
            Body::Scan { .. } => "scan",
            Body::Opaque { operation, .. } => operation.name(),
        }
    }
}
