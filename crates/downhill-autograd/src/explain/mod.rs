//! Backpropagation, step by step: the numbers of a program and, going back from its result, each local derivative, the
//! gradient that arrives, their product, and the sum over all paths, beside a finite difference.
//!
//! [`explain`] carries out a [`Program`] in double precision and takes the chain rule apart. For a value v and what is
//! computed from it, c, the paths from an element vᵢ lead through all elements cⱼ, and
//!
//! ```text
//! dL/dvᵢ  =  Σ over all c and j of   dL/dcⱼ   ×   dcⱼ/dvᵢ
//!            (paths)                 arriving     local
//! ```
//!
//! The local derivatives are those of the operation's own rule, applied to one unit vector after the other. Nothing
//! here is fast; [`Tape::grad`](crate::Tape::grad) gives the same gradient without any of it, which [`reverse_mode`]
//! delivers for all values to compare with.

mod concise;
mod formula;
mod jacobian;
mod replay;
mod reverse;

pub use formula::Formula;
pub use jacobian::Jacobian;
pub use reverse::reverse_mode;

use crate::executor::check_inputs;
use crate::interpreter::{Value, evaluate};
use crate::program::{Leaf, Node, NodeId};
use crate::{Data, Error, Kind, Program, Result, Tape, Type, Var};
use downhill_tensor::Key;
use jacobian::Local;
use serde::Serialize;

/// How much detail an explanation has.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// The most elements that a value may have for its derivatives to be given one by one, and checked by finite
    /// differences. Of larger values there are the products alone, and a [`Summary`].
    pub elements: usize,
    /// The layer path within which values are checked by finite differences; all if there is none.
    pub path: Option<String>,
}

impl Default for Detail {
    /// 64 elements, everywhere.
    fn default() -> Self {
        Detail { elements: 64, path: None }
    }
}

/// The values of a program in order, the last of them its loss, with what comes back to each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The values, in the order of computation.
    pub values: Vec<Explained>,
    /// The number of the loss among them.
    pub loss: usize,
    /// The most elements of a value that is explained element by element.
    pub elements: usize,
}

/// What a value is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An input of the program: an example, or its target.
    Input,
    /// A part of a vector of the program: a parameter.
    Parameter,
    /// A value that does not depend on any input.
    Constant,
    /// A value on the way.
    Computed,
    /// The result that everything is differentiated for.
    Loss,
}

/// A value of the program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// What it is called: a parameter's or input's own name, or the layer path with `z` (an affine map), `a` (a function
    /// of one) or the name of the operation behind it.
    pub name: String,
    /// The path of the layer that it belongs to.
    pub path: String,
    /// What it is to the reader.
    pub role: Role,
    /// The operation that made it, `input` or `constant`.
    pub operation: &'static str,
    /// How it comes about, by the names of other values.
    pub formula: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// Its elements, in row-major order; whole numbers as they are.
    pub numbers: Vec<f64>,
    /// What comes back to it, if the loss depends on it.
    pub gradient: Option<Gradient>,
    /// How it comes about, by the numbers of other values.
    #[serde(skip)]
    pub made: Formula,
    /// The value of the program that it is.
    #[serde(skip)]
    pub node: NodeId,
    /// The name that the program has for it, if it has one.
    #[serde(skip)]
    given: String,
}

/// What comes back to a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gradient {
    /// The ways on which it acts on the loss: one for each place where it is an operand.
    pub paths: Vec<Path>,
    /// The derivative of the loss by each element: the sum over the paths; 1 for the loss itself.
    pub sum: Vec<f64>,
    /// The same by central differences: the program carried out again from this value on, with one element changed.
    /// Nothing for values of more elements than are explained one by one, nor where an operation refuses the changed
    /// numbers.
    pub finite_difference: Option<Vec<f64>>,
}

/// One way from a value towards the loss: a value that is computed from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The number of what is computed from it.
    pub consumer: usize,
    /// The place that it has among the operands there, from 0.
    pub operand: usize,
    /// The derivatives of that by this; nothing where either has too many elements.
    pub local: Option<Jacobian>,
    /// What comes back on this way to each element: arriving gradient times local derivatives.
    pub product: Vec<f64>,
}

/// One term of a sum over paths: from an element of a value through an element of what is computed from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Term {
    /// The number of what is computed from the value.
    pub consumer: usize,
    /// The element of that.
    pub element: usize,
    /// The gradient that arrives there: the derivative of the loss by that element.
    pub arriving: f64,
    /// The derivative of that element by the value's.
    pub local: f64,
    /// Their product.
    pub product: f64,
}

