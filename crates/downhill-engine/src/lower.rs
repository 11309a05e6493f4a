//! From a graph to loops: which value is a view of which buffer, and what fills the buffers.
//!
//! A movement of data becomes a layout wherever its reader can follow strides; only readers that cannot get
//! a contiguous copy, made once however many they are.

use crate::fusion::{self, Accumulate, Factor, Sum, Unit, Users, same_elements, streaming_sum};
use crate::graph::{Delivery, Graph, Source};
use crate::loops::{Argument, Function, Loop};
use crate::passes::{Lifetime, place};
use crate::step::{Body, Buffer, Change, Home, Operand, Stage, Step};
use crate::{prepare, reuse, strips};
use downhill_autograd::operation::{ConvPart, Movement, PoolPart, Reduction, RowFunction};
use downhill_autograd::ops::Scan;
use downhill_autograd::{Kind, Lowering, NodeId, Precision, Program};
use downhill_tensor::kernels::attention::attention_scratch_len;
use downhill_tensor::kernels::conv::{
    Conv2dGeometry, Conv2dOptions, Conv2dPart, conv2d_prepared_len, conv2d_scratch_len,
};
use downhill_tensor::kernels::matmul::{Product, Strides2, matmul_scratch_len};
use downhill_tensor::kernels::pool::Pool2dGeometry;
use downhill_tensor::{Layout, Shape, Slice};
use std::collections::HashMap;

/// A plan without memory: loops, buffers, and the constants that they read.
pub(crate) struct Lowered<T> {
    pub steps: Vec<Step>,
    pub stages: Vec<Stage>,
    pub buffers: Vec<Buffer>,
    pub floats: Vec<T>,
    pub indices: Vec<i64>,
    pub arena: usize,
    pub index_arena: usize,
    /// The scratch space of one thread.
    pub scratch: usize,
    /// The bodies of scans, as plans of their own.
    pub nested: Vec<Program>,
}

/// Lowers a graph for a number of threads.
///
/// # Errors
/// A program that contradicts itself: never one that a tape has made.
pub(crate) fn lower<T: Precision>(graph: &Graph<T>, threads: usize) -> downhill_tensor::Result<Lowered<T>> {
    let needed = graph.needed();
    let users = Users::new(graph, &needed);
    let order = fusion::units(graph, &needed, &users);
    let mut lowering = Lowerer {
        graph,
        users,
        in_place: order.in_place,
        views: vec![None; graph.values.len()],
        copies: HashMap::new(),
        joined: HashMap::new(),
        result: Lowered {
            steps: Vec::new(),
            stages: Vec::new(),
            buffers: Vec::new(),
            floats: Vec::new(),
            indices: Vec::new(),
            arena: 0,
            index_arena: 0,
            scratch: 0,
            nested: Vec::new(),
        },
    };
    for unit in &order.units {
        match unit {
            Unit::Single(value) => lowering.single(*value)?,
            Unit::Loop(members) => lowering.fused(members)?,
            Unit::Accumulate(accumulate) => lowering.accumulate(accumulate)?,
        }
    }
    let last = lowering.deliver_all()?;
    let mut result = lowering.result;
    strips::schedule(&mut result, last, threads);
    prepare::prepare(&mut result, threads);
    reuse::reuse(&mut result);
    result.place_intermediates();
    result.scratch = result.steps.iter().map(|step| step.scratch).max().unwrap_or(0);
    Ok(result)
}

struct Lowerer<'a, T> {
    graph: &'a Graph<T>,
    users: Users,
    /// Values that are computed in the place of the input that they update.
    in_place: HashMap<usize, usize>,
    /// Where each value can be read.
    views: Vec<Option<Operand>>,
    /// Contiguous copies of views, by their buffer and layout.
    copies: HashMap<(usize, Layout), usize>,
    /// Buffers in which views lie one after the other.
    joined: HashMap<Vec<(usize, Layout)>, usize>,
    result: Lowered<T>,
}

