//! The answers of `docs/faq.md` show what commands print; here the commands are run, and what they print is compared.
//!
//! A block of the language `console` holds commands, each behind a `$`, and what they print. A line `...` stands for
//! any lines, and `[..]` for any one word. Blanks do not count, and numbers may differ by 2 % or by two units of
//! their last digit: other vector instructions add up in another order. The blocks share one folder, so that a command
//! finds the run that one before it has made. A command that fails says so behind a `#`, as in `# exit code 5`, and then
//! what it prints on standard error is shown.
//!
//! To write anew what stands there: `cargo test -p downhill-cli --test cli faq -- --ignored`. It keeps `...` and
//! `[..]`, replaces each line by the one that has the same words, and fills a block that shows nothing yet.

use crate::program::Folder;
use std::fmt::Write;
use std::path::PathBuf;

/// The part of a number by which it may differ from the one that is shown.
const TOLERANCE: f64 = 0.02;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/faq.md")
}

/// A command, what is shown of its output, and the line where it stands.
#[derive(Debug, PartialEq)]
struct Example {
    line: usize,
    command: String,
    shown: Vec<String>,
}

/// The commands of a page with what is shown of their output.
fn examples(page: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => {
                    found.push(Example { line: number + 1, command: command.into(), shown: Vec::new() })
                }
                (None, Some(example)) => example.shown.push(line.into()),
                (None, None) => panic!("line {}: output without a command", number + 1),
            }
        }
    }
    found
}

/// What a command prints: its standard output, or, where it shall fail, its standard error.
fn output(folder: &Folder, example: &Example) -> String {
    let (command, code) = match example.command.split_once(" # exit code ") {
        Some((command, code)) => (command, code.trim().parse().unwrap()),
        None => (&*example.command, 0),
    };
    let words = command.strip_prefix("downhill").unwrap_or_else(|| {
        panic!("line {}: expected a command of downhill, but found {command}", example.line)
    });
    let output = folder.command("").args(shell_words(words)).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "line {}: {command}\n{stderr}", example.line);
    if code == 0 { stdout } else { stderr }
}

/// The words of a command line; blanks between quotes belong to a word.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A part of a word: a number with its text, or what stands between numbers.
#[derive(Debug)]
enum Token {
    Number(f64, String),
    Text(String),
}

fn tokens(word: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        // A digit within a name, as in `x2`, is no number of its own; a comma groups three digits.
        let in_a_name = text.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let length = if in_a_name { 0 } else { number_length(rest) };
        if let Ok(number) = rest[..length].replace(',', "").parse::<f64>() {
            if !text.is_empty() {
                tokens.push(Token::Text(std::mem::take(&mut text)));
            }
            tokens.push(Token::Number(number, rest[..length].into()));
            rest = &rest[length..];
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    if !text.is_empty() {
        tokens.push(Token::Text(text));
    }
    tokens
}

/// How many bytes of a text, from its beginning, are one number: `-1,234.5e-6`.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits =
        |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(end);
    end += whole;
    while whole > 0 && bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if end == 0 || !bytes[end - 1].is_ascii_digit() {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        match digits(end + 1 + sign) {
            0 => {}
            exponent => end += 1 + sign + exponent,
        }
    }
    end
}

/// One unit of the last digit of a number as it is written.
fn last_digit(text: &str) -> f64 {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len()) as i32;
    10f64.powi(exponent.parse::<i32>().unwrap_or(0) - decimals)
}

/// Whether two lines say the same, and, if `numbers` count, nearly the same numbers.
fn alike(shown: &str, printed: &str, numbers: bool) -> bool {
    let (shown, printed) = (shown.split_whitespace(), printed.split_whitespace());
    shown.clone().count() == printed.clone().count()
        && shown.zip(printed).all(|(shown, printed)| shown == "[..]" || alike_words(shown, printed, numbers))
}

fn alike_words(shown: &str, printed: &str, numbers: bool) -> bool {
    let (shown, printed) = (tokens(shown), tokens(printed));
    shown.len() == printed.len()
        && shown.iter().zip(&printed).all(|tokens| match tokens {
            (Token::Text(a), Token::Text(b)) => a == b,
            (Token::Number(a, text), Token::Number(b, _)) => {
                !numbers || (a - b).abs() <= (TOLERANCE * a.abs()).max(2.0 * last_digit(text))
            }
            _ => false,
        })
}

