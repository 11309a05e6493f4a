//! The table of a network's layers.

use downhill_autograd::Type;
use std::fmt;

/// One layer of a network, in the order in which they are used.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its path: names joined by dots; empty for the whole network.
    pub path: String,
    /// What kind of layer it is.
    pub kind: String,
    /// The type of its output.
    pub output: Type,
    /// The number of parameters that it declared itself, its children's not counted. A layer used twice
    /// declares them the first time.
    pub parameters: usize,
}

/// The layers of a network with their outputs and parameters; `Display` makes a table of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The layers, each before its children.
    pub rows: Vec<Row>,
    /// The number of parameters in all.
    pub parameters: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<[String; 4]> = self
            .rows
            .iter()
            .map(|row| {
                let depth = if row.path.is_empty() { 0 } else { 1 + row.path.matches('.').count() };
                let path = if row.path.is_empty() { "(network)" } else { &row.path };
                let parameters = match row.parameters {
                    0 => "-".into(),
                    count => grouped(count),
                };
                let kind = format!("{}{}", "  ".repeat(depth), row.kind);
                [path.to_string(), kind, row.output.shape.to_string(), parameters]
            })
            .collect();
        let header = ["layer", "type", "output", "parameters"].map(String::from);
        let total = ["total".to_string(), String::new(), String::new(), grouped(self.parameters)];
        let all = || std::iter::once(&header).chain(&cells).chain(std::iter::once(&total));
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        let rule = "-".repeat(widths.iter().sum::<usize>() + 6);
        for (i, row) in all().enumerate() {
            if i == 1 || i == cells.len() + 1 {
                writeln!(f, "{rule}")?;
            }
            let [path, kind, output, parameters] = row;
            let [a, b, c, d] = widths;
            writeln!(f, "{path:<a$}  {kind:<b$}  {output:<c$}  {parameters:>d$}")?;
        }
        Ok(())
    }
}

/// A count with a comma between each three digits.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_table_with_a_total() {
        let row = |path: &str, kind: &str, shape: [usize; 2], parameters| Row {
            path: path.into(),
            kind: kind.into(),
            output: Type::float(shape),
            parameters,
        };
        let rows = vec![
            row("", "Sequential", [32, 10], 0),
            row("0", "Linear", [32, 128], 100_480),
            row("1", "Relu", [32, 128], 0),
        ];
        let table = Summary { rows, parameters: 100_480 }.to_string();
        let expected = "\
layer      type        output     parameters
--------------------------------------------
(network)  Sequential  [32, 10]            -
0            Linear    [32, 128]     100,480
1            Relu      [32, 128]           -
--------------------------------------------
total                                100,480
";
        assert_eq!(table, expected);
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
