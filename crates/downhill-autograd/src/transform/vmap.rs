//! A function of one example, for a whole batch at once.

use crate::batch::Batch;
use crate::ops::{IndexRow, RepeatIndex};
use crate::program::NodeId;
use crate::{Error, Tape, Type, Var};
use downhill_tensor::Shape;

impl Tape {
    /// The values `outputs` for each of a batch of examples: what they would be if each x of `inputs`, from which
    /// they are computed (a [placeholder](Tape::placeholder), as a rule), were a row of the batch beside it. A batch is `[b, ..]` for an x of shape `[..]`, of the
    /// same kind, and has the same b as the others; the results are `[b, ..]` as well. What does not depend on an x
    /// is the same for all examples, random numbers included.
    ///
    /// Operations are carried out for the whole batch at once, by their [rule](crate::Operation::batch); one without
    /// a rule is recorded once for each example.
    ///
    /// The gradients of each example, with respect to parameters that all share:
    /// ```
    /// use downhill_autograd::{Data, Interpreter, Output, Tape};
    /// use downhill_tensor::Key;
    /// let tape = Tape::new();
    /// let w = tape.input("w", [2]);
    /// // The loss of one example stands for that of each ...
    /// let (x, y) = (tape.placeholder([2]), tape.placeholder(()));
    /// let loss = (x.dot(w) - y).square();
    /// let gradient = tape.grad(loss, &[w])[0];
    /// // ... of a batch of three.
    /// let (xs, ys) = (tape.input("xs", [3, 2]), tape.input("ys", [3]));
    /// let gradients = tape.vmap(&[gradient], &[(x, xs), (y, ys)])[0];
    /// let program = tape.finish(&[Output::new("gradients", &gradients)])?;
    /// let inputs = [&[1.0, -1.0][..], &[1.0, 0.0, 0.0, 1.0, 2.0, 2.0], &[0.0, 0.0, 1.0]];
    /// let inputs = inputs.map(Data::Float);
    /// let result = &Interpreter.outputs::<f64>(&program, &inputs, Key::new(0))?[0];
    /// assert_eq!(result.to_vec(), [2.0, 0.0, 0.0, -2.0, -4.0, -4.0]);
    /// # Ok::<(), downhill_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn vmap<'t>(&'t self, outputs: &[Var<'t>], inputs: &[(Var<'t>, Var<'t>)]) -> Vec<Var<'t>> {
        let silent = || vec![self.poison(); outputs.len()];
        let all = || outputs.iter().copied().chain(inputs.iter().flat_map(|(x, batch)| [*x, *batch]));
        if all().any(|var| !std::ptr::eq(var.tape(), self)) {
            self.fail(Error::ForeignVar { operation: "vmap".into(), place: self.here() });
            return silent();
        }
        if all().any(Var::is_poison) {
            return silent();
        }
        let size = inputs.first().and_then(|(_, batch)| batch.shape().first().copied());
        let fits = |(x, batch): &&(Var<'t>, Var<'t>)| {
            let shape = batch.shape();
            x.ty().kind == batch.ty().kind && shape.first().copied() == size && shape[1..] == x.shape()[..]
        };
        let Some(size) = size else {
            self.fail(Error::Count {
                what: "the batches of `vmap`",
                expected: "at least one, with an axis of examples".into(),
                actual: format!("{:?}", inputs.first().map(|(_, batch)| batch.ty().to_string())),
                place: self.here(),
            });
            return silent();
        };
        if let Some((x, batch)) = inputs.iter().find(|pair| !fits(pair)) {
            self.fail(Error::Operands {
                operation: "vmap".into(),
                inputs: vec![x.ty(), batch.ty()],
                expected: format!("a batch must have {size} rows, each of the kind and shape of its value"),
                place: self.here(),
            });
            return silent();
        }
        match self.batch_all(outputs, inputs, size) {
            Some(results) => results,
            None => silent(),
        }
    }

    #[track_caller]
    fn batch_all<'t>(
        &'t self,
        outputs: &[Var<'t>],
        inputs: &[(Var<'t>, Var<'t>)],
        size: usize,
    ) -> Option<Vec<Var<'t>>> {
        let end = outputs.iter().map(|y| y.id().index() + 1).max().unwrap_or(0);
        let sources: Vec<_> = inputs.iter().map(|(x, _)| *x).collect();
        let active = self.computed_from(&sources, end, true);
        let mut wanted = vec![false; end];
        outputs.iter().for_each(|y| wanted[y.id().index()] = true);
        for id in (0..end).rev().filter(|&id| active[id]) {
            if let (true, Some((_, operands))) =
                (wanted[id], self.operation(Var::new(self, NodeId(id as u32))))
            {
                operands.iter().for_each(|operand| wanted[operand.id().index()] = true);
            }
        }
        let mut batches: Vec<Option<Var<'t>>> = vec![None; end];
        for (x, batch) in inputs.iter().filter(|(x, _)| x.id().index() < end) {
            batches[x.id().index()] = Some(*batch);
        }
        for id in (0..end).filter(|&id| active[id] && wanted[id]) {
            let output = Var::new(self, NodeId(id as u32));
            if sources.iter().any(|source| source.id() == output.id()) {
                continue;
            }
            let Some((operation, operands)) = self.operation(output) else { continue };
            let own: Vec<_> = operands.iter().map(|operand| batches[operand.id().index()]).collect();
            let batched: Vec<bool> = own.iter().map(Option::is_some).collect();
            let inputs: Vec<_> =
                operands.iter().zip(&own).map(|(shared, own)| own.unwrap_or(*shared)).collect();
            let too_large = |ty: Type| Shape::new(&[&[size], ty.shape.dims()].concat()).err();
            if let Some(error) = operands.iter().chain([&output]).find_map(|value| too_large(value.ty())) {
                output.refuse("vmap", error.to_string());
                return None;
            }
            let batch = Batch { inputs: &inputs, batched: &batched, size, output: output.ty() };
            let result = self.at_place_of(output, || match operation.batch(&batch) {
                Some(result) => result,
                None => self.one_by_one(&batch, &|operands| self.record_shared(operation.clone(), operands)),
            });
            let expected = Type { kind: output.ty().kind, shape: batch.prefixed(output.shape()) };
            if result.is_poison() {
                return None;
            }
            if result.ty() != expected {
                self.fail(Error::Operands {
                    operation: format!("vmap of {}", operation.name()),
                    inputs: vec![result.ty()],
                    expected: format!("the result for {size} examples must be {expected}"),
                    place: output.place(),
                });
                return None;
            }
            batches[id] = Some(result);
        }
        let whole = |y: &Var<'t>| match batches[y.id().index()] {
            Some(batch) => batch,
            None if y.is_float() => y.unsqueeze(0).repeat(0, size),
            None => self.record(RepeatIndex { axis: 0, count: size }, &[*y]),
        };
        Some(outputs.iter().map(whole).collect())
    }

    /// The results for the examples one after the other.
    #[track_caller]
    fn one_by_one<'t>(&'t self, batch: &Batch<'_, 't>, record: &dyn Fn(&[Var<'t>]) -> Var<'t>) -> Var<'t> {
        if batch.size == 0 {
            let shape = batch.prefixed(batch.output.shape);
            return self.zeros(shape);
        }
        let example = |number: usize| {
            let operand = |i: usize| match (batch.is_batched(i), batch.input(i)) {
                (false, x) => x,
                (true, x) if x.is_float() => x.select_at(0, number),
                (true, x) => self.record(IndexRow { axis: 0, row: number }, &[x]),
            };
            let operands: Vec<_> = (0..batch.inputs.len()).map(operand).collect();
            record(&operands)
        };
        let results: Vec<_> = (0..batch.size).map(example).collect();
        self.stack(&results, 0)
    }
}
