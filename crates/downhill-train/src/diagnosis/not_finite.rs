//! Where a computation left the finite numbers.

use downhill_autograd::{Data, Interpreter, Kind, Leaf, Node, NodeId, Precision, Program, Result};
use downhill_tensor::Key;
use serde::{Deserialize, Serialize};
use std::fmt;

/// From where to where some numbers go, and how many are none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest, those that are no number not counted; NaN if all are not.
    #[serde(with = "super::extended")]
    pub min: f64,
    /// The largest, in the same way.
    #[serde(with = "super::extended")]
    pub max: f64,
    /// How many there are.
    pub elements: usize,
    /// How many of them are infinite.
    pub infinite: usize,
    /// How many of them are not a number.
    pub not_a_number: usize,
}

impl Range {
    /// The range of these numbers.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut range = Range { min: f64::NAN, max: f64::NAN, elements: 0, infinite: 0, not_a_number: 0 };
        for x in numbers {
            range.elements += 1;
            range.infinite += usize::from(x.is_infinite());
            range.not_a_number += usize::from(x.is_nan());
            // The other of a number and NaN is the number.
            range.min = range.min.min(x);
            range.max = range.max.max(x);
        }
        range
    }

    /// Whether all numbers are finite.
    pub fn is_finite(&self) -> bool {
        self.infinite == 0 && self.not_a_number == 0
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { min, max, elements, infinite, not_a_number } = *self;
        match elements {
            0 => return write!(f, "no numbers"),
            1 => write!(f, "{}", brief(min))?,
            _ if min.is_nan() => write!(f, "{elements} times NaN")?,
            _ => write!(f, "{elements} numbers from {} to {}", brief(min), brief(max))?,
        }
        if elements > 1 && infinite > 0 {
            write!(f, ", {infinite} of them infinite")?;
        }
        if elements > 1 && not_a_number > 0 && !min.is_nan() {
            write!(f, ", {not_a_number} of them not a number")?;
        }
        Ok(())
    }
}

/// A number in about four digits.
pub(crate) fn brief(x: f64) -> String {
    match x.abs() {
        0.0 => "0".into(),
        size if !size.is_finite() => x.to_string(),
        size if !(1e-3..1e5).contains(&size) => format!("{x:.2e}"),
        size => {
            let digits = 3usize.saturating_sub(size.log10().floor().max(0.0) as usize);
            let text = format!("{x:.digits$}");
            // Zeros behind the point say nothing.
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
        }
    }
}

/// What an operation was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operand {
    /// What it is: the name of an input or parameter, or the operation that made it, with its layer.
    pub name: String,
    /// Its numbers.
    pub range: Range,
}

/// Where a computation left the finite numbers. `Display` says it in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotFinite {
    /// It was given numbers that are not finite.
    Given {
        /// The input of the program: `parameters`, `input`, `target` and so on.
        input: String,
        /// The part of it: the name of a parameter. The same as `input` if it has no parts.
        part: String,
        /// The numbers.
        range: Range,
    },
    /// An operation made them of finite numbers; or, where all that it was made of was not finite to begin with (a mask
    /// of infinities, say), made NaN of numbers none of which was NaN.
    Computed {
        /// The operation.
        operation: String,
        /// The path of its layer; empty outside of any.
        layer: String,
        /// Where it was recorded: file and line.
        line: String,
        /// Whether it belongs to the backward pass.
        backward: bool,
        /// What it was given.
        operands: Vec<Operand>,
        /// What it made of that.
        result: Range,
        /// Whether the whole computation stays finite in double precision, so that single precision was too small.
        only_in_single_precision: bool,
    },
    /// Loss and gradient were finite, and the parameters that the optimizer made of them were not.
    Updated {
        /// The first such parameter.
        parameter: String,
        /// Its numbers after the step.
        range: Range,
    },
    /// The interpreter, to the last digits of which the engine may differ, computes finite numbers from the same inputs.
    NotReproduced,
}

