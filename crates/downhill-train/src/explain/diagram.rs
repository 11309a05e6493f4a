//! The explanation as a drawing: a circle for each number of the forward pass.

use super::StepByStep;
use crate::page::{DiagramEdge, DiagramNode, NetworkDiagram};
use downhill_autograd::explain::{Explained, Explanation, Formula, Role};

/// The most circles that are drawn.
const MOST_NODES: usize = 48;
/// The most circles in a column.
const MOST_ROWS: usize = 8;

impl StepByStep {
    /// The network with its numbers: values in circles, the derivative of the loss below each; weights on the lines into
    /// sums, local derivatives on the others. Nothing for a network with too many numbers for a drawing, which are 48,
    /// or 8 beside each other.
    pub fn diagram(&self) -> Option<NetworkDiagram> {
        let values = &self.explanation.values;
        let shown = |value: &Explained| !matches!(value.role, Role::Parameter | Role::Constant);
        let columns = columns(values);
        let count =
            values.iter().filter(|value| shown(value)).map(|value| value.numbers.len()).sum::<usize>();
        let mut rows = vec![0; columns.iter().max().map_or(0, |last| last + 1)];
        for (value, &column) in values.iter().zip(&columns).filter(|(value, _)| shown(value)) {
            rows[column] += value.numbers.len();
        }
        let large = values.iter().any(|value| value.numbers.len() > self.explanation.elements);
        if count > MOST_NODES || rows.iter().any(|&rows| rows > MOST_ROWS) || large {
            return None;
        }

        let mut diagram = NetworkDiagram {
            title: "The network, forward and back".into(),
            caption: "In each circle the value of the forward pass, below it ∂, the derivative of the loss by it, and \
                      below a sum its bias with the ∂ of that. On a line into a sum stands its weight with the ∂ of \
                      that; on any other line × the local derivative. The ∂ of a circle is the sum, over the lines to \
                      its right, of the ∂ at the other end times the weight or local derivative on the line."
                .into(),
            columns: self.headings(&columns, rows.len()),
            ..NetworkDiagram::default()
        };
        let mut first = vec![None; values.len()];
        for (number, value) in values.iter().enumerate().filter(|(_, value)| shown(value)) {
            first[number] = Some(diagram.nodes.len());
            for (element, &x) in value.numbers.iter().enumerate() {
                diagram.nodes.push(DiagramNode {
                    name: value.element(element),
                    column: columns[number],
                    value: x,
                    gradient: value.gradient.as_ref().map(|gradient| gradient.sum[element]),
                    notes: Vec::new(),
                });
            }
        }
        for (number, value) in values.iter().enumerate() {
            for element in 0..value.numbers.len() {
                draw(&mut diagram, &self.explanation, &first, number, element);
            }
        }
        Some(diagram)
    }

