//! What the sources of the repository say of themselves: frozen cases, properties, and tests by their names.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// How often a property is tried where its file does not say: the default of proptest.
const CASES: usize = 256;

/// The top of the repository.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file, by its path from the top.
pub fn text(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A frozen file.
pub fn oracle(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cases of a frozen file that has a list of them.
pub fn cases(path: &str) -> Vec<Value> {
    let cases = oracle(path)["cases"].as_array().cloned();
    cases.unwrap_or_else(|| panic!("{path} has no list of cases"))
}

/// The files below a folder with this ending, in order.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found
}

/// How many cases a frozen file holds: the elements of its lists of cases, and single ones. Numbers and lists of
/// numbers are what cases share.
pub fn count_cases(file: &Value) -> usize {
    if let Some(cases) = file.as_array().or_else(|| file.get("cases")?.as_array()) {
        return cases.len();
    }
    let Some(parts) = file.as_object() else { return 0 };
    if let Some(runs) = ["losses", "runs"].iter().find_map(|name| parts.get(*name)?.as_object()) {
        return runs.len();
    }
    let of = |part: &Value| match part {
        Value::Array(items) if items.iter().all(Value::is_object) => items.len(),
        Value::Object(fields) => match fields.get("cases") {
            Some(cases) => cases.as_array().map_or(0, Vec::len),
            None => 1,
        },
        _ => 0,
    };
    parts.values().map(of).sum()
}

/// The properties in a source, and how many cases of them a run makes.
pub fn properties(source: &str) -> (usize, usize) {
    let (mut properties, mut cases) = (0, 0);
    // A macro within a comment is an example.
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|l| format!("{l}\n"))
        .collect();
    for (start, _) in code.match_indices("proptest! {") {
        let block = block(&code[start..]);
        let each = block.split_once("with_cases(").and_then(|(_, rest)| rest.split_once(')')?.0.parse().ok());
        let count = block.matches("#[test]").count();
        properties += count;
        cases += count * each.unwrap_or(CASES);
    }
    (properties, cases)
}

/// The text up to the brace that closes the first one; braces in texts and characters do not count.
fn block(code: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let (mut before, mut letters) = (' ', code.char_indices().peekable());
    while let Some((position, c)) = letters.next() {
        let character = before == '\'' && letters.peek().is_some_and(|(_, next)| *next == '\'');
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if quoted || !character => quoted = !quoted,
            '{' if !quoted && !character => depth += 1,
            '}' if !quoted && !character && depth == 1 => return &code[..position],
            '}' if !quoted && !character => depth -= 1,
            _ => {}
        }
        before = c;
    }
    code
}

/// A test as a reader finds it, `file::test`; it must be there.
pub fn test(path: &str, name: &str) -> String {
    assert!(text(path).contains(&format!("fn {name}()")), "there is no test `{name}` in {path}");
    format!("`{path}`, `{name}`")
}

/// The text of a test.
pub fn body(path: &str, name: &str) -> String {
    let source = text(path);
    let (_, rest) =
        source.split_once(&format!("fn {name}()")).unwrap_or_else(|| panic!("no `{name}` in {path}"));
    block(rest).to_owned()
}