impl NotFinite {
    /// The first value that is not finite when a program is run on these inputs in their precision, or nothing if all
    /// its outputs are finite. The reference interpreter carries it out, operation by operation.
    ///
    /// What counts is what leads to an output that is not finite; infinities that are meant, as those of a mask, are
    /// passed over where they come to nothing.
    ///
    /// ```
    /// use downhill_autograd::{Data, Output, Tape};
    /// use downhill_tensor::Key;
    /// use downhill_train::diagnosis::NotFinite;
    /// let tape = Tape::new();
    /// let x = tape.input("x", [3]);
    /// let loss = tape.at_path("middle", || x.log()).sum();
    /// let program = tape.finish(&[Output::new("loss", &loss)])?;
    /// let found = NotFinite::find(&program, &[Data::Float(&[1.0f32, 0.0, 2.0])], Key::new(0))?.unwrap();
    /// let text = found.to_string();
    /// assert!(text.starts_with("`log` in layer `middle`"), "{text}");
    /// assert!(text.contains("of `x` (3 numbers from 0 to 2)"), "{text}");
    /// # Ok::<(), downhill_autograd::Error>(())
    /// ```
    ///
    /// # Errors
    /// Inputs that the program does not take.
    pub fn find<T: Precision>(
        program: &Program,
        inputs: &[Data<'_, T>],
        key: Key,
    ) -> Result<Option<NotFinite>> {
        let ranges = ranges(program, inputs, key)?;
        let Some(first) = first(program, &ranges) else { return Ok(None) };
        let Node::Operation(_, operands) = program.node(first) else {
            return Ok(Some(given(program, first, ranges[first.index()])));
        };
        let place = program.place(first);
        let file = place.location.file();
        let file = file.rsplit_once("crates/").map_or(file, |(_, rest)| rest);
        Ok(Some(NotFinite::Computed {
            operation: program.operation_name(first).into(),
            layer: place.path,
            line: format!("{file}:{}", place.location.line()),
            backward: is_backward(program, first),
            operands: operands
                .iter()
                .map(|&id| Operand { name: name(program, id), range: ranges[id.index()] })
                .collect(),
            result: ranges[first.index()],
            only_in_single_precision: stays_finite_in_double(program, inputs, key)?,
        }))
    }
}

/// The range of each value.
fn ranges<T: Precision>(program: &Program, inputs: &[Data<'_, T>], key: Key) -> Result<Vec<Range>> {
    let mut ranges = Vec::with_capacity(program.len());
    Interpreter.values(program, inputs, key, |_, data| {
        ranges.push(match data {
            Data::Float(values) => Range::of(values.iter().map(|x| x.to_f64())),
            Data::Index(values) => Range::of(values.iter().map(|&x| x as f64)),
            Data::InPlace => Range::of([]),
        });
    })?;
    Ok(ranges)
}

/// The value with which it begins.
fn first(program: &Program, ranges: &[Range]) -> Option<NodeId> {
    let bad = |id: NodeId| !ranges[id.index()].is_finite();
    // All values that are not finite and lead to an output that is not, through such values alone.
    let mut leads = vec![false; program.len()];
    for part in program.outputs().iter().flat_map(|port| &port.parts) {
        leads[part.node.index()] |= bad(part.node);
    }
    for id in program.ids().rev() {
        if let (true, Node::Operation(_, operands)) = (leads[id.index()], program.node(id)) {
            operands.iter().filter(|&&id| bad(id)).for_each(|id| leads[id.index()] = true);
        }
    }
    let among = || program.ids().filter(|id| leads[id.index()]);
    let is_root = |id: &NodeId| match program.node(*id) {
        Node::Leaf(leaf) => matches!(leaf, Leaf::Input { .. }),
        Node::Operation(_, operands) => !operands.iter().any(|&id| bad(id)),
    };
    let makes_nan = |id: &NodeId| match program.node(*id) {
        Node::Leaf(_) => false,
        Node::Operation(_, operands) => {
            let nan = |id: &NodeId| ranges[id.index()].not_a_number > 0;
            nan(id) && !operands.iter().any(nan)
        }
    };
    among().find(is_root).or_else(|| among().find(makes_nan)).or_else(|| among().next())
}

/// An input that is not finite.
fn given(program: &Program, id: NodeId, range: Range) -> NotFinite {
    match program.node(id) {
        Node::Leaf(Leaf::Input { port, part }) => {
            let port = &program.inputs()[*port];
            NotFinite::Given { input: port.name.clone(), part: port.parts[*part].name.clone(), range }
        }
        _ => NotFinite::Given { input: "constant".into(), part: name(program, id), range },
    }
}

/// What a value is called.
fn name(program: &Program, id: NodeId) -> String {
    match program.node(id) {
        Node::Leaf(Leaf::Input { port, part }) => {
            format!("`{}`", program.inputs()[*port].parts[*part].name)
        }
        Node::Leaf(_) => "a constant".into(),
        Node::Operation(operation, _) => match program.place(id).path {
            path if path.is_empty() => format!("the result of `{}`", operation.name()),
            path => format!("the result of `{}` in `{path}`", operation.name()),
        },
    }
}

/// Whether a value is recorded after the loss, which the backward pass is.
fn is_backward(program: &Program, id: NodeId) -> bool {
    let loss = program.output("loss").and_then(|port| program.outputs()[port].parts.first());
    loss.is_some_and(|loss| id > loss.node)
}

/// Whether all outputs are finite when the program is run in double precision on the same numbers.
fn stays_finite_in_double<T: Precision>(program: &Program, inputs: &[Data<'_, T>], key: Key) -> Result<bool> {
    let double: Vec<Vec<f64>> = inputs
        .iter()
        .map(|data| match data {
            Data::Float(values) => values.iter().map(|x| x.to_f64()).collect(),
            _ => Vec::new(),
        })
        .collect();
    let given = inputs.iter().zip(&double).zip(program.inputs());
    let given: Vec<Data<'_, f64>> = given
        .map(|((data, double), port)| match (data, port.kind) {
            (Data::Index(values), Kind::Index) => Data::Index(values),
            _ => Data::Float(double),
        })
        .collect();
    let ranges = ranges(program, &given, key)?;
    let mut parts = program.outputs().iter().flat_map(|port| &port.parts);
    Ok(parts.all(|part| ranges[part.node.index()].is_finite()))
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotFinite::Given { input, part, range } if input == "parameters" => {
                write!(f, "the parameter `{part}` was not finite before the step: {range}")
            }
            NotFinite::Given { input, range, .. } if input == "input" => {
                write!(f, "the input data is not finite: {range}")
            }
            NotFinite::Given { input, range, .. } if input == "target" => {
                write!(f, "the targets are not finite: {range}")
            }
            NotFinite::Given { part, range, .. } => write!(f, "`{part}` is not finite: {range}"),
            NotFinite::Computed {
                operation,
                layer,
                line,
                backward,
                operands,
                result,
                only_in_single_precision,
            } => {
                write!(f, "`{operation}`")?;
                match layer.as_str() {
                    "" => {}
                    "(loss)" => write!(f, " in the loss")?,
                    layer => write!(f, " in layer `{layer}`")?,
                }
                if *backward {
                    write!(f, ", backward,")?;
                }
                write!(f, " ({line}) made {result} of ")?;
                for (number, Operand { name, range }) in operands.iter().enumerate() {
                    let between = match number {
                        0 => "",
                        _ if number + 1 == operands.len() => " and ",
                        _ => ", ",
                    };
                    write!(f, "{between}{name} ({range})")?;
                }
                if *only_in_single_precision {
                    write!(f, "; in double precision all would stay finite")?;
                }
                Ok(())
            }
            NotFinite::Updated { parameter, range } => write!(
                f,
                "loss and gradient were finite, but the step made the parameter `{parameter}` not finite: {range}"
            ),
            NotFinite::NotReproduced => {
                write!(f, "the reference interpreter computes finite numbers from the same inputs")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use downhill_autograd::{Output, Tape, Var};

    /// What is found in the sum of a function of these numbers, and in its gradient.
    fn found(numbers: &[f32], function: impl for<'t> FnOnce(Var<'t>) -> Var<'t>) -> Option<NotFinite> {
        let tape = Tape::new();
        let x = tape.input("x", [numbers.len()]);
        let loss = function(x).sum();
        let gradient = tape.grad(loss, &[x]);
        let program =
            tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)]).unwrap();
        NotFinite::find(&program, &[Data::Float(numbers)], Key::new(0)).unwrap()
    }

