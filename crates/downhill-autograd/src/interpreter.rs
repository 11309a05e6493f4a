//! The reference meaning of programs: one operation after the other, as its definition says.

use crate::executor::{check_bindings, check_inputs};
use crate::operation::AnyOperation;
use crate::program::{Leaf, Node, NodeId};
use crate::{Args, Data, DataMut, Error, Executor, Kind, Out, Precision, Program, Result, Run, Type};
use downhill_tensor::{Key, Shape, Tensor};

/// Runs programs by the reference meaning of each operation. Slow and obvious, in either precision; what a
/// faster executor delivers is compared with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl<T: Precision> Executor<T> for Interpreter {
    type Run = Interpretation;

    fn prepare(&self, program: &Program) -> Result<Interpretation> {
        Ok(Interpretation { program: program.clone() })
    }
}

/// A program ready to be interpreted.
#[derive(Clone, Debug)]
pub struct Interpretation {
    program: Program,
}

impl<T: Precision> Run<T> for Interpretation {
    fn run(&mut self, inputs: &[Data<'_, T>], outputs: &mut [DataMut<'_, T>], key: Key) -> Result<()> {
        check_bindings(&self.program, inputs, outputs)?;
        let mut bound = inputs.to_vec();
        for (number, port) in self.program.outputs().iter().enumerate() {
            if let Some(input) = port.updates {
                bound[input] = match &outputs[number] {
                    DataMut::Float(values) => Data::Float(values),
                    DataMut::Index(values) => Data::Index(values),
                };
            }
        }
        let values = evaluate(&self.program, &bound, key, &mut |_| {})?;
        for (port, output) in self.program.outputs().iter().zip(outputs) {
            for part in &port.parts {
                match (&values[part.node.index()], &mut *output) {
                    (Value::Float(from), DataMut::Float(to)) => {
                        to[part.offset..part.offset + from.len()].copy_from_slice(from);
                    }
                    (Value::Index(from), DataMut::Index(to)) => {
                        to[part.offset..part.offset + from.len()].copy_from_slice(from);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// What the interpreter saw at one value: its range, and whether all of it is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The value.
    pub node: NodeId,
    /// The operation that made it.
    pub operation: &'static str,
    /// Its type.
    pub ty: Type,
    /// Its smallest element, in double precision; NaN if there is none.
    pub min: f64,
    /// Its largest element, in double precision; NaN if there is none.
    pub max: f64,
    /// How many elements are infinite or NaN.
    pub not_finite: usize,
}

impl Interpreter {
    /// Runs a program and hands every value's [`Trace`] to `observe`, in the order of computation.
    ///
    /// # Errors
    /// As [`Run::run`]. Inputs that an output takes the place of are given as data of their own.
    pub fn trace<T: Precision>(
        &self,
        program: &Program,
        inputs: &[Data<'_, T>],
        key: Key,
        mut observe: impl FnMut(Trace),
    ) -> Result<()> {
        let mut see = |seen: Seen<'_, T>| {
            let (mut min, mut max, mut not_finite) = (f64::INFINITY, f64::NEG_INFINITY, 0);
            let mut note = |x: f64| {
                min = min.min(x);
                max = max.max(x);
                not_finite += usize::from(!x.is_finite());
            };
            match seen.value {
                Value::Float(values) => values.iter().for_each(|x| note(x.to_f64())),
                Value::Index(values) => values.iter().for_each(|&x| note(x as f64)),
            }
            let (min, max) = if min > max { (f64::NAN, f64::NAN) } else { (min, max) };
            let operation = program.operation_name(seen.node);
            observe(Trace { node: seen.node, operation, ty: program.ty(seen.node), min, max, not_finite });
        };
        check_inputs(program, inputs)?;
        evaluate(program, inputs, key, &mut see).map(|_| ())
    }

    /// Runs a program and hands the elements of every value to `observe`, in the order of computation.
    ///
    /// # Errors
    /// As [`Run::run`]. Inputs that an output takes the place of are given as data of their own.
    pub fn values<T: Precision>(
        &self,
        program: &Program,
        inputs: &[Data<'_, T>],
        key: Key,
        mut observe: impl FnMut(NodeId, Data<'_, T>),
    ) -> Result<()> {
        let mut see = |seen: Seen<'_, T>| match seen.value {
            Value::Float(values) => observe(seen.node, Data::Float(values)),
            Value::Index(values) => observe(seen.node, Data::Index(values)),
        };
        check_inputs(program, inputs)?;
        evaluate(program, inputs, key, &mut see).map(|_| ())
    }

    /// Runs a program and returns all its outputs, as tensors.
    ///
    /// # Errors
    /// As [`Run::run`]; an index output cannot be returned by this method.
    pub fn outputs<T: Precision>(
        &self,
        program: &Program,
        inputs: &[Data<'_, T>],
        key: Key,
    ) -> Result<Vec<Tensor<T>>> {
        let mut buffers: Vec<Vec<T>> =
            program.outputs().iter().map(|port| vec![T::ZERO; port.len()]).collect();
        let mut run = Interpretation { program: program.clone() };
        let mut outputs: Vec<_> = buffers.iter_mut().map(|b| DataMut::Float(b.as_mut_slice())).collect();
        run.run(inputs, &mut outputs, key)?;
        let shapes = program.outputs().iter().map(|port| port.shape);
        // Each buffer was made with its port's number of elements.
        Ok(buffers.into_iter().zip(shapes).filter_map(|(b, shape)| Tensor::from_vec(b, shape).ok()).collect())
    }
}

/// The elements of a value, in row-major order.
#[derive(Clone, Debug)]
pub(crate) enum Value<T> {
    Float(Vec<T>),
    Index(Vec<i64>),
}

/// What an operation makes of its operands, which have these shapes. The result is of type `ty`.
pub(crate) fn apply<T: Precision>(
    operation: &dyn AnyOperation,
    operands: &[&Value<T>],
    shapes: &[Shape],
    ty: Type,
    key: Key,
) -> Result<Value<T>, String> {
    let data: Vec<Data<'_, T>> = operands
        .iter()
        .map(|operand| match operand {
            Value::Float(x) => Data::Float(x),
            Value::Index(x) => Data::Index(x),
        })
        .collect();
    let args = Args::new(&data, shapes, ty.shape, key);
    let size = ty.shape.size();
    let mut value = match ty.kind {
        Kind::Float => Value::Float(vec![T::NAN; size]),
        Kind::Index => Value::Index(vec![i64::MIN; size]),
    };
    let out = match &mut value {
        Value::Float(x) => Out::Float(x.as_mut_slice()),
        Value::Index(x) => Out::Index(x.as_mut_slice()),
    };
    T::eval(operation, &args, out)?;
    Ok(value)
}

pub(crate) struct Seen<'a, T> {
    node: NodeId,
    value: &'a Value<T>,
}

/// All values of a program, in their order.
pub(crate) fn evaluate<T: Precision>(
    program: &Program,
    inputs: &[Data<'_, T>],
    key: Key,
    see: &mut dyn FnMut(Seen<'_, T>),
) -> Result<Vec<Value<T>>> {
    let mut values: Vec<Value<T>> = Vec::with_capacity(program.len());
    for id in program.ids() {
        let ty = program.ty(id);
        let value = match program.node(id) {
            Node::Leaf(Leaf::Input { port, part }) => {
                let start = program.inputs()[*port].parts[*part].offset;
                let range = start..start + ty.shape.size();
                match inputs[*port] {
                    Data::Float(data) => Value::Float(data[range].to_vec()),
                    Data::Index(data) => Value::Index(data[range].to_vec()),
                    Data::InPlace => unreachable!("the inputs that lie in outputs are bound before"),
                }
            }
            Node::Leaf(Leaf::Scalar(x)) => Value::Float(vec![T::from_f64(*x)]),
            Node::Leaf(Leaf::Float(x)) => Value::Float(x.to_vec().into_iter().map(T::from_f64).collect()),
            Node::Leaf(Leaf::Index(x)) => Value::Index(x.to_vec()),
            Node::Operation(operation, operands) => {
                let own: Vec<&Value<T>> = operands.iter().map(|operand| &values[operand.index()]).collect();
                let shapes: Vec<Shape> = operands.iter().map(|&operand| program.ty(operand).shape).collect();
                apply(&**operation, &own, &shapes, ty, key).map_err(|reason| Error::Evaluation {
                    operation: operation.name().into(),
                    reason,
                    place: program.place(id),
                })?
            }
        };
        see(Seen { node: id, value: &value });
        values.push(value);
    }
    Ok(values)
}
