//! One body, step after step: recurrence without a copy of its operations for each step.

use super::{Cotangents, Tangent};
use crate::batch::Batch;
use crate::operation::{Args, At, Lowering, NoDerivative, Operation, Out};
use crate::program::Node;
use crate::{
    Data, DataMut, Error, Executor, Interpreter, Kind, Output, Precision, Program, Run, Tape, Type, Var,
};
use downhill_tensor::{Key, Shape};
use std::fmt;
use std::sync::Arc;

/// A program that is run step after step on what it carries along: see [`Tape::scan`].
///
/// # Operands
/// What is carried, the sequences, and what stays the same, in this order. Each sequence has a leading axis of as
/// many elements as there are steps.
///
/// # Result
/// A vector: what is carried in the end, then, if there is a history, what was carried into each step, then the
/// results of each step.
#[derive(Clone)]
pub struct Scan {
    body: Arc<Program>,
    length: usize,
    carries: usize,
    sequences: usize,
    reverse: bool,
    history: bool,
    stream: u64,
}

impl PartialEq for Scan {
    fn eq(&self, other: &Scan) -> bool {
        let form = |scan: &Scan| {
            (scan.length, scan.carries, scan.sequences, scan.reverse, scan.history, scan.stream)
        };
        form(self) == form(other) && (Arc::ptr_eq(&self.body, &other.body) || self.body.same(&other.body))
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("length", &self.length)
            .field("reverse", &self.reverse)
            .field("operations", &self.body.len())
            .finish()
    }
}

/// Where the parts of a [`Scan`]'s result lie: the shape of each, and the position of its first element.
struct Parts {
    carried: Vec<(Shape, usize)>,
    history: Vec<(Shape, usize)>,
    results: Vec<(Shape, usize)>,
    len: usize,
}

impl Scan {
    /// What is done in a step. Its inputs are what is carried, an element of each sequence, and what stays the
    /// same; its outputs what is carried on, each in the place of the input, and the results of the step.
    pub fn body(&self) -> &Program {
        &self.body
    }

    /// The number of steps.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The number of values that are carried along.
    pub fn carries(&self) -> usize {
        self.carries
    }

    /// The number of sequences.
    pub fn sequences(&self) -> usize {
        self.sequences
    }

    /// Whether what was carried into each step is part of the result.
    pub fn history(&self) -> bool {
        self.history
    }

    /// The numbers of the steps, in the order in which they are taken.
    pub fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let (length, reverse) = (self.length, self.reverse);
        (0..length).map(move |step| if reverse { length - 1 - step } else { step })
    }

    /// The random key of a step.
    pub fn key(&self, key: Key, step: usize) -> Key {
        key.fold(self.stream).fold(step as u64)
    }

    fn parts(&self) -> Parts {
        let outputs = self.body.outputs();
        let mut len = 0;
        let mut part = |shape: Shape| {
            len += shape.size();
            (shape, len - shape.size())
        };
        let each =
            |shape: Shape| Shape::new(&[&[self.length], shape.dims()].concat()).unwrap_or(Shape::SCALAR);
        // What takes an input's place is flat as an output.
        let inputs = &self.body.inputs()[..self.carries];
        let carried: Vec<_> = inputs.iter().map(|port| part(port.shape)).collect();
        let kept = if self.history { inputs } else { &[] };
        let history = kept.iter().map(|port| part(each(port.shape))).collect();
        let results = outputs[self.carries..].iter().map(|port| part(each(port.shape))).collect();
        Parts { carried, history, results, len }
    }
}

/// Parts of a flat vector as values.
fn split<'t>(flat: Var<'t>, parts: &[(Shape, usize)]) -> Vec<Var<'t>> {
    parts.iter().map(|&(shape, start)| flat.slice(0, start..start + shape.size()).reshape(shape)).collect()
}