/// What is said of values that are too large to be shown element by element.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The number of elements.
    pub elements: usize,
    /// The square root of the sum of their squares.
    pub norm: f64,
    /// Which of them is largest in absolute value; 0 if there are none.
    pub largest_at: usize,
    /// That element; 0 if there are none.
    pub largest: f64,
}

impl Summary {
    /// The summary of these elements.
    pub fn of(values: &[f64]) -> Self {
        let size = |i: &usize| values[*i].abs();
        let largest_at =
            (0..values.len()).max_by(|i, j| size(i).total_cmp(&size(j)).then(j.cmp(i))).unwrap_or(0);
        Summary {
            elements: values.len(),
            norm: values.iter().map(|x| x * x).sum::<f64>().sqrt(),
            largest_at,
            largest: values.get(largest_at).copied().unwrap_or(0.0),
        }
    }
}

impl Explanation {
    /// The value of this name.
    pub fn value(&self, name: &str) -> Option<&Explained> {
        self.values.iter().find(|value| value.name == name)
    }

    /// The terms whose sum is the gradient of an element of a value: all paths through single elements on which it acts
    /// on the loss, those included whose derivative happens to be 0 here. Nothing where either side of a path has too
    /// many elements.
    pub fn terms(&self, value: usize, element: usize) -> Vec<Term> {
        let mut terms = Vec::new();
        let Some(gradient) = &self.values[value].gradient else { return terms };
        for Path { consumer, local, .. } in &gradient.paths {
            let (Some(local), Some(arriving)) = (local, &self.values[*consumer].gradient) else { continue };
            for row in (0..local.rows).filter(|&row| local.connects(row, element)) {
                let (arriving, local) = (arriving.sum[row], local.at(row, element));
                let product = arriving * local;
                terms.push(Term { consumer: *consumer, element: row, arriving, local, product });
            }
        }
        terms
    }

    /// The largest difference between a gradient and its finite difference, relative to the larger of the gradient and
    /// 1, and where it is: the number of the value, and the element.
    pub fn largest_disagreement(&self) -> (f64, usize, usize) {
        let mut largest = (0.0f64, self.loss, 0);
        for (number, value) in self.values.iter().enumerate() {
            let Some(Gradient { sum, finite_difference: Some(found), .. }) = &value.gradient else {
                continue;
            };
            for (element, (sum, found)) in sum.iter().zip(found).enumerate() {
                let apart = (sum - found).abs() / sum.abs().max(1.0);
                // A difference that is no number is the largest of all.
                if apart > largest.0 || apart.is_nan() {
                    largest = (apart, number, element);
                }
            }
        }
        largest
    }
}

/// Whether the layer path `path` is `around` or lies within it.
fn lies_within(path: &str, around: &str) -> bool {
    let bare = |path: &'_ str| path.trim_matches(['(', ')']).to_owned();
    let (path, around) = (bare(path), bare(around));
    path.strip_prefix(&around)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || around.is_empty())
}

impl Explained {
    /// Whether it belongs to the layer of this path, or to one within it. The loss is at `loss`.
    pub fn belongs_to(&self, path: &str) -> bool {
        lies_within(&self.path, path)
    }

    /// The name of an element: `0.weight[1,2]`. Of what is no parameter, an axis of one example in front is left out,
    /// and a single number has no index.
    pub fn element(&self, element: usize) -> String {
        let mut shape = self.shape.as_slice();
        if self.role != Role::Parameter {
            if self.numbers.len() == 1 {
                return self.name.clone();
            }
            if shape.len() > 1 && shape[0] == 1 {
                shape = &shape[1..];
            }
        }
        if shape.is_empty() {
            return self.name.clone();
        }
        let mut rest = element;
        let mut index = vec![String::new(); shape.len()];
        for (text, &length) in index.iter_mut().zip(shape).rev() {
            *text = (rest % length.max(1)).to_string();
            rest /= length.max(1);
        }
        format!("{}[{}]", self.name, index.join(","))
    }
}

/// A program with the numbers of all its values.
struct Recording<'a> {
    program: &'a Program,
    values: Vec<Value<f64>>,
    /// Which values depend on a real input, through real values.
    depends: Vec<bool>,
}

