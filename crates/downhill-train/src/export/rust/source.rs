//! The text of a source file under construction.

use crate::{Error, Result};

/// The functions that a file may need, one after the other, with an empty line between them.
const FUNCTIONS: &str = include_str!("functions.rs");

/// The longest line.
const WIDTH: usize = 100;

/// What has been written so far.
#[derive(Default)]
pub(super) struct Writer {
    /// The statements of `predict`.
    pub body: String,
    /// Its arrays, in bytes.
    pub stack: usize,
    constants: String,
    /// Path and name in the layer of each constant so far.
    known: Vec<(String, String)>,
    variables: usize,
    called: Vec<String>,
}

impl Writer {
    /// A statement.
    pub fn line(&mut self, statement: &str) {
        self.body += &format!("    {statement}\n");
    }

    /// A remark on what follows.
    pub fn comment(&mut self, text: &str) {
        self.line(&format!("// {}", text.escape_debug()));
    }

    /// A call of one of the functions.
    pub fn call(&mut self, function: &str, arguments: &str) {
        self.need(function);
        self.line(&format!("{function}({arguments});"));
    }

    /// A function or structure that the file shall have.
    pub fn need(&mut self, name: &str) {
        if !self.called.iter().any(|known| known == name) {
            self.called.push(name.into());
        }
    }

    /// A new array of zeros.
    pub fn array(&mut self, length: usize) -> String {
        let name = self.variable(length);
        self.line(&format!("let mut {name} = [0.0f32; {length}];"));
        name
    }

    /// A copy of an array of this length.
    pub fn copy(&mut self, array: &str, length: usize) -> String {
        let name = self.variable(length);
        self.line(&format!("let {name} = {array};"));
        name
    }

    fn variable(&mut self, length: usize) -> String {
        self.stack += length * size_of::<f32>();
        self.variables += 1;
        format!("x{}", self.variables - 1)
    }

    /// A window with these fields.
    pub fn window(&mut self, fields: &[(&str, [usize; 2])]) -> String {
        self.need("Window");
        let name = format!("window{}", self.body.matches("= Window {").count());
        self.line(&format!("let {name} = Window {{"));
        for (field, value) in fields {
            self.line(&format!("    {field}: {value:?},"));
        }
        self.line("};");
        name
    }

    /// Constant numbers of a layer, once.
    ///
    /// # Errors
    /// Numbers that are not finite, for which there is no literal.
    pub fn constant(&mut self, path: &str, name: &str, numbers: &[f32]) -> Result<String> {
        let known = (path.to_owned(), name.to_owned());
        let position = self.known.iter().position(|constant| *constant == known);
        let number = position.unwrap_or(self.known.len());
        let constant = format!("{}_{number}", name.to_uppercase());
        if position.is_some() {
            return Ok(constant);
        }
        if let Some(bad) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(Error::NotExportable {
                format: "Rust",
                what: format!("the {name} of layer '{path}'"),
                reason: format!("it holds {bad}, which is no number to compute with"),
            });
        }
        self.known.push(known);
        let about = format!("The {name} of layer `{path}`.").escape_debug().to_string();
        self.constants += &format!("\n/// {about}\nstatic {constant}: [f32; {}] = [\n", numbers.len());
        let mut line = String::from("   ");
        for number in numbers {
            let literal = format!(" {number:?},");
            if line.len() + literal.len() > WIDTH {
                self.constants += &(line + "\n");
                line = String::from("   ");
            }
            line += &literal;
        }
        self.constants += &(line + "\n];\n");
        Ok(constant)
    }

    /// The functions that were called and those that they call, and behind them the constants.
    pub fn rest(mut self) -> String {
        let items: Vec<&str> = items();
        let named = |item: &str, name: &str| {
            [format!("fn {name}("), format!("struct {name} "), format!("impl {name} ")]
                .iter()
                .any(|start| item.lines().any(|line| line.starts_with(start.as_str())))
        };
        for (user, used) in [
            ("convolve", "Window"),
            ("pool", "Window"),
            ("gelu", "erf"),
            ("sigmoid", "logistic"),
            ("silu", "logistic"),
        ] {
            if self.called.iter().any(|name| name == user) {
                self.need(used);
            }
        }
        let used = items.iter().filter(|item| self.called.iter().any(|name| named(item, name)));
        let functions: String = used.map(|item| format!("\n{item}\n")).collect();
        functions + &self.constants
    }
}

/// Whether there is a function of this name.
pub(super) fn has_function(name: &str) -> bool {
    FUNCTIONS.contains(&format!("\nfn {name}("))
}

/// The functions, one by one.
fn items() -> Vec<&'static str> {
    FUNCTIONS.trim().split("\n\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_their_whole_name() {
        assert!(has_function("relu") && has_function("leaky_relu") && has_function("linear"));
        assert!(!has_function("elu") && !has_function("rel") && !has_function("softplus"));
    }
}
