//! The command that makes a run again.

use crate::report::shell;

/// Options that decide nothing of a run: where it is saved, what is shown of it, and how fast it is. Those that take a
/// value first.
const ASIDE: [(&str, bool); 8] = [
    ("--out", true),
    ("--threads", true),
    ("--html", true),
    ("--force", false),
    ("--json", false),
    ("--quiet", false),
    ("-q", false),
    ("--profile", false),
];

/// The command line of these arguments, of which the first is the name of the program, without what decides nothing.
pub fn command(arguments: impl IntoIterator<Item = String>) -> String {
    let mut words = vec!["downhill".to_owned()];
    let mut arguments = arguments.into_iter().skip(1);
    while let Some(word) = arguments.next() {
        let aside = |(name, _): &&(&str, bool)| {
            word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        match ASIDE.iter().find(aside) {
            Some((name, true)) if word == *name => drop(arguments.next()),
            Some(_) => {}
            None => words.push(shell(&word)),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_nothing_is_left_out() {
        let of = |line: &str| command(line.split(' ').map(str::to_owned));
        assert_eq!(
            of("target/debug/downhill train iris --out a --json -q --seed 3"),
            "downhill train iris --seed 3"
        );
        assert_eq!(of("downhill demo --out=a --threads=2 --outside 1"), "downhill demo --outside 1");
        assert_eq!(of("downhill"), "downhill");
        let words = ["downhill", "train", "my table.csv"].map(String::from);
        assert_eq!(command(words), "downhill train 'my table.csv'");
    }
}
