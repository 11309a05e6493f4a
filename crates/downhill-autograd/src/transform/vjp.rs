//! Reverse mode: vector-Jacobian products, and the gradient.

use super::checkpoint::Again;
use crate::operation::At;
use crate::program::{Node, NodeId};
use crate::{Error, Tape, Var};
use std::sync::Arc;

/// What becomes of a value on which no output depends.
#[derive(Clone, Copy)]
enum Unreached {
    Fails,
    IsZero,
}

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
        let asked = std::iter::once(NodeId(wrt.len() as u32)).chain(all().map(Var::id));
        match self.derived_before("vjp", asked.clone()) {
            Ok(results) => results,
            Err(mark) => {
                let results = self.derive_vjp(outputs, wrt, Unreached::Fails);
                self.derived("vjp", asked, &results, mark);
                results
            }
        }
    }

    /// [`Tape::vjp`], with zeros for that of `wrt` on which no output depends.
    #[track_caller]
    pub(crate) fn vjp_or_zeros<'t>(
        &'t self,
        outputs: &[(Var<'t>, Var<'t>)],
        wrt: &[Var<'t>],
    ) -> Vec<Var<'t>> {
        if outputs.iter().any(|(y, u)| y.is_poison() || u.is_poison()) || wrt.iter().any(|x| x.is_poison()) {
            return vec![self.poison(); wrt.len()];
        }
        self.derive_vjp(outputs, wrt, Unreached::IsZero)
    }

    #[track_caller]
    fn derive_vjp<'t>(
        &'t self,
        outputs: &[(Var<'t>, Var<'t>)],
        wrt: &[Var<'t>],
        unreached: Unreached,
    ) -> Vec<Var<'t>> {
        let silent = || vec![self.poison(); wrt.len()];
        let end = outputs.iter().map(|(y, _)| y.id().index() + 1).max().unwrap_or(0);
        let active = self.dependents(wrt, end);
        let mut cotangents: Vec<Option<Var<'t>>> = vec![None; end];
        let accumulate = |slot: &mut Option<Var<'t>>, term: Var<'t>| {
            *slot = Some(slot.map_or(term, |sum| sum + term));
        };
        for (y, u) in outputs {
            accumulate(&mut cotangents[y.id().index()], *u);
        }
        let mut again = Again::default();
        for id in (0..end).rev().filter(|&id| active[id]) {
            let Some(cotangent) = cotangents[id] else { continue };
            let output = Var::new(self, NodeId(id as u32));
            let Some((operation, operands)) = self.operation(output) else { continue };
            let needed: Vec<bool> = operands.iter().map(|operand| active[operand.id().index()]).collect();
            again.meet(output, cotangent);
            let inputs: Vec<Var<'t>> = operands.iter().map(|operand| again.copy(output, *operand)).collect();
            let at = At { inputs: &inputs, output: again.copy(output, output), needed: &needed };
            let Ok(terms) = self.at_place_of(output, || operation.vjp(&at, cotangent)) else {
                self.fail(Error::MissingDerivative {
                    operation: operation.name().into(),
                    transform: "vjp",
                    place: output.place(),
                });
                return silent();
            };
            if terms.len() != operands.len() {
                self.fail(Error::Count {
                    what: "cotangents from the vjp of an operation",
                    expected: format!("{}, one for each operand of `{}`", operands.len(), operation.name()),
                    actual: terms.len().to_string(),
                    place: output.place(),
                });
                return silent();
            }
            for (i, term) in terms.into_iter().enumerate().filter(|(i, _)| needed[*i]) {
                let Some(term) = term else { continue };
                // Broadcasting would hide a rule that gives the wrong shape.
                if !term.is_poison() && term.ty() != operands[i].ty() {
                    self.fail(Error::Operands {
                        operation: format!("vjp of {}", operation.name()),
                        inputs: vec![term.ty()],
                        expected: format!(
                            "the cotangent of operand {} must be {}, as that is",
                            i + 1,
                            operands[i].ty()
                        ),
                        place: output.place(),
                    });
                    return silent();
                }
                accumulate(&mut cotangents[operands[i].id().index()], term);
            }
        }
        let found = |x: &Var<'t>| cotangents.get(x.id().index()).copied().flatten();
        wrt.iter()
            .map(|x| match (found(x), unreached) {
                (Some(cotangent), _) => cotangent,
                (None, Unreached::IsZero) => self.zeros(x.shape()),
                (None, Unreached::Fails) => self.not_reached(*x, &cotangents, outputs, end),
            })
            .collect()
    }

    /// What `x`, at which nothing has arrived, is given: zeros if it was stopped on purpose, an error if nothing
    /// could arrive.
    #[track_caller]
    fn not_reached<'t>(
        &'t self,
        x: Var<'t>,
        cotangents: &[Option<Var<'t>>],
        outputs: &[(Var<'t>, Var<'t>)],
        end: usize,
    ) -> Var<'t> {
        // Every way from `x` to the outputs, whole numbers included, to say what has ended the gradient.
        let reached = self.computed_from(&[x], end, true);
        let carried = self.dependents(&[x], end);
        let mut ancestors = vec![false; end];
        for (y, _) in outputs {
            ancestors[y.id().index()] = true;
        }
        let (mut stopped, mut flat) = (false, Vec::new());
        for id in (0..end).rev().filter(|&id| reached[id]) {
            let value = Var::new(self, NodeId(id as u32));
            let Some((operation, operands)) = self.operation(value).filter(|_| ancestors[id]) else {
                continue;
            };
            operands.iter().for_each(|operand| ancestors[operand.id().index()] = true);
            stopped |= operation.stops_gradient();
            let missing = |operand: &Var<'t>| {
                let id = operand.id().index();
                operand.is_float() && carried[id] && cotangents[id].is_none()
            };
            if (cotangents[id].is_some() || !value.is_float()) && operands.iter().any(missing) {
                flat.push(operation.name().to_string());
            }
        }
        if stopped {
            return self.zeros(x.shape());
        }
        let name = self.input_name(x.id()).unwrap_or_else(|| format!("{x:?}"));
        if flat.is_empty() {
            return self.fail(Error::Unreached { name, place: x.place() });
        }
        flat.sort();
        flat.dedup();
        self.fail(Error::ZeroDerivative { name, operations: flat, place: x.place() })
    }

    /// Which of the values before `end` are computed from one of `sources`, those themselves included.
    /// Whole numbers carry no derivative, so the chain ends at them.
    pub(super) fn dependents(&self, sources: &[Var<'_>], end: usize) -> Vec<bool> {
        self.computed_from(sources, end, false)
    }

    pub(super) fn computed_from(&self, sources: &[Var<'_>], end: usize, through_index: bool) -> Vec<bool> {
        let mut depends = vec![false; end];
        for source in sources.iter().filter(|source| source.id().index() < end) {
            depends[source.id().index()] = true;
        }
        for id in 0..end {
            let from_operand = self.entry(NodeId(id as u32), |entry| match &entry.node {
                Node::Operation(_, operands) => {
                    (through_index || entry.ty.kind == crate::Kind::Float)
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
