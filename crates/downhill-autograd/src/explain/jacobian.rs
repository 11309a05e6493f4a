//! The derivatives of one operation by its operands, as numbers.

use super::Recording;
use crate::interpreter::{Value, apply, evaluate};
use crate::program::{Node, NodeId};
use crate::{Data, Output, Program, Result, Tape};
use downhill_tensor::Key;
use serde::Serialize;

/// The derivatives of all elements of a result by all elements of one operand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Jacobian {
    /// The number of elements of the result.
    pub rows: usize,
    /// The number of elements of the operand.
    pub columns: usize,
    /// The derivatives, row by row.
    pub entries: Vec<f64>,
    /// Which of them are there by the nature of the operation, be they 0 at this point or not: whether the element of
    /// the result depends on that of the operand.
    #[serde(skip)]
    pub connected: Vec<bool>,
}

impl Jacobian {
    /// The derivative of element `row` of the result by element `column` of the operand.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.entries[row * self.columns + column]
    }

    /// Whether the element of the result depends on that of the operand.
    pub fn connects(&self, row: usize, column: usize) -> bool {
        self.connected[row * self.columns + column]
    }

    /// Whether each element of the result is just that of the operand.
    pub fn is_identity(&self) -> bool {
        let unit = |(i, &entry): (usize, &f64)| {
            entry == if i / self.columns == i % self.columns { 1.0 } else { 0.0 }
        };
        self.rows == self.columns && self.entries.iter().enumerate().all(unit)
    }

    /// `Σⱼ gⱼ J[j, i]` for each element i of the operand: the chain rule.
    pub(super) fn product(&self, arriving: &[f64]) -> Vec<f64> {
        let element = |column: usize| {
            // What is not connected adds nothing, not even where a gradient is infinite.
            let rows = (0..self.rows).filter(|&row| self.connects(row, column));
            rows.map(|row| arriving[row] * self.at(row, column)).sum()
        };
        (0..self.columns).map(element).collect()
    }
}

/// An operation at its operands, ready to have its own reverse rule applied to any cotangent.
pub(super) struct Local<'a> {
    recording: &'a Recording<'a>,
    node: NodeId,
    /// The places of the operands to differentiate by.
    wanted: Vec<usize>,
    /// Inputs: the operands that are no constants, and the cotangent. Outputs: a cotangent for each wanted operand.
    rule: Program,
    inputs: Vec<NodeId>,
}

impl<'a> Local<'a> {
    /// The rule of the operation that made a value, for the operands at the places `wanted`.
    pub fn new(recording: &'a Recording<'a>, node: NodeId, wanted: Vec<usize>) -> Result<Self> {
        let program = recording.program;
        let tape = Tape::new();
        let mut inputs = Vec::new();
        let place = program.place(node);
        let outputs = tape.at_path(&place.path, || {
            let Node::Operation(operation, operands) = program.node(node) else { return Vec::new() };
            // A value that is used twice is two operands here: each place is a path of its own.
            let own: Vec<_> = operands
                .iter()
                .map(|&operand| match program.node(operand) {
                    Node::Leaf(leaf) if super::is_constant(leaf) => super::constant(&tape, leaf),
                    _ => {
                        inputs.push(operand);
                        super::declare(&tape, &format!("operand {}", inputs.len()), program.ty(operand))
                    }
                })
                .collect();
            let y = tape.record_shared(operation.clone(), &own);
            let cotangent = tape.input("cotangent", y.shape());
            let wrt: Vec<_> = wanted.iter().map(|&place| own[place]).collect();
            tape.vjp_or_zeros(&[(y, cotangent)], &wrt)
        });
        let outputs: Vec<_> = outputs.iter().map(|var| Output::new("gradient", var)).collect();
        Ok(Local { recording, node, wanted, rule: tape.finish(&outputs)?, inputs })
    }

    /// The cotangents of the wanted operands for this cotangent of the result.
    pub fn pull_back(&self, cotangent: &[f64], key: Key) -> Result<Vec<Vec<f64>>> {
        let operands = self.inputs.iter().map(|id| match &self.recording.values[id.index()] {
            Value::Float(x) => Data::Float(x),
            Value::Index(x) => Data::Index(x),
        });
        let data: Vec<_> = operands.chain([Data::Float(cotangent)]).collect();
        let values = evaluate(&self.rule, &data, key, &mut |_| {})?;
        let result = |port: &crate::Port| match &values[port.parts[0].node.index()] {
            Value::Float(x) => x.clone(),
            Value::Index(_) => Vec::new(),
        };
        Ok(self.rule.outputs().iter().map(result).collect())
    }

    /// The Jacobians by the wanted operands: a row for each unit vector as the cotangent.
    pub fn jacobians(&self, key: Key) -> Result<Vec<Jacobian>> {
        let rows = self.recording.size(self.node);
        let mut entries = vec![Vec::new(); self.wanted.len()];
        for row in 0..rows {
            let mut unit = vec![0.0; rows];
            unit[row] = 1.0;
            for (all, own) in entries.iter_mut().zip(self.pull_back(&unit, key)?) {
                all.extend(own);
            }
        }
        let jacobian = |(&place, entries): (&usize, Vec<f64>)| {
            let mut connected = self.connections(place, key);
            connected.iter_mut().zip(&entries).for_each(|(connected, &entry)| *connected |= entry != 0.0);
            Jacobian { rows, columns: connected.len() / rows.max(1), entries, connected }
        };
        Ok(self.wanted.iter().zip(entries).map(jacobian).collect())
    }

    /// Which elements of the result depend on which of an operand: those that are no longer numbers when it is none.
    fn connections(&self, place: usize, key: Key) -> Vec<bool> {
        let Recording { program, values, .. } = self.recording;
        let Node::Operation(operation, operands) = program.node(self.node) else { return Vec::new() };
        let shapes: Vec<_> = operands.iter().map(|&operand| program.ty(operand).shape).collect();
        let (rows, columns) = (self.recording.size(self.node), shapes[place].size());
        let mut connected = vec![false; rows * columns];
        for column in 0..columns {
            let mut spoilt = values[operands[place].index()].clone();
            if let Value::Float(x) = &mut spoilt {
                x[column] = f64::NAN;
            }
            let own = operands.iter().enumerate().map(|(i, operand)| match i == place {
                true => &spoilt,
                false => &values[operand.index()],
            });
            let own: Vec<_> = own.collect();
            // An operation that refuses such an operand shows nothing; then the derivatives alone say what depends.
            if let Ok(Value::Float(result)) = apply(&**operation, &own, &shapes, program.ty(self.node), key) {
                for (row, y) in result.iter().enumerate() {
                    connected[row * columns + column] = y.is_nan();
                }
            }
        }
        connected
    }
}
