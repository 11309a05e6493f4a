//! Reverse mode: vector-Jacobian products, and the gradient.

use crate::operation::At;
use crate::program::{Node, NodeId};
use crate::{Error, Tape, Var};
use std::sync::Arc;

impl Tape {
    /// The gradient of the scalar `value` with respect to each of `wrt`, recorded on this tape, so that it
    /// can be differentiated again.
    ///
    /// A value that is not a scalar, something of `wrt` on which it does not depend, and an operation
    /// without a derivative on the way are noted as errors, which [`Tape::finish`] returns.
    #[track_caller]
    pub fn grad<'t>(&'t self, value: Var<'t>, wrt: &[Var<'t>]) -> Vec<Var<'t>> {
        if !value.is_poison() && (!value.is_float() || value.shape().size() != 1) {
            self.fail(Error::NotScalar { actual: value.ty(), place: value.place() });
            return vec![self.poison(); wrt.len()];
        }
        let one = self.ones(value.shape());
        self.vjp(&[(value, one)], wrt)
    }

    /// The products of the cotangents of some values with their Jacobian: for outputs yᵢ with cotangents uᵢ,
    /// `Σᵢ uᵢᵀ ∂yᵢ/∂x` for each x of `wrt`, recorded on this tape.
    ///
    /// Errors are noted as for [`Tape::grad`]; a cotangent must have the shape of its value.
    #[track_caller]
    pub fn vjp<'t>(&'t self, outputs: &[(Var<'t>, Var<'t>)], wrt: &[Var<'t>]) -> Vec<Var<'t>> {
        let silent = || vec![self.poison(); wrt.len()];
        let all = || outputs.iter().flat_map(|(y, u)| [*y, *u]).chain(wrt.iter().copied());
        if all().any(|var| !std::ptr::eq(var.tape(), self)) {
            self.fail(Error::ForeignVar { operation: "vjp".into(), place: self.here() });
            return silent();
        }
        if all().any(Var::is_poison) {
            return silent();
        }
        if let Some((y, u)) = outputs.iter().find(|(y, u)| y.ty() != u.ty() || !y.is_float()) {
            self.fail(Error::Operands {
                operation: "vjp".into(),
                inputs: vec![y.ty(), u.ty()],
                expected: "a cotangent must be float and have the shape of its value".into(),
                place: self.here(),
            });
            return silent();
        }
        let Some(end) = outputs.iter().map(|(y, _)| y.id().index() + 1).max() else { return silent() };
        let active = self.dependents(wrt, end);
        let mut cotangents: Vec<Option<Var<'t>>> = vec![None; end];
        let accumulate = |slot: &mut Option<Var<'t>>, term: Var<'t>| {
            *slot = Some(slot.map_or(term, |sum| sum + term));
        };
        for (y, u) in outputs {
            accumulate(&mut cotangents[y.id().index()], *u);
        }
        for id in (0..end).rev().filter(|&id| active[id]) {
            let Some(cotangent) = cotangents[id] else { continue };
            let output = Var::new(self, NodeId(id as u32));
            let Some((operation, operands)) = self.operation(output) else { continue };
            let needed: Vec<bool> = operands.iter().map(|operand| active[operand.id().index()]).collect();
            let at = At { inputs: &operands, output, needed: &needed };
            let path = self.entry(output.id(), |entry| entry.path.clone()).unwrap_or_else(|| Arc::from(""));
            let Ok(terms) = self.at_path(&path, || operation.vjp(&at, cotangent)) else {
                self.fail(Error::MissingDerivative {
                    operation: operation.name().into(),
                    transform: "vjp",
                    place: output.place(),
                });
                return silent();
            };
            for ((operand, term), _) in operands.iter().zip(terms).zip(&needed).filter(|(_, needed)| **needed)
            {
                if let Some(term) = term {
                    accumulate(&mut cotangents[operand.id().index()], term);
                }
            }
        }
        wrt.iter().map(|x| self.cotangent_of(*x, &cotangents, outputs, end)).collect()
    }

    /// What has arrived at `x`; zeros if it was stopped on purpose, an error if nothing could arrive.
    #[track_caller]
    fn cotangent_of<'t>(
        &'t self,
        x: Var<'t>,
        cotangents: &[Option<Var<'t>>],
        outputs: &[(Var<'t>, Var<'t>)],
        end: usize,
    ) -> Var<'t> {
        if let Some(cotangent) = cotangents.get(x.id().index()).copied().flatten() {
            return cotangent;
        }
        let dependents = self.dependents(&[x], end);
        let mut ancestors = vec![false; end];
        for (y, _) in outputs {
            ancestors[y.id().index()] = true;
        }
        let mut stopped = false;
        for id in (0..end).rev().filter(|&id| dependents[id]) {
            if let Some((operation, operands)) = self.operation(Var::new(self, NodeId(id as u32))) {
                if ancestors[id] {
                    operands.iter().for_each(|operand| ancestors[operand.id().index()] = true);
                    stopped |= operation.stops_gradient();
                }
            }
        }
        if stopped {
            return self.zeros(x.shape());
        }
        let name = self.input_name(x.id()).unwrap_or_else(|| format!("{x:?}"));
        self.fail(Error::Unreached { name, place: x.place() })
    }

    /// Which of the values before `end` are computed from one of `sources`, those themselves included.
    /// Whole numbers carry no derivative, so the chain ends at them.
    pub(super) fn dependents(&self, sources: &[Var<'_>], end: usize) -> Vec<bool> {
        let mut depends = vec![false; end];
        for source in sources.iter().filter(|source| source.id().index() < end) {
            depends[source.id().index()] = true;
        }
        for id in 0..end {
            let from_operand = self.entry(NodeId(id as u32), |entry| match &entry.node {
                Node::Operation(_, operands) => {
                    entry.ty.kind == crate::Kind::Float
                        && operands.iter().any(|operand| depends[operand.index()])
                }
                Node::Leaf(_) => false,
            });
            depends[id] |= from_operand.unwrap_or(false);
        }
        depends
    }

    /// The operation that made a value, with its operands.
    pub(super) fn operation<'t>(
        &'t self,
        value: Var<'t>,
    ) -> Option<(Arc<dyn crate::operation::AnyOperation>, Vec<Var<'t>>)> {
        self.entry(value.id(), |entry| match &entry.node {
            Node::Operation(operation, operands) => {
                Some((operation.clone(), operands.iter().map(|id| Var::new(self, *id)).collect()))
            }
            Node::Leaf(_) => None,
        })
        .flatten()
    }
}
