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

/// How many characters of a formula are shown on each side of a mistake.
const AROUND: usize = 40;

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever would leave the line would leave the mark behind.
        let shown = self.text.chars().map(|c| if c.is_control() { ' ' } else { c });
        // Of a long formula what is around the place is enough.
        let skipped = self.position.saturating_sub(AROUND);
        let excerpt: String = shown.skip(skipped).take(2 * AROUND).collect();
        let before = if skipped > 0 { "..." } else { "" };
        let after = if skipped + 2 * AROUND < self.text.chars().count() { "..." } else { "" };
        let place = before.len() + self.position - skipped + 1;
        write!(f, "{}\n  {before}{excerpt}{after}\n  {:>place$}", self.message, '^')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_formula_is_shown_around_the_place_alone() {
        let text = "x + ".repeat(1000) + "* y";
        let error = FormulaError { position: 4000, text, message: "a sign too many".into() };
        let shown = error.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("  ...x + ") && lines[1].ends_with("* y"), "{shown}");
        assert_eq!(lines[1].find('*'), lines[2].find('^'));
        let short = FormulaError { text: "2 +".into(), position: 3, message: "more".into() };
        assert_eq!(short.to_string(), "more\n  2 +\n     ^");
    }
}