impl<'a> Recording<'a> {
    fn new(program: &'a Program, inputs: &[Data<'_, f64>], key: Key) -> Result<Self> {
        check_inputs(program, inputs)?;
        let values = evaluate(program, inputs, key, &mut |_| {})?;
        let mut depends = Vec::with_capacity(program.len());
        for id in program.ids() {
            let carries = match program.node(id) {
                Node::Leaf(leaf) => !is_constant(leaf),
                Node::Operation(_, operands) => operands.iter().any(|operand| depends[operand.index()]),
            };
            depends.push(carries && program.ty(id).kind == Kind::Float);
        }
        Ok(Recording { program, values, depends })
    }

    fn size(&self, id: NodeId) -> usize {
        self.program.ty(id).shape.size()
    }

    fn operands(&self, id: NodeId) -> &[NodeId] {
        match self.program.node(id) {
            Node::Operation(_, operands) => operands,
            Node::Leaf(_) => &[],
        }
    }
}

fn is_constant(leaf: &Leaf) -> bool {
    !matches!(leaf, Leaf::Input { .. })
}

/// A constant of one program on another tape.
fn constant<'t>(tape: &'t Tape, leaf: &Leaf) -> Var<'t> {
    match leaf {
        Leaf::Scalar(number) => tape.scalar(*number),
        Leaf::Float(numbers) => tape.constant(numbers.clone()),
        Leaf::Index(numbers) => tape.index_constant(numbers.clone()),
        Leaf::Input { .. } => tape.poison(),
    }
}

fn declare<'t>(tape: &'t Tape, name: &str, ty: Type) -> Var<'t> {
    match ty.kind {
        Kind::Float => tape.input(name, ty.shape),
        Kind::Index => tape.index_input(name, ty.shape),
    }
}

/// The value that an output of this name delivers, which must be one real number.
fn scalar_output(program: &Program, name: &str) -> Result<NodeId> {
    let refuse = |actual: String| Error::Binding {
        direction: "output",
        name: name.into(),
        expected: "one real number, to be differentiated".into(),
        actual,
    };
    let Some(port) = program.output(name).map(|number| &program.outputs()[number]) else {
        let names: Vec<_> = program.outputs().iter().map(|port| format!("`{}`", port.name)).collect();
        return Err(refuse(format!("a program that delivers {}", names.join(", "))));
    };
    match port.parts.as_slice() {
        [part] if port.kind == Kind::Float && port.len() == 1 => Ok(part.node),
        _ => Err(refuse(Type { kind: port.kind, shape: port.shape }.to_string())),
    }
}