    #[test]
    fn finite_numbers_are_found_innocent() {
        assert_eq!(found(&[1.0, 2.0], |x| x.square()), None);
    }

    #[test]
    fn the_operation_is_named_and_not_what_follows_from_it() {
        let Some(NotFinite::Computed { operation, backward, operands, only_in_single_precision, .. }) =
            found(&[0.5, -1.0], |x| (x.square() - x.square()).log() * 2.0 + 1.0)
        else {
            panic!("nothing was found")
        };
        assert_eq!((operation.as_str(), backward, only_in_single_precision), ("log", false, false));
        assert_eq!((operands[0].range.min, operands[0].range.max), (0.0, 0.0));
    }

    #[test]
    fn a_derivative_that_is_not_finite_is_backward() {
        let Some(NotFinite::Computed { backward, .. }) = found(&[0.0, 1.0], |x| x.sqrt()) else {
            panic!("nothing was found")
        };
        assert!(backward);
    }

    #[test]
    fn what_overflows_in_single_precision_alone_is_said_to() {
        let Some(NotFinite::Computed { operation, only_in_single_precision: true, .. }) =
            found(&[100.0], |x| x.exp())
        else {
            panic!("nothing was found")
        };
        assert_eq!(operation, "exp");
    }

    #[test]
    fn numbers_that_were_given_are_named_before_what_they_cause() {
        let Some(NotFinite::Given { part, range, .. }) = found(&[f32::INFINITY, 1.0], |x| x - x.square())
        else {
            panic!("nothing was found")
        };
        assert_eq!((part.as_str(), range.infinite), ("x", 1));
    }

