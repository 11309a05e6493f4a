//! The explanation for a terminal.

use super::subject::Subject;
use crate::options::hyphens;
use crate::report::Table;
use downhill::autograd::explain::{Explained, Role, Summary};
use downhill::train::explain::{StepByStep, Update};
use std::fmt::Write;

/// Longer lines are broken.
const WIDTH: usize = 100;

/// The whole text.
pub fn of(subject: &Subject, steps: &StepByStep, layer: Option<&str>) -> String {
    let mut text = format!("{}\n", broken("", subject.sentence().split(' ')));
    if let Some(layer) = layer {
        let _ = writeln!(text, "Shown is layer {layer} alone.");
    }
    forward(&mut text, subject, steps, layer);
    backward(&mut text, steps, layer);
    step(&mut text, steps, layer);
    text
}

fn shown<'a>(
    steps: &'a StepByStep,
    layer: Option<&'a str>,
) -> impl DoubleEndedIterator<Item = (usize, &'a Explained)> {
    let values = steps.explanation.values.iter().enumerate();
    values.filter(move |(_, value)| layer.is_none_or(|layer| value.belongs_to(layer)))
}

fn forward(text: &mut String, subject: &Subject, steps: &StepByStep, layer: Option<&str>) {
    text.push_str("\nFORWARD: from the input to the loss\n");
    let values = &steps.explanation.values;
    let mut path = "";
    for (_, value) in shown(steps, layer) {
        if value.path != path && !value.path.is_empty() {
            let name = match steps.layers.iter().find(|layer| layer.path == value.path) {
                Some(layer) => format!("layer {}, {}", layer.path, hyphens(&layer.kind)),
                None if value.path == "(loss)" => format!("loss, {}", hyphens(subject.loss.name())),
                None => value.path.clone(),
            };
            let _ = writeln!(text, "{name}");
        }
        path = &value.path;
        if value.numbers.len() > steps.explanation.elements {
            let formula =
                if value.formula.is_empty() { String::new() } else { format!(" = {}", value.formula) };
            let _ = writeln!(text, "  {}{formula}: {}", value.name, in_short(value, &value.numbers));
        } else if value.formula.is_empty() {
            given(text, value);
        } else {
            computed(text, value, values);
        }
    }
}

/// The numbers of a value that is given, row by row.
fn given(text: &mut String, value: &Explained) {
    let columns = value.shape.last().copied().unwrap_or(1).max(1);
    for (row, numbers) in value.numbers.chunks(columns).enumerate() {
        let name = if row == 0 { &value.name } else { "" };
        let numbers: Vec<String> = numbers.iter().map(|&x| format!("{:>10}", short(x))).collect();
        let indent = if value.path.is_empty() { "" } else { "  " };
        text.push_str(&broken(
            &format!("{indent}{name:<0$}", 16 - indent.len()),
            numbers.iter().map(String::as_str),
        ));
        text.push('\n');
    }
}

/// How a value comes about, by names and then, for each element, in numbers.
fn computed(text: &mut String, value: &Explained, values: &[Explained]) {
    let _ = writeln!(text, "{}", broken(&format!("  {} = ", value.name), value.formula.split(' ')));
    for (element, &number) in value.numbers.iter().enumerate() {
        let name = value.element(element);
        let worked =
            value.worked(values, element, &short).map_or(String::new(), |worked| format!("{worked} = "));
        let worked = format!("{worked}{}", short(number));
        // A term of a sum stays in one piece.
        let terms: Vec<String> = worked.split(" + ").enumerate().map(|(i, term)| signed(i, term)).collect();
        let line = broken(&format!("    {name} = "), terms.iter().map(String::as_str));
        let _ = writeln!(text, "{line}");
    }
}

fn signed(index: usize, term: &str) -> String {
    if index == 0 { term.to_owned() } else { format!("+ {term}") }
}