/// Home of a buffer that is not placed yet.
pub(crate) const UNPLACED: Home = Home::Arena(usize::MAX);

impl<T: Precision> Lowerer<'_, T> {
    fn buffer(&mut self, kind: Kind, len: usize, home: Home) -> usize {
        self.result.buffers.push(Buffer { kind, len, home });
        self.result.buffers.len() - 1
    }

    fn view(&self, value: usize) -> Operand {
        self.views[value].expect("operands are lowered before what uses them")
    }

    /// Where a value shall lie: in a new buffer, or in the place of the input that it updates.
    fn destination(&mut self, value: usize) -> usize {
        match self.in_place.get(&value) {
            Some(&input) => self.view(input).buffer,
            None => {
                let ty = self.graph.values[value].ty;
                self.buffer(ty.kind, ty.shape.size(), UNPLACED)
            }
        }
    }

    /// One value by itself.
    fn single(&mut self, value: usize) -> downhill_tensor::Result<()> {
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
            Source::Operation { operands, .. } => {
                // A reshape of what is not kept stands between two values of a loop.
                if operands.iter().any(|&operand| self.views[operand].is_none()) {
                    return Ok(());
                }
                let view = self.operation(value)?;
                self.views[value] = Some(view);
                return Ok(());
            }
        };
        self.views[value] = Some(Operand { buffer, layout });
        Ok(())
    }

    /// Elementwise values and sums of them, in one loop.
    fn fused(&mut self, members: &[usize]) -> downhill_tensor::Result<()> {
        let graph = self.graph;
        let inside = |value: usize| members.binary_search(&value).is_ok();
        let is_sum = |value: usize| {
            matches!(&graph.values[value].source, Source::Operation { lowering: Lowering::Reduce(..), .. })
        };
        // The shape that all layouts are brought to: that of the last value that is no sum of others.
        let elementwise = members.iter().rev().copied().find(|&member| !is_sum(member));
        let shape = match elementwise {
            Some(member) => graph.values[member].ty.shape,
            None => graph.values[graph.operands(members[0])[0]].ty.shape,
        };
        let len = shape.size();
        let mut operands: Vec<Operand> = Vec::new();
        let mut functions: Vec<Function> = Vec::new();
        let mut number_of: HashMap<usize, usize> = HashMap::new();
        let mut sums = Vec::new();
        let mut stores = Vec::new();
        let mut outs: Vec<usize> = Vec::new();
        let mut shared: Vec<bool> = Vec::new();
        // Operands that nobody else needs, in whose places results can lie.
        let mut free: Vec<usize> = Vec::new();
        for &member in members {
            let own_shape = graph.values[member].ty.shape;
            let origin = graph.values[member].origin;
            let Source::Operation { lowering, operands: read, .. } = &graph.values[member].source else {
                continue;
            };
            let known_free = free.len();
            let mut argument = |this: &mut Self, value: usize, shape_there: Shape| {
                let base = same_elements(graph, value);
                if let (true, Some(&number)) = (inside(base), number_of.get(&base)) {
                    return Ok(Argument::Result(number));
                }
                let there = this.view(value);
                let buffer = &this.result.buffers[there.buffer];
                let as_it_is = buffer.home == UNPLACED && buffer.len == len && there.layout.is_contiguous();
                if as_it_is && this.users.is_used_once(graph, value) {
                    free.push(there.buffer);
                }
                let broadcast = there.layout.broadcast_to(shape_there)?;
                let view = Operand { layout: broadcast, ..there };
                let view = match view.layout.reshape(shape)? {
                    Some(layout) => Operand { layout, ..view },
                    None => {
                        let copy = this.contiguous(view, origin);
                        Operand { layout: Layout::contiguous(shape), ..copy }
                    }
                };
                let same = |operand: &Operand| (operand.buffer, operand.layout) == (view.buffer, view.layout);
                let number = operands.iter().position(same).unwrap_or_else(|| {
                    operands.push(view);
                    operands.len() - 1
                });
                Ok::<_, downhill_tensor::Error>(Argument::Load(number))
            };
            if let Lowering::Reduce(Reduction::Sum, axes) = lowering {
                let summed = graph.values[read[0]].ty.shape;
                let x = argument(self, read[0], summed)?;
                // Sums are taken when results have been written.
                free.truncate(known_free);
                let sum = streaming_sum(summed, axes).unwrap_or(Sum::All);
                let out = self.destination(member);
                sums.push((x, sum, outs.len()));
                outs.push(out);
                shared.push(false);
                self.views[member] = Some(Operand { buffer: out, layout: Layout::contiguous(own_shape) });
                continue;
            }
            let mut arguments = [Argument::Load(0); 3];
            for (slot, &value) in arguments.iter_mut().zip(read) {
                *slot = argument(self, value, own_shape)?;
            }
            let [a, b, c] = arguments;
            functions.push(match lowering {
                Lowering::Unary(f) => Function::Unary(*f, a),
                Lowering::Binary(f) => Function::Binary(*f, a, b),
                _ => Function::Select(a, b, c),
            });
            number_of.insert(member, functions.len() - 1);
            if self.users.outside(graph, member, &inside) {
                let taken = if self.in_place.contains_key(&member) { None } else { free.pop() };
                let out = taken.unwrap_or_else(|| self.destination(member));
                stores.push((Argument::Result(functions.len() - 1), outs.len()));
                outs.push(out);
                shared.push(taken.is_some() || self.in_place.contains_key(&member));
                self.views[member] = Some(Operand { buffer: out, layout: Layout::contiguous(own_shape) });
            }
        }
        let origin = graph.values[members[members.len() - 1]].origin;
        let body = Loop::new(&operands, len, functions, &stores, sums, &shared);
        self.push(Body::Loop(Box::new(body)), operands, outs, len, origin);
        Ok(())
    }

    /// A product, or rows, added to what lies in a place already.
    fn accumulate(&mut self, accumulate: &Accumulate) -> downhill_tensor::Result<()> {
        let &Accumulate { value, base, addend, factor } = accumulate;
        let graph = self.graph;
        let ty = graph.values[value].ty;
        let origin = graph.values[addend].origin;
        let mut there = self.view(base);
        if factor != Factor::One && !self.in_place.contains_key(&value) {
            there = self.copy(there, origin);
        }
        let out = there.buffer;
        let Source::Operation { lowering, operands, .. } = &graph.values[addend].source else {
            unreachable!("only the results of operations are added up");
        };
        let mut views: Vec<Operand> = operands.iter().map(|&operand| self.view(operand)).collect();
        let change = match factor {
            Factor::One => Change::Add,
            Factor::Minus(_) => Change::Subtract,
        };
        let body = match lowering {
            Lowering::MatMul => {
                views = views.into_iter().map(|view| self.multipliable(view, origin)).collect();
                product(&views, ty.shape, change)?
            }
            _ => {
                views = views.into_iter().map(|view| self.contiguous(view, origin)).collect();
                Body::ScatterAdd { rows: ty.shape[0], width: ty.shape[1..].iter().product(), change }
            }
        };
        if let Factor::Minus(rate) = factor {
            let rate = self.view(rate);
            views.push(rate);
        }
        self.push(body, views, vec![out], ty.shape.size(), origin);
        self.views[value] = Some(Operand { buffer: out, layout: Layout::contiguous(ty.shape) });
        Ok(())
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
        let (body, operands) = match lowering {
            Lowering::Move(movement) => match self.movement(movement, views[0], ty.shape)? {
                Ok(view) => return Ok(view),
                Err(body) => {
                    let input = self.contiguous(views[0], origin);
                    (body, vec![input])
                }
            },
            Lowering::Reduce(reduction, axes) => {
                (Body::Reduce(*reduction, axes.iter().fold(0, |mask, axis| mask | 1 << axis)), views)
            }
            Lowering::MatMul => {
                let views: Vec<Operand> =
                    views.into_iter().map(|view| self.multipliable(view, origin)).collect();
                (product(&views, ty.shape, Change::Set)?, views)
            }
            Lowering::Concat(axis) => return self.concat(*axis, &views, ty.shape, origin),
            Lowering::After => return Ok(self.after(views[0], views[1], origin)),
            other => {
                let body = match other {
                    Lowering::Rows(function) => {
                        Body::Rows(*function, shapes[0][..shapes[0].rank() - 1].iter().product())
                    }
                    Lowering::Attention(part, attention) => {
                        Body::Attention(*part, attention.sizes(shapes[0]), shapes[0][0])
                    }
                    Lowering::Conv2d(part, conv) => {
                        let (part, x, w) = match part {
                            ConvPart::Forward => (Conv2dPart::Forward, shapes[0], shapes[1]),
                            ConvPart::InputGradient => (Conv2dPart::InputGradient, ty.shape, shapes[1]),
                            ConvPart::WeightGradient => (Conv2dPart::WeightGradient, shapes[0], ty.shape),
                        };
                        let options = Conv2dOptions {
                            stride: conv.stride,
                            padding: conv.padding,
                            dilation: conv.dilation,
                            groups: conv.groups,
                        };
                        let geometry =
                            Conv2dGeometry::new([x[1], x[2], x[3]], [w[0], w[1], w[2], w[3]], options)?;
                        Body::Conv2d(part, geometry, x[0])
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
                        let width = ty.shape[1..].iter().product();
                        Body::ScatterAdd { rows: ty.shape[0], width, change: Change::Set }
                    }
                    Lowering::Uniform(stream) => Body::Uniform(*stream),
                    Lowering::Scan => match operation.as_any().downcast_ref::<Scan>() {
                        Some(scan) => {
                            self.result.nested.push(scan.body().clone());
                            let nested = self.result.nested.len() - 1;
                            Body::Scan { scan: Box::new(scan.clone()), nested }
                        }
                        None => Body::Opaque { operation: operation.clone(), shapes, shape: ty.shape },
                    },
                    _ => Body::Opaque { operation: operation.clone(), shapes, shape: ty.shape },
                };
                let mut views: Vec<Operand> = views
                    .into_iter()
                    .map(|view| match by_rows(&body, &view) {
                        Some(rows) => rows,
                        None => self.contiguous(view, origin),
                    })
                    .collect();
                if let Body::Conv2d(part @ (Conv2dPart::Forward | Conv2dPart::InputGradient), geometry, _) =
                    body
                {
                    views[1] = self.prepared(part, geometry, views[1], origin);
                }
                (body, views)
            }
        };
        let out = self.destination(value);
        self.push(body, operands, vec![out], ty.shape.size(), origin);
        Ok(Operand { buffer: out, layout: Layout::contiguous(ty.shape) })
    }

    fn push(&mut self, body: Body, operands: Vec<Operand>, outs: Vec<usize>, len: usize, origin: NodeId) {
        let scratch = match &body {
            Body::Loop(body) => body.scratch(),
            Body::Product(product, ..) => matmul_scratch_len::<T>(product),
            Body::Conv2d(part, geometry, _) => conv2d_scratch_len::<T>(geometry, *part),
            Body::Attention(_, sizes, _) => attention_scratch_len::<T>(sizes),
            _ => 0,
        };
        self.result.steps.push(Step { body, operands, outs, len, units: 0, scratch, prepared: None, origin });
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
                let copy = self.copy(view, origin).buffer;
                self.copies.insert((view.buffer, view.layout), copy);
                copy
            }
        };
        Operand { buffer, layout }
    }

    /// The same elements in a buffer of their own.
    fn copy(&mut self, view: Operand, origin: NodeId) -> Operand {
        let layout = Layout::contiguous(view.layout.shape());
        let len = layout.shape().size();
        let kind = self.result.buffers[view.buffer].kind;
        let buffer = self.buffer(kind, len, UNPLACED);
        if len > 0 {
            self.push(
                Body::Copy { block: len, stride: len, start: 0 },
                vec![view],
                vec![buffer],
                len,
                origin,
            );
        }
        Operand { buffer, layout }
    }

    /// The weights of a convolution in the form that its kernel reads.
    fn prepared(
        &mut self,
        part: Conv2dPart,
        geometry: Conv2dGeometry,
        weights: Operand,
        origin: NodeId,
    ) -> Operand {
        let len = conv2d_prepared_len(&geometry, part);
        let buffer = self.buffer(Kind::Float, len, UNPLACED);
        self.push(Body::Conv2dPrepare(part, geometry), vec![weights], vec![buffer], len, origin);
        Operand { buffer, layout: Layout::contiguous(Shape::from([len])) }
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
        let views = views.iter().filter(|view| view.layout.shape().size() > 0);
        if shape[..axis].iter().all(|&dim| dim == 1) {
            let buffer = self.join(views.copied().collect(), shape.size(), origin)?;
            return Ok(Operand { buffer, layout: Layout::contiguous(shape) });
        }
        let out = self.buffer(Kind::Float, shape.size(), UNPLACED);
        let stride: usize = shape[axis..].iter().product();
        let mut start = 0;
        for view in views {
            let own = view.layout.shape();
            let block: usize = own[axis..].iter().product();
            self.push(Body::Copy { block, stride, start }, vec![*view], vec![out], own.size(), origin);
            start += block;
        }
        Ok(Operand { buffer: out, layout: Layout::contiguous(shape) })
    }

    /// A view of the same numbers, whose readers come after what fills `other`.
    fn after(&mut self, view: Operand, other: Operand, origin: NodeId) -> Operand {
        let Buffer { kind, len, home } = self.result.buffers[view.buffer];
        if home == UNPLACED || matches!(home, Home::Part { .. }) {
            let same = self.buffer(kind, len, Home::Part { whole: view.buffer, offset: 0 });
            self.push(Body::Join, vec![view, other], vec![same], len, origin);
            return Operand { buffer: same, ..view };
        }
        // What lies outside may change while the plan runs.
        let copy = self.copy(view, origin);
        if let Some(step) = self.result.steps.last_mut().filter(|step| step.outs == [copy.buffer]) {
            step.operands.push(other);
        }
        copy
    }

    /// Views one after the other in a buffer: computed there, or copied there.
    fn join(&mut self, views: Vec<Operand>, len: usize, origin: NodeId) -> downhill_tensor::Result<usize> {
        let mut key = Vec::with_capacity(views.len());
        for view in &views {
            let dims: Vec<usize> = view.layout.shape().iter().copied().filter(|&dim| dim != 1).collect();
            let layout = view.layout.reshape(Shape::new(&dims)?)?.unwrap_or(view.layout);
            key.push((view.buffer, layout));
        }
        if let Some(&there) = self.joined.get(&key) {
            return Ok(there);
        }
        let whole = self.buffer(Kind::Float, len, UNPLACED);
        let mut offset = 0;
        let mut parts = Vec::with_capacity(views.len());
        for view in views {
            let part = if self.is_free(&view) { view } else { self.copy(view, origin) };
            self.result.buffers[part.buffer].home = Home::Part { whole, offset };
            offset += part.layout.shape().size();
            parts.push(part);
        }
        self.push(Body::Join, parts, vec![whole], len, origin);
        self.joined.insert(key, whole);
        Ok(whole)
    }

    /// Whether a view is a whole buffer that may lie anywhere.
    fn is_free(&self, view: &Operand) -> bool {
        let buffer = &self.result.buffers[view.buffer];
        buffer.home == UNPLACED && view.layout.is_contiguous() && view.layout.shape().size() == buffer.len
    }

    /// Sees to it that all results are in their outputs: computed there, or copied there. Returns how many
    /// copies at the end of the steps must stay behind all others.
    fn deliver_all(&mut self) -> downhill_tensor::Result<usize> {
        let graph = self.graph;
        let mut copies = Vec::new();
        for &Delivery { value, port, offset } in &graph.deliveries {
            let mut view = self.view(value);
            let len = view.layout.shape().size();
            let origin = graph.values[value].origin;
            let home = Home::Output { port, offset };
            let updates = graph.updates(port);
            let target = &mut self.result.buffers[view.buffer];
            let whole = view.layout.is_contiguous() && view.layout.offset() == 0 && target.len == len;
            if whole && target.home == home {
                continue;
            }
            if whole && target.home == UNPLACED && !updates {
                target.home = home;
            } else if len > 0 {
                // What takes an input's place is copied there when nobody reads the input any more.
                if updates && matches!(target.home, Home::Output { .. }) {
                    view = self.copy(view, origin);
                }
                copies.push((view, home, len, origin));
            }
        }
        let last = copies.len();
        for (view, home, len, origin) in copies {
            let out = self.buffer(self.result.buffers[view.buffer].kind, len, home);
            self.push(Body::Copy { block: len, stride: len, start: 0 }, vec![view], vec![out], len, origin);
        }
        Ok(last)
    }
}

