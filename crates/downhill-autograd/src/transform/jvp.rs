//! Forward mode: Jacobian-vector products.

use crate::operation::At;
use crate::program::NodeId;
use crate::{Error, Tape, Var};

impl Tape {
    /// The tangents of `outputs` when the inputs change in given directions: `Σ ∂y/∂xᵢ vᵢ` for inputs xᵢ
    /// with tangents vᵢ, recorded on this tape.
    ///
    /// An output that does not depend on the inputs has tangent 0. A tangent must have the shape of its
    /// input; an operation without a derivative is noted as an error.
    #[track_caller]
    pub fn jvp<'t>(&'t self, outputs: &[Var<'t>], inputs: &[(Var<'t>, Var<'t>)]) -> Vec<Var<'t>> {
        let silent = || vec![self.poison(); outputs.len()];
        let all = || inputs.iter().flat_map(|(x, v)| [*x, *v]).chain(outputs.iter().copied());
        if all().any(|var| !std::ptr::eq(var.tape(), self)) {
            self.fail(Error::ForeignVar { operation: "jvp".into(), place: self.here() });
            return silent();
        }
        if all().any(Var::is_poison) {
            return silent();
        }
        if let Some((x, v)) = inputs.iter().find(|(x, v)| x.ty() != v.ty() || !x.is_float()) {
            self.fail(Error::Operands {
                operation: "jvp".into(),
                inputs: vec![x.ty(), v.ty()],
                expected: "a tangent must be float and have the shape of its input".into(),
                place: self.here(),
            });
            return silent();
        }
        let asked = std::iter::once(NodeId(outputs.len() as u32)).chain(all().map(Var::id));
        match self.derived_before("jvp", asked.clone()) {
            Ok(results) => results,
            Err(mark) => {
                let results = self.derive_jvp(outputs, inputs);
                self.derived("jvp", asked, &results, mark);
                results
            }
        }
    }

    #[track_caller]
    fn derive_jvp<'t>(&'t self, outputs: &[Var<'t>], inputs: &[(Var<'t>, Var<'t>)]) -> Vec<Var<'t>> {
        let silent = || vec![self.poison(); outputs.len()];
        let Some(end) = outputs.iter().map(|y| y.id().index() + 1).max() else { return silent() };
        let sources: Vec<_> = inputs.iter().map(|(x, _)| *x).collect();
        let active = self.dependents(&sources, end);
        let mut wanted = vec![false; end];
        outputs.iter().for_each(|y| wanted[y.id().index()] = true);
        for id in (0..end).rev().filter(|&id| active[id]) {
            if let (true, Some((_, operands))) =
                (wanted[id], self.operation(Var::new(self, NodeId(id as u32))))
            {
                operands.iter().for_each(|operand| wanted[operand.id().index()] = true);
            }
        }
        let mut tangents: Vec<Option<Var<'t>>> = vec![None; end];
        for (x, v) in inputs.iter().filter(|(x, _)| x.id().index() < end) {
            let slot = &mut tangents[x.id().index()];
            *slot = Some(slot.map_or(*v, |sum| sum + *v));
        }
        for id in (0..end).filter(|&id| active[id] && wanted[id]) {
            let output = Var::new(self, NodeId(id as u32));
            if sources.iter().any(|source| source.id() == output.id()) {
                continue;
            }
            let Some((operation, operands)) = self.operation(output) else { continue };
            let own: Vec<_> = operands.iter().map(|operand| tangents[operand.id().index()]).collect();
            if own.iter().all(Option::is_none) {
                // What arrives here is zero, whatever the operation does.
                continue;
            }
            let needed: Vec<bool> = own.iter().map(Option::is_some).collect();
            let at = At { inputs: &operands, output, needed: &needed };
            match self.at_place_of(output, || operation.jvp(&at, &own)) {
                Ok(Some(tangent)) if !tangent.is_poison() && tangent.ty() != output.ty() => {
                    // Broadcasting would hide a rule that gives the wrong shape.
                    self.fail(Error::Operands {
                        operation: format!("jvp of {}", operation.name()),
                        inputs: vec![tangent.ty()],
                        expected: format!("the tangent must be {}, as the result is", output.ty()),
                        place: output.place(),
                    });
                    return silent();
                }
                Ok(tangent) => tangents[id] = tangent,
                Err(_) => {
                    self.fail(Error::MissingDerivative {
                        operation: operation.name().into(),
                        transform: "jvp",
                        place: output.place(),
                    });
                    return silent();
                }
            }
        }
        outputs.iter().map(|y| tangents[y.id().index()].unwrap_or_else(|| self.zeros(y.shape()))).collect()
    }
}
