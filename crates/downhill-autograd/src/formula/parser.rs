//! From words to steps, by recursive descent.

use super::token::{Token, Word, error, tokens};
use super::{BINARY, CONSTANTS, Formula, FormulaError, Step, UNARY, function_names, named};
use downhill_tensor::kernels::scalar::{Binary, Unary};

/// So many parentheses, signs and powers may stand within each other: reading them takes stack.
const DEEPEST: usize = 200;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    variables: Vec<String>,
    /// Whether other variables than these may appear.
    open: bool,
    steps: Vec<Step>,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str, variables: Option<&[&str]>) -> Result<Self, FormulaError> {
        let open = variables.is_none();
        let variables: Vec<String> =
            variables.unwrap_or_default().iter().map(|&name| name.to_owned()).collect();
        let parser =
            Parser { text, tokens: tokens(text)?, next: 0, depth: 0, variables, open, steps: Vec::new() };
        parser.check_variables()?;
        Ok(parser)
    }

    /// Refuses variables whose names cannot be used.
    fn check_variables(&self) -> Result<(), FormulaError> {
        for (index, name) in self.variables.iter().enumerate() {
            let is_name =
                tokens(name).is_ok_and(|words| words.len() == 2 && words[0].word == Word::Name(name.clone()));
            let message = if !is_name {
                format!("a variable cannot be called `{name}`: letters, digits and `_`, a letter first")
            } else if named(CONSTANTS, name).is_some() {
                format!("a variable cannot be called `{name}`, which is a constant")
            } else if named(UNARY, name).is_some() || named(BINARY, name).is_some() {
                format!("a variable cannot be called `{name}`, which is a function")
            } else if self.variables[..index].contains(name) {
                format!("there are two variables `{name}`")
            } else {
                continue;
            };
            return Err(error(self.text, 0, message));
        }
        Ok(())
    }

    pub fn formula(mut self) -> Result<Formula, FormulaError> {
        self.sum()?;
        let rest = self.peek();
        match &rest.word {
            Word::End => {}
            Word::Number(_) | Word::Name(_) | Word::Sign('(') => {
                return Err(self.refuse("expected an operator; a product is written with `*`"));
            }
            Word::Sign(')') => return Err(self.refuse("expected an operator or the end: no `(` is open")),
            _ => return Err(self.refuse("expected an operator or the end")),
        }
        if !self.steps.iter().any(|step| matches!(step, Step::Variable(_))) {
            let message = "expected a variable, such as x: the formula is a constant".to_owned();
            return Err(error(self.text, 0, message));
        }
        Ok(Formula { text: self.text.to_owned(), variables: self.variables, steps: self.steps })
    }

    fn peek(&self) -> &Token {
        // The end stays the last word.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn takes(&mut self, sign: char) -> bool {
        let there = self.peek().word == Word::Sign(sign);
        self.next += usize::from(there);
        there
    }

    fn expect(&mut self, sign: char) -> Result<(), FormulaError> {
        if self.takes(sign) { Ok(()) } else { Err(self.refuse(&format!("expected `{sign}`"))) }
    }

    /// What was expected, and what is here instead.
    fn refuse(&self, expected: &str) -> FormulaError {
        let token = self.peek();
        let found = match &token.word {
            Word::Number(value) => format!("found the number {value}"),
            Word::Name(name) => format!("found `{name}`"),
            Word::Sign(sign) => format!("found `{sign}`"),
            Word::End => "but the formula ends here".into(),
        };
        error(self.text, token.position, format!("{expected}, {found}"))
    }

    fn deeper(&mut self) -> Result<(), FormulaError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = format!("more than {DEEPEST} parentheses, signs and powers within each other");
            return Err(error(self.text, self.peek().position, message));
        }
        Ok(())
    }

    /// `product + product - ...`
    fn sum(&mut self) -> Result<(), FormulaError> {
        self.product()?;
        loop {
            let function = if self.takes('+') {
                Binary::Add
            } else if self.takes('-') {
                Binary::Sub
            } else {
                return Ok(());
            };
            self.product()?;
            self.steps.push(Step::Binary(function));
        }
    }

    /// `signed * signed / ...`
    fn product(&mut self) -> Result<(), FormulaError> {
        self.signed()?;
        loop {
            let function = if self.takes('*') {
                Binary::Mul
            } else if self.takes('/') {
                Binary::Div
            } else {
                return Ok(());
            };
            self.signed()?;
            self.steps.push(Step::Binary(function));
        }
    }

    /// `-power`, `+power`, `power`. Signs in a row are counted, not nested.
    fn signed(&mut self) -> Result<(), FormulaError> {
        let mut negative = false;
        loop {
            if self.takes('-') {
                negative = !negative;
            } else if !self.takes('+') {
                break;
            }
        }
        self.power()?;
        if negative {
            self.steps.push(Step::Unary(Unary::Neg));
        }
        Ok(())
    }

    /// `atom` or `atom ^ signed`
    fn power(&mut self) -> Result<(), FormulaError> {
        self.deeper()?;
        self.atom()?;
        if self.takes('^') {
            self.signed()?;
            self.steps.push(Step::Binary(Binary::Pow));
        }
        self.depth -= 1;
        Ok(())
    }

    /// A number, a name, a function of values, or something in parentheses.
    fn atom(&mut self) -> Result<(), FormulaError> {
        let token = self.peek().clone();
        match token.word {
            Word::Number(value) => {
                self.next += 1;
                self.steps.push(Step::Number(value));
                Ok(())
            }
            Word::Sign('(') => {
                self.next += 1;
                self.sum()?;
                self.expect(')')
            }
            Word::Name(name) => {
                self.next += 1;
                self.name(&name, token.position)
            }
            _ => Err(self.refuse("expected a number, a variable, a function or `(`")),
        }
    }

    fn name(&mut self, name: &str, position: usize) -> Result<(), FormulaError> {
        let called = self.peek().word == Word::Sign('(');
        if let Some(function) = named(UNARY, name) {
            self.arguments(name, 1)?;
            self.steps.push(Step::Unary(function));
        } else if let Some(function) = named(BINARY, name) {
            self.arguments(name, 2)?;
            self.steps.push(Step::Binary(function));
        } else if let Some(index) = self.variables.iter().position(|variable| variable == name) {
            self.steps.push(Step::Variable(index));
        } else if let Some(value) = named(CONSTANTS, name) {
            self.steps.push(Step::Number(value));
        } else if called {
            let message = format!(
                "no function is called `{name}`; there are {}; a product is written with `*`",
                function_names()
            );
            return Err(error(self.text, position, message));
        } else if self.open {
            self.steps.push(Step::Variable(self.variables.len()));
            self.variables.push(name.to_owned());
        } else {
            let message =
                format!("`{name}` is none of the variables {} and no constant", self.variables.join(", "));
            return Err(error(self.text, position, message));
        }
        Ok(())
    }

    /// `(value)` or `(value, value)`.
    fn arguments(&mut self, name: &str, count: usize) -> Result<(), FormulaError> {
        if !self.takes('(') {
            return Err(self.refuse(&format!("expected `(` behind the function `{name}`")));
        }
        for index in 0..count {
            if index > 0 && !self.takes(',') {
                return Err(
                    self.refuse(&format!("expected `,` and another value, since `{name}` takes {count}"))
                );
            }
            self.sum()?;
        }
        if self.peek().word == Word::Sign(',') {
            return Err(self.refuse(&format!("expected `)`, since `{name}` takes {count}")));
        }
        self.expect(')')
    }
}
