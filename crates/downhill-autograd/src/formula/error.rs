//! What is wrong with a formula, and where.

use std::fmt;

/// What is wrong with a formula. `Display` shows the formula with a mark under the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FormulaError {
    /// The formula.
    pub text: String,
    /// Where in it, in characters from its beginning; its length where something is missing at its end.
    pub position: usize,
    /// What was expected, what came, and what to do.
    pub message: String,
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever would leave the line would leave the mark behind.
        let shown: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        write!(f, "{}\n  {shown}\n  {:>2$}", self.message, '^', self.position + 1)
    }
}
