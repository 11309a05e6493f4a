//! The program as the passes see it: values with what they are, in an order in which they can be computed.

use downhill_autograd::operation::AnyOperation;
use downhill_autograd::{Leaf, Lowering, Node, Program, Type};
use std::sync::Arc;

/// How a value comes about.
#[derive(Clone, Debug)]
pub(crate) enum Source<T> {
    /// Part of an input, from this element on; with the output that takes its place, if one does.
    Input { port: usize, offset: usize, updated_by: Option<usize> },
    /// Real numbers known ahead.
    Floats(Arc<[T]>),
    /// Whole numbers known ahead.
    Indices(Arc<[i64]>),
    /// An operation on values before.
    Operation { operation: Arc<dyn AnyOperation>, lowering: Lowering, operands: Vec<usize> },
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) struct Value<T> {
    pub source: Source<T>,
    pub ty: Type,
    /// The layer path and the operation's place, for messages and schedules.
    pub origin: downhill_autograd::NodeId,
}

/// A value that is delivered, in which output, from which element on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    pub value: usize,
    pub port: usize,
    pub offset: usize,
}

/// A program in the making of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Graph<T> {
    pub values: Vec<Value<T>>,
    pub deliveries: Vec<Delivery>,
    /// Which outputs take the place of an input.
    updating: Vec<bool>,
}

impl<T: downhill_autograd::Precision> Graph<T> {
    pub fn new(program: &Program) -> Self {
        let values = program
            .ids()
            .map(|id| {
                let source = match program.node(id) {
                    Node::Leaf(Leaf::Input { port, part }) => {
                        let offset = program.inputs()[*port].parts[*part].offset;
                        Source::Input { port: *port, offset, updated_by: program.updated_by(*port) }
                    }
                    Node::Leaf(Leaf::Scalar(x)) => Source::Floats(Arc::new([T::from_f64(*x)])),
                    Node::Leaf(Leaf::Float(x)) => {
                        Source::Floats(x.to_vec().into_iter().map(T::from_f64).collect())
                    }
                    Node::Leaf(Leaf::Index(x)) => Source::Indices(x.to_vec().into()),
                    Node::Operation(operation, operands) => Source::Operation {
                        operation: operation.clone(),
                        lowering: operation.lower(),
                        operands: operands.iter().map(|operand| operand.index()).collect(),
                    },
                };
                Value { source, ty: program.ty(id), origin: id }
            })
            .collect();
        let deliveries = program
            .outputs()
            .iter()
            .enumerate()
            .flat_map(|(port, output)| {
                output.parts.iter().map(move |part| Delivery {
                    value: part.node.index(),
                    port,
                    offset: part.offset,
                })
            })
            .collect();
        let updating = program.outputs().iter().map(|port| port.updates.is_some()).collect();
        Graph { values, deliveries, updating }
    }

    /// Whether an output takes the place of an input.
    pub fn updates(&self, output: usize) -> bool {
        self.updating[output]
    }

    /// The operands of a value; none for what is not computed.
    pub fn operands(&self, value: usize) -> &[usize] {
        match &self.values[value].source {
            Source::Operation { operands, .. } => operands,
            _ => &[],
        }
    }

    /// The numbers of a constant, if the value is one.
    pub fn known_floats(&self, value: usize) -> Option<&[T]> {
        match &self.values[value].source {
            Source::Floats(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// Appends a value, whatever uses it; [`Graph::sort`] puts it in its place.
    pub fn push(&mut self, value: Value<T>) -> usize {
        self.values.push(value);
        self.values.len() - 1
    }

    /// Brings the values into an order in which they can be computed: that in which they are, as far as it is one.
    pub fn sort(&mut self) {
        let mut order: Vec<usize> = Vec::with_capacity(self.values.len());
        let mut place: Vec<Option<usize>> = vec![None; self.values.len()];
        for value in 0..self.values.len() {
            let mut open = vec![value];
            while let Some(&next) = open.last() {
                let before = open.len();
                open.extend(self.operands(next).iter().filter(|&&operand| place[operand].is_none()));
                if open.len() == before {
                    open.pop();
                    place[next].get_or_insert_with(|| {
                        order.push(next);
                        order.len() - 1
                    });
                }
            }
        }
        let place: Vec<usize> = place.into_iter().flatten().collect();
        self.redirect(&place);
        let mut values: Vec<Option<Value<T>>> =
            std::mem::take(&mut self.values).into_iter().map(Some).collect();
        self.values = order.into_iter().filter_map(|value| values[value].take()).collect();
    }

    /// Replaces every use of value i, in operations and deliveries, by that of `replacement[i]`.
    pub fn redirect(&mut self, replacement: &[usize]) {
        for value in &mut self.values {
            if let Source::Operation { operands, .. } = &mut value.source {
                operands.iter_mut().for_each(|operand| *operand = replacement[*operand]);
            }
        }
        self.deliveries.iter_mut().for_each(|delivery| delivery.value = replacement[delivery.value]);
    }

    /// Which values something that is delivered depends on.
    pub fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.values.len()];
        self.deliveries.iter().for_each(|delivery| needed[delivery.value] = true);
        // Operands come before what uses them, so one walk back meets every user before its operands.
        for value in (0..self.values.len()).rev() {
            if needed[value] {
                self.operands(value).iter().for_each(|&operand| needed[operand] = true);
            }
        }
        needed
    }
}
