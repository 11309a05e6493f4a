//! A statement about a model or a run, with the numbers that it rests on.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a verdict matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Healthy,
    /// Worth knowing; nothing need be done.
    Notice,
    /// It makes the result worse, or the training slower.
    Warning,
    /// It keeps the model from learning, or the result from meaning anything.
    Failure,
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Healthy => "healthy",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        }
    }
}

/// A statement about a model or a run: what was found, the number behind it, and what to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it is called, in words joined by hyphens: `rate-too-high`.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// Where in the model, if it is about a part: the path of a layer or the name of a parameter.
    pub place: Option<String>,
    /// What was found, in one or two plain sentences with the numbers in them.
    pub finding: String,
    /// What was measured.
    #[serde(with = "super::extended")]
    pub number: f64,
    /// What it was held against.
    #[serde(with = "super::extended")]
    pub threshold: f64,
    /// How the number is computed: `η λmax`.
    pub formula: String,
    /// Where formula and threshold are from, and when they are exact.
    pub source: String,
    /// What to try; empty where nothing need be done.
    pub advice: String,
}

impl Verdict {
    /// Puts the worst first; the order stays otherwise.
    pub(crate) fn worst_first(verdicts: &mut [Verdict]) {
        verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.severity));
    }

    /// A verdict of this name of which all else is still to be said.
    pub(crate) fn named(name: &str) -> Self {
        Verdict {
            name: name.into(),
            severity: Severity::Healthy,
            place: None,
            finding: String::new(),
            number: 0.0,
            threshold: 0.0,
            formula: String::new(),
            source: String::new(),
            advice: String::new(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { name, severity, place, finding, advice, .. } = self;
        write!(f, "{}: {name}", severity.name())?;
        if let Some(place) = place {
            write!(f, " in {place}")?;
        }
        write!(f, ". {finding}")?;
        if !advice.is_empty() {
            write!(f, " {advice}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_reads_as_a_sentence() {
        let verdict = Verdict {
            name: "rate-too-high".into(),
            severity: Severity::Failure,
            place: None,
            finding: "The step of 0.5 times the sharpness 9.1 is over 2.".into(),
            number: 4.55,
            threshold: 2.0,
            formula: "η λmax".into(),
            source: "the stability limit of gradient descent; exact for a quadratic".into(),
            advice: "Try a rate below 0.2.".into(),
        };
        let text = verdict.to_string();
        assert_eq!(
            text,
            "failure: rate-too-high. The step of 0.5 times the sharpness 9.1 is over 2. Try a rate below 0.2."
        );
        assert!(Severity::Failure > Severity::Healthy);
    }
}
