//! How a value comes about, in names and in numbers.

use super::{Explained, Recording, Role, is_constant};
use crate::program::{Leaf, Node, NodeId};
use downhill_tensor::{Layout, Shape};
use std::collections::BTreeSet;

/// A formula over other values.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// Nothing: the value is given.
    Given,
    /// The value of this number.
    Value(usize),
    /// A number.
    Number(f64),
    /// A constant with a shape.
    Constant,
    /// An operation of this name.
    Apply(&'static str, Vec<Formula>),
}

impl Formula {
    /// How a value of a program comes about; `numbers` are those of the values that are shown.
    pub(super) fn of(recording: &Recording<'_>, id: NodeId, numbers: &[Option<usize>]) -> Self {
        let program = recording.program;
        let operand = |id: &NodeId| match (program.node(*id), numbers[id.index()]) {
            (Node::Leaf(Leaf::Scalar(number)), _) => Formula::Number(*number),
            (Node::Leaf(leaf), _) if is_constant(leaf) => Formula::Constant,
            (_, Some(number)) => Formula::Value(number),
            (_, None) => Formula::Constant,
        };
        match program.node(id) {
            Node::Leaf(_) => Formula::Given,
            Node::Operation(operation, operands) => {
                Formula::Apply(operation.name(), operands.iter().map(operand).collect())
            }
        }
    }

    /// The operands, if it is an operation of this name.
    pub(super) fn operands_of(&self, name: &str) -> Option<&[Formula]> {
        match self {
            Formula::Apply(operation, operands) if *operation == name => Some(operands),
            _ => None,
        }
    }

    /// The same with other formulas in the place of values.
    pub(super) fn replaced(&self, with: &impl Fn(usize) -> Formula) -> Formula {
        match self {
            Formula::Value(number) => with(*number),
            Formula::Apply(name, operands) => {
                Formula::Apply(name, operands.iter().map(|operand| operand.replaced(with)).collect())
            }
            other => other.clone(),
        }
    }

    /// The text of it, where `leaf` is the text of a value.
    fn text(&self, leaf: &dyn Fn(&Formula) -> String) -> String {
        let Formula::Apply(name, operands) = self else { return leaf(self) };
        let inner = |operand: &Formula| match operand {
            // A product needs no parentheses in a sum.
            Formula::Apply("matmul", _) if *name == "add" => operand.text(leaf),
            Formula::Apply(..) => format!("({})", operand.text(leaf)),
            _ => leaf(operand),
        };
        match (*name, operands.as_slice()) {
            ("square", [x]) => format!("{}²", in_parentheses_if_negative(&inner(x))),
            ("neg", [x]) => format!("-{}", inner(x)),
            (name, [a, b]) if infix(name).is_some() => {
                format!("{} {} {}", inner(a), infix(name).unwrap_or(","), inner(b))
            }
            (name, operands) => {
                let texts: Vec<_> = operands.iter().map(|operand| operand.text(leaf)).collect();
                format!("{name}({})", texts.join(", "))
            }
        }
    }
}

fn infix(name: &str) -> Option<&'static str> {
    Some(match name {
        "add" => "+",
        "sub" => "-",
        "mul" => "×",
        "div" => "/",
        "pow" => "^",
        "matmul" => "·",
        _ => return None,
    })
}

fn in_parentheses_if_negative(text: &str) -> String {
    if text.starts_with('-') { format!("({text})") } else { text.to_owned() }
}

/// Functions of one element that come after an affine map and are called its activation.
const NO_ACTIVATIONS: [&str; 4] = ["neg", "square", "log", "exp"];

/// Gives all values their names and formulas.
pub(super) fn name(values: &mut [Explained]) {
    let symbols: Vec<String> = (0..values.len()).map(|number| symbol(values, number)).collect();
    let mut taken = BTreeSet::new();
    for (value, symbol) in values.iter_mut().zip(symbols) {
        let path = value.path.trim_matches(['(', ')']);
        let whole = match value.role {
            Role::Input | Role::Parameter | Role::Loss => symbol,
            _ if path.is_empty() => symbol,
            _ => format!("{path}.{symbol}"),
        };
        let mut name = whole.clone();
        let mut again = 1;
        while !taken.insert(name.clone()) {
            again += 1;
            name = format!("{whole}_{again}");
        }
        value.name = name;
    }
    for number in 0..values.len() {
        values[number].formula = values[number].made.text(&|leaf| match leaf {
            Formula::Value(number) => values[*number].name.clone(),
            Formula::Number(number) => number.to_string(),
            Formula::Constant => "constant".into(),
            _ => String::new(),
        });
    }
}

