//! From a graph to loops: which value is a view of which buffer, and what fills the buffers.
//!
//! A movement of data becomes a layout wherever its reader can follow strides; only readers that cannot get
//! a contiguous copy, made once however many they are.

use crate::graph::{Delivery, Graph, Source};
use crate::passes::{Lifetime, place};
use crate::step::{Body, Buffer, Home, Operand, Step};
use downhill_autograd::operation::{ConvPart, Movement, PoolPart};
use downhill_autograd::{Kind, Lowering, NodeId, Precision};
use downhill_tensor::kernels::conv::{Conv2dGeometry, Conv2dOptions, conv2d_scratch_len};
use downhill_tensor::kernels::matmul::{Product, Strides2, matmul_scratch_len};
use downhill_tensor::kernels::pool::Pool2dGeometry;
use downhill_tensor::{Layout, Shape, Slice};
use std::collections::HashMap;

/// A plan without memory: loops, buffers, and the constants that they read.
pub(crate) struct Lowered<T> {
    pub steps: Vec<Step>,
    pub buffers: Vec<Buffer>,
    pub floats: Vec<T>,
    pub indices: Vec<i64>,
    pub arena: usize,
    pub index_arena: usize,
    /// The scratch space of one thread.
    pub scratch: usize,
}

/// Lowers a graph for a number of threads.
///
/// # Errors
/// A program that contradicts itself: never one that a tape has made.
pub(crate) fn lower<T: Precision>(graph: &Graph<T>, threads: usize) -> downhill_tensor::Result<Lowered<T>> {
    let mut lowering = Lowerer {
        graph,
        threads,
        views: vec![None; graph.values.len()],
        copies: HashMap::new(),
        result: Lowered {
            steps: Vec::new(),
            buffers: Vec::new(),
            floats: Vec::new(),
            indices: Vec::new(),
            arena: 0,
            index_arena: 0,
            scratch: 0,
        },
    };
    let needed = graph.needed();
    for value in (0..graph.values.len()).filter(|&value| needed[value]) {
        let view = lowering.value(value)?;
        lowering.views[value] = Some(view);
    }
    for delivery in &graph.deliveries {
        lowering.deliver(*delivery)?;
    }
    let mut result = lowering.result;
    result.place_intermediates();
    result.scratch = result.steps.iter().map(|step| step.scratch).max().unwrap_or(0);
    Ok(result)
}

struct Lowerer<'a, T> {
    graph: &'a Graph<T>,
    threads: usize,
    /// Where each value can be read.
    views: Vec<Option<Operand>>,
    /// Contiguous copies of views, by their buffer and layout.
    copies: HashMap<(usize, Layout), usize>,
    result: Lowered<T>,
}

/// Home of a buffer that is not placed yet.
const UNPLACED: Home = Home::Arena(usize::MAX);

