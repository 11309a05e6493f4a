//! Verdicts on a run, in words.

use crate::output;
use crate::report::{count, number, shell};
use downhill::train::diagnosis::{Severity, Verdict};
use std::path::Path;

/// The verdicts in which something is wrong.
pub fn bad(verdicts: &[Verdict]) -> impl Iterator<Item = &Verdict> {
    verdicts.iter().filter(|verdict| verdict.severity >= Severity::Warning)
}

/// Says on standard error what is wrong with a run, a line each, and where to read more.
pub fn remark(verdicts: &[Verdict], run: &Path) {
    let mut any = false;
    for Verdict { name, severity, place, finding, .. } in bad(verdicts) {
        let place = place.as_ref().map_or(String::new(), |place| format!(" in {place}"));
        output::note(&format!("{}: {name}{place}. {finding}", severity.name()));
        any = true;
    }
    if any {
        output::note(&format!("`downhill diagnose {}` says more", shell(&run.display().to_string())));
    }
}

/// How many there are of each kind, the worst first: `1 failure, 2 notices, 12 healthy`.
pub fn counts(verdicts: &[Verdict]) -> String {
    let of = |severity| verdicts.iter().filter(|verdict| verdict.severity == severity).count() as u64;
    let mut parts: Vec<String> = [Severity::Failure, Severity::Warning, Severity::Notice]
        .into_iter()
        .filter(|&severity| of(severity) > 0)
        .map(|severity| count(of(severity), severity.name()))
        .collect();
    parts.push(format!("{} healthy", of(Severity::Healthy)));
    parts.join(", ")
}

/// All verdicts: those that are not healthy with all that they say, of the others a line each.
pub fn text(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.severity > Severity::Healthy) {
        let Verdict { number: measured, threshold, formula, source, .. } = verdict;
        text += &format!(
            "{verdict}\n  measured {} against {}: {formula}\n  source: {source}\n\n",
            number(*measured),
            number(*threshold)
        );
    }
    for verdict in verdicts.iter().filter(|verdict| verdict.severity == Severity::Healthy) {
        text += &format!("{verdict}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_the_worst_first() {
        assert_eq!(counts(&[]), "0 healthy");
    }
}
