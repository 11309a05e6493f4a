//! The words of a formula.

use super::FormulaError;

/// A word of a formula, and where it begins, in characters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub word: Word,
    pub position: usize,
}

/// A word of a formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    Number(f64),
    Name(String),
    /// `+ - * / ^ ( ) ,`; a `**` is a `^`.
    Sign(char),
    End,
}

/// The words of a text, an end behind the last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FormulaError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut position = 0;
    while let Some(&first) = characters.get(position) {
        let rest = &characters[position..];
        let (word, len) = match first {
            _ if first.is_whitespace() => {
                position += 1;
                continue;
            }
            '0'..='9' | '.' => number(rest).map_err(|message| error(text, position, message))?,
            _ if first.is_alphabetic() => {
                let len =
                    rest.iter().take_while(|c| c.is_alphabetic() || c.is_ascii_digit() || **c == '_').count();
                (Word::Name(rest[..len].iter().collect()), len)
            }
            '*' if rest.get(1) == Some(&'*') => (Word::Sign('^'), 2),
            '+' | '-' | '*' | '/' | '^' | '(' | ')' | ',' => (Word::Sign(first), 1),
            _ => {
                let message =
                    format!("expected a number, a name, an operator or a parenthesis, found `{first}`");
                return Err(error(text, position, message));
            }
        };
        tokens.push(Token { word, position });
        position += len;
    }
    tokens.push(Token { word: Word::End, position });
    Ok(tokens)
}

pub(super) fn error(text: &str, position: usize, message: String) -> FormulaError {
    FormulaError { text: text.into(), position, message }
}

/// The number at the beginning, and its length. An `e` belongs to it if digits follow.
fn number(characters: &[char]) -> Result<(Word, usize), String> {
    let digits = |from: usize| characters[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut len = digits(0);
    let mut any = len;
    if characters.get(len) == Some(&'.') {
        let decimals = digits(len + 1);
        any += decimals;
        len += 1 + decimals;
    }
    if any == 0 {
        return Err("expected digits beside the point".into());
    }
    if matches!(characters.get(len), Some('e' | 'E')) {
        let sign = usize::from(matches!(characters.get(len + 1), Some('+' | '-')));
        let from = len + 1 + sign;
        let exponent = if from < characters.len() { digits(from) } else { 0 };
        if exponent > 0 {
            len = from + exponent;
        }
    }
    let text: String = characters[..len].iter().collect();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Word::Number(value), len)),
        _ => Err(format!("`{text}` is too large for a number")),
    }
}