impl<T: Precision> Lowerer<'_, T> {
    fn buffer(&mut self, kind: Kind, len: usize, home: Home) -> usize {
        self.result.buffers.push(Buffer { kind, len, home });
        self.result.buffers.len() - 1
    }

    fn view(&self, value: usize) -> Operand {
        self.views[value].expect("operands are lowered before what uses them")
    }

    /// Where a value can be read, with the steps that fill it appended.
    fn value(&mut self, value: usize) -> downhill_tensor::Result<Operand> {
        let ty = self.graph.values[value].ty;
        let layout = Layout::contiguous(ty.shape);
        let len = ty.shape.size();
        let buffer = match &self.graph.values[value].source {
            Source::Input { port, offset, updated_by: None } => {
                self.buffer(ty.kind, len, Home::Input { port: *port, offset: *offset })
            }
            Source::Input { offset, updated_by: Some(port), .. } => {
                self.buffer(ty.kind, len, Home::Output { port: *port, offset: *offset })
            }
            Source::Floats(numbers) => {
                let start = self.result.floats.len();
                self.result.floats.extend_from_slice(numbers);
                self.buffer(ty.kind, len, Home::Constant(start))
            }
            Source::Indices(numbers) => {
                let start = self.result.indices.len();
                self.result.indices.extend_from_slice(numbers);
                self.buffer(ty.kind, len, Home::Constant(start))
            }
            Source::Operation { .. } => return self.operation(value),
        };
        Ok(Operand { buffer, layout })
    }

    fn operation(&mut self, value: usize) -> downhill_tensor::Result<Operand> {
        let graph = self.graph;
        let ty = graph.values[value].ty;
        let Source::Operation { operation, lowering, operands } = &graph.values[value].source else {
            unreachable!("called for operations alone");
        };
        let origin = graph.values[value].origin;
        let views: Vec<Operand> = operands.iter().map(|&operand| self.view(operand)).collect();
        let shapes: Vec<Shape> = operands.iter().map(|&operand| graph.values[operand].ty.shape).collect();
        let broadcast = |shape: Shape| -> downhill_tensor::Result<Vec<Operand>> {
            let repeat =
                |view: &Operand| view.layout.broadcast_to(shape).map(|layout| Operand { layout, ..*view });
            views.iter().map(repeat).collect()
        };
        let (body, operands) = match lowering {
            Lowering::Move(movement) => match self.movement(movement, views[0], ty.shape)? {
                Ok(view) => return Ok(view),
                Err(body) => {
                    let input = self.contiguous(views[0], origin);
                    (body, vec![input])
                }
            },
            Lowering::Unary(f) => (Body::Unary(*f), views),
            Lowering::Binary(f) => (Body::Binary(*f), broadcast(ty.shape)?),
            Lowering::Select => (Body::Select, broadcast(ty.shape)?),
            Lowering::Reduce(reduction, axes) => {
                (Body::Reduce(*reduction, axes.iter().fold(0, |mask, axis| mask | 1 << axis)), views)
            }
            Lowering::MatMul => {
                let views = [self.multipliable(views[0], origin), self.multipliable(views[1], origin)];
                (product(&views, ty.shape)?, views.to_vec())
            }
            Lowering::Concat(axis) => return self.concat(*axis, &views, ty.shape, origin),
            other => {
                let body = match other {
                    Lowering::Rows(function) => Body::Rows(*function, shapes[0].last().copied().unwrap_or(1)),
                    Lowering::Conv2d(part, conv) => {
                        let (x, w) = match part {
                            ConvPart::Forward => (shapes[0], shapes[1]),
                            ConvPart::InputGradient => (ty.shape, shapes[1]),
                            ConvPart::WeightGradient => (shapes[0], ty.shape),
                        };
                        let options = Conv2dOptions {
                            stride: conv.stride,
                            padding: conv.padding,
                            dilation: conv.dilation,
                            groups: conv.groups,
                        };
                        let geometry =
                            Conv2dGeometry::new([x[1], x[2], x[3]], [w[0], w[1], w[2], w[3]], options)?;
                        Body::Conv2d(*part, geometry, x[0])
                    }
                    Lowering::Pool2d(part, pool) => {
                        let x = if *part == PoolPart::AverageScatter { ty.shape } else { shapes[0] };
                        let geometry =
                            Pool2dGeometry::new([x[2], x[3]], pool.kernel, pool.stride, pool.padding)?;
                        Body::Pool2d(*part, geometry, x[0] * x[1])
                    }
                    Lowering::Gather => {
                        Body::Gather { rows: shapes[0][0], width: shapes[0][1..].iter().product() }
                    }
                    Lowering::ScatterAdd => {
                        Body::ScatterAdd { rows: ty.shape[0], width: ty.shape[1..].iter().product() }
                    }
                    Lowering::Uniform(stream) => Body::Uniform(*stream),
                    _ => Body::Opaque { operation: operation.clone(), shapes, shape: ty.shape },
                };
                let views = views.into_iter().map(|view| self.contiguous(view, origin)).collect();
                (body, views)
            }
        };
        let len = ty.shape.size();
        let out = self.buffer(ty.kind, len, UNPLACED);
        self.push(body, operands, out, len, origin);
        Ok(Operand { buffer: out, layout: Layout::contiguous(ty.shape) })
    }

    fn push(&mut self, body: Body, operands: Vec<Operand>, out: usize, len: usize, origin: NodeId) {
        let mut step = Step { body, operands, out, len, parts: 1, scratch: 0, origin };
        step.scratch = match &step.body {
            Body::Product(product, _) => matmul_scratch_len::<T>(product),
            Body::Conv2d(_, geometry, _) => conv2d_scratch_len::<T>(geometry),
            _ => 0,
        };
        step.parts = parts(&step, self.threads);
        self.result.steps.push(step);
    }

    /// A movement as another view of the same buffer, or else as a loop.
    fn movement(
        &mut self,
        movement: &Movement,
        view: Operand,
        shape: Shape,
    ) -> downhill_tensor::Result<Result<Operand, Body>> {
        let layout = match movement {
            Movement::Permute(order) => view.layout.permute(order)?,
            Movement::Broadcast => view.layout.broadcast_to(shape)?,
            Movement::Slice { axis, start, step } => {
                part_of(&view.layout, *axis, *start, *step, shape[*axis])?
            }
            Movement::Reshape => match view.layout.reshape(shape)? {
                Some(layout) => layout,
                None => {
                    let block = shape.size();
                    return Ok(Err(Body::Copy { block, stride: block, start: 0 }));
                }
            },
            Movement::Pad { axis, start, step } => {
                let whole = Layout::contiguous(shape);
                let count = view.layout.shape()[*axis];
                return Ok(Err(Body::Pad(part_of(&whole, *axis, *start, *step, count)?)));
            }
        };
        Ok(Ok(Operand { layout, ..view }))
    }

    /// The same elements, one after the other in a stretch of a buffer.
    fn contiguous(&mut self, view: Operand, origin: NodeId) -> Operand {
        let layout = Layout::contiguous(view.layout.shape());
        let len = layout.shape().size();
        if len == 0 {
            return Operand { layout, ..view };
        }
        if view.layout.is_contiguous() {
            return view;
        }
        let buffer = match self.copies.get(&(view.buffer, view.layout)) {
            Some(&copy) => copy,
            None => {
                let kind = self.result.buffers[view.buffer].kind;
                let copy = self.buffer(kind, len, UNPLACED);
                self.copies.insert((view.buffer, view.layout), copy);
                self.push(Body::Copy { block: len, stride: len, start: 0 }, vec![view], copy, len, origin);
                copy
            }
        };
        Operand { buffer, layout }
    }

    /// A view that the product can read: no axis of its matrices runs backwards.
    fn multipliable(&mut self, view: Operand, origin: NodeId) -> Operand {
        let strides = view.layout.strides();
        if strides[strides.len() - 2..].iter().any(|&stride| stride < 0) {
            self.contiguous(view, origin)
        } else {
            view
        }
    }

    fn concat(
        &mut self,
        axis: usize,
        views: &[Operand],
        shape: Shape,
        origin: NodeId,
    ) -> downhill_tensor::Result<Operand> {
        let out = self.buffer(Kind::Float, shape.size(), UNPLACED);
        let stride: usize = shape[axis..].iter().product();
        let mut start = 0;
        for view in views {
            let own = view.layout.shape();
            let block: usize = own[axis..].iter().product();
            if own.size() > 0 {
                self.push(Body::Copy { block, stride, start }, vec![*view], out, own.size(), origin);
            }
            start += block;
        }
        Ok(Operand { buffer: out, layout: Layout::contiguous(shape) })
    }

    /// Sees to it that a value is in its output: computed there, or copied there.
    fn deliver(&mut self, delivery: Delivery) -> downhill_tensor::Result<()> {
        let view = self.view(delivery.value);
        let len = view.layout.shape().size();
        let home = Home::Output { port: delivery.port, offset: delivery.offset };
        let target = &mut self.result.buffers[view.buffer];
        let whole = view.layout.is_contiguous() && view.layout.offset() == 0 && target.len == len;
        if whole && target.home == UNPLACED {
            target.home = home;
        } else if len > 0 {
            let kind = target.kind;
            let out = self.buffer(kind, len, home);
            let origin = self.graph.values[delivery.value].origin;
            self.push(Body::Copy { block: len, stride: len, start: 0 }, vec![view], out, len, origin);
        }
        Ok(())
    }
}