/// Values one after the other in a flat vector.
fn flatten<'t>(tape: &'t Tape, values: &[Var<'t>]) -> Var<'t> {
    let flat: Vec<Var<'t>> = values.iter().map(|value| value.reshape([value.shape().size()])).collect();
    tape.concat(&flat, 0)
}

/// Runs a program's operations on values of another tape, in place of its inputs. Returns its outputs.
fn replay<'t>(program: &Program, tape: &'t Tape, inputs: &[Var<'t>]) -> Vec<Var<'t>> {
    let mut values: Vec<Var<'t>> = Vec::with_capacity(program.len());
    for id in program.ids() {
        let value = match program.node(id) {
            Node::Leaf(leaf) => match leaf {
                crate::Leaf::Input { port, .. } => inputs[*port],
                crate::Leaf::Scalar(x) => tape.scalar(*x),
                crate::Leaf::Float(x) => tape.constant(x.clone()),
                crate::Leaf::Index(x) => tape.index_constant(x.clone()),
            },
            Node::Operation(operation, operands) => {
                let operands: Vec<Var<'t>> = operands.iter().map(|id| values[id.index()]).collect();
                tape.record_shared(operation.clone(), &operands)
            }
        };
        values.push(value);
    }
    program.outputs().iter().map(|port| values[port.parts[0].node.index()]).collect()
}

impl Operation for Scan {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Type, String> {
        let ports = self.body.inputs();
        if inputs.len() != ports.len() {
            return Err(format!("the body takes {} values, not {}", ports.len(), inputs.len()));
        }
        for (number, (ty, port)) in inputs.iter().zip(ports).enumerate() {
            let in_sequence = (self.carries..self.carries + self.sequences).contains(&number);
            let shape = if in_sequence {
                ty.shape.split_first().map(|(_, each)| each)
            } else {
                Some(ty.shape.dims())
            };
            let long = !in_sequence || ty.shape.first() == Some(&self.length);
            if ty.kind != port.kind || shape != Some(port.shape.dims()) || !long {
                return Err(format!("operand {number} does not fit the body's {}", port.name));
            }
        }
        Ok(Type::float([self.parts().len]))
    }

    fn eval<T: Precision>(&self, args: &Args<'_, T>, out: Out<'_, T>) -> Result<(), String> {
        let ports = self.body.inputs();
        let parts = self.parts();
        let out = out.float();
        for (number, &(shape, start)) in parts.carried.iter().enumerate() {
            out[start..start + shape.size()].copy_from_slice(args.float(number));
        }
        let carried: usize = parts.carried.iter().map(|(shape, _)| shape.size()).sum();
        let mut body = Executor::<T>::prepare(&Interpreter, &self.body).map_err(|error| error.to_string())?;
        let (carry, mut rest) = out.split_at_mut(carried);
        let (history, results) = match self.history {
            true => rest.split_at_mut(carried * self.length),
            false => (&mut [][..], std::mem::take(&mut rest)),
        };
        for step in self.order() {
            let mut inputs: Vec<Data<'_, T>> = vec![Data::InPlace; self.carries];
            for (number, port) in ports.iter().enumerate().skip(self.carries) {
                let len = port.len();
                let start = if number < self.carries + self.sequences { step * len } else { 0 };
                inputs.push(match port.kind {
                    Kind::Float => Data::Float(&args.float(number)[start..start + len]),
                    Kind::Index => Data::Index(&args.index(number)[start..start + len]),
                });
            }
            if self.history {
                for &(shape, start) in &parts.carried {
                    let (len, before) = (shape.size(), start * self.length);
                    history[before + step * len..][..len].copy_from_slice(&carry[start..start + len]);
                }
            }
            let mut outputs: Vec<DataMut<'_, T>> = Vec::with_capacity(self.body.outputs().len());
            let (mut carry, mut results) = (&mut *carry, &mut *results);
            for (number, port) in self.body.outputs().iter().enumerate() {
                let len = port.len();
                let (of, each, at) = if number < self.carries {
                    (&mut carry, len, 0)
                } else {
                    (&mut results, self.length * len, step * len)
                };
                let (own, others) = std::mem::take(of).split_at_mut(each);
                *of = others;
                outputs.push(DataMut::Float(&mut own[at..at + len]));
            }
            body.run(&inputs, &mut outputs, self.key(args.key(), step)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn vjp<'t>(&self, at: &At<'_, 't>, cotangent: Var<'t>) -> Cotangents<'t> {
        let tape = at.tape();
        let kept = Scan { history: true, ..self.clone() };
        let (parts, whole) = (self.parts(), kept.parts());
        let forward = if self.history { at.output } else { tape.record(kept, at.inputs) };
        let constants = self.carries + self.sequences..at.inputs.len();
        let differentiated = |number: &usize| at.inputs[*number].is_float() && at.needs(*number);
        let of_sequences: Vec<usize> = (self.carries..constants.start).filter(differentiated).collect();
        let of_constants: Vec<usize> = constants.clone().filter(differentiated).collect();
        // What is carried back: the cotangent of what is carried, and the sums of those of what stays the same.
        let mut carried = split(cotangent, &parts.carried);
        carried.extend(of_constants.iter().map(|&number| tape.zeros(at.inputs[number].shape())));
        // What each step of the way back reads: what went into it, and the cotangents of what came out.
        let mut sequences = split(forward, &whole.history);
        sequences.extend_from_slice(&at.inputs[self.carries..constants.start]);
        sequences.extend(split(cotangent, &parts.results));
        sequences.extend(split(cotangent, &parts.history));
        let constants = &at.inputs[constants];
        let (n, results) = (self.carries, parts.results.len());
        let scan = tape.scan_of(
            self.length,
            !self.reverse,
            Some(self.stream),
            false,
            &carried,
            &sequences,
            constants,
            |step| {
                let (before, rest) = step.elements.split_at(n + self.sequences);
                let (of_results, of_history) = rest.split_at(results);
                let inputs = [before, step.constants].concat();
                let outputs = replay(&self.body, step.tape, &inputs);
                let cotangents = step.carried[..n].iter().chain(of_results);
                let pairs: Vec<_> = outputs.iter().copied().zip(cotangents.copied()).collect();
                let wanted = (0..n).chain(of_sequences.iter().copied()).chain(of_constants.iter().copied());
                let wanted: Vec<Var<'_>> = wanted.map(|number| inputs[number]).collect();
                let mut found = step.tape.vjp_or_zeros(&pairs, &wanted);
                let of_constants = found.split_off(n + of_sequences.len());
                let of_sequences = found.split_off(n);
                for (own, &other) in found.iter_mut().zip(of_history) {
                    *own = *own + other;
                }
                let sums = step.carried[n..].iter().zip(of_constants).map(|(&sum, own)| sum + own);
                found.extend(sums);
                (found, of_sequences)
            },
        );
        let (carried, of_each) = scan;
        let mut cotangents: Vec<Option<Var<'t>>> = vec![None; at.inputs.len()];
        cotangents.iter_mut().zip(&carried[..n]).for_each(|(slot, &own)| *slot = Some(own));
        of_constants.iter().zip(&carried[n..]).for_each(|(&number, &own)| cotangents[number] = Some(own));
        of_sequences.iter().zip(of_each).for_each(|(&number, own)| cotangents[number] = Some(own));
        Ok(cotangents)
    }

    fn jvp<'t>(&self, at: &At<'_, 't>, tangents: &[Option<Var<'t>>]) -> Tangent<'t> {
        let tape = at.tape();
        let (n, after) = (self.carries, self.carries + self.sequences);
        let mut carried = at.inputs[..n].to_vec();
        carried.extend((0..n).map(|i| tangents[i].unwrap_or_else(|| tape.zeros(at.inputs[i].shape()))));
        let given = |range: std::ops::Range<usize>| -> Vec<usize> {
            range.filter(|&number| tangents[number].is_some()).collect()
        };
        let (of_sequences, of_constants) = (given(n..after), given(after..at.inputs.len()));
        let with = |own: &[Var<'t>], given: &[usize]| -> Vec<Var<'t>> {
            own.iter().copied().chain(given.iter().filter_map(|&number| tangents[number])).collect()
        };
        let sequences = with(&at.inputs[n..after], &of_sequences);
        let constants = with(&at.inputs[after..], &of_constants);
        let (stream, history) = (Some(self.stream), self.history);
        let scan = tape.scan_of(
            self.length,
            self.reverse,
            stream,
            history,
            &carried,
            &sequences,
            &constants,
            |step| {
                let (elements, of_elements) = step.elements.split_at(self.sequences);
                let (constants, own) = step.constants.split_at(at.inputs.len() - after);
                let inputs = [&step.carried[..n], elements, constants].concat();
                let outputs = replay(&self.body, step.tape, &inputs);
                let moving = (0..n).chain(of_sequences.iter().copied()).chain(of_constants.iter().copied());
                let directions = step.carried[n..].iter().chain(of_elements).chain(own);
                let pairs: Vec<_> = moving.map(|number| inputs[number]).zip(directions.copied()).collect();
                let mut tangents = step.tape.jvp(&outputs, &pairs);
                let results = tangents.split_off(n);
                ([&outputs[..n], &tangents].concat(), results)
            },
        );
        let (carried, results) = scan;
        // With a history, that of what is carried and of its tangent stands before the results.
        let tangents = match history {
            false => [&carried[n..], &results].concat(),
            true => [&carried[n..], &results[n..2 * n], &results[2 * n..]].concat(),
        };
        if tangents.iter().any(|tangent| tangent.is_poison()) {
            return Err(NoDerivative);
        }
        Ok(Some(flatten(tape, &tangents)))
    }

    fn batch<'t>(&self, batch: &Batch<'_, 't>) -> Option<Var<'t>> {
        let (n, after, inputs) = (self.carries, self.carries + self.sequences, self.body.inputs().len());
        // The steps go along the first axis, which whole numbers cannot exchange with that of the examples.
        if (n..after).any(|i| batch.is_batched(i) && !batch.input(i).is_float()) {
            return None;
        }
        let differs = |i: usize| i < n || batch.is_batched(i);
        let carried: Vec<Var<'t>> = (0..n).map(|i| batch.all(i)).collect();
        let sequence = |i: usize| match batch.is_batched(i) {
            true => batch.input(i).swap_axes(0, 1),
            false => batch.input(i),
        };
        let sequences: Vec<Var<'t>> = (n..after).map(sequence).collect();
        let constants: Vec<Var<'t>> = (after..inputs).map(|i| batch.input(i)).collect();
        let (tape, stream) = (batch.input(0).tape(), Some(self.stream));
        let (length, reverse, history) = (self.length, self.reverse, self.history);
        let scan = tape.scan_of(length, reverse, stream, history, &carried, &sequences, &constants, |step| {
            let all = [step.carried, step.elements, step.constants].concat();
            let mut example = all.clone();
            for (_, x) in example.iter_mut().enumerate().filter(|(i, _)| differs(*i)) {
                let shape = x.shape().reduced(&[0], false);
                *x = match x.is_float() {
                    true => step.tape.placeholder(shape),
                    false => step.tape.index_placeholder(shape),
                };
            }
            let outputs = replay(&self.body, step.tape, &example);
            let pairs = example.iter().copied().zip(all).enumerate();
            let pairs: Vec<_> = pairs.filter(|(i, _)| differs(*i)).map(|(_, pair)| pair).collect();
            let mut results = step.tape.vmap(&outputs, &pairs);
            let rest = results.split_off(n);
            (results, rest)
        });
        let (carried, results) = scan;
        let rows = |x: Var<'t>| x.reshape([batch.size(), x.shape().size() / batch.size().max(1)]);
        let parts = carried.into_iter().map(rows);
        let parts: Vec<Var<'t>> = parts.chain(results.into_iter().map(|x| rows(x.swap_axes(0, 1)))).collect();
        Some(tape.concat(&parts, 1))
    }

    fn lower(&self) -> Lowering {
        Lowering::Scan
    }
}

/// What the body of a [`Tape::scan`] is given to record one step.
#[derive(Clone, Copy)]
pub struct ScanStep<'a, 'u> {
    /// The tape of the body, which is recorded once.
    pub tape: &'u Tape,
    /// What is carried into the step.
    pub carried: &'a [Var<'u>],
    /// The step's element of each sequence.
    pub elements: &'a [Var<'u>],
    /// What is the same in each step.
    pub constants: &'a [Var<'u>],
}