fn backward(text: &mut String, steps: &StepByStep, layer: Option<&str>) {
    text.push_str(
        "\nBACKWARD: from the loss to the parameters\n\
         A line is a path: the derivative that arrives × the local derivative. The derivative of the loss by a\n\
         value is the sum over its paths. By difference: the loss again with the value a little changed.\n\n",
    );
    let headings =
        ["d loss / d", "through", "arriving", "", "local", "", "product", "sum", "by difference", "apart"];
    let mut table = Table::new(headings, 2..10);
    let mut large = Vec::new();
    for (number, value) in shown(steps, layer).rev() {
        let Some(gradient) = &value.gradient else { continue };
        let ends = |element: usize| {
            let sum = gradient.sum[element];
            let found = gradient.finite_difference.as_ref().map(|found| found[element]);
            [
                short(sum),
                found.map_or("-".into(), short),
                found.map_or("-".into(), |found| tiny((sum - found).abs())),
            ]
        };
        let empty = || [const { String::new() }; 6];
        if value.numbers.len() > steps.explanation.elements {
            large.push(format!("{}: {}", value.name, in_short(value, &gradient.sum)));
            continue;
        }
        for element in 0..gradient.sum.len() {
            let terms = steps.explanation.terms(number, element);
            if value.role == Role::Loss || terms.is_empty() {
                table.row([value.element(element)].into_iter().chain(empty()).chain(ends(element)));
            }
            for (index, term) in terms.iter().enumerate() {
                let through = steps.explanation.values[term.consumer].element(term.element);
                let name = if index == 0 { value.element(element) } else { String::new() };
                let last = index + 1 == terms.len();
                let product = [
                    name,
                    through,
                    short(term.arriving),
                    "×".into(),
                    short(term.local),
                    "=".into(),
                    short(term.product),
                ];
                table.row(product.into_iter().chain(if last { ends(element) } else { Default::default() }));
            }
        }
    }
    let (apart, value, element) = steps.explanation.largest_disagreement();
    let worst = steps.explanation.values[value].element(element);
    let _ = write!(text, "{table}");
    for line in large {
        let _ = writeln!(text, "d loss / d {line}");
    }
    let _ = writeln!(
        text,
        "\nSums and differences are apart by at most {} ({worst}), sums and the reverse mode that\n\
         training uses by at most {}; both relative to the derivative, where that is above 1.",
        tiny(apart),
        tiny(steps.reverse_mode_apart)
    );
}

fn step(text: &mut String, steps: &StepByStep, layer: Option<&str>) {
    let rate = steps.descent.learning_rate;
    let _ = write!(text, "\nSTEP: θ ← θ - {} × d loss / d θ\n\n", short(rate));
    let step = format!("- {} × d", short(rate));
    let mut headings = vec!["θ".to_owned(), "before".into(), "d loss / d θ".into(), step, "after".into()];
    headings.extend(steps.optimizer.iter().map(|own| format!("after {}", hyphens(&own.rule))));
    let columns = headings.len();
    let mut table = Table::new(headings, 1..columns);
    let own = |index: usize| steps.optimizer.as_ref().map(|own| short(own.moves[index].after));
    let moves = steps.descent.moves.iter().enumerate();
    let shown = moves.filter(|(_, step)| layer.is_none_or(|layer| step.belongs_to(layer)));
    let (most, all) = (steps.explanation.elements, shown.clone().count());
    for (index, step) in shown.take(most) {
        let change = short(-rate * step.gradient);
        let cells =
            [step.parameter.clone(), short(step.before), short(step.gradient), change, short(step.after)];
        table.row(cells.into_iter().chain(own(index)));
    }
    if all > 0 {
        let _ = writeln!(text, "{table}");
    }
    if all > most {
        let _ = writeln!(text, "{} more parameters are not shown; --limit {all} shows them.\n", all - most);
    }
    let after = |update: &Update| short(update.loss_after);
    let _ = writeln!(
        text,
        "The loss of this example is {}, and {} after the step of all {} parameters.",
        short(steps.loss),
        after(&steps.descent),
        steps.descent.moves.len()
    );
    if let Some(own) = &steps.optimizer {
        let _ = writeln!(
            text,
            "{} would come to {}, with the rate {} of the run's first step and no earlier gradients to remember.",
            hyphens(&own.rule),
            after(own),
            short(own.learning_rate)
        );
    }
}

/// What is said of a value with too many numbers.
fn in_short(value: &Explained, numbers: &[f64]) -> String {
    let Summary { elements, norm, largest_at, largest } = Summary::of(numbers);
    let at = value.element(largest_at);
    format!("{elements} numbers, norm {}, largest {} ({at})", short(norm), short(largest))
}

/// A number in five digits, without zeros at its end.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = usize::try_from(4 - size.log10().floor() as i64).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// A difference that should be next to nothing.
fn tiny(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.0e}") }
}

/// Words behind `first`, broken into lines, of which the later ones begin below the first word.
fn broken<'a>(first: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let indent = first.chars().count();
    let (mut text, mut width) = (first.to_owned(), indent);
    for word in words {
        let own = word.chars().count();
        if width > indent && width + 1 + own > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            width = indent;
        }
        if width > indent {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += own;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_five_digits() {
        let shown = [0.0, 1.0, -0.5, 0.123_456_7, 123.456_78, 123_456.7, -1e-3, 1e-4, 2e7].map(short);
        assert_eq!(shown, ["0", "1", "-0.5", "0.12346", "123.46", "123457", "-0.001", "1.000e-4", "2.000e7"]);
    }

    #[test]
    fn long_lines_are_broken_below_their_beginning() {
        let text = ["0.5 × 0.25"; 12].join(" + ");
        let lines = broken("  z = ", text.split(' '));
        assert!(
            lines.lines().count() > 1 && lines.lines().all(|line| line.chars().count() <= WIDTH),
            "{lines}"
        );
        assert!(lines.lines().skip(1).all(|line| line.starts_with("      ")), "{lines}");
        assert_eq!(lines.split_whitespace().collect::<Vec<_>>().join(" "), format!("z = {text}"));
    }
}