    #[test]
    fn infinities_of_a_mask_are_not_blamed_unless_nothing_else_is_left() {
        fn masked(x: Var<'_>, hidden: f64) -> Var<'_> {
            x + x.tape().constant(downhill_tensor::Tensor::from([f64::NEG_INFINITY, hidden]))
        }
        assert_eq!(found(&[1.0, 2.0], |x| masked(x, 0.0).softmax().square()), None);
        // Where infinities are subtracted from each other, that is the operation.
        let Some(NotFinite::Computed { operation, .. }) =
            found(&[1.0, 2.0], |x| (masked(x, 0.0) - masked(x, 0.0)).square())
        else {
            panic!("nothing was found")
        };
        assert!(operation.starts_with("sub"), "{operation}");
    }

    #[test]
    fn it_comes_back_from_json() {
        let found = found(&[f32::INFINITY, f32::NAN], |x| x.square());
        let text = serde_json::to_string(&found).unwrap();
        let back: Option<NotFinite> = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{back:?}"), format!("{found:?}"));
        assert!(text.contains("\"inf\""), "{text}");
    }

    #[test]
    fn numbers_are_brief() {
        let shown = [0.0, 1.0, -0.5, 123.456, 98765.4, 1e7, f64::INFINITY].map(brief);
        assert_eq!(shown, ["0", "1", "-0.5", "123.5", "98765", "1.00e7", "inf"]);
    }
}
