//! A formula as text, such as `(1-x)^2 + 100*(y-x^2)^2`, that is read once and then computed, or recorded on a tape and
//! differentiated like any other function.
//!
//! | what | how it is written |
//! |---|---|
//! | numbers | `2`, `0.5`, `.5`, `1e-3` |
//! | constants | `pi`, `e` |
//! | variables | any other name: letters, digits and `_`, a letter first |
//! | operators | `+` `-` `*` `/`, and `^` or `**` for powers |
//! | functions of one value | `sin cos tan asin acos atan sinh cosh tanh exp log ln sqrt abs erf`; `log` is the natural one |
//! | functions of two values | `min max pow` |
//!
//! Powers bind strongest and from right to left, then signs, then `*` and `/`, then `+` and `-`: `-x^2` is `-(x^2)`,
//! `2^3^2` is `2^9`, `2^-1` is a half. There is no product without a sign: `2*x`, not `2x`.

mod error;
mod parser;
mod token;

pub use error::FormulaError;

use crate::Var;
use downhill_tensor::kernels::scalar::{Binary, Unary};
use parser::Parser;
use std::fmt;
use std::str::FromStr;

/// A formula that has been read: its variables, and how it is computed.
///
/// ```
/// use downhill_autograd::{formula::Formula, value_and_grad};
/// let formula: Formula = "(1-x)^2 + 100*(y-x^2)^2".parse()?;
/// assert_eq!(formula.variables(), ["x", "y"]);
/// assert!((formula.value(&[-1.2, 1.0]) - 24.2).abs() < 1e-12);
/// let (value, gradient) = value_and_grad(|x| formula.record(x), &[-1.2, 1.0])?;
/// assert!((value - 24.2).abs() < 1e-12 && (gradient[0] + 215.6).abs() < 1e-12);
///
/// let error = "sin(x".parse::<Formula>().unwrap_err();
/// assert_eq!(error.to_string(), "expected `)`, but the formula ends here\n  sin(x\n       ^");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    text: String,
    variables: Vec<String>,
    steps: Vec<Step>,
}

/// A step of the computation on a stack, so that no formula is too deep to be computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Number(f64),
    Variable(usize),
    Unary(Unary),
    Binary(Binary),
}

impl Formula {
    /// Reads a formula whose variables are in the order in which they appear.
    ///
    /// # Errors
    /// [`FormulaError`], which shows the place and says what was expected there.
    pub fn new(text: &str) -> Result<Self, FormulaError> {
        Parser::new(text, None)?.formula()
    }

    /// Reads a formula of these variables, in this order; it need not use all of them.
    ///
    /// # Errors
    /// As [`new`](Self::new), and where a name in the formula, or a variable, is none that can be used.
    pub fn with_variables(text: &str, variables: &[&str]) -> Result<Self, FormulaError> {
        Parser::new(text, Some(variables))?.formula()
    }

    /// The text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the variables, in the order of the point.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The value at a point; NaN where the formula has none, and where the point has another number of variables.
    pub fn value(&self, point: &[f64]) -> f64 {
        if point.len() != self.variables.len() {
            return f64::NAN;
        }
        let number = |value: f64| value;
        self.run(
            number,
            |index| point[index],
            |function, x| function.apply(x),
            |function, a, b| function.apply(a, b),
        )
        .unwrap_or(f64::NAN)
    }

    /// Records the formula on the tape of `x`, a vector of its variables, and gives the value, of rank 0.
    ///
    /// A vector of another length is noted on the tape and reported by [`Tape::finish`](crate::Tape::finish).
    #[track_caller]
    pub fn record<'t>(&self, x: Var<'t>) -> Var<'t> {
        let count = self.variables.len();
        let tape = x.tape();
        let unfit = || x.refuse("formula", format!("a vector of its {count} variables"));
        if *x.shape() != [count] {
            return unfit();
        }
        let unary = |function, x| tape.record(crate::ops::UnaryOperation(function), &[x]);
        let binary = |function, a, b| tape.record(crate::ops::BinaryOperation(function), &[a, b]);
        self.run(|number| tape.scalar(number), |index| x.at(index), unary, binary).unwrap_or_else(unfit)
    }

    /// Computes with whatever stands for numbers. There always is a value: the parser leaves exactly one.
    fn run<V: Copy>(
        &self,
        number: impl Fn(f64) -> V,
        variable: impl Fn(usize) -> V,
        unary: impl Fn(Unary, V) -> V,
        binary: impl Fn(Binary, V, V) -> V,
    ) -> Option<V> {
        let mut stack = Vec::new();
        for step in &self.steps {
            let value = match *step {
                Step::Number(value) => number(value),
                Step::Variable(index) => variable(index),
                Step::Unary(function) => unary(function, stack.pop()?),
                Step::Binary(function) => {
                    let right = stack.pop()?;
                    binary(function, stack.pop()?, right)
                }
            };
            stack.push(value);
        }
        stack.pop()
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Self, FormulaError> {
        Formula::new(text)
    }
}

/// The functions of one value.
const UNARY: &[(&str, Unary)] = &[
    ("sin", Unary::Sin),
    ("cos", Unary::Cos),
    ("tan", Unary::Tan),
    ("asin", Unary::Asin),
    ("acos", Unary::Acos),
    ("atan", Unary::Atan),
    ("sinh", Unary::Sinh),
    ("cosh", Unary::Cosh),
    ("tanh", Unary::Tanh),
    ("exp", Unary::Exp),
    ("log", Unary::Log),
    ("ln", Unary::Log),
    ("sqrt", Unary::Sqrt),
    ("abs", Unary::Abs),
    ("erf", Unary::Erf),
];

/// The functions of two values.
const BINARY: &[(&str, Binary)] = &[("min", Binary::Minimum), ("max", Binary::Maximum), ("pow", Binary::Pow)];

/// The constants.
const CONSTANTS: &[(&str, f64)] = &[("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// What a table says of a name.
fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

/// The names of all functions, for errors.
fn function_names() -> String {
    let names: Vec<_> = UNARY.iter().map(|row| row.0).chain(BINARY.iter().map(|row| row.0)).collect();
    names.join(", ")
}