impl<T> Lowered<T> {
    /// Gives the buffers without a home their places in the arenas.
    fn place_intermediates(&mut self) {
        let mut lives: Vec<Option<(usize, usize)>> = vec![None; self.buffers.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for buffer in step.operands.iter().map(|operand| operand.buffer).chain([step.out]) {
                let life = lives[buffer].get_or_insert((at, at));
                life.1 = at;
            }
        }
        for kind in [Kind::Float, Kind::Index] {
            let mut numbers = Vec::new();
            let mut lifetimes = Vec::new();
            for (number, buffer) in self.buffers.iter().enumerate() {
                if buffer.home == UNPLACED && buffer.kind == kind {
                    let (first, last) = lives[number].unwrap_or((0, 0));
                    numbers.push(number);
                    lifetimes.push(Lifetime { first, last, len: buffer.len });
                }
            }
            let (positions, end) = place(&lifetimes);
            for (number, position) in numbers.into_iter().zip(positions) {
                self.buffers[number].home = Home::Arena(position);
            }
            match kind {
                Kind::Float => self.arena = end,
                Kind::Index => self.index_arena = end,
            }
        }
    }
}

/// `count` positions of an axis, from `start` in steps of `step`.
fn part_of(
    layout: &Layout,
    axis: usize,
    start: usize,
    step: isize,
    count: usize,
) -> downhill_tensor::Result<Layout> {
    let end = start as isize + step * count as isize;
    layout.slice(axis, Slice { start: Some(start as isize), end: (end >= 0).then_some(end), step })
}