impl<T> Lowered<T> {
    /// Gives the buffers without a home their places in the arenas.
    fn place_intermediates(&mut self) {
        let mut lives: Vec<Option<(usize, usize)>> = vec![None; self.buffers.len()];
        for (at, stage) in self.stages.iter().enumerate() {
            for step in &self.steps[stage.steps()] {
                let read = step.operands.iter().map(|operand| operand.buffer);
                for buffer in read.chain(step.outs.iter().copied()) {
                    let life = lives[self.whole(buffer).0].get_or_insert((at, at));
                    life.1 = at;
                }
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
        for number in 0..self.buffers.len() {
            let (whole, offset) = self.whole(number);
            if whole != number {
                self.buffers[number].home = self.buffers[whole].home.further(offset);
            }
        }
    }

    /// The buffer of which a buffer is a part, and where in it it begins; itself, if it is none.
    pub fn whole(&self, buffer: usize) -> (usize, usize) {
        let (mut whole, mut start) = (buffer, 0);
        while let Home::Part { whole: next, offset } = self.buffers[whole].home {
            (whole, start) = (next, start + offset);
        }
        (whole, start)
    }
}

/// A view whose rows are neighbours within, but lie apart, for a function of rows that reads such rows.
fn by_rows(body: &Body, view: &Operand) -> Option<Operand> {
    let Body::Rows(function, rows) = *body else { return None };
    // Classes are looked through ahead, all at once, beside the rows that they belong to.
    if matches!(function, RowFunction::CrossEntropy | RowFunction::CrossEntropyGradient) || rows == 0 {
        return None;
    }
    let width = view.layout.shape().size() / rows;
    let layout = view.layout.reshape([rows, width].into()).ok()??;
    let neighbours = layout.strides()[1] == 1 && layout.strides()[0] >= 0;
    (neighbours && !layout.is_contiguous()).then_some(Operand { layout, ..*view })
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
fn product(views: &[Operand], shape: Shape, change: Change) -> downhill_tensor::Result<Body> {
    let rank = shape.rank();
    let (m, n) = (shape[rank - 2], shape[rank - 1]);
    let batch = shape.reduced(&[rank - 2, rank - 1], false);
    let (a, b) = (views[0].layout, views[1].layout);
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
    Ok(Body::Product(Product { m, n, k, a: strides(&a), b: strides(&b), c_row_stride: n }, batches, change))
}