/// The name of a value in its layer.
fn symbol(values: &[Explained], number: usize) -> String {
    let value = &values[number];
    match value.role {
        Role::Input | Role::Parameter => return value.given.clone(),
        Role::Loss => return "loss".into(),
        _ if is_affine(values, number) => return "z".into(),
        _ => {}
    }
    match &value.made {
        Formula::Apply(name, operands) if !NO_ACTIVATIONS.contains(name) => match operands.as_slice() {
            [Formula::Value(of)]
                if is_affine(values, *of) && value.numbers.len() == values[*of].numbers.len() =>
            {
                "a".into()
            }
            _ => value.operation.into(),
        },
        _ => value.operation.into(),
    }
}

/// Whether a value is an affine map of others: a product with a parameter to which nothing, or a parameter, is added.
fn is_affine(values: &[Explained], number: usize) -> bool {
    let given = |formula: &Formula| matches!(formula, Formula::Value(v) if values[*v].made == Formula::Given);
    let product = |formula: &Formula| match formula {
        Formula::Value(v) => values[*v].made.operands_of("matmul").is_some_and(|of| of.iter().any(given)),
        formula => formula.operands_of("matmul").is_some_and(|of| of.iter().any(given)),
    };
    if let Some([a, b]) = values[number].made.operands_of("add") {
        return (product(a) && given(b)) || (given(a) && product(b));
    }
    let own = values[number].made.operands_of("matmul").is_some_and(|of| of.iter().any(given));
    let added = |value: &Explained| {
        let is_own = |formula: &Formula| *formula == Formula::Value(number);
        value.made.operands_of("add").is_some_and(|of| of.iter().any(is_own) && of.iter().any(given))
    };
    own && !values.iter().any(added)
}

impl Explained {
    /// How an element comes about, in numbers: `0.5 × 0.1 + (-1) × 0.2 + 0.3`. Nothing where the operation has no short
    /// form for a single element.
    pub fn worked(
        &self,
        values: &[Explained],
        element: usize,
        number: &dyn Fn(f64) -> String,
    ) -> Option<String> {
        let shape = Shape::new(&self.shape).ok()?;
        worked(&self.made, values, shape, element, number)
    }
}

fn worked(
    formula: &Formula,
    values: &[Explained],
    shape: Shape,
    element: usize,
    number: &dyn Fn(f64) -> String,
) -> Option<String> {
    let inner = |formula: &Formula| worked(formula, values, shape, element, number);
    let text = match formula {
        Formula::Given | Formula::Constant => return None,
        Formula::Number(x) => number(*x),
        Formula::Value(v) => {
            let own = Shape::new(&values[*v].shape).ok()?;
            if own.size() == 1 {
                return values[*v].numbers.first().map(|&x| number(x));
            }
            let layout = Layout::contiguous(own).broadcast_to(shape).ok()?;
            number(values[*v].numbers[layout.positions().nth(element)?])
        }
        Formula::Apply("matmul", operands) => match operands.as_slice() {
            [Formula::Value(a), Formula::Value(b)] => {
                let (a, b) = (&values[*a], &values[*b]);
                let ([m, k], [_, n]) = (a.shape.as_slice(), b.shape.as_slice()) else { return None };
                if shape.dims() != [*m, *n] {
                    return None;
                }
                let (row, column) = (element / n, element % n);
                let term = |l: usize| {
                    let (x, w) = (number(a.numbers[row * k + l]), number(b.numbers[l * n + column]));
                    let x = if l == 0 { x } else { in_parentheses_if_negative(&x) };
                    format!("{x} × {}", in_parentheses_if_negative(&w))
                };
                (0..*k).map(term).collect::<Vec<_>>().join(" + ")
            }
            _ => return None,
        },
        Formula::Apply(name, operands) => match (*name, operands.as_slice()) {
            ("square", [x]) => format!("{}²", in_parentheses_if_negative(&inner(x)?)),
            ("neg", [x]) => format!("-{}", in_parentheses_if_negative(&inner(x)?)),
            (name, [a, b]) if infix(name).is_some() => {
                format!("{} {} {}", inner(a)?, infix(name)?, in_parentheses_if_negative(&inner(b)?))
            }
            (name, [x @ Formula::Value(v)])
                if values[*v].numbers.len() == shape.size() && elementwise(name) =>
            {
                format!("{name}({})", inner(x)?)
            }
            _ => return None,
        },
    };
    Some(text)
}

/// Whether an operation of this name is a function of each element by itself.
fn elementwise(name: &str) -> bool {
    downhill_tensor::kernels::scalar::Unary::ALL.iter().any(|unary| unary.name() == name)
}