    /// The heading of each column: the layers whose values stand in it.
    fn headings(&self, columns: &[usize], count: usize) -> Vec<String> {
        let heading = |column: usize| {
            let mut names: Vec<String> = Vec::new();
            for (value, _) in self.explanation.values.iter().zip(columns).filter(|(_, own)| **own == column) {
                let name = match value.role {
                    Role::Parameter | Role::Constant => continue,
                    Role::Input => "input".to_owned(),
                    Role::Loss => "loss".to_owned(),
                    Role::Computed => match self.layers.iter().find(|layer| layer.path == value.path) {
                        Some(layer) => format!("{} {}", layer.path, layer.kind),
                        None => value.path.trim_matches(['(', ')']).to_owned(),
                    },
                };
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names.retain(|name| name != "input" || column == 0);
            names.join(", ")
        };
        (0..count).map(heading).collect()
    }
}

/// The column of each value: behind all that it is computed from. What is given stands just before its first use.
fn columns(values: &[Explained]) -> Vec<usize> {
    let mut columns = vec![0usize; values.len()];
    let given = |number: usize| values[number].made == Formula::Given;
    for (number, value) in values.iter().enumerate() {
        let mut operands = Vec::new();
        collect(&value.made, &mut operands);
        let behind =
            |&operand: &usize| if values[operand].role == Role::Parameter { 0 } else { columns[operand] + 1 };
        columns[number] = operands.iter().map(behind).max().unwrap_or(0);
    }
    for (number, _) in values.iter().enumerate().filter(|(number, _)| given(*number)) {
        let uses = (0..values.len()).filter(|&user| {
            let mut operands = Vec::new();
            collect(&values[user].made, &mut operands);
            operands.contains(&number)
        });
        columns[number] = uses.map(|user| columns[user].saturating_sub(1)).min().unwrap_or(0);
    }
    columns
}

fn collect(formula: &Formula, operands: &mut Vec<usize>) {
    match formula {
        Formula::Value(number) => operands.push(*number),
        Formula::Apply(_, inner) => inner.iter().for_each(|formula| collect(formula, operands)),
        _ => {}
    }
}

/// The lines from an element of a value; those of a parameter are notes where it arrives, unless it is a weight.
fn draw(
    diagram: &mut NetworkDiagram,
    explanation: &Explanation,
    first: &[Option<usize>],
    number: usize,
    element: usize,
) {
    let values = &explanation.values;
    let value = &values[number];
    for term in explanation.terms(number, element) {
        let Some(to) = first[term.consumer].map(|to| to + term.element) else { continue };
        let consumer = &values[term.consumer];
        let own = value.gradient.as_ref().map(|gradient| gradient.sum[element]);
        match (first[number], weight(values, consumer, number, element, term.element)) {
            (Some(from), Some((weight, at))) => {
                let strength = values[weight].numbers[at];
                let gradient = values[weight].gradient.as_ref().map(|gradient| gradient.sum[at]);
                let label = short(strength);
                diagram.edges.push(DiagramEdge { from: from + element, to, label, strength, gradient });
            }
            (Some(from), None) => {
                let label = format!("× {}", short(term.local));
                let edge =
                    DiagramEdge { from: from + element, to, label, strength: term.local, gradient: None };
                diagram.edges.push(edge);
            }
            (None, _) if !is_weight(consumer, number) => {
                let name = value.name.rsplit('.').next().unwrap_or(&value.name);
                let notes = &mut diagram.nodes[to].notes;
                notes.push(format!("{name} {}", short(value.numbers[element])));
                notes.extend(own.map(|gradient| format!("∂ {}", short(gradient))));
            }
            (None, _) => {}
        }
    }
    // Whole numbers have no derivative, and yet the loss follows from them.
    if let (None, Some(from)) = (&value.gradient, first[number]) {
        for (user, consumer) in values.iter().enumerate() {
            let mut operands = Vec::new();
            collect(&consumer.made, &mut operands);
            if let (true, Some(to)) = (operands.contains(&number), first[user]) {
                let edge = |to| DiagramEdge { from: from + element, to, ..DiagramEdge::default() };
                diagram.edges.extend((to..to + consumer.numbers.len()).map(edge));
            }
        }
    }
}

/// The product of matrices in a formula: its operands.
fn product(formula: &Formula) -> Option<(usize, usize)> {
    let Formula::Apply(name, operands) = formula else { return None };
    match (*name, operands.as_slice()) {
        ("matmul", [Formula::Value(a), Formula::Value(b)]) => Some((*a, *b)),
        ("add", operands) => operands.iter().find_map(product),
        _ => None,
    }
}

fn is_weight(consumer: &Explained, number: usize) -> bool {
    product(&consumer.made).is_some_and(|(_, weight)| weight == number)
}

/// The weight by which an element of a value enters an element of an affine map: the value that holds it, and where.
fn weight(
    values: &[Explained],
    consumer: &Explained,
    number: usize,
    element: usize,
    to: usize,
) -> Option<(usize, usize)> {
    let (_, weight) = product(&consumer.made).filter(|(from, _)| *from == number)?;
    let [inner, columns] = *values[weight].shape.as_slice() else { return None };
    Some((weight, (element % inner) * columns + to % columns))
}

/// A number in about four digits.
fn short(value: f64) -> String {
    crate::page::readable(value)
}

#[cfg(test)]
mod tests {
    use crate::explain::{ExampleTarget, Question, step_by_step};
    use crate::page::NetworkDiagram;
    use downhill_autograd::Type;
    use downhill_autograd::explain::Detail;
    use downhill_nn::{Activation, Loss, Network, models};
    use downhill_tensor::Key;

    fn diagram(
        hidden: &[usize],
        activation: Activation,
        loss: Loss,
        target: ExampleTarget,
    ) -> Option<NetworkDiagram> {
        let network = Network::new(models::mlp(hidden, 2, activation), Type::float([1, 3])).unwrap();
        let question = Question {
            network: &network,
            loss: &loss,
            parameters: &network.initialize::<f64>(Key::new(3)),
            state: &[],
            input: &[0.5, -1.0, 2.0],
            target: &target,
        };
        step_by_step(&question, 0.1, None, &Detail::default()).unwrap().diagram()
    }

    #[test]
    fn the_derivative_at_a_circle_is_the_sum_over_the_lines_to_its_right() {
        let values = || ExampleTarget::Values(vec![1.0, 0.0]);
        for (hidden, activation, loss, target) in [
            (&[2][..], Activation::Tanh, Loss::MeanSquaredError, values()),
            (&[3, 2], Activation::Relu, Loss::MeanAbsoluteError, values()),
            (&[4], Activation::Silu, Loss::CrossEntropy, ExampleTarget::Class(1)),
            (&[2], Activation::Sigmoid, Loss::Huber { delta: 1.0 }, values()),
        ] {
            let diagram = diagram(hidden, activation, loss, target).unwrap();
            let last = diagram.nodes.len() - 1;
            assert_eq!(
                (diagram.nodes[last].name.as_str(), diagram.nodes[last].gradient),
                ("loss", Some(1.0))
            );
            for (number, node) in diagram.nodes.iter().enumerate().filter(|(number, _)| *number != last) {
                let lines = diagram.edges.iter().filter(|edge| edge.from == number);
                let sum: f64 =
                    lines.map(|edge| edge.strength * diagram.nodes[edge.to].gradient.unwrap()).sum();
                match node.gradient {
                    Some(gradient) => {
                        assert!((sum - gradient).abs() < 1e-12, "{}: {sum} and {gradient}", node.name)
                    }
                    None => assert!(node.name == "target" && sum == 0.0),
                }
            }
            // Every line leads to the right, so that it is drawn.
            assert!(
                diagram
                    .edges
                    .iter()
                    .all(|edge| diagram.nodes[edge.from].column < diagram.nodes[edge.to].column)
            );
            assert!(diagram.columns.iter().all(|heading| !heading.is_empty()), "{:?}", diagram.columns);
        }
    }

    #[test]
    fn a_wide_network_has_no_drawing() {
        let target = ExampleTarget::Class(0);
        assert_eq!(diagram(&[9], Activation::Tanh, Loss::CrossEntropy, target), None);
    }
}