/// The products of the matrices in the last two axes.
fn product(views: &[Operand; 2], shape: Shape) -> downhill_tensor::Result<Body> {
    let rank = shape.rank();
    let (m, n) = (shape[rank - 2], shape[rank - 1]);
    let batch = shape.reduced(&[rank - 2, rank - 1], false);
    let [a, b] = views.map(|view| view.layout);
    let k = a.shape()[a.shape().rank() - 1];
    let strides = |layout: &Layout| {
        let strides = layout.strides();
        let at = |back: usize| strides[strides.len() - back].unsigned_abs();
        Strides2 { row: at(2), column: at(1) }
    };
    let starts = |layout: &Layout| -> downhill_tensor::Result<Vec<usize>> {
        let mut first = *layout;
        // An empty matrix begins nowhere; nothing of it is read.
        if layout.shape().size() == 0 {
            return Ok(vec![0; batch.size()]);
        }
        for _ in 0..2 {
            first = first.select(first.shape().rank() - 1, 0)?;
        }
        Ok(first.broadcast_to(batch)?.positions().collect())
    };
    let batches = starts(&a)?.into_iter().zip(starts(&b)?).map(|(a, b)| [a, b]).collect();
    Ok(Body::Product(Product { m, n, k, a: strides(&a), b: strides(&b), c_row_stride: n }, batches))
}

/// Multiplications that are worth the microseconds that it takes to share a loop.
const PRODUCT_GRAIN: usize = 400_000;
/// Elements of simple loops, likewise.
const ELEMENT_GRAIN: usize = 32_768;
/// Elements of loops with exponentials, likewise.
const FUNCTION_GRAIN: usize = 8_192;

/// Into how many parts a loop is cut. No bit of its result depends on it.
fn parts(step: &Step, threads: usize) -> usize {
    let share = |work: usize, grain: usize, limit: usize| (work / grain).clamp(1, threads).min(limit.max(1));
    match &step.body {
        Body::Product(p, batches) => match batches.len() {
            0 => 1,
            1 => share(p.m * p.n * p.k, PRODUCT_GRAIN, p.m.max(p.n)),
            many => share(p.m * p.n * p.k * many, PRODUCT_GRAIN, many),
        },
        Body::Conv2d(part, g, images) => {
            let limit = if *part == ConvPart::WeightGradient { g.out_channels } else { *images };
            share(step.operations() as usize / 2, PRODUCT_GRAIN, limit)
        }
        Body::Pool2d(_, _, planes) => share(step.len, FUNCTION_GRAIN, *planes),
        Body::Reduce(..) => share(step.operations() as usize, ELEMENT_GRAIN, step.len / 16),
        Body::Rows(_, n) => share(step.len, FUNCTION_GRAIN, step.len / (*n).max(1)),
        Body::Unary(_) => share(step.len, FUNCTION_GRAIN, step.len),
        Body::Binary(_) | Body::Select => share(step.len, ELEMENT_GRAIN, step.len),
        Body::Uniform(_) => share(step.len, FUNCTION_GRAIN, step.len),
        Body::Copy { block, .. } if *block == step.len => share(step.len, ELEMENT_GRAIN, step.len),
        _ => 1,
    }
}