impl Tape {
    /// Records a recurrence: `length` steps that all do the same, each with what the one before carries on.
    ///
    /// `body` is recorded once, on a tape of its own, and returns what is carried on, of the types of `carried`, and
    /// the results of a step. Values of this tape come in as `carried`, as the elements of `sequences` along their
    /// first axis, or as `constants`; parameters are constants. The results of all steps come back stacked along a
    /// new first axis, behind what is carried in the end.
    ///
    /// A program stays as short as its body however many steps there are. The gradient keeps what was carried into
    /// each step, and computes the rest of a step again on its way back. Derivatives are scans themselves, so they
    /// can be differentiated again.
    ///
    /// ```
    /// use downhill_autograd::{Output, Tape};
    /// let tape = Tape::new();
    /// let (x, w) = (tape.input("x", [1000, 3]), tape.input("w", [3]));
    /// // h ← tanh(w h + x), 1000 times.
    /// let (h, all) = tape.scan(1000, &[tape.zeros([3])], &[x], &[w], |step| {
    ///     let h = (step.constants[0] * step.carried[0] + step.elements[0]).tanh();
    ///     (vec![h], vec![h])
    /// });
    /// assert_eq!(all[0].shape().dims(), [1000, 3]);
    /// let gradient = tape.grad(h[0].sum(), &[w])[0];
    /// let program = tape.finish(&[Output::new("gradient", &gradient)])?;
    /// assert!(program.len() < 40);
    /// # Ok::<(), downhill_autograd::Error>(())
    /// ```
    ///
    /// # Errors
    /// Noted on the tape: a sequence that is not `length` long, a body that carries on another type than it was
    /// given, and errors in the body.
    #[track_caller]
    pub fn scan<'t>(
        &'t self,
        length: usize,
        carried: &[Var<'t>],
        sequences: &[Var<'t>],
        constants: &[Var<'t>],
        body: impl for<'u> FnOnce(ScanStep<'_, 'u>) -> (Vec<Var<'u>>, Vec<Var<'u>>),
    ) -> (Vec<Var<'t>>, Vec<Var<'t>>) {
        let n = carried.len();
        let (carried, mut results) =
            self.scan_of(length, false, None, true, carried, sequences, constants, body);
        // The history is for derivatives.
        results.drain(..n.min(results.len()));
        (carried, results)
    }

    /// [`Tape::scan`], in either direction. With a history, what was carried into each step stands before the
    /// results. The random numbers are those of `stream`, or of a new one.
    #[allow(clippy::too_many_arguments, reason = "private, and each is one thing")]
    #[track_caller]
    fn scan_of<'t>(
        &'t self,
        length: usize,
        reverse: bool,
        stream: Option<u64>,
        history: bool,
        carried: &[Var<'t>],
        sequences: &[Var<'t>],
        constants: &[Var<'t>],
        body: impl for<'u> FnOnce(ScanStep<'_, 'u>) -> (Vec<Var<'u>>, Vec<Var<'u>>),
    ) -> (Vec<Var<'t>>, Vec<Var<'t>>) {
        let operands = [carried, sequences, constants].concat();
        let silent = |results: usize| (vec![self.poison(); carried.len()], vec![self.poison(); results]);
        if operands.iter().any(|operand| operand.is_poison()) {
            return silent(carried.len() + 1);
        }
        if let Some(wrong) = sequences.iter().find(|sequence| sequence.shape().first() != Some(&length)) {
            let expected =
                format!("a sequence must have a first axis of {length}, one element for each step");
            wrong.refuse("scan", expected);
            return silent(carried.len() + 1);
        }
        let stream = stream.unwrap_or_else(|| self.next_stream());
        let body = match self.record_body(carried, sequences, constants, body) {
            Ok(body) => Arc::new(body),
            Err(error) => {
                self.fail(error);
                return silent(carried.len() + 1);
            }
        };
        let scan = Scan {
            body,
            length,
            carries: carried.len(),
            sequences: sequences.len(),
            reverse,
            history,
            stream,
        };
        let parts = scan.parts();
        let flat = self.record(scan, &operands);
        let all = [parts.history, parts.results].concat();
        if flat.is_poison() {
            return silent(all.len());
        }
        (split(flat, &parts.carried), split(flat, &all))
    }

    #[track_caller]
    fn record_body(
        &self,
        carried: &[Var<'_>],
        sequences: &[Var<'_>],
        constants: &[Var<'_>],
        body: impl for<'u> FnOnce(ScanStep<'_, 'u>) -> (Vec<Var<'u>>, Vec<Var<'u>>),
    ) -> crate::Result<Program> {
        let (place, tape) = (self.here(), Tape::new());
        let declare = |what: &str, number: usize, ty: Type| {
            let name = format!("{what}{number}");
            match ty.kind {
                Kind::Float => tape.input(&name, ty.shape),
                Kind::Index => tape.index_input(&name, ty.shape),
            }
        };
        let element = |ty: Type| Type { shape: ty.shape.reduced(&[0], false), ..ty };
        let own: Vec<Var<'_>> =
            carried.iter().enumerate().map(|(i, x)| declare("carried", i, x.ty())).collect();
        let elements: Vec<Var<'_>> =
            sequences.iter().enumerate().map(|(i, x)| declare("element", i, element(x.ty()))).collect();
        let same: Vec<Var<'_>> =
            constants.iter().enumerate().map(|(i, x)| declare("constant", i, x.ty())).collect();
        let step = ScanStep { tape: &tape, carried: &own, elements: &elements, constants: &same };
        let (on, results) = tape.at_path(&place.path, || body(step));
        if let Some(error) = tape.error() {
            return Err(error);
        }
        let types = |values: &[Var<'_>]| values.iter().map(|value| value.ty()).collect::<Vec<_>>();
        if types(&on) != types(&own) || results.iter().any(|result| !result.is_float()) {
            return Err(Error::Operands {
                operation: "scan".into(),
                inputs: types(&on),
                expected: format!(
                    "the body must carry on what it was given ({}), and return float results",
                    types(&own).iter().map(Type::to_string).collect::<Vec<_>>().join(", ")
                ),
                place,
            });
        }
        let names: Vec<String> = (0..on.len()).map(|number| format!("carried{number}")).collect();
        let mut outputs: Vec<Output<'_, '_>> = names
            .iter()
            .zip(&on)
            .map(|(name, value)| Output::update(name, std::slice::from_ref(value)))
            .collect();
        let labels: Vec<String> = (0..results.len()).map(|number| format!("result{number}")).collect();
        outputs.extend(labels.iter().zip(&results).map(|(name, value)| Output::new(name, value)));
        tape.finish(&outputs)
    }
}