/// What is wrong with what is shown, if anything is.
fn difference(example: &Example, printed: &str) -> Option<String> {
    let lines: Vec<&str> = printed.lines().collect();
    let mut at = 0;
    let mut skipping = false;
    for shown in &example.shown {
        if shown == "..." {
            skipping = true;
            continue;
        }
        let found = lines[at..].iter().position(|line| alike(shown, line, true));
        match found {
            Some(0) => at += 1,
            Some(skipped) if skipping => at += skipped + 1,
            _ => return Some(format!("expected\n    {shown}\nfrom line {} on of\n{printed}", at + 1)),
        }
        skipping = false;
    }
    let rest = lines[at..].iter().any(|line| !line.trim().is_empty());
    (rest && !skipping).then(|| format!("more is printed than shown, from line {} on of\n{printed}", at + 1))
}

/// What should be shown of an output, in the form in which it was shown.
fn renewed(example: &Example, printed: &str) -> Vec<String> {
    if example.shown.is_empty() {
        return printed.trim_end().lines().map(str::to_owned).collect();
    }
    let mut lines = printed.lines();
    let renew = |shown: &String| {
        if shown == "..." || shown.contains("[..]") {
            return shown.clone();
        }
        let mut later = lines.clone();
        match later.find(|line| alike(shown, line, false)) {
            Some(line) => {
                lines = later;
                line.to_owned()
            }
            None => panic!("line {}: no line like `{shown}` in\n{printed}", example.line),
        }
    };
    example.shown.iter().map(renew).collect()
}

#[test]
fn the_faq_shows_what_its_commands_print() {
    let page = std::fs::read_to_string(path()).unwrap();
    let folder = Folder::new();
    let examples = examples(&page);
    assert!(!examples.is_empty());
    let mut wrong = String::new();
    for example in &examples {
        if let Some(difference) = difference(example, &output(&folder, example)) {
            writeln!(wrong, "docs/faq.md:{}: {}: {difference}", example.line, example.command).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
#[ignore = "it writes docs/faq.md"]
fn the_faq_written_anew() {
    let page = std::fs::read_to_string(path()).unwrap();
    let folder = Folder::new();
    let mut renewals = examples(&page).into_iter().map(|example| {
        let printed = output(&folder, &example);
        renewed(&example, &printed)
    });
    let mut inside = false;
    let mut text = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && !line.starts_with("$ ") {
            continue;
        }
        text += line;
        text.push('\n');
        if inside && line.starts_with("$ ") {
            renewals.next().unwrap().iter().for_each(|line| writeln!(text, "{line}").unwrap());
        }
    }
    std::fs::write(path(), text).unwrap();
}

#[test]
fn commands_are_found_with_what_they_print() {
    let page = "text\n```console\n$ downhill a \"b c\"\none\n...\n$ downhill d\n```\n```text\n$ no\n```\n";
    let found = examples(page);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, &found[0].shown), (3, &vec!["one".to_owned(), "...".into()]));
    assert_eq!(shell_words(" a \"b c\" --x=''"), ["a", "b c", "--x="]);
}

#[test]
fn numbers_are_compared_with_a_tolerance_and_words_are_not() {
    for (shown, printed, same) in [
        ("loss  0.100", "loss 0.101", true),
        ("loss 0.100", "loss 0.110", false),
        ("loss 0.100", "lost 0.100", false),
        ("1,797 examples", "1,790 examples", true),
        ("1,797 examples", "1,797 examples more", false),
        ("at (1.0000, -2e-9)", "at (0.9999, -2e-9)", true),
        ("x2 = 3", "x4 = 3", false),
        ("took [..] s", "took 0.52 s", true),
        ("took [..] s", "took 0.52 ms", false),
        ("98.05 %", "97.50 %", true),
        ("count 3", "count 5", true),
        ("count 3", "count 6", false),
    ] {
        assert_eq!(alike(shown, printed, true), same, "{shown} / {printed}");
    }
    assert!(alike("loss 0.1", "loss 7", false));
}

#[test]
fn lines_may_be_left_out_only_where_the_page_says_so() {
    let example = |shown: &[&str]| Example {
        line: 1,
        command: String::new(),
        shown: shown.iter().map(|&line| line.to_owned()).collect(),
    };
    let printed = "one\ntwo 2\nthree\n";
    for (shown, right) in [
        (&["one", "two 2", "three"][..], true),
        (&["one", "...", "three"], true),
        (&["...", "three"], true),
        (&["one", "..."], true),
        (&["one", "three"], false),
        (&["one", "two 2"], false),
        (&["one", "...", "four"], false),
    ] {
        assert_eq!(difference(&example(shown), printed).is_none(), right, "{shown:?}");
    }
    assert_eq!(renewed(&example(&["...", "two 9", "three"]), printed), ["...", "two 2", "three"]);
    assert_eq!(renewed(&example(&[]), printed), ["one", "two 2", "three"]);
}