/// Carries out a program up to one of its outputs, a scalar, and explains the derivatives of that, element by element.
///
/// ```
/// use downhill_autograd::explain::{Detail, explain};
/// use downhill_autograd::{Data, Output, Tape};
/// use downhill_tensor::Key;
/// let tape = Tape::new();
/// let (x, w) = (tape.input("x", ()), tape.input("w", ()));
/// let product = w * x;
/// let loss = product.square() + product.exp(); // the product acts on the loss in two ways
/// let program = tape.finish(&[Output::new("loss", &loss)])?;
/// let inputs = [Data::Float(&[2.0]), Data::Float(&[0.5])];
/// let explanation = explain(&program, "loss", &inputs, Key::new(0), &Detail::default())?;
/// let number = explanation.values.iter().position(|value| value.name == "mul").unwrap_or(0);
/// let products: Vec<f64> = explanation.terms(number, 0).iter().map(|term| term.product).collect();
/// assert_eq!(products, [2.0, 1f64.exp()]); // 2 w x, and e to the w x
/// assert_eq!(explanation.value("w").and_then(|w| w.gradient.as_ref()).map(|g| g.sum[0]), Some((2.0 + 1f64.exp()) * 2.0));
/// # Ok::<(), downhill_autograd::Error>(())
/// ```
///
/// # Errors
/// A name that is no output's, or that of one that is no scalar; inputs that do not fit the program; an operation
/// without a derivative on the way.
pub fn explain(
    program: &Program,
    output: &str,
    inputs: &[Data<'_, f64>],
    key: Key,
    detail: &Detail,
) -> Result<Explanation> {
    let recording = Recording::new(program, inputs, key)?;
    let loss = scalar_output(program, output)?;
    let mut kept = vec![false; program.len()];
    kept[loss.index()] = true;
    for id in program.ids().rev().filter(|id| id.index() <= loss.index()) {
        if kept[id.index()] {
            recording.operands(id).iter().for_each(|operand| kept[operand.index()] = true);
        }
    }
    // The numbers of the values that the loss needs, constants left out: they stand in formulas.
    let mut numbers = vec![None; program.len()];
    let shown: Vec<NodeId> = program
        .ids()
        .filter(|&id| kept[id.index()] && !matches!(program.node(id), Node::Leaf(leaf) if is_constant(leaf)))
        .collect();
    for (number, id) in shown.iter().enumerate() {
        numbers[id.index()] = Some(number);
    }
    let gradients = gradients(&recording, loss, &numbers, key, detail)?;
    let values = shown.iter().zip(gradients).map(|(&id, gradient)| {
        let role = match program.node(id) {
            _ if id == loss => Role::Loss,
            Node::Leaf(Leaf::Input { port, part }) => {
                let port = &program.inputs()[*port];
                if port.parts[*part].name == port.name { Role::Input } else { Role::Parameter }
            }
            _ if !recording.depends[id.index()] => Role::Constant,
            _ => Role::Computed,
        };
        Explained {
            name: String::new(),
            path: program.place(id).path,
            role,
            operation: program.operation_name(id),
            formula: String::new(),
            shape: program.ty(id).shape.dims().to_vec(),
            numbers: match &recording.values[id.index()] {
                Value::Float(x) => x.clone(),
                Value::Index(x) => x.iter().map(|&x| x as f64).collect(),
            },
            gradient,
            made: Formula::of(&recording, id, &numbers),
            node: id,
            given: match program.node(id) {
                Node::Leaf(Leaf::Input { port, part }) => program.inputs()[*port].parts[*part].name.clone(),
                _ => String::new(),
            },
        }
    });
    let mut values: Vec<Explained> = values.collect();
    formula::name(&mut values);
    let loss = numbers[loss.index()].unwrap_or(0);
    Ok(Explanation { values, loss, elements: detail.elements })
}

/// What comes back to each of the shown values, in their order.
fn gradients(
    recording: &Recording<'_>,
    loss: NodeId,
    numbers: &[Option<usize>],
    key: Key,
    detail: &Detail,
) -> Result<Vec<Option<Gradient>>> {
    let program = recording.program;
    let mut gradients: Vec<Option<Gradient>> = vec![None; numbers.iter().flatten().count()];
    let small = |id: NodeId| recording.size(id) <= detail.elements;
    for id in program.ids().rev().filter(|id| id.index() <= loss.index()) {
        let Some(number) = numbers[id.index()] else { continue };
        if !recording.depends[id.index()] {
            continue;
        }
        let gradient = if id == loss {
            Gradient { paths: Vec::new(), sum: vec![1.0], finite_difference: None }
        } else {
            // What is computed from it has told it already: it comes later in the program.
            let Some(mut gradient) = gradients[number].take() else { continue };
            gradient.paths.reverse();
            gradient.sum = vec![0.0; recording.size(id)];
            for path in &gradient.paths {
                gradient.sum.iter_mut().zip(&path.product).for_each(|(sum, term)| *sum += term);
            }
            gradient
        };
        let operands = recording.operands(id);
        let wanted: Vec<usize> =
            (0..operands.len()).filter(|&place| recording.depends[operands[place].index()]).collect();
        if !wanted.is_empty() {
            let of = |places: &[usize]| Local::new(recording, id, places.to_vec());
            let (fine, coarse): (Vec<usize>, Vec<usize>) =
                wanted.into_iter().partition(|&place| small(id) && small(operands[place]));
            let mut paths = Vec::new();
            if !fine.is_empty() {
                let jacobians = of(&fine)?.jacobians(key)?;
                paths.extend(fine.into_iter().zip(jacobians).map(|(operand, local)| {
                    let product = local.product(&gradient.sum);
                    Path { consumer: number, operand, local: Some(local), product }
                }));
            }
            if !coarse.is_empty() {
                let products = of(&coarse)?.pull_back(&gradient.sum, key)?;
                let path = |(operand, product)| Path { consumer: number, operand, local: None, product };
                paths.extend(coarse.into_iter().zip(products).map(path));
            }
            paths.sort_by_key(|path| std::cmp::Reverse(path.operand));
            for path in paths {
                let Some(own) = numbers[operands[path.operand].index()] else { continue };
                let empty = || Gradient { paths: Vec::new(), sum: Vec::new(), finite_difference: None };
                gradients[own].get_or_insert_with(empty).paths.push(path);
            }
        }
        let checked = detail.path.as_ref().is_none_or(|path| lies_within(&program.place(id).path, path));
        let finite_difference = match small(id) && checked {
            true => replay::finite_differences(recording, id, loss, key),
            false => None,
        };
        gradients[number] = Some(Gradient { finite_difference, ..gradient });
    }
    Ok(gradients)
}
